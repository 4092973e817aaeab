//! `GET /api/activities`: the log of a member's own actions, with its types, pages and cursors.
use crate::support::{NONE, all, base, eventually, ids, member, problem};
use reqwest::Method;
use serde_json::{Value, json};

/// Returns the `type` of every item of a page, newest first.
pub(crate) fn types(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn activities_are_listed_newest_first_with_their_ids() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    who.like(post).await;
    let comment = who.comment(post, None, "좋네요").await;
    who.follow(&other).await;
    let log = who.get("/api/activities?limit=3").await;
    assert_eq!(types(&log), ["MEMBER_FOLLOW", "COMMENT_CREATE", "LIKE_POST"]);
    let [follow, remark, like] = [0, 1, 2].map(|at| &log["items"][at]);
    assert_eq!(follow["memberId"], other.id);
    assert_eq!((follow.get("postId"), follow.get("commentId")), (None, None));
    assert_eq!((&remark["postId"], &remark["commentId"]), (&json!(post), &json!(comment)));
    assert_eq!((&like["postId"], &like["memberId"]), (&json!(post), &json!(other.id)));
    assert!(like["id"].as_u64() < remark["id"].as_u64());
    assert_eq!(like["createdAt"].as_str().unwrap().len(), 24);
}

#[tokio::test]
async fn the_log_starts_with_the_signup_and_the_login() {
    let who = member().await;
    let log = who.get("/api/activities").await;
    assert_eq!(types(&log), ["MEMBER_LOGIN", "MEMBER_SIGNUP"]);
    assert_eq!(log["nextCursor"], Value::Null);
}

#[tokio::test]
async fn an_activity_is_only_in_the_log_of_the_member_who_did_it() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    who.like(post).await;
    who.follow(&other).await;
    let log = other.get("/api/activities").await;
    assert_eq!(types(&log), ["POST_CREATE", "MEMBER_LOGIN", "MEMBER_SIGNUP"]);
}

#[tokio::test]
async fn a_like_an_unlike_and_a_like_are_three_activities() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    who.like(post).await;
    who.ok(Method::DELETE, &format!("/api/posts/{post}/like"), Value::Null).await;
    who.like(post).await;
    let log = who.get("/api/activities?limit=3").await;
    assert_eq!(types(&log), ["LIKE_POST", "LIKE_POST_CANCEL", "LIKE_POST"]);
}

#[tokio::test]
async fn a_repeated_command_adds_no_activity() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    for _ in 0..3 {
        who.like(post).await;
        who.follow(&other).await;
    }
    who.ok(Method::DELETE, &format!("/api/members/{}/mute", other.id), Value::Null).await;
    let log = who.get("/api/activities").await;
    assert_eq!(types(&log), ["MEMBER_FOLLOW", "LIKE_POST", "MEMBER_LOGIN", "MEMBER_SIGNUP"]);
}

#[tokio::test]
async fn the_log_can_be_filtered_by_type() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    who.like(post).await;
    let mine: Vec<u64> = [who.post("하나").await, who.post("둘").await].into();
    let log = who.get("/api/activities?type=POST_CREATE").await;
    let posts: Vec<u64> =
        log["items"].as_array().unwrap().iter().map(|item| item["postId"].as_u64().unwrap()).collect();
    assert_eq!(posts, [mine[1], mine[0]]);
    assert_eq!(types(&who.get("/api/activities?type=LIKE_POST").await), ["LIKE_POST"]);
    assert_eq!(ids(&who.get("/api/activities?type=COMMENT_DELETE").await), NONE);
}

#[tokio::test]
async fn unknown_types_are_refused() {
    let who = member().await;
    for unknown in ["", "like_post", "NONSENSE", "MEMBER_MENTION", "NOTIFICATIONS_READ"] {
        let path = format!("/api/activities?type={unknown}");
        let refused = who.refused(Method::GET, &path, Value::Null, 422, "VALIDATION_FAILED").await;
        assert_eq!(crate::support::fields(&refused), [("type".to_owned(), "UNKNOWN_VALUE".to_owned())]);
    }
}

#[tokio::test]
async fn pages_of_the_log_repeat_and_skip_nothing() {
    let who = member().await;
    for number in 0..11 {
        who.post(&format!("글 {number}")).await;
    }
    let whole = ids(&who.get("/api/activities?limit=100").await);
    assert_eq!(whole.len(), 13);
    for limit in [1, 4, 12, 13, 100] {
        assert_eq!(all(&who, "/api/activities", limit).await, whole, "limit {limit}");
    }
    assert_eq!(all(&who, "/api/activities?type=POST_CREATE", 4).await, whole[..11]);
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_member_and_type() {
    let (who, other) = (member().await, member().await);
    who.post("글").await;
    let cursor = who.get("/api/activities?limit=1").await["nextCursor"].as_str().unwrap().to_owned();
    let with = |path: &str| format!("{path}cursor={cursor}");
    other.refused(Method::GET, &with("/api/activities?"), Value::Null, 400, "CURSOR_INVALID").await;
    let typed = with("/api/activities?type=POST_CREATE&");
    who.refused(Method::GET, &typed, Value::Null, 400, "CURSOR_INVALID").await;
    who.refused(Method::GET, &with("/api/notifications?"), Value::Null, 400, "CURSOR_INVALID").await;
    who.get(&with("/api/activities?")).await;
}

#[tokio::test]
async fn edits_and_deletions_stay_in_the_log() {
    let who = member().await;
    let post = who.post("글").await;
    who.ok(Method::PUT, &format!("/api/posts/{post}"), json!({"content": "수정"})).await;
    let comment = who.comment(post, None, "댓글").await;
    who.ok(Method::PUT, &format!("/api/comments/{comment}"), json!({"content": "수정"})).await;
    who.delete(&format!("/api/comments/{comment}")).await;
    who.delete(&format!("/api/posts/{post}")).await;
    let log = who.get("/api/activities?limit=6").await;
    let expected = ["POST_DELETE", "COMMENT_DELETE", "COMMENT_UPDATE", "COMMENT_CREATE", "POST_UPDATE", "POST_CREATE"];
    assert_eq!(types(&log), expected);
    assert!(log["items"].as_array().unwrap().iter().all(|item| item["postId"] == post));
}

#[tokio::test]
async fn two_reads_within_an_hour_are_one_activity() {
    let (who, other) = (member().await, member().await);
    let post = other.post("글").await;
    who.get(&format!("/api/posts/{post}")).await;
    who.get(&format!("/api/posts/{post}")).await;
    let log = eventually(&who, "/api/activities?type=POST_READ", |log| !ids(log).is_empty()).await;
    assert_eq!((ids(&log).len(), &log["items"][0]["postId"]), (1, &json!(post)));
}

#[tokio::test]
async fn mutes_blocks_and_privacy_changes_are_only_in_their_actors_log() {
    let (who, other) = (member().await, member().await);
    who.ok(Method::PUT, &format!("/api/members/{}/mute", other.id), Value::Null).await;
    who.ok(Method::PUT, &format!("/api/members/{}/block", other.id), Value::Null).await;
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "FOLLOWERS"})).await;
    let log = who.get("/api/activities?limit=4").await;
    let expected = ["MEMBER_PROFILE_UPDATE", "MEMBER_PRIVACY_FOLLOWERS", "MEMBER_BLOCK", "MEMBER_MUTE"];
    assert_eq!(types(&log), expected);
    assert_eq!(types(&other.get("/api/activities").await), ["MEMBER_LOGIN", "MEMBER_SIGNUP"]);
}

#[tokio::test]
async fn activities_notifications_and_events_need_a_token() {
    for path in ["/api/activities", "/api/notifications", "/api/notifications/unread-count", "/api/events"] {
        let answer = crate::common::client().get(format!("{}{path}", base())).send().await.unwrap();
        problem(answer, 401, "BEARER_TOKEN_MISSING").await;
    }
}
