//! What browsers need: what scripts of other origins may send and read, and the page that shows the contract.
use crate::{
    pictures::jpeg,
    support::{Own, base, own},
};
use reqwest::{Method, Response, redirect::Policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const APP: &str = "https://app.example";

async fn open_to_app() -> Own {
    own(|config| config.http.cors_origins = vec![APP.to_owned()]).await
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn names(answer: &Response, name: &str) -> BTreeSet<String> {
    header(answer, name).split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[tokio::test]
async fn scripts_of_other_origins_may_send_what_the_contract_takes() {
    let own = open_to_app().await;
    let asked = "authorization,content-type,accept-language,if-match,if-none-match,cache-control,last-event-id,\
        idempotency-key,range,traceparent,x-request-id";
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request =
            crate::common::client().request(Method::OPTIONS, format!("{}/api/posts/1", own.base)).header("origin", APP);
        let request = request.header("access-control-request-method", method);
        let answer = request.header("access-control-request-headers", asked).send().await.unwrap();
        assert!(answer.status().is_success());
        assert_eq!(header(&answer, "access-control-allow-origin"), APP);
        assert!(names(&answer, "access-control-allow-methods").contains(&method.to_lowercase()));
        let allowed = names(&answer, "access-control-allow-headers");
        for name in asked.split(',') {
            assert!(allowed.contains(name), "{name} in {allowed:?}");
        }
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
    own.server.shutdown().await;
}

#[tokio::test]
async fn scripts_of_other_origins_may_read_what_answers_say_in_headers() {
    let own = open_to_app().await;
    let who = own.member().await;
    for path in ["/api/members/me", "/api/nothing", "/api/members/@%zz", "/api/timeline/stream"] {
        let answer = who.request(Method::GET, path).header("origin", APP).send().await.unwrap();
        assert_eq!(header(&answer, "access-control-allow-origin"), APP, "{path}");
        let exposed = names(&answer, "access-control-expose-headers");
        for name in [
            "link",
            "content-range",
            "etag",
            "x-write-token",
            "retry-after",
            "location",
            "x-request-id",
            "x-token-refresh-needed",
            "x-relogin-required",
            "accept-ranges",
            "www-authenticate",
        ] {
            assert!(exposed.contains(name), "{name} in {exposed:?} at {path}");
        }
    }
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_part_of_an_image_is_read_from_another_origin() {
    let own = open_to_app().await;
    let who = own.member().await;
    let url = format!("{}{}", own.base, who.image("post", &jpeg(300, 200)).await["url"].as_str().unwrap());
    let part =
        crate::common::client().get(url).header("origin", APP).header("range", "bytes=0-9").send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "access-control-allow-origin")), (206, APP));
    assert!(names(&part, "access-control-expose-headers").contains("content-range"));
    assert!(header(&part, "content-range").starts_with("bytes 0-9/"));
    own.server.shutdown().await;
}

async fn page() -> Response {
    crate::common::client().get(format!("{}/api/docs", base())).send().await.unwrap()
}

#[tokio::test]
async fn the_root_leads_to_the_documentation() {
    let still = crate::common::client_builder().redirect(Policy::none()).build().unwrap();
    for path in ["/", "/api/docs"] {
        let answer = still.get(format!("{}{path}", base())).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (302, "/api/docs/"), "{path}");
        assert!(header(&answer, "content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
    let followed = crate::common::client().get(format!("{}/", base())).send().await.unwrap();
    assert_eq!(followed.status(), 200);
    assert!(header(&followed, "content-type").starts_with("text/html"));
    assert_eq!(crate::common::client().post(format!("{}/", base())).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn the_page_has_a_title_of_its_own_and_is_framed_by_nobody() {
    let answer = page().await;
    let policy = header(&answer, "content-security-policy").to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let images = policy.split(';').find(|part| part.trim().starts_with("img-src")).unwrap();
    assert!(images.contains("'self'") && images.contains("blob:"), "{policy}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("<title>dailyfeed"), "{html}");
    assert!(!html.contains("Swagger UI"), "{html}");
}

/// The addresses of everything that the page loads.
async fn parts() -> Vec<String> {
    let html = page().await.text().await.unwrap();
    let links = html.split('"').filter(|text| text.contains(".js") || text.contains(".css") || text.contains(".png"));
    links.map(|link| format!("{}/api/docs/{}", base(), link.trim_start_matches("./"))).collect()
}

#[tokio::test]
async fn what_the_page_is_made_of_is_kept() {
    let parts = parts().await;
    assert_eq!(parts.len(), 7, "{parts:?}");
    for url in parts {
        let first = crate::common::client().get(&url).send().await.unwrap();
        assert_eq!(first.status(), 200, "{url}");
        assert!(header(&first, "cache-control").contains("immutable"), "{url}");
        let tag = header(&first, "etag").to_owned();
        let bare = url.split('?').next().unwrap();
        let known = crate::common::client().get(bare).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((known.status().as_u16(), header(&known, "cache-control")), (304, "public, no-cache"), "{bare}");
        let changed = crate::common::client().get(bare).header("if-none-match", "\"other\"").send().await.unwrap();
        assert_eq!(changed.status(), 200);
    }
    for path in ["/api/docs/", "/api/openapi.json"] {
        let first = crate::common::client().get(format!("{}{path}", base())).send().await.unwrap();
        let tag = header(&first, "etag").to_owned();
        let known =
            crate::common::client().get(format!("{}{path}", base())).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(known.status(), 304, "{path}");
    }
}

#[tokio::test]
async fn what_the_page_is_not_made_of_is_not_there() {
    for part in ["nothing.js", "..%2fopenapi.json", "swagger-ui-bundle.js.map"] {
        let answer = crate::common::client().get(format!("{}/api/docs/{part}", base())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{part}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], json!("NOT_FOUND"));
    }
}

/// Summaries are shown as they are; everything else is Markdown, where backticks become code.
#[tokio::test]
async fn no_summary_shows_backticks() {
    let document: Value =
        crate::common::client().get(format!("{}/api/openapi.json", base())).send().await.unwrap().json().await.unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.contains('`'), "{method} {path}: {summary}");
        }
    }
}
