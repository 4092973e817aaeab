//! The server as a process: what it says at its start, what stops its start, and how it ends.
use crate::{
    common::{Member, PATIENCE, Stream},
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

/// The binary in an empty folder, on free ports, with further variables.
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

/// Where a server's log goes, in its folder.
const LOG: &str = "log";

/// A running server.
pub(crate) struct Process {
    child: Child,
    pub(crate) base: String,
    pub(crate) admin: String,
    lines: Vec<String>,
    folder: tempfile::TempDir,
}

impl Process {
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A file: nothing may wait for somebody who reads what it logs.
        let log = std::fs::File::create(folder.path().join(LOG)).unwrap();
        let mut child = binary(folder.path(), &[], variables).stderr(log).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = Vec::new();
        for _ in 0..3 {
            let line = tokio::time::timeout(PATIENCE, output.next_line()).await.expect("it starts in time");
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

    /// What it has logged so far, line by line.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap();
        // The last line may be on its way.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(crate) async fn member(&self) -> Member {
        Member::sign_up(&crate::common::client(), &self.base).await
    }

    /// The operating system's number for it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Asks the server to end, as whoever runs it does.
    async fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.signal("-TERM").await;
        assert!(self.ended().await.success());
    }
}

/// Runs the binary to its end.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let output = binary(folder.path(), arguments, variables).output();
    tokio::time::timeout(PATIENCE, output).await.expect("it ends").unwrap()
}

/// What a start that is refused says.
async fn refused(name: &str, value: &str) -> String {
    let output = run(&[], &[(name, value)]).await;
    assert!(!output.status.success(), "{name}={value} was taken");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_start_says_in_three_lines_where_everything_is() {
    let own = Process::start(&[]).await;
    for part in ["/api", "/api/docs", "/metrics"] {
        let line = own.lines.iter().find(|line| line.trim_end().ends_with(part));
        let line = line.unwrap_or_else(|| panic!("{part} in {:?}", own.lines));
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        assert!(!address.contains(":0/"), "the real port: {line}");
    }
    for url in
        [format!("{}/api/docs", own.base), format!("{}/metrics", own.admin), format!("{}/health/ready", own.base)]
    {
        assert_eq!(crate::common::client().get(&url).send().await.unwrap().status(), 200, "{url}");
    }
    own.stop().await;
}

#[tokio::test]
async fn a_key_that_nobody_knows_stops_the_start_with_its_name() {
    let said = refused("DAILYFEED_HTTP__LISTENN", "127.0.0.1:0").await;
    assert!(said.to_lowercase().contains("listenn"), "{said}");
}

#[tokio::test]
async fn a_value_that_cannot_be_stops_the_start_with_its_name() {
    for (name, value, key) in [
        ("DAILYFEED_STREAM__HEARTBEAT_SECONDS", "often", "stream.heartbeat_seconds"),
        ("DAILYFEED_HTTP__LISTEN", "nowhere", "http.listen"),
        ("DAILYFEED_RANKING__DAY_ZONE", "Asia/Atlantis", "ranking.day_zone"),
        ("DAILYFEED_LIMITS__ENABLED", "perhaps", "limits.enabled"),
    ] {
        let said = refused(name, value).await;
        assert!(said.contains(key), "{key}: {said}");
    }
}

#[tokio::test]
async fn an_unknown_key_in_a_file_stops_the_start_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dailyfeed.toml"), "[http]\nport = 8080\n").unwrap();
    let output = binary(folder.path(), &[], &[]).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it ends").unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("http.port") || said.contains("port"), "{said}");
}

#[tokio::test]
async fn the_configuration_is_shown_with_the_origin_of_each_value() {
    let output = run(&["config"], &[("DAILYFEED_STREAM__BUFFER_MAX", "77")]).await;
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("stream.buffer_max")).expect("the key is shown");
    assert!(line.contains("77") && line.contains("DAILYFEED_STREAM__BUFFER_MAX"), "{line}");
    let other = said.lines().find(|line| line.contains("stream.heartbeat_seconds")).unwrap();
    assert!(other.contains("15") && other.contains("default"), "{other}");
}

#[tokio::test]
async fn help_names_every_command() {
    let output = run(&["--help"], &[]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    for command in ["serve", "config", "seed", "audit"] {
        assert!(said.contains(command), "{command} in {said}");
    }
}

#[tokio::test]
async fn a_polite_signal_ends_streams_with_a_farewell_and_the_process_with_success() {
    let mut own = Process::start(&[]).await;
    let who = own.member().await;
    let mut streams: Vec<Stream> = Vec::new();
    for _ in 0..5 {
        let mut stream = who.stream(None).await;
        ready(&mut stream).await;
        streams.push(stream);
    }
    let begun = Instant::now();
    own.signal("-TERM").await;
    for stream in &mut streams {
        assert_eq!(next(stream).await.name, "bye");
        assert!(stream.next().await.is_none());
    }
    assert!(own.ended().await.success());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn writes_that_were_answered_are_there_after_the_hardest_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
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
        assert_eq!(crate::support::ids(&found), written);
        for number in 0..10 {
            written.insert(0, member.post(&format!("글 {number}")).await);
        }
        child.kill().await.unwrap();
        let gone = until(async || member.request(Method::GET, "/health/live").send().await.err());
        gone.await;
        who = Some(member);
    }
}
