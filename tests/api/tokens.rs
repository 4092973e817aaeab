//! Access tokens: claims, forged and malformed tokens, expiry, renewal, and the routes that need a token.
use crate::support::{base, member, problem, start_server};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn me(authorization: &str) -> Response {
    let request = crate::common::client().get(format!("{}/api/members/me", base()));
    request.header("authorization", authorization).send().await.unwrap()
}

async fn bearer(token: &str) -> Response {
    me(&format!("Bearer {token}")).await
}

/// Returns header, claims and signature of a real token.
async fn parts() -> (Value, Value, String) {
    let token = member().await.token;
    let mut parts = token.split('.');
    let mut json = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap();
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(algorithm: Algorithm, kid: &str, claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&[7; 64])).unwrap()
}

#[tokio::test]
async fn a_request_without_a_token_is_challenged() {
    let answer = crate::common::client().get(format!("{}/api/members/me", base())).send().await.unwrap();
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    problem(answer, 401, "BEARER_TOKEN_MISSING").await;
}

#[tokio::test]
async fn another_scheme_counts_as_no_token() {
    problem(me("Basic YTpi").await, 401, "BEARER_TOKEN_MISSING").await;
}

#[tokio::test]
async fn malformed_tokens_are_refused() {
    for garbage in ["garbage", "a.b.c", "..", "eyJ.eyJ.sig"] {
        problem(bearer(garbage).await, 401, "INVALID_TOKEN").await;
    }
}

#[tokio::test]
async fn a_token_has_the_documented_claims() {
    let (header, claims, _) = parts().await;
    assert_eq!(header["alg"], "HS256");
    assert!(uuid::Uuid::parse_str(header["kid"].as_str().unwrap()).is_ok());
    for claim in ["iss", "aud", "sub", "jti", "iat", "exp"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
}

#[tokio::test]
async fn the_algorithm_none_is_refused() {
    let (mut header, claims, _) = parts().await;
    header["alg"] = "none".into();
    for signature in ["", "x"] {
        let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
        problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
    }
}

#[tokio::test]
async fn changed_claims_are_refused() {
    let (header, mut claims, signature) = parts().await;
    claims["sub"] = "1".into();
    let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
    problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn another_secret_is_refused() {
    let (header, claims, _) = parts().await;
    let token = signed(Algorithm::HS256, header["kid"].as_str().unwrap(), &claims);
    problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn another_algorithm_is_refused() {
    let (header, claims, _) = parts().await;
    let token = signed(Algorithm::HS512, header["kid"].as_str().unwrap(), &claims);
    problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    let (_, claims, _) = parts().await;
    let token = signed(Algorithm::HS256, &uuid::Uuid::new_v4().to_string(), &claims);
    problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn a_header_without_a_key_is_refused() {
    let (mut header, claims, signature) = parts().await;
    header.as_object_mut().unwrap().remove("kid");
    let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
    problem(bearer(&token).await, 401, "INVALID_TOKEN").await;
}

#[tokio::test]
async fn a_token_past_its_expiry_is_refused() {
    let server = start_server(|config| config.authentication.access_token_seconds = 1).await;
    let who = crate::common::Member::sign_up(&crate::common::client(), &server.base).await;
    let wait = async {
        loop {
            let answer = who.send(Method::GET, "/api/members/me", Value::Null).await;
            if answer.status() == 401 {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let answer = tokio::time::timeout(crate::common::TIMEOUT, wait).await.expect("the token expires");
    problem(answer, 401, "TOKEN_EXPIRED").await;
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_valid_token_can_be_renewed() {
    let mut who = member().await;
    let renewed = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
    assert_ne!(renewed["accessToken"], who.token.as_str());
    who.token = renewed["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(who.me().await["id"], who.id);
}

#[tokio::test]
async fn a_renewed_token_ends_with_its_session() {
    let mut who = member().await;
    let before = who.clone();
    let renewed = who.ok(Method::POST, "/api/token/refresh", Value::Null).await;
    who.token = renewed["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(before.call(Method::POST, "/api/authentication/logout", None).await, 204);
    assert_eq!(who.call(Method::GET, "/api/members/me", None).await, 401);
}

#[tokio::test]
async fn a_member_id_header_is_ignored() {
    let (who, other) = (member().await, member().await);
    let request = who.request(Method::GET, "/api/members/me").header("x-member-id", other.id);
    let me: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["id"], who.id);
}

#[tokio::test]
async fn every_route_but_the_public_ones_needs_a_token() {
    let document: Value =
        crate::common::client().get(format!("{}/api/openapi.json", base())).send().await.unwrap().json().await.unwrap();
    let open = ["/api/authentication/signup", "/api/authentication/login", "/api/authentication/refresh"];
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if open.contains(&path.as_str())
            || path.contains("/handles/")
            || path.starts_with("/health")
            || path == "/api/openapi.json"
        {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            // An `<img>` element sends no token: the key in the URL authorises the request.
            if path == "/api/images/{id}" && method == Method::GET {
                continue;
            }
            let path = path.replace("{handle}", "abc").replace("{tag}", "abc");
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let request = crate::common::client().request(method.clone(), format!("{}{path}", base()));
            let answer = request.json(&json!({})).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path}");
            checked += 1;
        }
    }
    assert!(checked > 35, "{checked} routes");
}
