//! Notifications: who is told what, what takes it back, and how far it has been read.
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
async fn a_like_is_told_to_the_author() {
    let (author, fan) = (member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    let told = author.get(LIST).await;
    assert_eq!(types(&told), ["LIKE_POST"]);
    let item = &told["items"][0];
    assert_eq!((&item["postId"], &item["unread"]), (&json!(post), &json!(true)));
    assert_eq!((&item["actor"]["id"], item["actor"]["handle"].as_str()), (&json!(fan.id), Some(&*fan.handle().await)));
    assert_eq!((item.get("actors"), item.get("count"), item.get("commentId")), (None, None, None));
    assert_eq!(ids(&fan.get(LIST).await), NONE);
}

#[tokio::test]
async fn nobody_is_told_of_their_own_acts() {
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
async fn a_comment_is_told_to_the_author_and_a_reply_to_whom_it_answers() {
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
async fn a_like_of_a_comment_is_told_until_it_is_taken_back() {
    let (author, fan) = (member().await, member().await);
    let post = fan.post("글").await;
    let comment = author.comment(post, None, "댓글").await;
    let path = format!("/api/comments/{comment}/like");
    fan.ok(Method::PUT, &path, Value::Null).await;
    let told = author.get(LIST).await;
    assert_eq!((types(&told), &told["items"][0]["commentId"]), (vec!["LIKE_COMMENT"], &json!(comment)));
    unlike(&fan, &path).await;
    assert_eq!(ids(&author.get(LIST).await), NONE);
}

#[tokio::test]
async fn a_like_taken_back_is_told_no_more_and_anew_when_given_again() {
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
async fn a_follow_is_told_until_it_ends() {
    let (who, fan) = (member().await, member().await);
    for _ in 0..2 {
        fan.follow(&who).await;
        let told = who.get(LIST).await;
        assert_eq!((types(&told), &told["items"][0]["actor"]["id"]), (vec!["FOLLOW"], &json!(fan.id)));
        fan.unfollow(&who).await;
        assert_eq!(ids(&who.get(LIST).await), NONE);
    }
    fan.follow(&who).await;
    who.delete(&format!("/api/members/me/followers/{}", fan.id)).await;
    assert_eq!(ids(&who.get(LIST).await), NONE);
}

#[tokio::test]
async fn a_deleted_comment_is_told_no_more() {
    let (author, other, third) = (member().await, member().await, member().await);
    let post = author.post("글").await;
    let comment = other.comment(post, None, "댓글").await;
    third.ok(Method::PUT, &format!("/api/comments/{comment}/like"), Value::Null).await;
    // With a reply the comment stays as a tombstone, of which nobody is told either.
    third.comment(post, Some(comment), "답글").await;
    other.delete(&format!("/api/comments/{comment}")).await;
    assert_eq!(ids(&author.get(LIST).await), NONE);
    assert_eq!(types(&other.get(LIST).await), ["REPLY"]);
}

#[tokio::test]
async fn a_deleted_post_takes_along_all_that_was_told_about_it() {
    let (author, other, third) = (member().await, member().await, member().await);
    let (post, kept) = (author.post("글").await, author.post("남는 글").await);
    for id in [post, kept] {
        third.like(id).await;
    }
    let comment = other.comment(post, None, "댓글").await;
    third.comment(post, Some(comment), "답글").await;
    assert_eq!((unread(&author).await, unread(&other).await), (3, 1));
    author.delete(&format!("/api/posts/{post}")).await;
    let left = author.get(LIST).await;
    assert_eq!((ids(&left).len(), &left["items"][0]["postId"]), (1, &json!(kept)));
    assert_eq!((unread(&author).await, unread(&other).await), (1, 0));
}

#[tokio::test]
async fn a_request_is_told_and_its_acceptance_is_told_back() {
    let (who, fan) = (member().await, member().await);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let follow = format!("/api/members/{}/follow", who.id);
    fan.ok(Method::PUT, &follow, Value::Null).await;
    assert_eq!(types(&who.get(LIST).await), ["FOLLOW_REQUEST"]);
    who.ok(Method::PUT, &format!("/api/members/me/follow-requests/{}", fan.id), Value::Null).await;
    let told = fan.get(LIST).await;
    assert_eq!((types(&told), &told["items"][0]["actor"]["id"]), (vec!["FOLLOW_ACCEPTED"], &json!(who.id)));
    // Who accepted knows of the follow, and the request is settled.
    assert_eq!(ids(&who.get(LIST).await), NONE);
    fan.unfollow(&who).await;
    assert_eq!(ids(&fan.get(LIST).await), NONE);
}

#[tokio::test]
async fn a_request_withdrawn_or_declined_is_told_no_more() {
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
async fn going_public_tells_everybody_who_had_asked() {
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
async fn the_marker_parts_read_from_unread() {
    let (author, fan) = (member().await, member().await);
    for number in 0..4 {
        fan.like(author.post(&format!("글 {number}")).await).await;
    }
    let told = ids(&author.get(LIST).await);
    assert_eq!((unread(&author).await, marker(&author).await), (4, 0));
    mark(&author, told[2]).await;
    assert_eq!((unread(&author).await, marker(&author).await), (2, told[2]));
    let page = author.get(LIST).await;
    let flags: Vec<bool> = page["items"].as_array().unwrap().iter().map(|item| item["unread"] == true).collect();
    assert_eq!(flags, [true, true, false, false]);
    mark(&author, told[0]).await;
    assert_eq!(unread(&author).await, 0);
}

#[tokio::test]
async fn the_marker_never_goes_back() {
    let (author, fan) = (member().await, member().await);
    fan.like(author.post("하나").await).await;
    fan.like(author.post("둘").await).await;
    let told = ids(&author.get(LIST).await);
    mark(&author, told[0]).await;
    for older in [told[1], 0, told[0]] {
        mark(&author, older).await;
        assert_eq!((marker(&author).await, unread(&author).await), (told[0], 0));
    }
}

#[tokio::test]
async fn the_marker_is_shared_by_devices_and_by_no_other_member() {
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
async fn a_marker_that_nothing_can_have_led_to_is_refused() {
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
async fn what_was_read_stays_read_when_it_is_taken_back() {
    let (author, fan) = (member().await, member().await);
    let post = author.post("글").await;
    fan.like(post).await;
    let newest = ids(&author.get(LIST).await)[0];
    unlike(&fan, &format!("/api/posts/{post}/like")).await;
    // The client had seen it, so its marker is good although the notification has gone.
    mark(&author, newest).await;
    fan.like(post).await;
    assert_eq!(unread(&author).await, 1);
}

#[tokio::test]
async fn pages_of_notifications_have_no_doubles_and_no_holes() {
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
