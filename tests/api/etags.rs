//! `ETag` and `If-None-Match` on single resources.
use crate::{
    common::Member,
    support::{member, until},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn ask(who: &Member, path: &str, tag: &str) -> Response {
    who.request(Method::GET, path).header("if-none-match", tag).send().await.unwrap()
}

async fn tag(who: &Member, path: &str) -> String {
    let answer = who.send(Method::GET, path, Value::Null).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

/// Signs up a member with a post and a comment. Returns the member and the paths of the post, the comment, the public
/// profile and the own profile.
async fn resources() -> (Member, [String; 4]) {
    let who = member().await;
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    let paths = [
        format!("/api/posts/{post}"),
        format!("/api/comments/{comment}"),
        format!("/api/members/{}", who.id),
        "/api/members/me".to_owned(),
    ];
    (who, paths)
}

#[tokio::test]
async fn every_resource_has_an_etag_that_gives_304() {
    let (who, paths) = resources().await;
    for path in &paths {
        let version = tag(&who, path).await;
        assert!(version.ends_with('"') && version.len() > 3, "{version}");
        let known = ask(&who, path, &version).await;
        assert_eq!(known.status(), 304, "{path}");
        assert_eq!(known.headers()["etag"], version.as_str(), "{path}");
        assert!(known.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn if_none_match_accepts_lists_weak_tags_and_a_star() {
    let (who, paths) = resources().await;
    let version = tag(&who, &paths[0]).await;
    let strong = version.trim_start_matches("W/").to_owned();
    for known in ["*".to_owned(), format!("\"other\", {version}"), format!("W/{strong}"), strong] {
        assert_eq!(ask(&who, &paths[0], &known).await.status(), 304, "{known}");
    }
    for unknown in ["\"other\"", "W/\"other\"", "", "garbage"] {
        assert_eq!(ask(&who, &paths[0], unknown).await.status(), 200, "{unknown}");
    }
}

#[tokio::test]
async fn an_edit_changes_the_etag() {
    let (who, paths) = resources().await;
    for (path, method, change) in [
        (&paths[0], Method::PUT, json!({"content": "고친 글"})),
        (&paths[1], Method::PUT, json!({"content": "고친 댓글"})),
        (&paths[3], Method::PATCH, json!({"bio": "새 소개"})),
    ] {
        let before = tag(&who, path).await;
        who.ok(method, path, change).await;
        assert_eq!(ask(&who, path, &before).await.status(), 200, "{path}");
        assert_ne!(tag(&who, path).await, before, "{path}");
    }
}

#[tokio::test]
async fn likes_comments_and_follows_change_the_etag() {
    let ((who, paths), fan) = (resources().await, member().await);
    let id: u64 = paths[0].rsplit('/').next().unwrap().parse().unwrap();
    let before = tag(&who, &paths[0]).await;
    // Actions of other members become visible a moment later.
    let changes = async |path: &str, before: &str| {
        until(async || (ask(&who, path, before).await.status() == 200).then_some(())).await;
    };
    fan.like(id).await;
    changes(&paths[0], &before).await;
    let before = tag(&who, &paths[0]).await;
    fan.comment(id, None, "댓글").await;
    changes(&paths[0], &before).await;
    let before = tag(&who, &paths[2]).await;
    fan.follow(&who).await;
    changes(&paths[2], &before).await;
}

#[tokio::test]
async fn an_etag_depends_on_the_viewer() {
    let ((who, paths), fan) = (resources().await, member().await);
    let id: u64 = paths[0].rsplit('/').next().unwrap().parse().unwrap();
    fan.like(id).await;
    assert_ne!(tag(&who, &paths[0]).await, tag(&fan, &paths[0]).await, "liked by one of them");
    let strangers = tag(&fan, &paths[2]).await;
    fan.follow(&who).await;
    assert_eq!(ask(&fan, &paths[2], &strangers).await.status(), 200, "followed since");
}

#[tokio::test]
async fn a_known_etag_of_a_deleted_resource_is_not_found() {
    let (who, paths) = resources().await;
    let version = tag(&who, &paths[1]).await;
    who.delete(&paths[1]).await;
    assert_eq!(ask(&who, &paths[1], &version).await.status(), 404);
    let version = tag(&who, &paths[0]).await;
    who.delete(&paths[0]).await;
    assert_eq!(ask(&who, &paths[0], &version).await.status(), 404);
    assert_eq!(ask(&who, &paths[0], "*").await.status(), 404);
}

#[tokio::test]
async fn a_known_etag_without_a_token_gets_401() {
    let (who, paths) = resources().await;
    let mut stranger = who.clone();
    stranger.token = "garbage".to_owned();
    for path in &paths {
        let version = tag(&who, path).await;
        assert_eq!(ask(&stranger, path, &version).await.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_304_counts_a_view() {
    let (who, reader) = (member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    let version = tag(&who, &path).await;
    ask(&reader, &path, &version).await;
    crate::support::eventually(&who, &path, |post| post["viewCount"] == 1).await;
}
