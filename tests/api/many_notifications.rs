//! More notifications than one step reads: counts, groups and lists of them reflect what hides and shows them.
use crate::{
    notifications::unread,
    support::{all, ids, member, until},
};
use serde_json::json;

/// More than the 200 notifications that the server reads in one step.
const MANY: u64 = 210;

#[tokio::test]
async fn many_notifications_are_counted_grouped_and_hidden_exactly() {
    let (author, fan, other) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    let first = fan.comment(post, None, "댓글").await;
    for _ in 1..MANY {
        fan.comment(post, None, "댓글").await;
    }
    other.like(post).await;
    assert_eq!(unread(&author).await, MANY + 1);
    let page = author.get("/api/notifications?group=true").await;
    let groups: Vec<_> = page["items"].as_array().unwrap().iter().map(|g| (&g["type"], &g["count"])).collect();
    assert_eq!(groups, [(&json!("LIKE_POST"), &json!(1)), (&json!("COMMENT"), &json!(1))]);
    assert_eq!(all(&author, "/api/notifications", 100).await.len() as u64, MANY + 1);

    fan.delete(&format!("/api/comments/{first}")).await;
    until(async || (unread(&author).await == MANY).then_some(())).await;
    author.block(&fan).await;
    assert_eq!(unread(&author).await, 1);
    // The hidden notifications fill no page, and the list ends after them.
    assert_eq!(ids(&author.get("/api/notifications?limit=5").await).len(), 1);
    author.delete(&format!("/api/members/{}/block", fan.id)).await;
    assert_eq!(unread(&author).await, MANY);
    author.delete(&format!("/api/posts/{post}")).await;
    until(async || (unread(&author).await == 0).then_some(())).await;
    assert_eq!(ids(&author.get("/api/notifications?group=true").await), [0_u64; 0]);
}
