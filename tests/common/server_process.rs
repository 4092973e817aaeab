//! Test helper: the server as a separate process that a test can kill.
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A running server process.
pub(crate) struct ServerProcess {
    pub(crate) process: Child,
    /// Base URL of the API.
    pub(crate) base: String,
}

/// Starts the binary on a data folder, with additional environment variables.
pub(crate) async fn start(data: &Path, environment: &[(&str, &str)]) -> ServerProcess {
    let mut process = Command::new(env!("CARGO_BIN_EXE_dailyfeed"))
        .env("DAILYFEED_DATA_DIR", data)
        .env("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0")
        .env("DAILYFEED_ADMIN__LISTEN", "127.0.0.1:0")
        .env("DAILYFEED_LIMITS__ENABLED", "false")
        .env("DAILYFEED_LOG__LEVEL", "error")
        .envs(environment.iter().copied())
        .current_dir(data)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(crate::common::TIMEOUT, lines.next_line()).await.unwrap().unwrap().unwrap();
    let base = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let base = base.trim_end_matches("/api").trim_end_matches('/').to_owned();
    ServerProcess { process, base }
}
