//! A start that cannot be says which path, key or process is in its way; commands beside a server likewise.
use crate::{
    common::PATIENCE,
    process::{binary, run},
};
use std::{path::Path, process::Output};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
};

/// Runs the binary on a folder to its end.
async fn on(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    tokio::time::timeout(PATIENCE, binary(folder, arguments, variables).output()).await.expect("it ends").unwrap()
}

/// What a command that fails says on standard error.
async fn refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = on(folder, arguments, variables).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?} was not refused");
    String::from_utf8(output.stderr).unwrap()
}

/// A server on that folder, and the lines with which it started.
async fn started(folder: &Path) -> (Child, Vec<String>) {
    let mut child = binary(folder, &[], &[]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    for _ in 0..4 {
        let line = tokio::time::timeout(PATIENCE, output.next_line()).await.expect("it starts in time");
        lines.push(line.unwrap().expect("four lines"));
    }
    (child, lines)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn a_start_says_its_version_and_its_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, lines) = started(folder.path()).await;
    let line = lines.iter().find(|line| line.contains(env!("CARGO_PKG_VERSION"))).expect("a line with the version");
    assert!(line.contains(folder.path().to_str().unwrap()), "{line}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_key_before_a_store_is_opened() {
    for (variable, key) in [("DAILYFEED_HTTP__LISTEN", "http.listen"), ("DAILYFEED_ADMIN__LISTEN", "admin.listen")] {
        let folder = tempfile::tempdir().unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let said = refused(folder.path(), &[], &[(variable, &address)]).await;
        assert!(said.contains(&address) && said.contains(key), "{said}");
        assert!(is_empty(folder.path()), "nothing was made");
    }
}

#[tokio::test]
async fn a_folder_that_another_process_has_is_named_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = started(folder.path()).await;
    let process = server.id().unwrap().to_string();
    for arguments in [&[][..], &["seed", "--members", "1", "--posts", "0"], &["reindex"]] {
        let said = refused(folder.path(), arguments, &[]).await;
        assert!(said.contains(&process), "{arguments:?}: {said}");
        assert!(said.contains(folder.path().to_str().unwrap()) && said.contains("data_dir"), "{arguments:?}: {said}");
        assert!(!said.contains("seeded before"), "{said}");
    }
}

#[tokio::test]
async fn a_folder_that_is_none_is_named_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let said = refused(folder.path(), &[], &[("DAILYFEED_DATA_DIR", file.to_str().unwrap())]).await;
    assert!(said.contains(file.to_str().unwrap()) && said.contains("data_dir"), "{said}");
}

#[tokio::test]
async fn a_database_that_is_none_is_named_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dailyfeed.db");
    std::fs::write(&file, "this is no database, and longer than the header of one would be: ".repeat(20)).unwrap();
    let said = refused(folder.path(), &[], &[]).await;
    assert!(said.contains(file.to_str().unwrap()), "{said}");
}

#[tokio::test]
async fn commands_that_read_a_database_refuse_a_folder_without_one_alike_and_make_none() {
    let folder = tempfile::tempdir().unwrap();
    let audit = refused(folder.path(), &["audit"], &[]).await;
    let reindex = refused(folder.path(), &["reindex"], &[]).await;
    assert_eq!(audit, reindex);
    assert!(audit.contains(folder.path().to_str().unwrap()) && audit.contains("data_dir"), "{audit}");
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn seeding_says_how_far_it_is_what_it_made_and_which_password_there_is() {
    let help = run(&["seed", "--help"], &[]).await;
    assert!(String::from_utf8(help.stdout).unwrap().contains("Passw0rd!"));
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["seed", "--members", "20", "--posts", "30", "--follows", "3", "--likes", "40"];
    let output = on(folder.path(), &arguments, &[]).await;
    assert!(output.status.success());
    let (totals, progress) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for part in ["20 members", "30 posts", "follows", "likes", "Passw0rd!"] {
        assert!(totals.contains(part), "{part} in {totals}");
    }
    assert!(progress.contains("30 of 30 posts"), "{progress}");
    let again = refused(folder.path(), &arguments, &[]).await;
    assert!(again.contains("seeded before"), "{again}");
}
