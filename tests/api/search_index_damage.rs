//! Damaged index files: the server rebuilds the index, at the start or while it runs.
use crate::{
    common::Member,
    support::{TestServer, start_server, until},
};
use reqwest::Method;
use serde_json::Value;
use std::{fs, path::Path};

/// Lists the segment files of all indexes.
fn segments(data: &Path) -> Vec<std::path::PathBuf> {
    let indexes = fs::read_dir(data.join("search")).unwrap().map(|entry| entry.unwrap().path());
    let files = indexes.filter(|path| path.is_dir()).flat_map(|index| fs::read_dir(index).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind != "lock" && kind != "json")).collect()
}

/// Waits until a search finds `count` posts, through any errors meanwhile.
async fn wait_until_found(who: &Member, count: usize) {
    until(async || {
        let answer = who.send(Method::GET, "/api/search/posts?q=바람개비", Value::Null).await;
        if answer.status() != 200 {
            return None;
        }
        let page: Value = answer.json().await.unwrap();
        (page["items"].as_array().unwrap().len() == count).then_some(())
    })
    .await;
}

async fn wait_until_up(server: &TestServer) {
    until(async || {
        let answer = crate::common::client().get(format!("{}/health/ready", server.base)).send().await.unwrap();
        let readiness: Value = answer.json().await.unwrap();
        (readiness["status"] == "UP").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_index_with_truncated_files_is_rebuilt_at_the_start() {
    for bytes in ["", "x", "garbage"] {
        let server = start_server(|_| {}).await;
        let author = server.member().await;
        author.post("바람개비").await;
        wait_until_found(&author, 1).await;
        let server = server
            .restart(async |data| {
                let files = segments(data);
                assert!(!files.is_empty());
                files.iter().for_each(|file| fs::write(file, bytes).unwrap());
            })
            .await;
        let author = Member { base: server.base.clone(), ..author };
        wait_until_found(&author, 1).await;
        wait_until_up(&server).await;
        server.app.shutdown().await;
    }
}

#[tokio::test]
async fn a_damaged_index_is_rebuilt_while_the_server_runs() {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    author.post("첫 바람개비").await;
    wait_until_found(&author, 1).await;
    // The files are memory-mapped, so the damage must not change their lengths.
    for file in segments(server.folder.path()) {
        use std::os::unix::fs::FileExt;
        let length = fs::metadata(&file).unwrap().len();
        let open = fs::OpenOptions::new().write(true).open(&file).unwrap();
        open.write_all_at(&vec![0xFF; usize::try_from(length).unwrap()], 0).unwrap();
    }
    author.post("둘째 바람개비").await;
    wait_until_found(&author, 2).await;
    wait_until_up(&server).await;
    server.app.shutdown().await;
}
