//! An index whose files are damaged is built anew, whether that shows at the start or while the server runs.
use crate::{
    common::Member,
    support::{Own, own, until},
};
use reqwest::Method;
use serde_json::Value;
use std::{fs, path::Path};

/// The files with what can be found, of every index there is.
fn segments(data: &Path) -> Vec<std::path::PathBuf> {
    let indexes = fs::read_dir(data.join("search")).unwrap().map(|entry| entry.unwrap().path());
    let files = indexes.filter(|path| path.is_dir()).flat_map(|index| fs::read_dir(index).unwrap());
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind != "lock" && kind != "json")).collect()
}

/// Waits until a search finds that many, whatever it answers meanwhile.
async fn found(who: &Member, count: usize) {
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

async fn whole(own: &Own) {
    until(async || {
        let answer = crate::common::client().get(format!("{}/health/ready", own.base)).send().await.unwrap();
        let readiness: Value = answer.json().await.unwrap();
        (readiness["status"] == "UP").then_some(())
    })
    .await;
}

#[tokio::test]
async fn files_that_are_too_short_at_the_start_are_built_anew() {
    for bytes in ["", "x", "garbage"] {
        let own = own(|_| {}).await;
        let author = own.member().await;
        author.post("바람개비").await;
        found(&author, 1).await;
        let own = own
            .again(async |data| {
                let files = segments(data);
                assert!(!files.is_empty());
                files.iter().for_each(|file| fs::write(file, bytes).unwrap());
            })
            .await;
        let author = Member { base: own.base.clone(), ..author };
        found(&author, 1).await;
        whole(&own).await;
        own.server.shutdown().await;
    }
}

#[tokio::test]
async fn damage_that_a_search_meets_is_mended_while_the_server_runs() {
    let own = own(|_| {}).await;
    let author = own.member().await;
    author.post("첫 바람개비").await;
    found(&author, 1).await;
    // In place, since the files are mapped: their lengths stay.
    for file in segments(own.folder.path()) {
        use std::os::unix::fs::FileExt;
        let length = fs::metadata(&file).unwrap().len();
        let open = fs::OpenOptions::new().write(true).open(&file).unwrap();
        open.write_all_at(&vec![0xFF; usize::try_from(length).unwrap()], 0).unwrap();
    }
    author.post("둘째 바람개비").await;
    found(&author, 2).await;
    whole(&own).await;
    own.server.shutdown().await;
}
