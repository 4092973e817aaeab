//! Threads of comments: levels, tombstones, counts, and concurrent replies and deletions.
use crate::{
    common::Member,
    support::{NONE, all, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A post with one comment on each of the three levels.
struct Thread {
    who: Member,
    post: u64,
    levels: [u64; 3],
}

async fn thread() -> Thread {
    let who = member().await;
    let post = who.post("글").await;
    let top = who.comment(post, None, "하나").await;
    let reply = who.comment(post, Some(top), "둘").await;
    let below = who.comment(post, Some(reply), "셋").await;
    Thread { who, post, levels: [top, reply, below] }
}

impl Thread {
    async fn at(&self, level: usize) -> Value {
        self.who.get(&format!("/api/comments/{}", self.levels[level])).await
    }

    async fn delete(&self, level: usize) {
        self.who.delete(&format!("/api/comments/{}", self.levels[level])).await;
    }

    async fn count(&self) -> Value {
        self.who.get(&format!("/api/posts/{}", self.post)).await["commentCount"].clone()
    }
}

#[tokio::test]
async fn a_comment_has_its_parent_and_depth() {
    let thread = thread().await;
    let parents = [Value::Null, json!(thread.levels[0]), json!(thread.levels[1])];
    for (level, parent) in parents.iter().enumerate() {
        let comment = thread.at(level).await;
        assert_eq!((&comment["depth"], &comment["parentId"]), (&json!(level), parent));
        assert_eq!(comment["postId"], thread.post);
    }
    assert_eq!(thread.count().await, 3);
}

#[tokio::test]
async fn replies_are_direct_children_only() {
    let thread = thread().await;
    let [top, reply, below] = thread.levels;
    for (parent, replies) in [(top, vec![reply]), (reply, vec![below]), (below, vec![])] {
        assert_eq!(all(&thread.who, &format!("/api/comments/{parent}/replies"), 1).await, replies);
    }
}

#[tokio::test]
async fn a_deleted_comment_with_replies_leaves_a_tombstone() {
    let thread = thread().await;
    thread.delete(1).await;
    assert_eq!(thread.count().await, 2);
    let page = thread.who.get(&format!("/api/comments/{}/replies", thread.levels[0])).await;
    let tombstone = &page["items"][0];
    assert_eq!((&tombstone["id"], &tombstone["deleted"]), (&json!(thread.levels[1]), &json!(true)));
    assert_eq!((&tombstone["content"], &tombstone["author"]), (&json!(""), &Value::Null));
    assert_eq!(thread.at(2).await["content"], "셋");
}

#[tokio::test]
async fn tombstones_disappear_with_their_last_reply() {
    let thread = thread().await;
    thread.delete(0).await;
    thread.delete(1).await;
    assert_eq!(thread.count().await, 1);
    thread.delete(2).await;
    assert_eq!(thread.count().await, 0);
    let list = thread.who.get(&format!("/api/posts/{}/comments", thread.post)).await;
    assert_eq!(ids(&list), NONE);
}

#[tokio::test]
async fn a_tombstone_cannot_be_answered_edited_or_liked() {
    let thread = thread().await;
    thread.delete(0).await;
    let (who, path) = (&thread.who, format!("/api/comments/{}", thread.levels[0]));
    let reply = json!({"content": "답", "parentId": thread.levels[0]});
    let comments = format!("/api/posts/{}/comments", thread.post);
    who.refused(Method::POST, &comments, reply, 404, "PARENT_COMMENT_NOT_FOUND").await;
    who.refused(Method::PUT, &path, json!({"content": "다시"}), 404, "COMMENT_NOT_FOUND").await;
    who.refused(Method::PUT, &format!("{path}/like"), Value::Null, 404, "COMMENT_NOT_FOUND").await;
    who.refused(Method::DELETE, &path, Value::Null, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn the_text_of_a_tombstone_is_in_no_response() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let top = who.comment(post, None, "지울 비밀").await;
    other.comment(post, Some(top), "답").await;
    who.delete(&format!("/api/comments/{top}")).await;
    for path in [format!("/api/posts/{post}/comments"), format!("/api/members/{}/comments", who.id)] {
        assert!(!other.get(&path).await.to_string().contains("비밀"), "{path}");
    }
    let single = other.send(Method::GET, &format!("/api/comments/{top}"), Value::Null).await;
    assert!(!single.text().await.unwrap().contains("비밀"));
}

#[tokio::test]
async fn comments_are_deleted_with_their_post() {
    let thread = thread().await;
    thread.who.delete(&format!("/api/posts/{}", thread.post)).await;
    for id in thread.levels {
        let path = format!("/api/comments/{id}");
        thread.who.refused(Method::GET, &path, Value::Null, 404, "COMMENT_NOT_FOUND").await;
        thread.who.refused(Method::PUT, &path, json!({"content": "x"}), 404, "COMMENT_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn comments_on_unknown_posts_are_not_found() {
    let who = member().await;
    who.refused(Method::POST, "/api/posts/1/comments", json!({"content": "x"}), 404, "POST_NOT_FOUND").await;
    who.refused(Method::GET, "/api/posts/1/comments", Value::Null, 404, "POST_NOT_FOUND").await;
    who.refused(Method::GET, "/api/comments/1", Value::Null, 404, "COMMENT_NOT_FOUND").await;
    who.refused(Method::GET, "/api/comments/1/replies", Value::Null, 404, "COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_parent_of_the_wrong_type_is_refused() {
    let who = member().await;
    let path = format!("/api/posts/{}/comments", who.post("글").await);
    for parent in [json!("x"), json!(-1), json!(1.5), json!([1])] {
        let answer = who.send(Method::POST, &path, json!({"content": "답", "parentId": parent})).await;
        assert!([400, 422].contains(&answer.status().as_u16()), "{parent}");
    }
    assert_eq!(ids(&who.get(&path).await), NONE);
}

#[tokio::test]
async fn thirty_concurrent_comments_are_all_counted() {
    let (who, other) = (member().await, member().await);
    let post = who.post("글").await;
    let top = who.comment(post, None, "위").await;
    let replies = futures::future::join_all((0..29).map(|_| other.comment(post, Some(top), "답"))).await;
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["commentCount"], 30);
    let parent = who.get(&format!("/api/comments/{top}")).await;
    assert_eq!(parent["replyCount"], 29);
    let mut listed = all(&who, &format!("/api/comments/{top}/replies"), 10).await;
    assert!(listed.is_sorted(), "oldest first");
    listed.retain(|id| !replies.contains(id));
    assert_eq!(listed, NONE);
}

#[tokio::test]
async fn a_concurrent_reply_and_deletion_of_its_parent_are_consistent() {
    for _ in 0..5 {
        let who = member().await;
        let post = who.post("글").await;
        let top = who.comment(post, None, "위").await;
        let (comments, path) = (format!("/api/posts/{post}/comments"), format!("/api/comments/{top}"));
        let reply = who.send(Method::POST, &comments, json!({"content": "답", "parentId": top}));
        let (reply, deleted) = futures::future::join(reply, who.call(Method::DELETE, &path, None)).await;
        assert_eq!(deleted, 204);
        let list = who.get(&comments).await;
        let count = who.get(&format!("/api/posts/{post}")).await["commentCount"].clone();
        match reply.status().as_u16() {
            201 => assert_eq!((&list["items"][0]["deleted"], count), (&json!(true), json!(1))),
            status => assert_eq!((status, ids(&list), count), (404, vec![], json!(0))),
        }
    }
}

#[tokio::test]
async fn liked_of_a_comment_is_per_viewer() {
    let thread = thread().await;
    let fan = member().await;
    let reply = format!("/api/comments/{}", thread.levels[1]);
    fan.ok(Method::PUT, &format!("{reply}/like"), Value::Null).await;
    let comments = format!("/api/posts/{}/comments", thread.post);
    for (viewer, liked) in [(&fan, true), (&thread.who, false)] {
        let preview = viewer.get(&comments).await["items"][0]["replies"][0].clone();
        assert_eq!((&preview["liked"], &preview["likeCount"]), (&json!(liked), &json!(1)));
        assert_eq!(viewer.get(&reply).await["liked"], liked);
    }
}

#[tokio::test]
async fn the_author_of_a_comment_has_no_email() {
    let thread = thread().await;
    let comment = member().await.get(&format!("/api/comments/{}", thread.levels[0])).await;
    let mut fields: Vec<_> = comment["author"].as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["avatarUrl", "displayName", "handle", "id"]);
    assert!(!comment.to_string().contains("@example.com"));
}
