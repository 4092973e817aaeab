//! `GET /api/notifications?group=true`: groups by post and type, their counts, order, unread flag and pages.
use crate::{
    common::Member,
    notifications::mark,
    support::{all, ids, member},
};
use reqwest::Method;
use serde_json::{Value, json};

const GROUPS: &str = "/api/notifications?group=true";

async fn members(count: usize) -> Vec<Member> {
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(member().await);
    }
    members
}

fn actors(group: &Value) -> Vec<u64> {
    group["actors"].as_array().unwrap().iter().map(|card| card["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn likes_of_a_post_are_one_group_with_the_newest_actors() {
    let (author, fans) = (member().await, members(5).await);
    let post = author.post("글").await;
    for fan in &fans {
        fan.like(post).await;
    }
    let page = author.get(GROUPS).await;
    let group = &page["items"][0];
    assert_eq!((ids(&page).len(), &group["type"], &group["postId"]), (1, &json!("LIKE_POST"), &json!(post)));
    assert_eq!((&group["count"], actors(group)), (&json!(5), vec![fans[4].id, fans[3].id, fans[2].id]));
    assert_eq!((&group["actor"]["id"], &group["unread"]), (&json!(fans[4].id), &json!(true)));
    assert_eq!(group["id"], author.get("/api/notifications").await["items"][0]["id"]);
}

#[tokio::test]
async fn a_member_counts_once_in_a_group() {
    let (author, fan) = (member().await, member().await);
    let post = author.post("글").await;
    for _ in 0..3 {
        fan.comment(post, None, "댓글").await;
    }
    let page = author.get(GROUPS).await;
    assert_eq!((ids(&page).len(), &page["items"][0]["count"]), (1, &json!(1)));
    assert_eq!(actors(&page["items"][0]), [fan.id]);
}

#[tokio::test]
async fn groups_per_post_and_type_are_ordered_by_their_newest_notification() {
    let (author, fans) = (member().await, members(2).await);
    let (first, second) = (author.post("하나").await, author.post("둘").await);
    fans[0].like(first).await;
    fans[0].like(second).await;
    fans[0].comment(first, None, "댓글").await;
    fans[1].like(first).await;
    let page = author.get(GROUPS).await;
    let shown: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|g| (g["type"].as_str().unwrap(), g["postId"].as_u64())).collect();
    assert_eq!(shown, [("LIKE_POST", Some(first)), ("COMMENT", Some(first)), ("LIKE_POST", Some(second))]);
}

#[tokio::test]
async fn follows_of_a_day_are_one_group_and_replies_are_not_grouped() {
    let (who, fans) = (member().await, members(3).await);
    let post = fans[0].post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    for fan in &fans {
        fan.comment(post, Some(comment), "답글").await;
    }
    for fan in &fans {
        fan.follow(&who).await;
    }
    let page = who.get(GROUPS).await;
    // The day may end in the middle of this test.
    let follows: Vec<&Value> = page["items"].as_array().unwrap().iter().filter(|g| g["type"] == "FOLLOW").collect();
    let replies: Vec<&Value> = page["items"].as_array().unwrap().iter().filter(|g| g["type"] == "REPLY").collect();
    assert_eq!(follows.iter().map(|group| group["count"].as_u64().unwrap()).sum::<u64>(), 3);
    assert!(follows.len() <= 2, "{page}");
    assert_eq!(replies.iter().map(|group| group["count"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn hidden_actors_are_not_counted_in_a_group() {
    let (author, fans) = (member().await, members(4).await);
    let post = author.post("글").await;
    for fan in &fans {
        fan.like(post).await;
    }
    author.ok(Method::PUT, &format!("/api/members/{}/block", fans[3].id), Value::Null).await;
    author.ok(Method::PUT, &format!("/api/members/{}/mute", fans[0].id), Value::Null).await;
    let group = author.get(GROUPS).await["items"][0].clone();
    assert_eq!((&group["count"], actors(&group)), (&json!(2), vec![fans[2].id, fans[1].id]));
    fans[2].ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    let group = author.get(GROUPS).await["items"][0].clone();
    assert_eq!((&group["count"], &group["actor"]["id"]), (&json!(1), &json!(fans[1].id)));
}

#[tokio::test]
async fn a_group_is_unread_while_its_newest_notification_is() {
    let (author, fans) = (member().await, members(2).await);
    let post = author.post("글").await;
    fans[0].like(post).await;
    mark(&author, ids(&author.get(GROUPS).await)[0]).await;
    assert_eq!(author.get(GROUPS).await["items"][0]["unread"], false);
    fans[1].like(post).await;
    assert_eq!(author.get(GROUPS).await["items"][0]["unread"], true);
}

#[tokio::test]
async fn no_group_is_on_two_pages_while_likes_arrive() {
    let (author, fans) = (member().await, members(3).await);
    let mut posts = Vec::new();
    for number in 0..6 {
        let post = author.post(&format!("글 {number}")).await;
        fans[0].like(post).await;
        posts.insert(0, post);
    }
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = author.get(&format!("{GROUPS}&limit=2{cursor}")).await;
        listed.extend(page["items"].as_array().unwrap().iter().map(|group| group["postId"].as_u64().unwrap()));
        // Older groups get new likes, which move them to the front.
        for post in &posts {
            fans[listed.len() % 2 + 1].like(*post).await;
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, posts);
}

#[tokio::test]
async fn pages_of_groups_repeat_and_skip_nothing() {
    let (author, fan) = (member().await, member().await);
    for number in 0..5 {
        fan.like(author.post(&format!("글 {number}")).await).await;
    }
    let whole = ids(&author.get(GROUPS).await);
    assert_eq!(whole.len(), 5);
    for limit in [1, 2, 4, 5] {
        assert_eq!(all(&author, GROUPS, limit).await, whole);
    }
    let cursor = author.get(&format!("{GROUPS}&limit=2")).await["nextCursor"].as_str().unwrap().to_owned();
    let single = format!("/api/notifications?cursor={cursor}");
    author.refused(Method::GET, &single, Value::Null, 400, "CURSOR_INVALID").await;
    let maybe = "/api/notifications?group=maybe";
    author.refused(Method::GET, maybe, Value::Null, 400, "MALFORMED_REQUEST").await;
}
