//! Failed starts of the server and its commands: the error names the path, config key or process; and `seed` output.
use crate::{
    common::TIMEOUT,
    process::{binary, run},
};
use std::{path::Path, process::Output};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

/// Runs the binary on a data folder until it ends.
async fn run_on(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    tokio::time::timeout(TIMEOUT, binary(folder, arguments, variables).output())
        .await
        .expect("the process ends")
        .unwrap()
}

/// Runs a command, asserts that it fails, and returns its standard error.
async fn refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run_on(folder, arguments, variables).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?} did not fail");
    String::from_utf8(output.stderr).unwrap()
}

/// Starts a server on a folder. Returns the process and its lines of output.
async fn started(folder: &Path) -> (Child, Vec<String>) {
    let mut child = binary(folder, &[], &[]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    for _ in 0..4 {
        let line = tokio::time::timeout(TIMEOUT, output.next_line()).await.expect("the server starts in time");
        lines.push(line.unwrap().expect("four lines"));
    }
    (child, lines)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn a_start_prints_version_and_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, lines) = started(folder.path()).await;
    let line = lines.iter().find(|line| line.contains(env!("CARGO_PKG_VERSION"))).expect("a line with the version");
    assert!(line.contains(folder.path().to_str().unwrap()), "{line}");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_key_before_any_file_is_created() {
    for (variable, key) in [("DAILYFEED_HTTP__LISTEN", "http.listen"), ("DAILYFEED_ADMIN__LISTEN", "admin.listen")] {
        let folder = tempfile::tempdir().unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let text = refused(folder.path(), &[], &[(variable, &address)]).await;
        assert!(text.contains(&address) && text.contains(key), "{text}");
        assert!(is_empty(folder.path()), "no file was created");
    }
}

#[tokio::test]
async fn a_folder_in_use_is_named_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = started(folder.path()).await;
    let process = server.id().unwrap().to_string();
    for arguments in [&[][..], &["seed", "--members", "1", "--posts", "0"], &["reindex"]] {
        let text = refused(folder.path(), arguments, &[]).await;
        assert!(text.contains(&process), "{arguments:?}: {text}");
        assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("data_dir"), "{arguments:?}: {text}");
        assert!(!text.contains("seeded before"), "{text}");
    }
}

#[tokio::test]
async fn a_file_as_the_data_folder_is_named_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let text = refused(folder.path(), &[], &[("DAILYFEED_DATA_DIR", file.to_str().unwrap())]).await;
    assert!(text.contains(file.to_str().unwrap()) && text.contains("data_dir"), "{text}");
}

#[tokio::test]
async fn an_invalid_database_file_is_named_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dailyfeed.db");
    std::fs::write(&file, "this is no database, and longer than the header of one would be: ".repeat(20)).unwrap();
    let text = refused(folder.path(), &[], &[]).await;
    assert!(text.contains(file.to_str().unwrap()), "{text}");
}

#[tokio::test]
async fn audit_and_reindex_refuse_a_folder_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let audit = refused(folder.path(), &["audit"], &[]).await;
    let reindex = refused(folder.path(), &["reindex"], &[]).await;
    assert_eq!(audit, reindex);
    assert!(audit.contains(folder.path().to_str().unwrap()) && audit.contains("data_dir"), "{audit}");
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn seed_prints_progress_totals_and_the_password() {
    let help = run(&["seed", "--help"], &[]).await;
    assert!(String::from_utf8(help.stdout).unwrap().contains("Passw0rd!"));
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["seed", "--members", "20", "--posts", "30", "--follows", "3", "--likes", "40"];
    let output = run_on(folder.path(), &arguments, &[]).await;
    assert!(output.status.success());
    let (totals, progress) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for part in ["20 members", "30 posts", "follows", "likes", "Passw0rd!"] {
        assert!(totals.contains(part), "{part} in {totals}");
    }
    assert!(progress.contains("30 of 30 posts"), "{progress}");
    let again = refused(folder.path(), &arguments, &[]).await;
    assert!(again.contains("seeded before"), "{again}");
}
