//! Completes the OpenAPI document with everything that follows from the shape of an operation.
//!
//! The attributes of handlers name paths, bodies and their own failures. This module adds path parameters, headers, the
//! failures that operations share, a schema for each code, examples, and the events of streams.
mod codes;
mod enums;
mod examples;
mod headers;
mod problems;
mod schemas;
mod stream_events;

pub(super) use enums::*;

use serde_json::{Value, json};

/// Completes a document that has the operations and schemas of the handlers.
pub(super) fn complete(document: &mut Value) {
    let components = &mut document["components"];
    schemas::bound_ids(&mut components["schemas"]);
    schemas::close(&mut components["schemas"]);
    problems::add(components);
    stream_events::add(components);
    examples::fill_pages(&mut components["schemas"]);
    let schemas = components["schemas"].clone();
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, methods) in paths {
        let Some(methods) = methods.as_object_mut() else { continue };
        for (method, operation) in methods {
            complete_operation(path, method, operation);
            examples::write(operation, &schemas);
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let mut shared = problems::SharedFailures::of(path);
    // An operation without `security` has that of the document: a bearer token.
    if operation.get("security").is_none_or(|schemes| schemes.to_string().contains("bearer")) {
        shared.with_token();
    } else {
        // utoipa writes one empty scheme, which some generators reject; no schemes mean the same.
        operation["security"] = json!([]);
    }
    if operation.get("requestBody").is_some() {
        schemas::unwrap_optional_body(&mut operation["requestBody"]);
        shared.with_body();
    }
    let mut parameters: Vec<Value> = path_parameters(path).collect();
    parameters.extend(operation["parameters"].as_array().into_iter().flatten().cloned());
    parameters.iter_mut().for_each(|parameter| schemas::without_null(&mut parameter["schema"]));
    if parameters.iter().any(|parameter| parameter["name"] == "limit") {
        shared.with_page();
    } else if !parameters.is_empty() {
        shared.with(400, "`MALFORMED_REQUEST`");
    }
    if parameters.iter().any(|parameter| parameter["in"] == "query") {
        shared.with(422, "`VALIDATION_FAILED`");
    }
    headers::add(operation, &mut parameters, &mut shared);
    operation["parameters"] = Value::Array(parameters);
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    if let Some(responses) = operation["responses"].as_object_mut() {
        shared.write(responses);
        headers::add_to_responses(method, &id, responses);
    }
    plain_summary(operation);
    stream_events::add_to_operation(operation);
}

/// Removes backticks: a summary is plain text, while a description is Markdown.
fn plain_summary(operation: &mut Value) {
    if let Some(summary) = operation["summary"].as_str().map(|summary| summary.replace('`', "")) {
        operation["summary"] = Value::String(summary);
    }
}

/// The parameters of a path template: `{id}` is a number, every other a text. A text that breaks the pattern of handles
/// names no member, so it gets a 404.
fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| {
        let (description, schema) = match name {
            "id" => ("", schemas::id()),
            "handle" => ("Case-insensitive.", json!({"type": "string", "pattern": schemas::HANDLE})),
            "tag" => (
                "The tag, with or without `#`. Case and Unicode form do not matter.",
                json!({"type": "string", "minLength": 1, "maxLength": schemas::TAG_LENGTH_MAX}),
            ),
            _ => ("", json!({"type": "string", "minLength": 1})),
        };
        let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": schema});
        if !description.is_empty() {
            parameter["description"] = json!(description);
        }
        parameter
    })
}
