//! The life of an index: it survives restarts, is built again when it cannot be used, and is replaced while searched.
use crate::{
    common::Member,
    search::{encoded, found, search, word},
    support::{NONE, Own, own, until},
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

/// Where search stands, as the operating listener says.
async fn status(own: &Own) -> Value {
    let url = format!("http://{}/admin/search", own.server.admin_address());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// Waits until an index has been built, and none is being built.
async fn built(own: &Own, times: u64) -> Value {
    until(async || Some(status(own).await).filter(|now| now["built"] == times && now["building"].is_null())).await
}

/// The folder of the live index.
fn live(data: &Path) -> PathBuf {
    data.join("search").join(fs::read_to_string(data.join("search/live")).unwrap().trim())
}

struct Filled {
    own: Own,
    author: Member,
    post: u64,
    comment: u64,
    word: String,
}

/// A server with a post, a comment and a member that have one word.
async fn filled() -> Filled {
    let own = own(|_| {}).await;
    let author = own.member().await;
    let word = word();
    author.ok(Method::PATCH, "/api/members/me", json!({"bio": word})).await;
    let post = author.post(&format!("한강 {word}")).await;
    let comment = author.comment(post, None, &word).await;
    built(&own, 1).await;
    let filled = Filled { own, author, post, comment, word };
    filled.finds_everything().await;
    filled
}

impl Filled {
    async fn finds_everything(&self) {
        let Self { author, post, comment, word, .. } = self;
        for (kind, id) in [("post", *post), ("comment", *comment), ("member", author.id)] {
            assert_eq!(found(&search(author, kind, &format!("q={word}")).await, kind), [id], "{kind}");
        }
        let korean = format!("q={}&author={}", encoded("한강에서"), author.id);
        assert_eq!(found(&search(author, "post", &korean).await, "post"), [*post]);
    }

    /// Restarts on the same folder, after a change to it; how many indexes the new server had to build.
    async fn again(self, between: impl AsyncFnOnce(&Path)) -> (Self, u64) {
        let Self { own, mut author, post, comment, word } = self;
        let own = own.again(between).await;
        author.base.clone_from(&own.base);
        let now = until(async || Some(status(&own).await).filter(|now| now["building"].is_null())).await;
        let builds = now["built"].as_u64().unwrap();
        let filled = Self { own, author, post, comment, word };
        filled.finds_everything().await;
        (filled, builds)
    }
}

#[tokio::test]
async fn an_index_survives_a_restart() {
    let (filled, builds) = filled().await.again(async |_| {}).await;
    assert_eq!(builds, 0);
    // What is written after the restart is found beside what was before.
    let later = filled.author.post(&filled.word).await;
    let page = search(&filled.author, "post", &format!("q={}&sort=recent", filled.word)).await;
    assert_eq!(found(&page, "post"), [later, filled.post]);
    let (_, builds) = filled_again_with(filled, later).await;
    assert_eq!(builds, 0);
}

async fn filled_again_with(filled: Filled, later: u64) -> (Filled, u64) {
    filled.author.delete(&format!("/api/posts/{later}")).await;
    filled.again(async |_| {}).await
}

#[tokio::test]
async fn an_index_that_is_missing_is_built() {
    let (_, builds) = filled().await.again(async |data| fs::remove_dir_all(data.join("search")).unwrap()).await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn an_index_that_nothing_names_is_built() {
    let (filled, builds) = filled().await.again(async |data| fs::remove_file(data.join("search/live")).unwrap()).await;
    assert_eq!(builds, 1);
    // Nothing is left of the one that nobody named.
    let folders = fs::read_dir(filled.own.folder.path().join("search")).unwrap();
    assert_eq!(folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 1);
}

#[tokio::test]
async fn a_name_of_no_index_is_not_followed() {
    for name in ["g999", "../..", "", "g1/..", "\u{1F600}"] {
        let (_, builds) = filled().await.again(async |data| fs::write(data.join("search/live"), name).unwrap()).await;
        assert_eq!(builds, 1, "{name}");
    }
}

#[tokio::test]
async fn an_index_with_a_changed_byte_is_built_anew() {
    let (_, builds) = filled()
        .await
        .again(async |data| {
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
async fn an_index_that_was_cut_off_is_built_anew() {
    let (_, builds) = filled()
        .await
        .again(async |data| {
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
async fn an_index_without_a_readable_table_of_contents_is_built_anew() {
    let (_, builds) = filled().await.again(async |data| fs::write(live(data).join("meta.json"), "{").unwrap()).await;
    assert_eq!(builds, 1);
}

/// Changes what the last commit says of itself.
fn rewrite(data: &Path, from: &str, to: impl Fn(&str) -> String) {
    let path = live(data).join("meta.json");
    let meta = fs::read_to_string(&path).unwrap();
    let at = meta.find(from).unwrap_or_else(|| panic!("{from} in {meta}")) + from.len();
    let end = at + meta[at..].find([',', '}']).unwrap();
    fs::write(path, format!("{}{}{}", &meta[..at], to(&meta[at..end]), &meta[end..])).unwrap();
}

#[tokio::test]
async fn an_index_of_another_tokenizer_or_schema_is_built_anew() {
    for version in ["tokenizer", "schema"] {
        let between = async |data: &Path| rewrite(data, &format!("\\\"{version}\\\":"), |_| "999".to_owned());
        let (_, builds) = filled().await.again(between).await;
        assert_eq!(builds, 1, "{version}");
    }
}

#[tokio::test]
async fn an_index_of_another_log_is_built_anew() {
    let other = |epoch: &str| (epoch.parse::<u32>().unwrap() ^ 1).to_string();
    let (_, builds) = filled().await.again(async |data| rewrite(data, "\\\"epoch\\\":", other)).await;
    assert_eq!(builds, 1);
    // One that is ahead of the log: the database was put back to an older one.
    let ahead = |position: &str| (position.parse::<u64>().unwrap() + 1_000_000).to_string();
    let (_, builds) = filled().await.again(async |data| rewrite(data, "\\\"position\\\":", ahead)).await;
    assert_eq!(builds, 1);
}

#[tokio::test]
async fn a_new_index_takes_over_while_searches_go_on() {
    let filled = filled().await;
    let Filled { own, author, post, word, .. } = &filled;
    let before = live(own.folder.path());
    let stop = Arc::new(AtomicBool::new(false));
    let mut searching = Vec::new();
    for _ in 0..3 {
        let (author, word, post, stop) = (author.clone(), word.clone(), *post, stop.clone());
        searching.push(tokio::spawn(async move {
            let mut searches = 0_u64;
            while !stop.load(Ordering::Acquire) {
                let page = author.get(&format!("/api/search/posts?q={word}&sort=recent&limit=100")).await;
                assert!(found(&page, "post").contains(&post), "{page}");
                searches += 1;
            }
            searches
        }));
    }
    for times in 2..=4 {
        let url = format!("http://{}/admin/search/reindex", own.server.admin_address());
        let answer = crate::common::client().post(url).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        // Written meanwhile: found before and after the change.
        let later = author.post(word).await;
        let page = search(author, "post", &format!("q={word}")).await;
        assert!(found(&page, "post").contains(&later));
        built(own, times).await;
        let page = search(author, "post", &format!("q={word}")).await;
        assert!(found(&page, "post").contains(&later));
        author.delete(&format!("/api/posts/{later}")).await;
    }
    stop.store(true, Ordering::Release);
    for searching in searching {
        assert!(searching.await.unwrap() > 0);
    }
    assert_ne!(live(own.folder.path()), before);
    assert!(!before.exists(), "the old index is removed");
    filled.finds_everything().await;
    // The new one goes on where the old one was.
    let (_, builds) = filled.again(async |_| {}).await;
    assert_eq!(builds, 0);
}

#[tokio::test]
async fn the_command_builds_an_index_where_no_server_runs() {
    let filled = filled().await;
    let Filled { own, author, word, .. } = filled;
    let own = own
        .again(async |data| {
            let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
            command.arg("reindex").current_dir(data);
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            command.env("DAILYFEED_DATA_DIR", data).env("DAILYFEED_ADMIN__LISTEN", free.to_string());
            let before = live(data);
            // The server that was here lets go of the store a moment after its end.
            let done = until(async || Some(command.output().await.unwrap()).filter(|done| done.status.success())).await;
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(said.starts_with("3 documents"), "{said}");
            assert_ne!(live(data), before);
        })
        .await;
    let author = Member { base: own.base.clone(), ..author };
    assert_eq!(status(&own).await["built"], 0);
    assert_eq!(found(&search(&author, "post", &format!("q={word}")).await, "post").len(), 1);
}

#[tokio::test]
async fn the_command_asks_a_running_server() {
    let filled = filled().await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"));
    command.arg("reindex").current_dir(filled.own.folder.path());
    command.env("DAILYFEED_ADMIN__LISTEN", filled.own.server.admin_address().to_string());
    let done = command.output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "3 documents");
    assert_eq!(status(&filled.own).await["built"], 2);
    filled.finds_everything().await;
}

#[tokio::test]
async fn an_empty_server_has_an_index_of_nothing() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let page = search(&who, "post", "q=x").await;
    assert_eq!(found(&page, "post"), NONE);
    let now = built(&own, 1).await;
    assert_eq!((now["failed"].as_u64(), now["lagEvents"].as_u64()), (Some(0), Some(0)));
}
