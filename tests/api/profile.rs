//! The own profile: patches, names, handle.
use crate::support::{fields, member, problem};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_patch_sets_the_given_fields_and_keeps_the_others() {
    let who = member().await;
    let patched = who.ok(Method::PATCH, "/api/members/me", json!({"bio": "안녕하세요", "location": "부산"})).await;
    assert_eq!((&patched["bio"], &patched["location"]), (&json!("안녕하세요"), &json!("부산")));
    let patched = who.ok(Method::PATCH, "/api/members/me", json!({"bio": null})).await;
    assert_eq!((&patched["bio"], &patched["location"]), (&Value::Null, &json!("부산")));
    assert_eq!(who.me().await, patched);
}

#[tokio::test]
async fn clearing_the_display_name_shows_the_member_name() {
    let who = member().await;
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": "별명"})).await;
    assert_eq!(who.me().await["displayName"], "별명");
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": null})).await;
    assert_eq!(who.me().await["displayName"], "시험");
}

#[tokio::test]
async fn the_name_cannot_be_cleared() {
    let answer = member().await.send(Method::PATCH, "/api/members/me", json!({"memberName": null})).await;
    let problem = problem(answer, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem), [("memberName".to_owned(), "REQUIRED".to_owned())]);
}

#[tokio::test]
async fn an_invalid_patch_changes_nothing() {
    let who = member().await;
    let patch = json!({"bio": "새 소개", "websiteUrl": "nowhere", "countryCode": "XX"});
    let problem = problem(who.send(Method::PATCH, "/api/members/me", patch).await, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem).len(), 2);
    assert_eq!(who.me().await["bio"], Value::Null);
}

#[tokio::test]
async fn invalid_and_read_only_fields_are_refused() {
    let who = member().await;
    for field in ["privacy", "email", "followerCount"] {
        let answer = who.send(Method::PATCH, "/api/members/me", json!({field: "x"})).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field}");
    }
}

#[tokio::test]
async fn a_patch_must_be_an_object() {
    let answer = member().await.send(Method::PATCH, "/api/members/me", json!([1])).await;
    assert!([400, 422].contains(&answer.status().as_u16()));
}

#[tokio::test]
async fn a_new_handle_replaces_the_old_one() {
    let (who, other) = (member().await, member().await);
    let old = who.handle().await;
    let new = format!("n{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let changed = who.ok(Method::PUT, "/api/members/me/handle", json!({"handle": new})).await;
    assert_eq!(changed["handle"], new.as_str());
    assert_eq!(other.get(&format!("/api/members/@{new}")).await["id"], who.id);
    assert_eq!(other.call(Method::GET, &format!("/api/members/@{old}"), None).await, 404);
    assert_eq!(other.get(&format!("/api/members/handles/{old}")).await["available"], true);
}

#[tokio::test]
async fn a_handle_in_use_is_refused() {
    let (who, other) = (member().await, member().await);
    let theirs = other.handle().await.to_uppercase();
    let answer = who.send(Method::PUT, "/api/members/me/handle", json!({"handle": theirs})).await;
    problem(answer, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await;
}

#[tokio::test]
async fn the_case_of_the_own_handle_can_change() {
    let who = member().await;
    let louder = who.handle().await.to_uppercase();
    let changed = who.ok(Method::PUT, "/api/members/me/handle", json!({"handle": louder})).await;
    assert_eq!(changed["handle"], louder.as_str());
}

#[tokio::test]
async fn a_new_display_name_is_on_old_posts_at_once() {
    let who = member().await;
    let post = who.post("글").await;
    who.get(&format!("/api/posts/{post}")).await;
    who.ok(Method::PATCH, "/api/members/me", json!({"displayName": "새 이름"})).await;
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["author"]["displayName"], "새 이름");
}
