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

/// Somebody with a post and a comment, and the paths of every single resource.
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
async fn every_single_resource_has_a_version() {
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
async fn any_of_several_versions_is_known() {
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
async fn a_version_changes_with_an_edit() {
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
async fn a_version_changes_with_likes_comments_and_follows() {
    let ((who, paths), fan) = (resources().await, member().await);
    let id: u64 = paths[0].rsplit('/').next().unwrap().parse().unwrap();
    let before = tag(&who, &paths[0]).await;
    // What others do is seen a moment later.
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
async fn a_version_belongs_to_its_viewer() {
    let ((who, paths), fan) = (resources().await, member().await);
    let id: u64 = paths[0].rsplit('/').next().unwrap().parse().unwrap();
    fan.like(id).await;
    assert_ne!(tag(&who, &paths[0]).await, tag(&fan, &paths[0]).await, "liked by one of them");
    let strangers = tag(&fan, &paths[2]).await;
    fan.follow(&who).await;
    assert_eq!(ask(&fan, &paths[2], &strangers).await.status(), 200, "followed since");
}

#[tokio::test]
async fn a_known_version_of_what_is_gone_is_not_found() {
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
async fn a_known_version_is_told_to_nobody_without_a_token() {
    let (who, paths) = resources().await;
    let mut stranger = who.clone();
    stranger.token = "garbage".to_owned();
    for path in &paths {
        let version = tag(&who, path).await;
        assert_eq!(ask(&stranger, path, &version).await.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_view_counts_even_where_the_version_is_known() {
    let (who, reader) = (member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    let version = tag(&who, &path).await;
    ask(&reader, &path, &version).await;
    crate::support::eventually(&who, &path, |post| post["viewCount"] == 1).await;
}
