//! Browsers: CORS for scripts of other origins, and the documentation page at `/api/docs`.
use crate::{
    image_fixtures::jpeg,
    support::{TestServer, base, start_server},
};
use reqwest::{Method, Response, redirect::Policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const APP: &str = "https://app.example";

async fn allowing_app() -> TestServer {
    start_server(|config| config.http.cors_origins = vec![APP.to_owned()]).await
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn names(answer: &Response, name: &str) -> BTreeSet<String> {
    header(answer, name).split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[tokio::test]
async fn cors_allows_every_method_and_header_of_the_api() {
    let server = allowing_app().await;
    let asked = "authorization,content-type,accept-language,if-match,if-none-match,cache-control,last-event-id,\
        idempotency-key,range,traceparent,x-request-id";
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = crate::common::client()
            .request(Method::OPTIONS, format!("{}/api/posts/1", server.base))
            .header("origin", APP);
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
    server.app.shutdown().await;
}

#[tokio::test]
async fn cors_exposes_the_response_headers_of_the_api() {
    let server = allowing_app().await;
    let who = server.member().await;
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
    server.app.shutdown().await;
}

#[tokio::test]
async fn a_range_of_an_image_is_readable_from_another_origin() {
    let server = allowing_app().await;
    let who = server.member().await;
    let url = format!("{}{}", server.base, who.image("post", &jpeg(300, 200)).await["url"].as_str().unwrap());
    let part =
        crate::common::client().get(url).header("origin", APP).header("range", "bytes=0-9").send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "access-control-allow-origin")), (206, APP));
    assert!(names(&part, "access-control-expose-headers").contains("content-range"));
    assert!(header(&part, "content-range").starts_with("bytes 0-9/"));
    server.app.shutdown().await;
}

async fn page() -> Response {
    crate::common::client().get(format!("{}/api/docs", base())).send().await.unwrap()
}

#[tokio::test]
async fn the_root_redirects_to_the_documentation() {
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
async fn the_page_has_its_own_title_and_cannot_be_framed() {
    let answer = page().await;
    let policy = header(&answer, "content-security-policy").to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let images = policy.split(';').find(|part| part.trim().starts_with("img-src")).unwrap();
    assert!(images.contains("'self'") && images.contains("blob:"), "{policy}");
    let html = answer.text().await.unwrap();
    assert!(html.contains("<title>dailyfeed"), "{html}");
    assert!(!html.contains("Swagger UI"), "{html}");
}

/// Returns the URLs of all files that the page loads.
async fn parts() -> Vec<String> {
    let html = page().await.text().await.unwrap();
    let links = html.split('"').filter(|text| text.contains(".js") || text.contains(".css") || text.contains(".png"));
    links.map(|link| format!("{}/api/docs/{}", base(), link.trim_start_matches("./"))).collect()
}

#[tokio::test]
async fn the_files_of_the_page_are_cacheable() {
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
async fn other_files_below_the_page_are_not_found() {
    for part in ["nothing.js", "..%2fopenapi.json", "swagger-ui-bundle.js.map"] {
        let answer = crate::common::client().get(format!("{}/api/docs/{part}", base())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{part}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], json!("NOT_FOUND"));
    }
}

/// The page shows summaries as plain text; all other texts are Markdown, where backticks become code.
#[tokio::test]
async fn no_summary_contains_backticks() {
    let document: Value =
        crate::common::client().get(format!("{}/api/openapi.json", base())).send().await.unwrap().json().await.unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.contains('`'), "{method} {path}: {summary}");
        }
    }
}
