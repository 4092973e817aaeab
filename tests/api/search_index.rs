//! The search index on disk: restarts, rebuilds of unusable indexes, replacement under load, `dailyfeed reindex`.
use crate::{
    common::Member,
    search::{encoded, found, search, word},
    support::{NONE, TestServer, start_server, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Loads the status of search from the admin listener.
async fn status(server: &TestServer) -> Value {
    server.admin(Method::GET, "/admin/search").await.json().await.unwrap()
}

/// Waits until `times` indexes have been built and no build is running.
async fn wait_until_built(server: &TestServer, times: u64) -> Value {
    until(async || Some(status(server).await).filter(|now| now["built"] == times && now["building"].is_null())).await
}

/// Returns the folder of the live index.
fn live(data: &Path) -> PathBuf {
    data.join("search").join(fs::read_to_string(data.join("search/live")).unwrap().trim())
}

struct Filled {
    server: TestServer,
    author: Member,
    post: u64,
    comment: u64,
    word: String,
}

/// Starts a server with a post, a comment and a member that contain one word.
async fn filled() -> Filled {
    let server = start_server(|_| {}).await;
    let author = server.member().await;
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let post = author.post(&format!("한강 {word}")).await;
    let comment = author.comment(post, None, &word).await;
    wait_until_built(&server, 1).await;
    let filled = Filled { server, author, post, comment, word };
    filled.assert_finds_everything().await;
    filled
}

impl Filled {
    async fn assert_finds_everything(&self) {
        let Self { author, post, comment, word, .. } = self;
        for (kind, id) in [("post", *post), ("comment", *comment), ("member", author.id)] {
            assert_eq!(found(&search(author, kind, &format!("q={word}")).await, kind), [id], "{kind}");
        }
        let korean = format!("q={}&author={}", encoded("한강에서"), author.id);
        assert_eq!(found(&search(author, "post", &korean).await, "post"), [*post]);
    }

    /// Restarts on the same folder after a change to it. Returns the number of indexes that the new server built.
    async fn restart(self, between: impl AsyncFnOnce(&Path)) -> (Self, u64) {
        let Self { server, mut author, post, comment, word } = self;
        let server = server.restart(between).await;
        author.base.clone_from(&server.base);
        let now = until(async || Some(status(&server).await).filter(|now| now["building"].is_null())).await;
        let builds = now["built"].as_u64().unwrap();
        let filled = Self { server, author, post, comment, word };
        filled.assert_finds_everything().await;
        (filled, builds)
    }
}

#[tokio::test]
async fn an_index_survives_a_restart() {
    let (filled, builds) = filled().await.restart(async |_| {}).await;
    assert_eq!(builds, 0);
    // A search finds posts from before and after the restart.
    let later = filled.author.post(&filled.word).await;
    let page = search(&filled.author, "post", &format!("q={}&sort=recent", filled.word)).await;
    assert_eq!(found(&page, "post"), [later, filled.post]);
    let (_, builds) = delete_and_restart(filled, later).await;
    assert_eq!(builds, 0);
}

async fn delete_and_restart(filled: Filled, later: u64) -> (Filled, u64) {
    filled.author.delete(&format!("/api/posts/{later}")).await;
    filled.restart(async |_| {}).await
}

#[tokio::test]
async fn a_missing_index_is_built() {
    let (_, builds) = filled().await.restart(async |data| fs::remove_dir_all(data.join("search")).unwrap()).await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn an_index_without_a_live_file_is_rebuilt() {
    let (filled, builds) =
        filled().await.restart(async |data| fs::remove_file(data.join("search/live")).unwrap()).await;
    assert_eq!(builds, 1);
    // The unused index is removed.
    let folders = fs::read_dir(filled.server.folder.path().join("search")).unwrap();
    assert_eq!(folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 1);
}

#[tokio::test]
async fn an_invalid_name_in_the_live_file_gives_a_rebuild() {
    for name in ["g999", "../..", "", "g1/..", "\u{1F600}"] {
        let (_, builds) = filled().await.restart(async |data| fs::write(data.join("search/live"), name).unwrap()).await;
        assert_eq!(builds, 1, "{name}");
    }
}

#[tokio::test]
async fn an_index_with_a_changed_byte_is_rebuilt() {
    let (_, builds) = filled()
        .await
        .restart(async |data| {
            let files = fs::read_dir(live(data)).unwrap().map(|entry| entry.unwrap().path());
            let store: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "idx")).collect();
            assert!(!store.is_empty());
            for path in store {
                let mut bytes = fs::read(&path).unwrap();
                bytes[0] ^= 0x55;
                fs::write(path, bytes).unwrap();
            }
        })
        .await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn an_index_with_an_empty_file_is_rebuilt() {
    let (_, builds) = filled()
        .await
        .restart(async |data| {
            for entry in fs::read_dir(live(data)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|kind| kind == "term") {
                    fs::write(path, b"").unwrap();
                }
            }
        })
        .await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn an_index_with_an_unreadable_meta_json_is_rebuilt() {
    let (_, builds) = filled().await.restart(async |data| fs::write(live(data).join("meta.json"), "{").unwrap()).await;
    assert_eq!(builds, 1);
}

/// Changes a value in the payload of the last commit.
fn rewrite(data: &Path, from: &str, to: impl Fn(&str) -> String) {
    let path = live(data).join("meta.json");
    let meta = fs::read_to_string(&path).unwrap();
    let at = meta.find(from).unwrap_or_else(|| panic!("{from} in {meta}")) + from.len();
    let end = at + meta[at..].find([',', '}']).unwrap();
    fs::write(path, format!("{}{}{}", &meta[..at], to(&meta[at..end]), &meta[end..])).unwrap();
}

#[tokio::test]
async fn an_index_of_another_tokenizer_or_schema_is_rebuilt() {
    for version in ["tokenizer", "schema"] {
        let between = async |data: &Path| rewrite(data, &format!("\\\"{version}\\\":"), |_| "999".to_owned());
        let (_, builds) = filled().await.restart(between).await;
        assert_eq!(builds, 1, "{version}");
    }
}

#[tokio::test]
async fn an_index_of_another_epoch_or_ahead_of_the_log_is_rebuilt() {
    let other = |epoch: &str| (epoch.parse::<u32>().unwrap() ^ 1).to_string();
    let (_, builds) = filled().await.restart(async |data| rewrite(data, "\\\"epoch\\\":", other)).await;
    assert_eq!(builds, 1);
    // An index is ahead of the log after the database was replaced by an older copy.
    let ahead = |position: &str| (position.parse::<u64>().unwrap() + 1_000_000).to_string();
    let (_, builds) = filled().await.restart(async |data| rewrite(data, "\\\"position\\\":", ahead)).await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn an_index_is_replaced_while_searches_run() {
    let filled = filled().await;
    let Filled { server, author, post, word, .. } = &filled;
    let before = live(server.folder.path());
    let stop = Arc::new(AtomicBool::new(false));
    let mut searches = Vec::new();
    for _ in 0..3 {
        let (author, word, post, stop) = (author.clone(), word.clone(), *post, stop.clone());
        searches.push(tokio::spawn(async move {
            let mut count = 0_u64;
            while !stop.load(Ordering::Acquire) {
                let page = author.get(&format!("/api/search/posts?q={word}&sort=recent&limit=100")).await;
                assert!(found(&page, "post").contains(&post), "{page}");
                count += 1;
            }
            count
        }));
    }
    for times in 2..=4 {
        let answer = server.admin(Method::POST, "/admin/search/reindex").await;
        assert_eq!(answer.status(), 202);
        // A post that was created during the build is found before and after the replacement.
        let later = author.post(word).await;
        let page = search(author, "post", &format!("q={word}")).await;
        assert!(found(&page, "post").contains(&later));
        wait_until_built(server, times).await;
        let page = search(author, "post", &format!("q={word}")).await;
        assert!(found(&page, "post").contains(&later));
        author.delete(&format!("/api/posts/{later}")).await;
    }
    stop.store(true, Ordering::Release);
    for task in searches {
        assert!(task.await.unwrap() > 0);
    }
    assert_ne!(live(server.folder.path()), before);
    assert!(!before.exists(), "the old index is removed");
    filled.assert_finds_everything().await;
    // A restart uses the new index.
    let (_, builds) = filled.restart(async |_| {}).await;
    assert_eq!(builds, 0);
}

#[tokio::test]
async fn reindex_builds_an_index_without_a_running_server() {
    let filled = filled().await;
    let Filled { server, author, word, .. } = filled;
    let server = server
        .restart(async |data| {
            let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
            command.arg("reindex").current_dir(data);
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            command.env("DAILYFEED_DATA_DIR", data).env("DAILYFEED_ADMIN__LISTEN", free.to_string());
            let before = live(data);
            // The earlier server releases the store a moment after its end.
            let done = until(async || Some(command.output().await.unwrap()).filter(|done| done.status.success())).await;
            let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(stdout.starts_with("3 documents"), "{stdout}");
            assert_ne!(live(data), before);
        })
        .await;
    let author = Member { base: server.base.clone(), ..author };
    assert_eq!(status(&server).await["built"], 0);
    assert_eq!(found(&search(&author, "post", &format!("q={word}")).await, "post").len(), 1);
}

#[tokio::test]
async fn reindex_calls_a_running_server() {
    let filled = filled().await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
    command.arg("reindex").current_dir(filled.server.folder.path());
    command.env("DAILYFEED_ADMIN__LISTEN", filled.server.app.admin_address().to_string());
    let done = command.output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "3 documents");
    assert_eq!(status(&filled.server).await["built"], 2);
    filled.assert_finds_everything().await;
}

#[tokio::test]
async fn an_empty_server_has_an_empty_index() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let page = search(&who, "post", "q=x").await;
    assert_eq!(found(&page, "post"), NONE);
    let now = wait_until_built(&server, 1).await;
    assert_eq!((now["failed"].as_u64(), now["lagEvents"].as_u64()), (Some(0), Some(0)));
}
