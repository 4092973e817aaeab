//! The OpenAPI document: it is valid and complete, its examples are valid, and responses match it.
mod common;
#[path = "openapi/document.rs"]
mod document;
#[path = "openapi/server.rs"]
mod server;

use common::Member;
use dailyfeed::{app::Server, config::Config};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All routes of the public listener except the pages of `/api/docs`.
const ROUTES: &str = include_str!("golden/routes.txt");

/// Operations that need no token.
const ANONYMOUS: &str = "signUp logIn refreshSession checkHandle showImage live ready startup openapi";

/// Returns method, path and value of every operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let path = path.clone();
        let methods = methods.as_object().unwrap().clone();
        methods.into_iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    };
    paths.iter().flat_map(of_path).collect()
}

/// Follows `$ref` until the value has none.
fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value["$ref"].as_str() {
        value = document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} is nowhere"));
    }
    value
}

/// Panics if an instance does not match a schema of the document.
fn assert_matches(document: &Value, schema: &Value, instance: &Value, of: &str) {
    let mut root = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema]});
    root["components"] = document["components"].clone();
    let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "example of {of}: {}", errors.join("; "));
}

#[test]
fn the_document_is_openapi_3_1() {
    let document = dailyfeed::http::openapi();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    for name in ["title", "version", "license"] {
        assert!(document["info"].get(name).is_some(), "info.{name}");
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn every_route_is_documented() {
    let mut expected = BTreeSet::new();
    for (methods, path) in ROUTES.lines().filter_map(|line| line.trim().rsplit_once(' ')) {
        expected.extend(methods.split(' ').map(|method| format!("{method} {path}")));
    }
    let document = dailyfeed::http::openapi();
    let found: BTreeSet<String> =
        operations(&document).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(found, expected);
}

/// The document and the router are built from one table, so only a route outside the table can be missing in the
/// document.
#[test]
fn public_routes_are_added_in_the_table_only() {
    let mut routes = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let table = path.ends_with("src/http/mod.rs");
            let beside: usize =
                [".route(", ".route_service(", ".nest("].iter().map(|call| text.matches(call).count()).sum();
            // The routes of the admin listener, and the four routes of the documentation page.
            let page = path.ends_with("src/http/docs_page.rs");
            let allowed: usize = if table { 11 } else { usize::from(page) * 4 };
            assert_eq!(beside, allowed, "{} adds routes beside the table", path.display());
            routes += text.matches(".routes(routes!(").count();
        }
    }
    assert!(routes > 30, "{routes}");
}

#[test]
fn every_operation_is_described() {
    let document = dailyfeed::http::openapi();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let of = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} names two operations");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{of} has no summary");
        let variable: BTreeSet<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let documented: BTreeSet<&str> =
            parameters.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(documented, variable, "{of}");
        let anonymous = ANONYMOUS.split(' ').any(|anonymous| anonymous == id);
        assert_eq!(operation.get("security").is_some(), anonymous, "{of}");
        let needs_token = operation.get("security").is_none_or(|schemes| schemes.to_string().contains("bearer"));
        assert_eq!(
            operation["responses"].get("401").is_some(),
            needs_token || id == "logIn" || id == "refreshSession",
            "{of}"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{of} {status}");
            let failure = status.starts_with(['4', '5']);
            assert_eq!(response["content"].get("application/problem+json").is_some(), failure, "{of} {status}");
            if status == "201" {
                assert!(response["headers"].get("Location").is_some(), "{of} {status}");
            }
        }
    }
}

#[test]
fn every_body_has_an_example() {
    let document = dailyfeed::http::openapi();
    for (method, path, operation) in operations(&document) {
        let request = std::iter::once(&operation["requestBody"]);
        let responses = operation["responses"].as_object().unwrap().values();
        let contents = request.chain(responses).filter_map(|body| body["content"].as_object());
        for (kind, content) in contents.flatten().filter(|(kind, _)| kind.contains("json")) {
            if path == "/api/openapi.json" && kind == "application/json" {
                continue;
            }
            let schema = &content["schema"];
            let alternatives = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
            // The items of a list have the example.
            let exemplified = alternatives.iter().map(|schema| resolved(&document, schema)).any(|schema| {
                [schema, resolved(&document, &schema["items"])].iter().any(|schema| schema["examples"][0].is_object())
            });
            assert!(exemplified, "{method} {path} {kind} has no example");
        }
    }
}

#[test]
fn every_example_is_valid() {
    let document = dailyfeed::http::openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut checked = 0;
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten().chain(schema.get("example")) {
            assert_matches(&document, schema, example, name);
            checked += 1;
        }
    }
    assert!(checked >= 25, "{checked}");
}

#[test]
fn an_invalid_example_is_found() {
    let document = dailyfeed::http::openapi();
    let schema = &document["components"]["schemas"]["Post"];
    let mut example = schema["examples"][0].clone();
    assert_matches(&document, schema, &example, "Post");
    for (member, wrong) in [("viewCount", json!("many")), ("author", json!({"id": 7})), ("createdAt", json!("today"))] {
        let right = std::mem::replace(&mut example[member], wrong);
        let outcome = std::panic::catch_unwind(|| assert_matches(&document, schema, &example, "Post"));
        assert!(outcome.is_err(), "{member}");
        example[member] = right;
    }
}

#[test]
fn every_reference_can_be_resolved() {
    let document = dailyfeed::http::openapi();
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 25, "{references:?}");
    assert!(references.iter().all(|pointer| document.pointer(pointer).is_some()), "{references:?}");
}

/// Returns the members of an instance that its schema does not declare.
fn undocumented(document: &Value, schema: &Value, instance: &Value) -> Vec<String> {
    fn properties<'a>(document: &'a Value, schema: &'a Value, found: &mut Vec<(&'a String, &'a Value)>) {
        let schema = resolved(document, schema);
        found.extend(schema["properties"].as_object().into_iter().flatten());
        for part in ["allOf", "oneOf"] {
            schema[part].as_array().into_iter().flatten().for_each(|part| properties(document, part, found));
        }
    }
    if let Some(items) = instance.as_array() {
        let schema = &resolved(document, schema)["items"];
        return items.iter().flat_map(|item| undocumented(document, schema, item)).collect();
    }
    let mut known = Vec::new();
    properties(document, schema, &mut known);
    let members = instance.as_object().into_iter().flatten();
    let of_member = |(name, value): (&String, &Value)| match known.iter().find(|(known, _)| *known == name) {
        Some((_, schema)) => undocumented(document, schema, value),
        None => vec![name.clone()],
    };
    members.flat_map(of_member).collect()
}

/// Panics if a response does not match its schema or has undocumented members.
fn assert_matches_exactly(document: &Value, schema: &Value, answer: &Value, of: &str) {
    assert_matches(document, schema, answer, of);
    let undocumented = undocumented(document, schema, answer);
    assert!(undocumented.is_empty(), "{of} has members that are not documented: {undocumented:?}");
}

/// Every response of the server matches its schema in the document.
#[tokio::test]
async fn responses_match_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Config::for_tests(folder.path())).await.unwrap();
    let base = format!("http://{}", server.api_address());
    let http = crate::common::client();
    let (minsu, jiwoo) = (Member::sign_up(&http, &base).await, Member::sign_up(&http, &base).await);
    let (id, handle) = (jiwoo.id.to_string(), jiwoo.get("/api/members/me").await["handle"].clone());
    let post = minsu.post("안녕 #서울").await.to_string();
    let document = dailyfeed::http::openapi();
    let check = async |method: Method, route: &str, of: &str, body: Value| {
        let path = route.replace("{id}", of).replace("{tag}", "서울").replace("{handle}", handle.as_str().unwrap());
        let mut request = minsu.request(method.clone(), &path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16().to_string(), answer.text().await.unwrap());
        let documented = &document["paths"][route][method.as_str().to_lowercase()]["responses"][&status];
        assert!(documented.is_object(), "{method} {route} says {status}, which is not documented: {text}");
        let kinds = documented["content"].as_object();
        // Of several media types the server sends JSON to a request without `Accept`.
        let Some(content) = kinds.and_then(|kinds| kinds.get("application/json").or(kinds.values().next())) else {
            assert_eq!(text, "", "{method} {route}");
            return Value::Null;
        };
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_matches_exactly(&document, &content["schema"], &body, &format!("{method} {route} {status}"));
        body
    };
    let comments = "/api/posts/{id}/comments";
    let comment = check(Method::POST, comments, &post, json!({"content": "좋아요"})).await["id"].to_string();
    let reply = json!({"content": "고마워요", "parentId": comment.parse::<u64>().unwrap()});
    check(Method::POST, comments, &post, reply).await;
    let profile = json!({"bio": "커피", "birthDate": "1995-03-01", "gender": "OTHER", "displayName": "민수"});
    check(Method::PATCH, "/api/members/me", "", profile).await;
    check(Method::PUT, "/api/members/{id}/follow", &id, Value::Null).await;
    check(Method::PUT, "/api/posts/{id}", &post, json!({"content": "수정 #서울", "title": "제목"})).await;
    for route in ["/api/posts/{id}/like", "/api/comments/{id}/like"] {
        let of = if route.contains("posts") { &post } else { &comment };
        check(Method::PUT, route, of, Value::Null).await;
    }
    check(Method::POST, "/api/members/query", "", json!({"ids": [jiwoo.id, minsu.id, 5]})).await;
    check(Method::POST, "/api/token/refresh", "", Value::Null).await;
    check(Method::POST, "/api/timeline/stream/ticket", "", Value::Null).await;
    for (method, route, _) in operations(&document) {
        if method == "GET" && route != "/api/timeline/stream" && route != "/api/openapi.json" {
            let of = match route.split('/').nth(2) {
                Some("posts") => &post,
                Some("comments") => &comment,
                _ => &id,
            };
            check(Method::GET, &route, of, Value::Null).await;
        }
    }
    // Error responses match as well.
    for (method, route, of, body) in [
        (Method::POST, "/api/posts", "", json!({"content": ""})),
        (Method::POST, "/api/posts", "", json!({"content": 5})),
        (Method::GET, "/api/posts/{id}", "5", Value::Null),
        (Method::GET, "/api/posts/{id}", "x", Value::Null),
        (Method::GET, "/api/members/{id}/followers", "5", Value::Null),
        (Method::PUT, "/api/members/{id}/follow", &minsu.id.to_string(), Value::Null),
        (
            Method::PUT,
            "/api/authentication/password",
            "",
            json!({"currentPassword": "x", "newPassword": "N3wPassw0rd!"}),
        ),
        (Method::DELETE, "/api/authentication/sessions/{id}", "5", Value::Null),
    ] {
        check(method, route, of, body).await;
    }
    server.shutdown().await;
}
