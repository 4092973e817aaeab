//! Comments: creation, three levels of replies, edits, deletion with tombstones, likes and lists.
use crate::support::{NONE, all, ids, member, problem};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_created_comment_is_returned_with_its_location() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let answer = other.send(Method::POST, &format!("/api/posts/{post}/comments"), json!({"content": " 좋아요 "})).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let comment: Value = answer.json().await.unwrap();
    assert_eq!(location, format!("/api/comments/{}", comment["id"]));
    assert_eq!(
        (&comment["content"], &comment["depth"], &comment["postId"]),
        (&json!("좋아요"), &json!(0), &json!(post))
    );
    assert_eq!((&comment["parentId"], &comment["deleted"]), (&Value::Null, &json!(false)));
    assert_eq!(comment["author"]["id"], other.id);
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["commentCount"], 1);
    assert_eq!(who.get(&location).await["id"], comment["id"]);
}

#[tokio::test]
async fn comments_are_limited_to_three_levels() {
    let who = member().await;
    let post = who.post("글").await;
    let top = who.comment(post, None, "하나").await;
    let reply = who.comment(post, Some(top), "둘").await;
    let below = who.comment(post, Some(reply), "셋").await;
    assert_eq!(who.get(&format!("/api/comments/{below}")).await["depth"], 2);
    let path = format!("/api/posts/{post}/comments");
    let deeper = who.send(Method::POST, &path, json!({"content": "넷", "parentId": below})).await;
    problem(deeper, 422, "COMMENT_DEPTH_LIMIT_EXCEEDS").await;
}

#[tokio::test]
async fn a_parent_must_exist_on_the_same_post() {
    let who = member().await;
    let (post, another) = (who.post("글").await, who.post("다른 글").await);
    let parent = who.comment(post, None, "하나").await;
    let reply = |post: u64, parent: u64| {
        let who = who.clone();
        async move {
            let body = json!({"content": "답", "parentId": parent});
            who.send(Method::POST, &format!("/api/posts/{post}/comments"), body).await
        }
    };
    problem(reply(another, parent).await, 422, "PARENT_COMMENT_POST_MISMATCH").await;
    problem(reply(post, 1).await, 404, "PARENT_COMMENT_NOT_FOUND").await;
    who.call(Method::DELETE, &format!("/api/comments/{parent}"), None).await;
    problem(reply(post, parent).await, 404, "PARENT_COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_comment_has_1_to_1000_characters() {
    let who = member().await;
    let path = format!("/api/posts/{}/comments", who.post("글").await);
    let send = |content: String| who.send(Method::POST, &path, json!({"content": content}));
    problem(send(" ".to_owned()).await, 422, "COMMENT_CONTENT_EMPTY").await;
    assert_eq!(send("댓".repeat(1_000)).await.status(), 201);
    problem(send("댓".repeat(1_001)).await, 422, "COMMENT_CONTENT_TOO_LONG").await;
}

#[tokio::test]
async fn a_list_is_oldest_first_with_the_first_replies() {
    let who = member().await;
    let post = who.post("글").await;
    let mut tops = Vec::new();
    for number in 0..5 {
        tops.push(who.comment(post, None, &format!("댓글 {number}")).await);
    }
    let mut replies = Vec::new();
    for number in 0..3 {
        replies.push(who.comment(post, Some(tops[0]), &format!("답 {number}")).await);
    }
    let path = format!("/api/posts/{post}/comments");
    assert_eq!(all(&who, &path, 2).await, tops);
    let page = who.get(&path).await;
    let first = &page["items"][0];
    assert_eq!(first["replyCount"], 3);
    let brought: Vec<u64> = first["replies"].as_array().unwrap().iter().map(|r| r["id"].as_u64().unwrap()).collect();
    assert_eq!(brought, replies[..2]);
    assert_eq!(all(&who, &format!("/api/comments/{}/replies", tops[0]), 2).await, replies);
}

#[tokio::test]
async fn only_the_author_can_edit_or_delete_a_comment() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let path = format!("/api/comments/{}", who.comment(post, None, "처음").await);
    let body = json!({"content": "바꿈"});
    problem(other.send(Method::PUT, &path, body.clone()).await, 403, "COMMENT_MODIFICATION_FORBIDDEN").await;
    problem(other.send(Method::DELETE, &path, Value::Null).await, 403, "COMMENT_DELETION_FORBIDDEN").await;
    let edited = who.ok(Method::PUT, &path, body).await;
    assert_eq!(edited["content"], "바꿈");
    assert!(edited["editedAt"].is_string());
}

#[tokio::test]
async fn a_comment_without_replies_is_removed() {
    let who = member().await;
    let post = who.post("글").await;
    let id = who.comment(post, None, "하나").await;
    let path = format!("/api/comments/{id}");
    assert_eq!(who.call(Method::DELETE, &path, None).await, 204);
    problem(who.send(Method::GET, &path, Value::Null).await, 404, "COMMENT_NOT_FOUND").await;
    assert_eq!(ids(&who.get(&format!("/api/posts/{post}/comments")).await), NONE);
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["commentCount"], 0);
    problem(who.send(Method::DELETE, &path, Value::Null).await, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_comment_with_replies_stays_as_an_empty_tombstone() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let top = who.comment(post, None, "비밀").await;
    let reply = other.comment(post, Some(top), "답").await;
    assert_eq!(who.call(Method::DELETE, &format!("/api/comments/{top}"), None).await, 204);
    let list = format!("/api/posts/{post}/comments");
    let page = who.get(&list).await;
    let tombstone = &page["items"][0];
    assert_eq!((&tombstone["id"], &tombstone["deleted"]), (&json!(top), &json!(true)));
    assert_eq!((&tombstone["content"], &tombstone["author"]), (&json!(""), &Value::Null));
    assert_eq!(tombstone["replies"][0]["id"], reply);
    assert!(!page.to_string().contains("비밀"));
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["commentCount"], 1);
    assert_eq!(other.call(Method::DELETE, &format!("/api/comments/{reply}"), None).await, 204);
    assert_eq!(ids(&who.get(&list).await), NONE, "a tombstone without replies is removed");
}

#[tokio::test]
async fn a_comment_is_liked_and_unliked_once() {
    let (who, fan) = (member().await, member().await);
    let post = who.post("글").await;
    let id = who.comment(post, None, "하나").await;
    let path = format!("/api/comments/{id}/like");
    assert_eq!(fan.ok(Method::PUT, &path, Value::Null).await, json!({"liked": true, "likeCount": 1}));
    assert_eq!(fan.ok(Method::PUT, &path, Value::Null).await["likeCount"], 1);
    let page = fan.get(&format!("/api/posts/{post}/comments")).await;
    assert_eq!((&page["items"][0]["liked"], &page["items"][0]["likeCount"]), (&json!(true), &json!(1)));
    assert_eq!(fan.ok(Method::DELETE, &path, Value::Null).await["likeCount"], 0);
}

#[tokio::test]
async fn a_members_comments_are_newest_first_and_without_tombstones() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let mut mine = Vec::new();
    for number in 0..4 {
        mine.insert(0, who.comment(post, None, &format!("댓글 {number}")).await);
    }
    let parent = who.comment(post, None, "지울 것").await;
    other.comment(post, Some(parent), "답").await;
    who.call(Method::DELETE, &format!("/api/comments/{parent}"), None).await;
    assert_eq!(all(&other, &format!("/api/members/{}/comments", who.id), 3).await, mine);
    who.call(Method::DELETE, &format!("/api/posts/{post}"), None).await;
    assert_eq!(all(&other, &format!("/api/members/{}/comments", who.id), 3).await, NONE);
}

#[tokio::test]
async fn the_comments_of_an_unknown_member_are_not_found() {
    problem(member().await.send(Method::GET, "/api/members/1/comments", Value::Null).await, 404, "MEMBER_NOT_FOUND")
        .await;
}
