//! File modes of the data folder: files and folders of the server are private under every umask.
use crate::common::TIMEOUT;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

/// Starts a server under a umask and waits until it listens.
async fn start(folder: &Path, umask: &str) -> Child {
    let command = format!("umask {umask}; exec {}", env!("CARGO_BIN_EXE_dailyfeed"));
    let mut child = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("DAILYFEED_DATA_DIR", folder.join("deep/data"))
        .env("DAILYFEED_HTTP__LISTEN", "127.0.0.1:0")
        .env("DAILYFEED_ADMIN__LISTEN", "127.0.0.1:0")
        .env("DAILYFEED_LIMITS__ENABLED", "false")
        .env("DAILYFEED_LOG__LEVEL", "warn")
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listening = async { while lines.next_line().await.unwrap().is_some_and(|line| !line.contains("/metrics")) {} };
    tokio::time::timeout(TIMEOUT, listening).await.expect("the server starts in time");
    child
}

/// Stops the server with SIGTERM and returns its log.
async fn stop(mut child: Child) -> String {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let mut log = String::new();
    let mut errors = child.stderr.take().unwrap();
    let end = async {
        errors.read_to_string(&mut log).await.unwrap();
        child.wait().await.unwrap()
    };
    assert!(tokio::time::timeout(TIMEOUT, end).await.expect("the server ends").success());
    log
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(all_files(&path)) } else { found.push(path) }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_of_the_server_are_private_under_every_umask() {
    for umask in ["0000", "0022", "0777"] {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), umask).await;
        let data = folder.path().join("deep/data");
        let all = all_files(&data);
        for part in ["dailyfeed.db", "dailyfeed.db-wal", "dailyfeed.db-shm", "dailyfeed.lock", "activity.db"] {
            assert!(all.contains(&data.join(part)), "{part}");
        }
        // The files of the search index change at any time.
        for path in all.into_iter().filter(|path| path.exists()) {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), wanted, "{} under {umask}", path.display());
        }
        let log = stop(server).await;
        assert!(!log.contains("can access this path"), "{log}");
    }
}

#[tokio::test]
async fn wider_modes_are_logged_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    stop(start(folder.path(), "0022").await).await;
    let data = folder.path().join("deep/data");
    let (database, elsewhere) = (data.join("dailyfeed.db"), data.join("notes.txt"));
    fs::write(&elsewhere, "mine").unwrap();
    for (path, mode) in [(&data, 0o755), (&database, 0o644), (&elsewhere, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let log = stop(start(folder.path(), "0022").await).await;
    for (path, mode) in [(&data, "0755"), (&database, "0644")] {
        let named = log.lines().any(|line| line.contains(&format!("\"{}\"", path.display())) && line.contains(mode));
        assert!(named, "{} in {log}", path.display());
    }
    assert!(!log.contains("notes.txt"), "{log}");
    assert_eq!((mode(&data), mode(&database)), (0o755, 0o644));
}
