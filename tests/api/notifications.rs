//! Notifications: which command notifies whom, retractions, the marker of read notifications, and pages.
use crate::{
    activities::types,
    common::Member,
    support::{NONE, all, ids, member},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const LIST: &str = "/api/notifications";

pub(crate) async fn unread(who: &Member) -> u64 {
    who.get("/api/notifications/unread-count").await["count"].as_u64().unwrap()
}

pub(crate) async fn mark(who: &Member, id: u64) {
    let status = who.call(Method::PUT, "/api/notifications/marker", Some(json!({"lastReadId": id}))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

async fn marker(who: &Member) -> u64 {
    who.get("/api/notifications/marker").await["lastReadId"].as_u64().unwrap()
}

async fn unlike(who: &Member, path: &str) {
    who.ok(Method::DELETE, path, Value::Null).await;
}

#[tokio::test]
async fn a_like_notifies_the_author() {
    let (author, fan) = (member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    let notifications = author.get(LIST).await;
    assert_eq!(types(&notifications), ["LIKE_POST"]);
    let item = &notifications["items"][0];
    assert_eq!((&item["postId"], &item["unread"]), (&json!(post), &json!(true)));
    assert_eq!((&item["actor"]["id"], item["actor"]["handle"].as_str()), (&json!(fan.id), Some(&*fan.handle().await)));
    assert_eq!((item.get("actors"), item.get("count"), item.get("commentId")), (None, None, None));
    assert_eq!(ids(&fan.get(LIST).await), NONE);
}

#[tokio::test]
async fn own_actions_give_no_notification() {
    let author = member().await;
    let post = author.post("글").await;
    author.like(post).await;
    let comment = author.comment(post, None, "댓글").await;
    author.comment(post, Some(comment), "답글").await;
    author.ok(Method::PUT, &format!("/api/comments/{comment}/like"), Value::Null).await;
    assert_eq!(ids(&author.get(LIST).await), NONE);
    assert_eq!(unread(&author).await, 0);
}

#[tokio::test]
async fn a_comment_notifies_the_author_and_a_reply_the_parents_author() {
    let (author, first, second) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    let comment = first.comment(post, None, "댓글").await;
    let reply = second.comment(post, Some(comment), "답글").await;
    let (of_author, of_first) = (author.get(LIST).await, first.get(LIST).await);
    assert_eq!((types(&of_author), &of_author["items"][0]["commentId"]), (vec!["COMMENT"], &json!(comment)));
    assert_eq!((types(&of_first), &of_first["items"][0]["commentId"]), (vec!["REPLY"], &json!(reply)));
    assert_eq!(of_first["items"][0]["postId"], post);
}

#[tokio::test]
async fn a_like_of_a_comment_notifies_until_it_is_undone() {
    let (author, fan) = (member().await, member().await);
    let post = fan.post("글").await;
    let comment = author.comment(post, None, "댓글").await;
    let path = format!("/api/comments/{comment}/like");
    fan.ok(Method::PUT, &path, Value::Null).await;
    let notifications = author.get(LIST).await;
    assert_eq!(
        (types(&notifications), &notifications["items"][0]["commentId"]),
        (vec!["LIKE_COMMENT"], &json!(comment))
    );
    unlike(&fan, &path).await;
    assert_eq!(ids(&author.get(LIST).await), NONE);
}

#[tokio::test]
async fn an_unlike_retracts_the_notification_and_a_new_like_adds_another() {
    let (author, fan, other) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    other.like(post).await;
    let before = ids(&author.get(LIST).await);
    unlike(&fan, &format!("/api/posts/{post}/like")).await;
    assert_eq!(ids(&author.get(LIST).await), before[..1]);
    assert_eq!(unread(&author).await, 1);
    fan.like(post).await;
    let after = author.get(LIST).await;
    assert_eq!((ids(&after).len(), &after["items"][0]["actor"]["id"]), (2, &json!(fan.id)));
    assert!(ids(&after)[0] > before[0]);
}

#[tokio::test]
async fn a_follow_notifies_until_it_ends() {
    let (who, fan) = (member().await, member().await);
    for _ in 0..2 {
        fan.follow(&who).await;
        let notifications = who.get(LIST).await;
        assert_eq!(
            (types(&notifications), &notifications["items"][0]["actor"]["id"]),
            (vec!["FOLLOW"], &json!(fan.id))
        );
        fan.unfollow(&who).await;
        assert_eq!(ids(&who.get(LIST).await), NONE);
    }
    fan.follow(&who).await;
    who.delete(&format!("/api/members/me/followers/{}", fan.id)).await;
    assert_eq!(ids(&who.get(LIST).await), NONE);
}

#[tokio::test]
async fn a_deleted_comment_retracts_its_notifications() {
    let (author, other, third) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    let comment = other.comment(post, None, "댓글").await;
    third.ok(Method::PUT, &format!("/api/comments/{comment}/like"), Value::Null).await;
    // The comment has a reply and becomes a tombstone, which has no notifications either.
    third.comment(post, Some(comment), "답글").await;
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(ids(&author.get(LIST).await), NONE);
    assert_eq!(types(&other.get(LIST).await), ["REPLY"]);
}

#[tokio::test]
async fn a_deleted_post_retracts_all_its_notifications() {
    let (author, other, third) = (member().await, member().await, member().await);
    let (post, kept) = (author.post("글").await, author.post("남는 글").await);
    for id in [post, kept] {
        third.like(id).await;
    }
    let comment = other.comment(post, None, "댓글").await;
    third.comment(post, Some(comment), "답글").await;
    assert_eq!((unread(&author).await, unread(&other).await), (3, 1));
    author.delete(&format!("/api/posts/{post}")).await;
    let remaining = author.get(LIST).await;
    assert_eq!((ids(&remaining).len(), &remaining["items"][0]["postId"]), (1, &json!(kept)));
    assert_eq!((unread(&author).await, unread(&other).await), (1, 0));
}

#[tokio::test]
async fn a_follow_request_and_its_acceptance_notify() {
    let (who, fan) = (member().await, member().await);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let follow = format!("/api/members/{}/follow", who.id);
    fan.ok(Method::PUT, &follow, Value::Null).await;
    assert_eq!(types(&who.get(LIST).await), ["FOLLOW_REQUEST"]);
    who.ok(Method::PUT, &format!("/api/members/me/follow-requests/{}", fan.id), Value::Null).await;
    let notifications = fan.get(LIST).await;
    assert_eq!(
        (types(&notifications), &notifications["items"][0]["actor"]["id"]),
        (vec!["FOLLOW_ACCEPTED"], &json!(who.id))
    );
    // The acceptance retracts the request's notification, and there is none of the follow.
    assert_eq!(ids(&who.get(LIST).await), NONE);
    fan.unfollow(&who).await;
    assert_eq!(ids(&fan.get(LIST).await), NONE);
}

#[tokio::test]
async fn a_withdrawn_or_declined_request_is_retracted() {
    let (who, fan) = (member().await, member().await);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    let follow = format!("/api/members/{}/follow", who.id);
    fan.ok(Method::PUT, &follow, Value::Null).await;
    fan.delete(&follow).await;
    assert_eq!(ids(&who.get(LIST).await), NONE);
    fan.ok(Method::PUT, &follow, Value::Null).await;
    assert_eq!(types(&who.get(LIST).await), ["FOLLOW_REQUEST"]);
    who.delete(&format!("/api/members/me/follow-requests/{}", fan.id)).await;
    assert_eq!((ids(&who.get(LIST).await), ids(&fan.get(LIST).await)), (vec![], vec![]));
}

#[tokio::test]
async fn going_public_notifies_all_requesters() {
    let (who, fans) = (member().await, [member().await, member().await]);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    for fan in &fans {
        fan.ok(Method::PUT, &format!("/api/members/{}/follow", who.id), Value::Null).await;
    }
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PUBLIC"})).await;
    for fan in &fans {
        assert_eq!(types(&fan.get(LIST).await), ["FOLLOW_ACCEPTED"]);
    }
    assert_eq!(ids(&who.get(LIST).await), NONE);
}

#[tokio::test]
async fn notifications_up_to_the_marker_are_read() {
    let (author, fan) = (member().await, member().await);
    for number in 0..4 {
        fan.like(author.post(&format!("글 {number}")).await).await;
    }
    let notifications = ids(&author.get(LIST).await);
    assert_eq!((unread(&author).await, marker(&author).await), (4, 0));
    mark(&author, notifications[2]).await;
    assert_eq!((unread(&author).await, marker(&author).await), (2, notifications[2]));
    let page = author.get(LIST).await;
    let flags: Vec<bool> = page["items"].as_array().unwrap().iter().map(|item| item["unread"] == true).collect();
    assert_eq!(flags, [true, true, false, false]);
    mark(&author, notifications[0]).await;
    assert_eq!(unread(&author).await, 0);
}

#[tokio::test]
async fn the_marker_never_moves_back() {
    let (author, fan) = (member().await, member().await);
    fan.like(author.post("하나").await).await;
    fan.like(author.post("둘").await).await;
    let notifications = ids(&author.get(LIST).await);
    mark(&author, notifications[0]).await;
    for older in [notifications[1], 0, notifications[0]] {
        mark(&author, older).await;
        assert_eq!((marker(&author).await, unread(&author).await), (notifications[0], 0));
    }
}

#[tokio::test]
async fn the_marker_is_shared_between_devices_of_one_member() {
    let (author, fan) = (member().await, member().await);
    let mut other_device = author.clone();
    other_device.log_in().await;
    fan.like(author.post("글").await).await;
    author.like(fan.post("글").await).await;
    let newest = ids(&author.get(LIST).await)[0];
    mark(&author, newest).await;
    assert_eq!((unread(&other_device).await, marker(&other_device).await), (0, newest));
    assert_eq!((unread(&fan).await, marker(&fan).await), (1, 0));
}

#[tokio::test]
async fn an_invalid_marker_is_refused() {
    let who = member().await;
    let path = "/api/notifications/marker";
    for (body, code) in [
        (json!({"lastReadId": (1_u64 << 53) - 1}), "OUT_OF_RANGE"),
        (json!({"lastReadId": "7"}), "INVALID_FORMAT"),
        (json!({"lastReadId": -1}), "INVALID_FORMAT"),
        (json!({"lastReadId": null}), "REQUIRED"),
        (json!({}), "REQUIRED"),
    ] {
        let refused = who.refused(Method::PUT, path, body, 422, "VALIDATION_FAILED").await;
        assert_eq!(crate::support::fields(&refused), [("lastReadId".to_owned(), code.to_owned())]);
    }
    assert_eq!(marker(&who).await, 0);
}

#[tokio::test]
async fn the_marker_can_name_a_retracted_notification() {
    let (author, fan) = (member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    let newest = ids(&author.get(LIST).await)[0];
    unlike(&fan, &format!("/api/posts/{post}/like")).await;
    // The client has shown the notification, so its marker is valid although the notification was retracted.
    mark(&author, newest).await;
    fan.like(post).await;
    assert_eq!(unread(&author).await, 1);
}

#[tokio::test]
async fn pages_of_notifications_repeat_and_skip_nothing() {
    let author = member().await;
    let post = author.post("글").await;
    for _ in 0..3 {
        let fan = member().await;
        fan.like(post).await;
        fan.comment(post, None, "댓글").await;
        fan.follow(&author).await;
    }
    let whole = ids(&author.get("/api/notifications?limit=100").await);
    assert_eq!(whole.len(), 9);
    for limit in [1, 4, 8, 9] {
        assert_eq!(all(&author, LIST, limit).await, whole, "limit {limit}");
    }
}
