//! Private fields of a member in every public view, impersonation by headers or body fields, and handle changes.
use crate::support::{base, member};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn private_fields_are_in_no_response_to_another_member() {
    let (who, other) = (member().await, member().await);
    let private =
        json!({"birthDate": "1990-02-28", "gender": "OTHER", "timezone": "Pacific/Chatham", "countryCode": "KR"});
    who.ok(Method::PATCH, "/api/members/me", private).await;
    let (post, handle) = (who.post("글 #비밀").await, who.handle().await);
    let comment = who.comment(post, None, "댓글").await;
    who.like(post).await;
    who.follow(&other).await;
    other.follow(&who).await;
    for path in [
        format!("/api/members/{}", who.id),
        format!("/api/members/@{handle}"),
        format!("/api/members/{}/followers", who.id),
        format!("/api/members/{}/followings", other.id),
        format!("/api/members/{}/followers", other.id),
        format!("/api/members/{}/comments", who.id),
        format!("/api/posts/{post}"),
        format!("/api/posts/{post}/likes"),
        format!("/api/posts/{post}/comments"),
        format!("/api/comments/{comment}"),
        format!("/api/timeline/members/{}/posts", who.id),
        "/api/timeline/posts/followings".to_owned(),
        "/api/timeline/posts/recent".to_owned(),
        "/api/timeline/tags/비밀/posts".to_owned(),
        "/api/members/recommendations?strategy=newest&limit=100".to_owned(),
    ] {
        let text = other.get(&path).await.to_string();
        for secret in [who.email.as_str(), "@example.com", "Pacific/Chatham", "1990-02-28", "argon2", "passwordHash"] {
            assert!(!text.contains(secret), "{secret} at {path}");
        }
    }
    let summaries = other.ok(Method::POST, "/api/members/query", json!({"ids": [who.id]})).await.to_string();
    assert!(!summaries.contains("@example.com"));
    assert_eq!(who.me().await["email"], who.email.as_str());
}

#[tokio::test]
async fn the_own_public_profile_has_no_email() {
    let who = member().await;
    assert!(who.get(&format!("/api/members/{}", who.id)).await.get("email").is_none());
}

#[tokio::test]
async fn headers_and_body_fields_cannot_change_the_author() {
    let (who, other) = (member().await, member().await);
    for header in ["x-member-id", "X-Member-Id", "x-user-id", "x-forwarded-user"] {
        let request = who.request(Method::POST, "/api/posts").header(header, other.id);
        let body = json!({"content": "글", "authorId": other.id, "memberId": other.id, "author": {"id": other.id}});
        let post: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        assert_eq!(post["author"]["id"], who.id);
    }
    assert_eq!(other.me().await["postCount"], 0);
}

#[tokio::test]
async fn a_member_id_header_does_not_authenticate() {
    let who = member().await;
    let request = crate::common::client().get(format!("{}/api/members/me", base())).header("x-member-id", who.id);
    let answer = request.send().await.unwrap();
    crate::support::problem(answer, 401, "BEARER_TOKEN_MISSING").await;
}

#[tokio::test]
async fn a_member_id_header_does_not_redirect_a_patch() {
    let (who, other) = (member().await, member().await);
    let request = who.request(Method::PATCH, "/api/members/me").header("x-member-id", other.id);
    let answer = request.json(&json!({"bio": "내 소개"})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!((who.me().await["bio"].clone(), other.me().await["bio"].clone()), (json!("내 소개"), Value::Null));
}

#[tokio::test]
async fn a_handle_in_use_is_taken_and_a_released_one_is_free() {
    let (who, other) = (member().await, member().await);
    let old = who.handle().await;
    let new = format!("n{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    who.ok(Method::PUT, "/api/members/me/handle", json!({"handle": new})).await;
    let taken = json!({"handle": new.to_uppercase()});
    other.refused(Method::PUT, "/api/members/me/handle", taken, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await;
    other.ok(Method::PUT, "/api/members/me/handle", json!({"handle": old})).await;
    assert_eq!(who.get(&format!("/api/members/@{old}")).await["id"], other.id);
    let post = other.post("글").await;
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["author"]["handle"], old.as_str());
}

#[tokio::test]
async fn an_invalid_handle_is_refused_on_change() {
    let who = member().await;
    for handle in ["ab", "me", "ADMIN", "min-su", "민수민수", "", " spaces "] {
        let body = json!({"handle": handle});
        who.refused(Method::PUT, "/api/members/me/handle", body, 422, "VALIDATION_FAILED").await;
    }
    let long = json!({"handle": "a".repeat(51)});
    who.refused(Method::PUT, "/api/members/me/handle", long, 422, "VALIDATION_FAILED").await;
}

#[tokio::test]
async fn one_of_ten_concurrent_changes_to_one_handle_succeeds() {
    let handle = format!("n{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let mut members = Vec::new();
    for _ in 0..10 {
        members.push(member().await);
    }
    let body = json!({"handle": handle});
    let calls = members.iter().map(|who| who.call(Method::PUT, "/api/members/me/handle", Some(body.clone())));
    let answers = futures::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 9, "{answers:?}");
}
