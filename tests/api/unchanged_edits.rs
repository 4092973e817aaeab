//! Edits that change nothing set no `editedAt` and append no event; and posts with images only.
use crate::{
    common::Member,
    image_fixtures::jpeg,
    stream::{next, ready},
    support::{TestServer, fields, member, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Returns the types of a member's activities, newest first.
async fn activity_types(who: &Member) -> Vec<String> {
    let page = who.get("/api/activities?limit=100").await;
    page["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
}

/// Creates a post, waits for its activity, and returns the types of all activities.
async fn activity_types_by_now(who: &Member) -> Vec<String> {
    let mark = who.post("끝").await;
    crate::support::until(async || {
        let page = who.get("/api/activities?limit=100").await;
        (page["items"][0]["postId"] == mark).then_some(())
    })
    .await;
    activity_types(who).await
}

#[tokio::test]
async fn an_edit_to_the_same_text_is_no_edit() {
    let who = member().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let body = json!({"title": "제목", "content": "글 #하나\n둘째 줄"});
    let post = who.ok(Method::POST, "/api/posts", body.clone()).await;
    assert_eq!(next(&mut stream).await.name, "post.created");
    let path = format!("/api/posts/{}", post["id"]);
    // Texts are trimmed, and line breaks normalised.
    let other = json!({"title": " 제목 ", "content": "글 #하나\r\n둘째 줄\n"});
    for same in [body.clone(), other] {
        let answer = who.ok(Method::PUT, &path, same).await;
        assert_eq!(answer, post);
    }
    let event = {
        who.post("끝").await;
        next(&mut stream).await
    };
    assert_eq!(
        (event.name.as_str(), &event.data["content"]),
        ("post.created", &json!("끝")),
        "the stream got no update"
    );
    let edited = who.ok(Method::PUT, &path, json!({"content": "글 #하나\n둘째 줄"})).await;
    assert!(edited["editedAt"].is_string() && edited["title"] == Value::Null, "removing the title is an edit");
    let event = next(&mut stream).await;
    assert_eq!((event.name.as_str(), &event.data["id"]), ("post.updated", &post["id"]));
    // An edit without a change keeps the time of the last edit.
    let again = who.ok(Method::PUT, &path, json!({"content": "글 #하나\n둘째 줄"})).await;
    assert_eq!(again["editedAt"], edited["editedAt"]);
    let edits = activity_types_by_now(&who).await.iter().filter(|kind| *kind == "POST_UPDATE").count();
    assert_eq!(edits, 1);
}

#[tokio::test]
async fn an_edit_to_the_same_images_is_no_edit() {
    let who = member().await;
    let (first, second) = (who.image_id("post", &jpeg(40, 20)).await, who.image_id("post", &jpeg(20, 40)).await);
    let body = |ids: Value| json!({"content": "사진", "imageIds": ids});
    let post = who.ok(Method::POST, "/api/posts", body(json!([first, second]))).await;
    let path = format!("/api/posts/{}", post["id"]);
    assert_eq!(who.ok(Method::PUT, &path, body(json!([first, second]))).await, post);
    assert_eq!(who.ok(Method::PUT, &path, json!({"content": "사진"})).await, post);
    let reordered = who.ok(Method::PUT, &path, body(json!([second, first]))).await;
    assert!(reordered["editedAt"].is_string());
    assert_eq!(reordered["images"][0]["id"], second);
    assert!(
        who.ok(Method::PUT, &path, body(json!([second]))).await["editedAt"].as_str() >= reordered["editedAt"].as_str()
    );
}

#[tokio::test]
async fn an_edit_to_the_same_comment_is_no_edit() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let post = who.post("글").await;
    let id = who.comment(post, None, &format!("@{handle} 댓글")).await;
    let path = format!("/api/comments/{id}");
    let before = who.get(&path).await;
    let same = json!({"content": format!(" @{handle} 댓글\n")});
    assert_eq!(who.ok(Method::PUT, &path, same).await, before);
    assert!(!activity_types_by_now(&who).await.contains(&"COMMENT_UPDATE".to_owned()));
    let edited = who.ok(Method::PUT, &path, json!({"content": "다른 댓글"})).await;
    assert!(edited["editedAt"].is_string());
    assert_eq!(who.ok(Method::PUT, &path, json!({"content": "다른 댓글"})).await["editedAt"], edited["editedAt"]);
}

/// Counts a member's events in the log.
async fn count_events(server: &TestServer, who: &Member) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(server.folder.path().join("dailyfeed.db"))
        .busy_timeout(crate::common::TIMEOUT);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM events WHERE member_id = ?").bind(who.id.cast_signed());
    let count = count.fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

#[tokio::test]
async fn commands_that_change_nothing_append_no_event() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let avatar = who.image_id("profile", &jpeg(40, 40)).await;
    let patch = json!({"bio": "소개", "location": "서울", "websiteUrl": "https://a.example", "privacy": "FOLLOWERS",
        "avatarId": avatar, "languageCode": "ko"});
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    let changed = who.ok(Method::PATCH, "/api/members/me", patch.clone()).await;
    let before = count_events(&server, &who).await;
    let handle = json!({"handle": who.handle().await});
    for (method, path, body) in [
        (Method::PATCH, "/api/members/me".to_owned(), patch),
        (Method::PATCH, "/api/members/me".to_owned(), json!({})),
        (Method::PATCH, "/api/members/me".to_owned(), json!({"bio": " 소개\r\n", "websiteUrl": "https://A.example/"})),
        (Method::PATCH, "/api/members/me".to_owned(), json!({"birthDate": null, "displayName": null})),
        (Method::PUT, "/api/members/me/handle".to_owned(), handle),
        (Method::PUT, format!("/api/posts/{post}"), json!({"content": "글"})),
        (Method::PUT, format!("/api/comments/{comment}"), json!({"content": "댓글 "})),
    ] {
        let answer = who.ok(method, &path, body.clone()).await;
        assert_eq!(count_events(&server, &who).await, before, "{path} {body}");
        assert!(!path.contains("/me") || answer == changed, "{path} {body}");
        assert!(path.contains("/me") || answer["editedAt"].is_null(), "{path} {body}");
    }
    let louder = json!({"handle": who.handle().await.to_uppercase()});
    for (method, path, body) in [
        (Method::PATCH, "/api/members/me", json!({"avatarId": null})),
        (Method::PATCH, "/api/members/me", json!({"bio": null})),
        (Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})),
        (Method::PUT, "/api/members/me/handle", louder),
    ] {
        let before = count_events(&server, &who).await;
        who.ok(method, path, body.clone()).await;
        assert!(count_events(&server, &who).await > before, "{body} is a change");
    }
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_post_can_have_images_only() {
    let who = member().await;
    for content in [json!(""), json!("\u{200B}\u{3164}"), json!(" \n"), Value::Null] {
        let id = who.image_id("post", &jpeg(40, 20)).await;
        let post = who.ok(Method::POST, "/api/posts", json!({"content": content, "imageIds": [id]})).await;
        assert_eq!((&post["content"], &post["images"][0]["id"]), (&json!(""), &json!(id)), "{content}");
        let path = format!("/api/posts/{}", post["id"]);
        assert_eq!(who.get(&path).await["content"], "");
        assert_eq!(who.ok(Method::PUT, &path, json!({"content": ""})).await, post, "the post keeps its image");
        who.refused(Method::PUT, &path, json!({"content": "", "imageIds": []}), 422, "POST_CONTENT_EMPTY").await;
        let edited = who.ok(Method::PUT, &path, json!({"content": "이제 글", "imageIds": []})).await;
        assert_eq!((&edited["content"], &edited["images"]), (&json!("이제 글"), &json!([])));
        who.refused(Method::PUT, &path, json!({"content": "\u{2800}"}), 422, "POST_CONTENT_EMPTY").await;
        assert_eq!(who.get(&path).await["content"], "이제 글", "a refused edit changes nothing");
    }
    let id = who.image_id("post", &jpeg(40, 20)).await;
    let without = who.ok(Method::POST, "/api/posts", json!({"imageIds": [id]})).await;
    assert_eq!(without["content"], "");
    assert_eq!(who.get("/api/timeline/posts/mine").await["items"][0]["id"], without["id"]);
}

#[tokio::test]
async fn a_post_needs_text_or_an_image() {
    let who = member().await;
    for body in [
        json!({"content": ""}),
        json!({"content": "\u{2060}", "imageIds": []}),
        json!({"title": "제목", "content": " "}),
    ] {
        let refused = who.refused(Method::POST, "/api/posts", body, 422, "POST_CONTENT_EMPTY").await;
        assert_eq!(fields(&refused), [("content".to_owned(), "REQUIRED".to_owned())]);
    }
    for body in [json!({}), json!({"title": "제목"}), json!({"imageIds": []})] {
        who.refused(Method::POST, "/api/posts", body, 422, "VALIDATION_FAILED").await;
    }
    assert_eq!(who.me().await["postCount"], 0);
}
