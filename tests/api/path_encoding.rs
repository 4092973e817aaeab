//! Percent-encoding in paths: decoded exactly once, before routing, rate limits and idempotency.
use crate::support::{base, member, problem, shared, start_server};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn percent_encoded_letters_match_the_route() {
    let who = member().await;
    let (id, handle, post) = (who.id, who.handle().await, who.post("글").await);
    let last = handle.as_bytes()[handle.len() - 1];
    for path in [
        format!("/api/members/%40{handle}"),
        format!("/api/members/@{}%{last:02x}", &handle[..handle.len() - 1]),
        format!("/api/members/@{}%{last:02X}", &handle[..handle.len() - 1]),
        "/api/members/%6De".to_owned(),
        "/api/members/%6d%65".to_owned(),
        "/%61pi/%6dembers/m%65".to_owned(),
        format!("/api/members/%3{}{}", &id.to_string()[..1], &id.to_string()[1..]),
    ] {
        assert_eq!(who.get(&path).await["id"], id, "{path}");
    }
    assert_eq!(who.get(&format!("/api/post%73/{post}")).await["id"], post);
    assert_eq!(who.get("/api/timeline/posts/m%69ne?limit=%31").await["items"][0]["id"], post);
    assert_eq!(crate::common::client().get(format!("{}/health/l%69ve", base())).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_encoded_me_matches_the_own_profile() {
    let who = member().await;
    let mine = who.send(Method::PATCH, "/api/members/%6D%65", json!({"bio": "소개"})).await;
    assert_eq!(mine.status(), 200);
    assert_eq!(who.me().await["bio"], "소개");
}

#[tokio::test]
async fn an_encoded_slash_is_no_separator() {
    let who = member().await;
    let post = who.post("글").await;
    for path in ["/api%2Fmembers/me", "/api/members%2fme", "/api%2fmembers%2fme", "/health%2Flive"] {
        who.refused(Method::GET, path, Value::Null, 404, "NOT_FOUND").await;
    }
    who.refused(Method::GET, &format!("/api/posts/{post}%2Flikes"), Value::Null, 400, "MALFORMED_REQUEST").await;
}

#[tokio::test]
async fn paths_are_not_decoded_twice() {
    let who = member().await;
    let handle = who.handle().await;
    for path in
        [format!("/api/members/%2540{handle}"), "/api/members/%256De".to_owned(), "/api/members/%25%36De".to_owned()]
    {
        who.refused(Method::GET, &path, Value::Null, 400, "MALFORMED_REQUEST").await;
    }
}

#[tokio::test]
async fn invalid_encodings_are_malformed() {
    let who = member().await;
    for path in [
        "/api/members/%zz",
        "/api/members/%",
        "/api/members/@%4",
        "/api/posts/1%",
        "/api/members/handles/%ff",
        "/api/timeline/tags/%ED%95/posts",
        "/api/timeline/tags/%c0%af/posts",
        "/nothing/%g0",
        "/%ff",
        "/health/live%",
    ] {
        who.refused(Method::GET, path, Value::Null, 400, "MALFORMED_REQUEST").await;
    }
    let answer = crate::common::client().get(format!("{}/admin/%zz", shared().1)).send().await.unwrap();
    problem(answer, 400, "MALFORMED_REQUEST").await;
}

#[tokio::test]
async fn encoded_and_raw_hangul_are_the_same_tag() {
    let who = member().await;
    let post = who.post("오늘 #가나다라").await;
    for tag in ["%EA%B0%80%EB%82%98%EB%8B%A4%EB%9D%BC", "가나다라"] {
        let page = who.get(&format!("/api/timeline/tags/{tag}/posts?limit=100")).await;
        assert!(crate::support::ids(&page).contains(&post), "{tag}");
    }
}

#[tokio::test]
async fn a_rate_limit_counts_encoded_paths() {
    let server = start_server(|config| {
        config.limits.enabled = true;
        config.limits.login_per_minute = 3;
    })
    .await;
    let nobody = json!({"email": "a@b.kr", "password": "x"});
    let mut statuses = Vec::new();
    for path in ["login", "log%69n", "%6Cogin", "lo%67in", "%6c%6F%67%69%6e"] {
        let url = format!("{}/api/authentication/{path}", server.base);
        statuses.push(crate::common::client().post(url).json(&nobody).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    server.app.shutdown().await;
}

#[tokio::test]
async fn an_idempotency_key_replays_for_an_encoded_path() {
    let who = member().await;
    let mut ids = Vec::new();
    for path in ["/api/posts", "/api/post%73"] {
        let request = who.request(Method::POST, path).header("idempotency-key", "one").json(&json!({"content": "글"}));
        let post: Value = request.send().await.unwrap().json().await.unwrap();
        ids.push(post["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
}
