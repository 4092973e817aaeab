//! Test helper: the server as a process on a given data folder, with resource limits and a log file.
use crate::common::{Member, TIMEOUT};
use reqwest::Response;
use serde_json::Value;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A running server process.
pub(crate) struct LimitedServer {
    child: Child,
    pub(crate) base: String,
    pub(crate) admin: String,
    log: PathBuf,
}

impl LimitedServer {
    /// Starts the binary on a data folder, after a shell command (`ulimit -n 64`, or `true`). The log goes to the file
    /// `log`, which must be outside a data folder that fills up.
    pub(crate) async fn start(data: &Path, shell_prefix: &str, log: PathBuf) -> Self {
        let command = format!("{shell_prefix} && exec {}", env!("CARGO_BIN_EXE_dailyfeed"));
        let mut child = Command::new("sh")
            .args(["-c", &command])
            .env("DAILYFEED_DATA_DIR", data)
            .env("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0")
            .env("DAILYFEED_ADMIN__LISTEN", "127.0.0.1:0")
            .env("DAILYFEED_LIMITS__ENABLED", "false")
            .current_dir(log.parent().unwrap())
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut addresses = Vec::new();
        for _ in 0..3 {
            let line = tokio::time::timeout(TIMEOUT, output.next_line()).await.expect("the server starts in time");
            let line =
                line.unwrap().unwrap_or_else(|| panic!("three lines: {}", std::fs::read_to_string(&log).unwrap()));
            addresses.extend(line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned));
        }
        let [base, _, admin] = &addresses[..] else { panic!("{addresses:?}") };
        let (base, admin) = (base.trim_end_matches("/api").to_owned(), admin.trim_end_matches("/metrics").to_owned());
        Self { child, base, admin, log }
    }

    pub(crate) async fn member(&self) -> Member {
        Member::sign_up(&crate::common::client(), &self.base).await
    }

    /// Returns the member with the base URL of this server, after a restart.
    pub(crate) fn reconnect(&self, member: &Member) -> Member {
        Member { base: self.base.clone(), ..member.clone() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) async fn get(&self, url: String) -> Response {
        crate::common::client().get(url).timeout(TIMEOUT).send().await.unwrap()
    }

    pub(crate) async fn readiness(&self) -> Value {
        let answer = self.get(format!("{}/health/ready", self.base)).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub(crate) async fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.id().to_string()]).status().await.unwrap().success());
    }

    /// Asserts that the process has not ended.
    pub(crate) fn assert_runs(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "the server ended: {}", self.log());
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        tokio::time::timeout(TIMEOUT, self.child.wait()).await.expect("the server ends").unwrap()
    }

    pub(crate) async fn stop(mut self) {
        self.signal("-TERM").await;
        assert!(self.wait().await.success());
    }
}
