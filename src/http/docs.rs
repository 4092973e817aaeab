//! `/api/openapi.json`: the contract, generated from the routes. `docs_page.rs` shows it.
use super::{
    answer::IfNoneMatch,
    docs_page::{Document as File, REVALIDATED},
    problem::ProblemView,
    table,
};
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "dailyfeed",
        description = "A social feed server: members, posts, comments, follows, feeds, live streams.\n\n\
            Failures are `application/problem+json` with a stable `code`; `detail` is Korean or English by \
            `Accept-Language`. Lists are `{items, nextCursor}`. Every POST takes an `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemView)),
    security(("bearer" = [])),
    modifiers(&Bearer),
    servers((url = "/")),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document before the routes are in it.
pub(super) fn document() -> openapi::OpenApi {
    Document::openapi()
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> Value {
    let (_, document) = table().split_for_parts();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let Some(paths) = document["paths"].as_object_mut() else { return document };
    for (path, methods) in paths {
        let Some(methods) = methods.as_object_mut() else { continue };
        for (method, operation) in methods {
            complete(path, method, operation);
        }
    }
    document
}

/// What can be told from an operation's shape is added here rather than written at each: the variable parts of its
/// path, the headers that every POST takes, the failures that many share.
fn complete(path: &str, method: &str, operation: &mut Value) {
    plain_summary(operation);
    let conditional = accepts_condition(method, operation);
    let mut shared: Vec<(u16, &str)> = vec![
        (429, "`TOO_MANY_REQUESTS`"),
        (500, "`INTERNAL`"),
        (503, "`BUSY`, `UNAVAILABLE`: nothing was done, or it is not known whether it was"),
    ];
    if operation.get("security").is_none() {
        shared.push((401, "`BEARER_TOKEN_MISSING`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`"));
    }
    if operation.get("requestBody").is_some() {
        shared.extend([
            (400, "`MALFORMED_REQUEST`"),
            (408, "`REQUEST_TIMEOUT`: the body took too long"),
            (413, "`PAYLOAD_TOO_LARGE`"),
            (415, "`UNSUPPORTED_MEDIA_TYPE`"),
            (422, "`VALIDATION_FAILED`"),
        ]);
    }
    let mut parameters: Vec<Value> = path_parameters(path).collect();
    parameters.extend(operation["parameters"].as_array().into_iter().flatten().cloned());
    if parameters.iter().any(|parameter| parameter["name"] == "limit") {
        shared.extend([(400, "`CURSOR_INVALID`, `CURSOR_EXPIRED`, `MALFORMED_REQUEST`"), (422, "`VALIDATION_FAILED`")]);
    } else if !parameters.is_empty() {
        shared.push((400, "`MALFORMED_REQUEST`"));
    }
    if conditional {
        shared.push((412, "`PRECONDITION_FAILED`: it has changed since the version that `If-Match` names"));
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` of the version to change, or several, or `*`",
            "schema": {"type": "string"},
        }));
    }
    if method == "post" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a repeat harmless for 24 hours: it gets the same answer",
            "schema": {"type": "string", "minLength": 1, "maxLength": 64},
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        if method != "get" {
            add_write_token(responses);
        }
        add_failures(responses, &shared);
    }
}

/// Summaries are shown as they are, while descriptions are Markdown.
fn plain_summary(operation: &mut Value) {
    if let Some(summary) = operation["summary"].as_str().map(|summary| summary.replace('`', "")) {
        operation["summary"] = Value::String(summary);
    }
}

/// Whether the operation changes what a GET shows under an `ETag`.
fn accepts_condition(method: &str, operation: &Value) -> bool {
    let changes = ["changeProfile", "changeHandle", "editPost", "editComment", "moveMarker"];
    matches!(method, "put" | "patch") && operation["operationId"].as_str().is_some_and(|id| changes.contains(&id))
}

/// `{id}` is a number, anything else a text.
fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| {
        let schema = match name {
            "id" => json!({"type": "integer", "format": "int64", "minimum": 0}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    })
}

/// What a search waits for that is to find what was written.
fn add_write_token(responses: &mut Map<String, Value>) {
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        let description = "For `consistentWith` of searches: they then find what was written";
        response["headers"]["X-Write-Token"] = json!({"schema": {"type": "string"}, "description": description});
    }
}

fn add_failures(responses: &mut Map<String, Value>, shared: &[(u16, &str)]) {
    for (status, description) in shared {
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({}));
        if response.get("description").is_none_or(|description| description == "") {
            response["description"] = json!(description);
        }
    }
    for (status, response) in responses {
        if status.starts_with(['4', '5']) {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            response["content"] = json!({"application/problem+json": {"schema": schema}});
        }
        if matches!(status.as_str(), "429" | "503") {
            response["headers"]["Retry-After"] = json!({"schema": {"type": "integer"}, "description": "Seconds"});
        }
    }
}

static FILE: LazyLock<File> = LazyLock::new(|| File::new("application/json", openapi().to_string().into()));

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openapi", tag = "documentation", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object), (status = 304, description = "As known"))
)]
pub(super) async fn show(known: IfNoneMatch) -> Response {
    FILE.answer(&known, REVALIDATED)
}
