//! `POST /api/authentication/signup`: accepted values, field errors and conflicts; and helpers for signups.
use crate::support::{base, fields, problem};
use reqwest::Response;
use serde_json::{Value, json};

/// Returns a unique handle.
pub(crate) fn unique() -> String {
    format!("s{}", &uuid::Uuid::new_v4().simple().to_string()[..20])
}

/// Returns the body of a valid signup.
pub(crate) fn valid_signup() -> Value {
    let handle = unique();
    json!({"email": format!("{handle}@example.com"), "password": "Passw0rd!", "handle": handle, "memberName": "김민수"})
}

/// Sends a signup to the shared server.
pub(crate) async fn send(signup: &Value) -> Response {
    crate::common::client().post(format!("{}/api/authentication/signup", base())).json(signup).send().await.unwrap()
}

/// Sends a signup with one changed field and asserts the field error.
async fn refused(field: &str, value: Value, code: &str) {
    let mut signup = valid_signup();
    signup[field] = value;
    let problem = problem(send(&signup).await, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&problem), [(field.to_owned(), code.to_owned())]);
}

/// Sends a signup with one changed field and asserts 201. Returns the response.
async fn accepted(field: &str, value: Value) -> Value {
    let mut signup = valid_signup();
    signup[field] = value;
    let answer = send(&signup).await;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_signup_returns_the_member_without_the_password() {
    let signup = valid_signup();
    let answer = send(&signup).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    assert!(!text.contains("Passw0rd") && !text.contains("argon2"));
    let member: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(location, format!("/api/members/{}", member["id"]));
    assert_eq!(member["email"], signup["email"]);
    assert_eq!((member["displayName"].as_str(), member["privacy"].as_str()), (Some("김민수"), Some("PUBLIC")));
    assert!(member["id"].as_u64().unwrap() < 1 << 53);
}

#[tokio::test]
async fn every_optional_field_is_stored() {
    let mut all = valid_signup();
    let extra = json!({"displayName": "민수 👨‍👩‍👧‍👦", "bio": "안녕", "location": "서울", "websiteUrl": "https://example.com/a",
        "birthDate": "1990-02-28", "gender": "OTHER", "languageCode": "ko", "countryCode": "KR", "timezone": "Asia/Seoul"});
    all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let answer = send(&all).await;
    assert_eq!(answer.status(), 201);
    let member: Value = answer.json().await.unwrap();
    for (field, value) in extra.as_object().unwrap() {
        assert_eq!(&member[field], value, "{field}");
    }
}

#[tokio::test]
async fn emails_are_unique_ignoring_case() {
    let first = valid_signup();
    assert_eq!(send(&first).await.status(), 201);
    let mut second = valid_signup();
    second["email"] = first["email"].as_str().unwrap().to_uppercase().into();
    problem(send(&second).await, 409, "MEMBER_ALREADY_EXISTS").await;
}

#[tokio::test]
async fn handles_are_unique_ignoring_case() {
    let first = valid_signup();
    assert_eq!(send(&first).await.status(), 201);
    let mut second = valid_signup();
    second["handle"] = first["handle"].as_str().unwrap().to_uppercase().into();
    problem(send(&second).await, 409, "MEMBER_HANDLE_ALREADY_EXISTS").await;
}

#[tokio::test]
async fn an_email_without_a_domain_is_refused() {
    refused("email", "minsu".into(), "INVALID_FORMAT").await;
}

#[tokio::test]
async fn an_email_of_more_than_100_characters_is_refused() {
    refused("email", format!("{}@example.com", "a".repeat(90)).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_handle_of_two_characters_is_refused() {
    refused("handle", "ab".into(), "TOO_SHORT").await;
}

#[tokio::test]
async fn a_handle_of_51_characters_is_refused() {
    refused("handle", "a".repeat(51).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_handle_in_hangul_is_refused() {
    refused("handle", "김민수김".into(), "INVALID_FORMAT").await;
}

#[tokio::test]
async fn a_reserved_handle_is_refused_ignoring_case() {
    refused("handle", "Admin".into(), "RESERVED").await;
}

#[tokio::test]
async fn a_password_of_seven_characters_is_refused() {
    refused("password", "Passw0!".into(), "TOO_SHORT").await;
}

#[tokio::test]
async fn a_password_of_51_characters_is_refused() {
    refused("password", format!("Passw0rd!{}", "x".repeat(42)).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_password_needs_four_kinds_of_characters() {
    for weak in ["passw0rd!", "PASSW0RD!", "Password!", "Passw0rdx"] {
        refused("password", weak.into(), "INVALID_FORMAT").await;
    }
}

#[tokio::test]
async fn names_are_limited_in_characters() {
    accepted("memberName", "가".repeat(30).into()).await;
    refused("memberName", "가".repeat(31).into(), "TOO_LONG").await;
    refused("memberName", "가".into(), "TOO_SHORT").await;
}

#[tokio::test]
async fn a_family_emoji_is_one_character() {
    accepted("displayName", "👨‍👩‍👧‍👦".repeat(50).into()).await;
    refused("displayName", "👨‍👩‍👧‍👦".repeat(51).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_bio_of_500_hangul_is_accepted_and_501_refused() {
    accepted("bio", "글".repeat(500).into()).await;
    refused("bio", "글".repeat(501).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_website_must_be_http() {
    refused("websiteUrl", "ftp://example.com".into(), "INVALID_FORMAT").await;
    refused("websiteUrl", "javascript:alert(1)".into(), "INVALID_FORMAT").await;
    refused("websiteUrl", format!("https://example.com/{}", "a".repeat(200)).into(), "TOO_LONG").await;
}

#[tokio::test]
async fn a_birth_date_must_be_a_date_in_the_past() {
    refused("birthDate", "2999-01-01".into(), "NOT_IN_THE_PAST").await;
    refused("birthDate", "1990-02-30".into(), "INVALID_FORMAT").await;
}

#[tokio::test]
async fn gender_country_language_and_timezone_must_be_known() {
    refused("gender", "male".into(), "UNKNOWN_VALUE").await;
    refused("countryCode", "XX".into(), "UNKNOWN_VALUE").await;
    refused("languageCode", "korean".into(), "INVALID_FORMAT").await;
    refused("timezone", "Asia/Atlantis".into(), "UNKNOWN_VALUE").await;
}

#[tokio::test]
async fn bidirectional_control_characters_are_refused() {
    refused("displayName", "abc\u{202E}def".into(), "INVALID_CHARACTERS").await;
}

#[tokio::test]
async fn every_missing_field_is_a_field_error() {
    let problem = problem(send(&json!({})).await, 422, "VALIDATION_FAILED").await;
    let mut named: Vec<String> = fields(&problem).into_iter().map(|(field, _)| field).collect();
    named.sort();
    assert_eq!(named, ["email", "handle", "memberName", "password"]);
}
