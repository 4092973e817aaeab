//! `Cache-Control`, `Vary` and `X-Content-Type-Options` of every kind of response.
use crate::{
    common::PASSWORD,
    image_fixtures::jpeg,
    support::{base, member, shared},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn responses_to_a_member_are_not_cacheable() {
    let who = member().await;
    let post = who.post("글").await;
    for path in [
        "/api/timeline/posts/followings",
        "/api/timeline/posts/recent",
        "/api/search/posts?q=a",
        "/api/notifications",
        "/api/notifications/unread-count",
        "/api/activities",
        "/api/events",
        "/api/authentication/sessions",
        &format!("/api/posts/{post}/comments"),
        &format!("/api/posts/{post}/likes"),
        &format!("/api/members/{}/followers", who.id),
        "/api/members/recommendations",
        "/api/posts/1",
        "/api/nothing",
        "/api/timeline/posts/mine?limit=0",
    ] {
        let answer = who.send(Method::GET, path, Value::Null).await;
        assert_eq!(header(&answer, "cache-control"), "private, no-store", "{path}");
    }
    for (method, path, body) in [
        (Method::PUT, format!("/api/posts/{post}/like"), Value::Null),
        (Method::POST, "/api/members/query".to_owned(), json!({"ids": [who.id]})),
        (Method::DELETE, format!("/api/posts/{post}"), Value::Null),
    ] {
        let answer = who.send(method, &path, body).await;
        assert_eq!(header(&answer, "cache-control"), "private, no-store", "{path}");
    }
}

#[tokio::test]
async fn a_401_for_an_invalid_token_is_not_cacheable() {
    for token in ["garbage", ""] {
        let request = crate::common::client().get(format!("{}/api/members/me", base()));
        let answer = request.header("authorization", format!("Bearer {token}")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (401, "private, no-store"));
    }
}

#[tokio::test]
async fn responses_with_an_etag_are_private_and_revalidated() {
    let who = member().await;
    let post = format!("/api/posts/{}", who.post("글").await);
    let comment = format!("/api/comments/{}", who.comment(post[11..].parse().unwrap(), None, "댓글").await);
    for path in [
        post.clone(),
        comment,
        "/api/members/me".to_owned(),
        format!("/api/members/{}", who.id),
        "/api/timeline/posts/most-popular".to_owned(),
        "/api/timeline/daily-top3".to_owned(),
    ] {
        let first = who.send(Method::GET, &path, Value::Null).await;
        let tag = header(&first, "etag").to_owned();
        let known = who.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(known.status(), 304, "{path}");
        for answer in [first, known] {
            assert_eq!(header(&answer, "cache-control"), "private, no-cache", "{path}");
            let vary = header(&answer, "vary").to_lowercase();
            assert!(vary.contains("authorization") && vary.contains("accept-encoding"), "{vary} at {path}");
        }
    }
    let changed = who.send(Method::PUT, &post, json!({"content": "바뀐 글"})).await;
    assert_eq!(header(&changed, "cache-control"), "private, no-cache");
}

#[tokio::test]
async fn responses_with_credentials_are_not_cacheable() {
    let who = member().await;
    let post = async |path: &str, body: Value| {
        crate::common::client().post(format!("{}/api/authentication/{path}", base())).json(&body).send().await.unwrap()
    };
    let login = post("login", json!({"email": who.email, "password": PASSWORD})).await;
    assert!(header(&login, "cache-control").contains("no-store"));
    let refresh = login.json::<Value>().await.unwrap()["refreshToken"].clone();
    for (path, body) in [
        ("refresh", json!({"refreshToken": refresh})),
        ("refresh", json!({"refreshToken": "no good"})),
        ("login", json!({"email": who.email, "password": "wrong"})),
        ("signup", json!({})),
    ] {
        let answer = post(path, body).await;
        assert!(header(&answer, "cache-control").contains("no-store"), "{path}");
    }
    for path in ["/api/timeline/stream/ticket", "/api/token/refresh"] {
        let answer = who.send(Method::POST, path, Value::Null).await;
        assert!(answer.status().is_success() && header(&answer, "cache-control").contains("no-store"), "{path}");
    }
}

#[tokio::test]
async fn problems_vary_by_language() {
    for path in ["/api/members/me", "/api/nothing"] {
        let answer = crate::common::client().get(format!("{}{path}", base())).send().await.unwrap();
        assert!(header(&answer, "vary").to_lowercase().contains("accept-language"), "{path}");
        assert!(header(&answer, "cache-control").contains("no-store"), "{path}");
    }
}

#[tokio::test]
async fn every_response_forbids_content_sniffing() {
    let who = member().await;
    let image = who.image("post", &jpeg(30, 20)).await["url"].as_str().unwrap().to_owned();
    let post = who.post("글").await;
    for (method, path) in [
        (Method::GET, "/api/members/me".to_owned()),
        (Method::GET, "/api/timeline/stream".to_owned()),
        (Method::GET, format!("/api/posts/{post}")),
        (Method::GET, "/api/posts/1".to_owned()),
        (Method::GET, "/api/nothing".to_owned()),
        (Method::GET, "/".to_owned()),
        (Method::GET, image.clone()),
        (Method::GET, format!("{image}0")),
        (Method::HEAD, image),
        (Method::GET, "/api/docs".to_owned()),
        (Method::GET, "/api/docs/swagger-ui.css".to_owned()),
        (Method::GET, "/api/docs/nothing.js".to_owned()),
        (Method::GET, "/api/openapi.json".to_owned()),
        (Method::GET, "/health/live".to_owned()),
        (Method::DELETE, "/api/posts".to_owned()),
        (Method::OPTIONS, "/api/posts".to_owned()),
        (Method::POST, "/api/posts".to_owned()),
        (Method::DELETE, format!("/api/posts/{post}")),
        (Method::GET, "/%zz".to_owned()),
    ] {
        let answer = who.send(method.clone(), &path, Value::Null).await;
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{method} {path}: {}", answer.status());
    }
    let stranger = crate::common::client().get(format!("{}/api/members/me", base())).send().await.unwrap();
    assert_eq!(header(&stranger, "x-content-type-options"), "nosniff");
    for path in ["/metrics", "/admin/actors", "/health/ready", "/admin/nothing"] {
        let answer = crate::common::client().get(format!("{}{path}", shared().1)).send().await.unwrap();
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert!(header(&answer, "cache-control").contains("no-store"), "{path}");
    }
}
