//! The server as a process: its output at the start, refused configurations, signals, and the helper `Process`.
use crate::{
    common::{Member, Stream, TIMEOUT},
    stream::{next, ready},
    support::until,
};
use reqwest::Method;
use std::{
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Returns a command that runs the binary in a folder, on free ports, with more environment variables.
pub(crate) fn binary(folder: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
    command.args(arguments).current_dir(folder).kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    let usual = [
        ("DAILYFEED_DATA_DIR", folder.to_str().unwrap()),
        ("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0"),
        ("DAILYFEED_ADMIN__LISTEN", "127.0.0.1:0"),
        ("DAILYFEED_LIMITS__ENABLED", "false"),
        ("DAILYFEED_LOG__LEVEL", "error"),
    ];
    for (name, value) in usual.iter().chain(variables) {
        command.env(name, value);
    }
    command
}

/// Name of the log file in the server's folder.
const LOG: &str = "log";

/// A running server process with its own data folder.
pub(crate) struct Process {
    child: Child,
    pub(crate) base: String,
    pub(crate) admin: String,
    /// The lines of the output that have URLs.
    lines: Vec<String>,
    folder: tempfile::TempDir,
}

impl Process {
    /// Starts the binary and waits for the first three lines of its output, which have the URLs.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The log goes to a file: a full pipe would block the server.
        let log = std::fs::File::create(folder.path().join(LOG)).unwrap();
        let mut child = binary(folder.path(), &[], variables).stderr(log).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = Vec::new();
        for _ in 0..3 {
            let line = tokio::time::timeout(TIMEOUT, output.next_line()).await.expect("the server starts in time");
            lines.push(line.unwrap().expect("three lines"));
        }
        let origin = |end: &str| {
            let address = lines.iter().flat_map(|line| line.split_whitespace()).find(|word| word.ends_with(end));
            address.unwrap_or_else(|| panic!("{end} in {lines:?}")).trim_end_matches(end).to_owned()
        };
        let (base, admin) = (origin("/api"), origin("/metrics"));
        Self { child, base, admin, lines, folder }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Returns the log lines so far.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap();
        // The last line can be incomplete.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(crate) async fn member(&self) -> Member {
        Member::sign_up(&crate::common::client(), &self.base).await
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal to the server.
    async fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(TIMEOUT, self.child.wait()).await.expect("the process ends").unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.signal("-TERM").await;
        assert!(self.ended().await.success());
    }
}

/// Runs the binary in an empty folder until it ends.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let output = binary(folder.path(), arguments, variables).output();
    tokio::time::timeout(TIMEOUT, output).await.expect("the process ends").unwrap()
}

/// Starts the server with one variable, asserts that it fails, and returns its error output.
async fn refused(name: &str, value: &str) -> String {
    let output = run(&[], &[(name, value)]).await;
    assert!(!output.status.success(), "{name}={value} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_start_prints_three_lines_with_urls() {
    let server = Process::start(&[]).await;
    for part in ["/api", "/api/docs", "/metrics"] {
        let line = server.lines.iter().find(|line| line.trim_end().ends_with(part));
        let line = line.unwrap_or_else(|| panic!("{part} in {:?}", server.lines));
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        assert!(!address.contains(":0/"), "the real port: {line}");
    }
    for url in [
        format!("{}/api/docs", server.base),
        format!("{}/metrics", server.admin),
        format!("{}/health/ready", server.base),
    ] {
        assert_eq!(crate::common::client().get(&url).send().await.unwrap().status(), 200, "{url}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_variable_stops_the_start_and_is_named() {
    let text = refused("DAILYFEED_HTTP__LISTENN", "127.0.0.1:0").await;
    assert!(text.to_lowercase().contains("listenn"), "{text}");
}

#[tokio::test]
async fn an_invalid_value_stops_the_start_and_its_key_is_named() {
    for (name, value, key) in [
        ("DAILYFEED_STREAM__HEARTBEAT_SECONDS", "often", "stream.heartbeat_seconds"),
        ("DAILYFEED_HTTP__LISTEN", "nowhere", "http.listen"),
        ("DAILYFEED_RANKING__DAY_ZONE", "Asia/Atlantis", "ranking.day_zone"),
        ("DAILYFEED_LIMITS__ENABLED", "perhaps", "limits.enabled"),
    ] {
        let text = refused(name, value).await;
        assert!(text.contains(key), "{key}: {text}");
    }
}

#[tokio::test]
async fn an_unknown_key_in_the_file_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dailyfeed.toml"), "[http]\nport = 8080\n").unwrap();
    let output = binary(folder.path(), &[], &[]).output();
    let output = tokio::time::timeout(TIMEOUT, output).await.expect("the process ends").unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("http.port") || text.contains("port"), "{text}");
}

#[tokio::test]
async fn config_prints_the_origin_of_each_value() {
    let output = run(&["config"], &[("DAILYFEED_STREAM__BUFFER_MAX", "77")]).await;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("stream.buffer_max")).expect("the key is shown");
    assert!(line.contains("77") && line.contains("DAILYFEED_STREAM__BUFFER_MAX"), "{line}");
    let other = text.lines().find(|line| line.contains("stream.heartbeat_seconds")).unwrap();
    assert!(other.contains("15") && other.contains("default"), "{other}");
}

#[tokio::test]
async fn help_lists_every_command() {
    let output = run(&["--help"], &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    for command in ["serve", "config", "seed", "audit", "reindex", "bench"] {
        assert!(text.contains(command), "{command} in {text}");
    }
}

#[tokio::test]
async fn sigterm_sends_bye_to_streams_and_ends_with_success() {
    let mut server = Process::start(&[]).await;
    let who = server.member().await;
    let mut streams: Vec<Stream> = Vec::new();
    for _ in 0..5 {
        let mut stream = who.stream(None).await;
        ready(&mut stream).await;
        streams.push(stream);
    }
    let begun = Instant::now();
    server.signal("-TERM").await;
    for stream in &mut streams {
        assert_eq!(next(stream).await.name, "bye");
        assert!(stream.next().await.is_none());
    }
    assert!(server.ended().await.success());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn answered_writes_survive_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let mut posts = Vec::new();
    let mut who: Option<Member> = None;
    for _ in 0..3 {
        let mut child = binary(folder.path(), &[], &[]).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let base = address.trim_end_matches("/api").to_owned();
        let member = match who.take() {
            Some(member) => Member { base, ..member },
            None => Member::sign_up(&crate::common::client(), &base).await,
        };
        let found = member.get("/api/timeline/posts/mine?limit=100").await;
        assert_eq!(crate::support::ids(&found), posts);
        for number in 0..10 {
            posts.insert(0, member.post(&format!("글 {number}")).await);
        }
        child.kill().await.unwrap();
        let ended = until(async || member.request(Method::GET, "/health/live").send().await.err());
        ended.await;
        who = Some(member);
    }
}
