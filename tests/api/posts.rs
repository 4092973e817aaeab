//! Posts: creation, reads, edits, deletion, views and validation.
use crate::support::{eventually, fields, ids, member, problem};
use reqwest::Method;
use serde_json::{Value, json};

async fn refused(body: Value, code: &str) -> Value {
    problem(member().await.send(Method::POST, "/api/posts", body).await, 422, code).await
}

#[tokio::test]
async fn a_created_post_is_returned_with_its_location() {
    let who = member().await;
    let answer = who.send(Method::POST, "/api/posts", json!({"title": "제목", "content": "  내용입니다 \n"})).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let post: Value = answer.json().await.unwrap();
    assert_eq!(location, format!("/api/posts/{}", post["id"]));
    assert_eq!((&post["title"], &post["content"]), (&json!("제목"), &json!("내용입니다")));
    assert_eq!(post["author"]["id"], who.id);
    for count in ["viewCount", "likeCount", "commentCount"] {
        assert_eq!(post[count], 0);
    }
    assert_eq!((&post["liked"], &post["editedAt"], &post["images"]), (&json!(false), &Value::Null, &json!([])));
    let time = post["createdAt"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
    assert_eq!(who.get(&location).await, post);
}

#[tokio::test]
async fn content_is_limited_in_characters() {
    let who = member().await;
    for text in ["가".repeat(5_000), "👨‍👩‍👧‍👦".repeat(5_000)] {
        // Five thousand family emoji exceed the limit of a request in bytes; Hangul does not.
        if text.len() < 60_000 {
            assert_eq!(who.send(Method::POST, "/api/posts", json!({"content": text})).await.status(), 201);
        }
    }
    refused(json!({"content": "가".repeat(5_001)}), "POST_CONTENT_TOO_LONG").await;
}

#[tokio::test]
async fn a_title_is_limited_in_characters() {
    let who = member().await;
    let body = json!({"title": "제".repeat(100), "content": "글"});
    assert_eq!(who.send(Method::POST, "/api/posts", body).await.status(), 201);
    refused(json!({"title": "제".repeat(101), "content": "글"}), "POST_TITLE_TOO_LONG").await;
}

#[tokio::test]
async fn a_post_needs_text() {
    refused(json!({"content": ""}), "POST_CONTENT_EMPTY").await;
    refused(json!({"content": " \n\t "}), "POST_CONTENT_EMPTY").await;
}

#[tokio::test]
async fn a_post_without_content_names_the_field() {
    let problem = refused(json!({"title": "x"}), "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem), [("content".to_owned(), "REQUIRED".to_owned())]);
}

#[tokio::test]
async fn text_of_the_wrong_type_is_refused() {
    let answer = member().await.send(Method::POST, "/api/posts", json!({"content": 7})).await;
    assert!([400, 422].contains(&answer.status().as_u16()));
}

#[tokio::test]
async fn unknown_images_are_refused() {
    let post = json!({"content": "x", "imageIds": [1]});
    member().await.refused(Method::POST, "/api/posts", post, 404, "IMAGE_NOT_FOUND").await;
    let problem = refused(json!({"content": "x", "imageIds": [1, 2, 3, 4, 5]}), "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem)[0].0, "imageIds");
}

#[tokio::test]
async fn tags_and_mentions_have_code_point_offsets() {
    let (who, other) = (member().await, member().await);
    let handle = other.handle().await;
    let content = format!("😀 #한글 좋아요 @{handle}님 @nobody_here_at_all #Rust");
    let post = who.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    let slice = |found: &Value| {
        let (start, end) = (found["start"].as_u64().unwrap() as usize, found["end"].as_u64().unwrap() as usize);
        content.chars().skip(start).take(end - start).collect::<String>()
    };
    let tags = post["tags"].as_array().unwrap();
    assert_eq!(tags.iter().map(|tag| tag["tag"].as_str().unwrap()).collect::<Vec<_>>(), ["한글", "rust"]);
    assert_eq!(tags.iter().map(slice).collect::<Vec<_>>(), ["#한글", "#Rust"]);
    let mentions = post["mentions"].as_array().unwrap();
    assert_eq!(mentions.len(), 1, "an unknown handle is no mention");
    assert_eq!((slice(&mentions[0]), &mentions[0]["memberId"]), (format!("@{handle}"), &json!(other.id)));
}

#[tokio::test]
async fn an_edit_replaces_text_and_markup_and_sets_edited_at() {
    let who = member().await;
    let id = who.post("처음 #하나").await;
    let edited = who.ok(Method::PUT, &format!("/api/posts/{id}"), json!({"title": "새", "content": "다음 #둘"})).await;
    assert_eq!((&edited["title"], &edited["content"]), (&json!("새"), &json!("다음 #둘")));
    assert_eq!(edited["tags"][0]["tag"], "둘");
    assert!(edited["editedAt"].as_str() >= edited["createdAt"].as_str());
    assert_eq!(who.get(&format!("/api/posts/{id}")).await, edited);
}

#[tokio::test]
async fn an_edit_is_validated_like_a_creation() {
    let who = member().await;
    let path = format!("/api/posts/{}", who.post("글").await);
    problem(who.send(Method::PUT, &path, json!({"content": " "})).await, 422, "POST_CONTENT_EMPTY").await;
    let long = json!({"content": "x".repeat(5_001)});
    problem(who.send(Method::PUT, &path, long).await, 422, "POST_CONTENT_TOO_LONG").await;
}

#[tokio::test]
async fn only_the_author_can_edit_or_delete_a_post() {
    let (who, other) = (member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    problem(other.send(Method::PUT, &path, json!({"content": "x"})).await, 403, "POST_UPDATE_FORBIDDEN").await;
    problem(other.send(Method::DELETE, &path, Value::Null).await, 403, "POST_DELETE_FORBIDDEN").await;
    assert_eq!(other.get(&path).await["content"], "글");
}

#[tokio::test]
async fn a_deleted_post_is_hidden_from_everybody() {
    let (who, other) = (member().await, member().await);
    let id = who.post("글").await;
    let path = format!("/api/posts/{id}");
    other.get(&path).await;
    assert_eq!(who.call(Method::DELETE, &path, None).await, 204);
    for member in [&who, &other] {
        problem(member.send(Method::GET, &path, Value::Null).await, 404, "POST_NOT_FOUND").await;
    }
    for (method, at) in [(Method::PUT, "/like"), (Method::GET, "/likes"), (Method::GET, "/comments")] {
        let answer = other.send(method, &format!("{path}{at}"), Value::Null).await;
        problem(answer, 404, "POST_NOT_FOUND").await;
    }
    let comment = other.send(Method::POST, &format!("{path}/comments"), json!({"content": "늦음"})).await;
    problem(comment, 404, "POST_NOT_FOUND").await;
    problem(who.send(Method::DELETE, &path, Value::Null).await, 404, "POST_NOT_FOUND").await;
    assert_eq!(who.me().await["postCount"], 0);
    assert!(!ids(&who.get("/api/timeline/posts/mine").await).contains(&id));
}

#[tokio::test]
async fn unknown_posts_are_not_found_and_other_ids_are_malformed() {
    let who = member().await;
    problem(who.send(Method::GET, "/api/posts/1", Value::Null).await, 404, "POST_NOT_FOUND").await;
    problem(who.send(Method::GET, "/api/posts/x1", Value::Null).await, 400, "MALFORMED_REQUEST").await;
    problem(who.send(Method::PUT, "/api/posts/1", json!({"content": "x"})).await, 404, "POST_NOT_FOUND").await;
}

#[tokio::test]
async fn a_view_counts_once_an_hour_per_reader_and_never_for_the_author() {
    let (who, reader, another) = (member().await, member().await, member().await);
    let path = format!("/api/posts/{}", who.post("글").await);
    for _ in 0..3 {
        who.get(&path).await;
        reader.get(&path).await;
    }
    another.get(&path).await;
    eventually(&who, &path, |post| post["viewCount"] == 2).await;
    reader.get(&path).await;
    // The store commits the like after the views that were counted before it.
    who.ok(Method::PUT, &format!("{path}/like"), Value::Null).await;
    assert_eq!(who.get(&path).await["viewCount"], 2);
}

#[tokio::test]
async fn control_characters_are_refused() {
    refused(json!({"content": "a\u{0}b"}), "VALIDATION_FAILED").await;
    refused(json!({"content": "a\u{1B}b"}), "VALIDATION_FAILED").await;
    refused(json!({"content": "a", "title": "a\u{202E}b"}), "VALIDATION_FAILED").await;
}
