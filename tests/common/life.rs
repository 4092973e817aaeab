//! The binary as a process of its own, to be killed.
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// One run of the server.
pub(crate) struct Life {
    pub(crate) process: Child,
    /// Of its API.
    pub(crate) base: String,
}

/// Starts the binary on a folder, with what else is in its environment.
pub(crate) async fn start(data: &Path, environment: &[(&str, &str)]) -> Life {
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
    let line = tokio::time::timeout(crate::common::PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let base = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let base = base.trim_end_matches("/api").trim_end_matches('/').to_owned();
    Life { process, base }
}
