//! Comments in the search index outlive the departure of the post's author: after the return they are found again, also
//! if the index reads the edit and the departure in one batch, or is built meanwhile.
use crate::{
    common::Member,
    degraded_parts::{obstruct, wait_for_degraded_parts},
    search::{found, search, word},
    support::{NONE, TestServer, start_server, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A post with a comment by another member, both with the same word and in the index.
struct Commented {
    server: TestServer,
    author: Member,
    other: Member,
    post: u64,
    comment: u64,
    word: String,
}

impl Commented {
    async fn start() -> Self {
        let server = start_server(|_| {}).await;
        let (author, other) = (server.member().await, server.member().await);
        let word = word();
        let post = author.post(&word).await;
        let comment = other.comment(post, None, &word).await;
        let commented = Self { server, author, other, post, comment, word };
        commented.assert_finds(&[post], &[comment]).await;
        commented
    }

    async fn find(&self, kind: &str) -> Vec<u64> {
        let mut found = found(&search(&self.other, kind, &format!("q={}&sort=recent", self.word)).await, kind);
        found.sort_unstable();
        found
    }

    async fn assert_finds(&self, posts: &[u64], comments: &[u64]) {
        assert_eq!(self.find("post").await, posts, "posts");
        assert_eq!(self.find("comment").await, comments, "comments");
    }

    /// Makes the index unusable until [`Self::resume_index`], so that it reads everything in between in one batch.
    async fn stop_index(&self) -> (PathBuf, PathBuf) {
        let paths = obstruct(&self.server, "search");
        self.other.post("다른 글").await;
        wait_for_degraded_parts(&self.server, &["search"]).await;
        paths
    }

    async fn resume_index(&self, (path, aside): (PathBuf, PathBuf)) {
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        wait_for_degraded_parts(&self.server, &[]).await;
    }

    async fn edit(&self, post: u64) {
        let text = json!({"content": format!("{} 고침", self.word)});
        self.author.ok(Method::PUT, &format!("/api/posts/{post}"), text).await;
    }

    async fn status(&self) -> Value {
        self.server.admin(Method::GET, "/admin/search").await.json().await.unwrap()
    }
}

#[tokio::test]
async fn an_edit_and_a_departure_in_one_batch_keep_the_comments_of_others() {
    let mut commented = Commented::start().await;
    let paths = commented.stop_index().await;
    commented.edit(commented.post).await;
    let later = commented.other.comment(commented.post, None, &commented.word).await;
    commented.author.deactivate().await;
    commented.resume_index(paths).await;
    commented.assert_finds(&NONE, &NONE).await;
    commented.author.log_in().await;
    commented.assert_finds(&[commented.post], &[commented.comment, later]).await;
}

#[tokio::test]
async fn a_commenter_who_returns_before_the_author_is_found_after_the_author_returns() {
    let mut commented = Commented::start().await;
    let reader = commented.server.member().await;
    commented.author.deactivate().await;
    commented.other.deactivate().await;
    assert_eq!(found(&search(&reader, "comment", &format!("q={}", commented.word)).await, "comment"), NONE);
    commented.other.log_in().await;
    commented.assert_finds(&NONE, &NONE).await;
    commented.author.log_in().await;
    commented.assert_finds(&[commented.post], &[commented.comment]).await;
}

#[tokio::test]
async fn an_index_that_is_built_during_an_absence_has_the_comments_of_others() {
    let mut commented = Commented::start().await;
    commented.author.deactivate().await;
    let built = commented.status().await["built"].as_u64().unwrap();
    commented.server.admin(Method::POST, "/admin/search/reindex").await;
    until(async || Some(commented.status().await).filter(|now| now["built"].as_u64() > Some(built))).await;
    commented.author.log_in().await;
    commented.assert_finds(&[commented.post], &[commented.comment]).await;
}

#[tokio::test]
async fn a_deleted_post_takes_its_comments_out_of_the_index() {
    let mut commented = Commented::start().await;
    let documents = async || commented.status().await["documents"].as_u64().unwrap();
    let before = documents().await;
    let kept = commented.author.post(&commented.word).await;
    commented.other.comment(kept, None, &commented.word).await;
    commented.find("post").await;
    assert_eq!(documents().await, before + 2);
    let paths = commented.stop_index().await;
    // Edited and deleted, and its author deactivated, all in one batch.
    commented.edit(kept).await;
    commented.author.delete(&format!("/api/posts/{kept}")).await;
    commented.author.deactivate().await;
    commented.resume_index(paths).await;
    commented.author.log_in().await;
    commented.assert_finds(&[commented.post], &[commented.comment]).await;
    let now = commented.status().await["documents"].as_u64().unwrap();
    assert_eq!(now, before + 1, "of the deleted post nothing is left; the other member's later post is");
}
