//! What the handlers' attributes leave out of the OpenAPI document, told from the shape of each operation: the variable
//! parts of its path, headers, failures with their codes, examples, and what streams send.
mod codes;
mod events;
mod examples;
mod headers;
mod problems;
mod schemas;
mod sets;

pub(super) use sets::*;

use serde_json::{Value, json};

/// Completes a document that has every operation and every schema of the handlers.
pub(super) fn complete(document: &mut Value) {
    let components = &mut document["components"];
    schemas::bound_ids(&mut components["schemas"]);
    schemas::close(&mut components["schemas"]);
    problems::add(components);
    events::add(components);
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
    let mut shared = problems::Shared::of(path);
    // The document's own scheme, unless the operation has others.
    if operation.get("security").is_none_or(|schemes| schemes.to_string().contains("bearer")) {
        shared.with_token();
    } else {
        // No scheme at all, rather than one of none.
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
        headers::of_answers(method, &id, responses);
    }
    plain_summary(operation);
    events::announce(operation);
}

/// Summaries are shown as they are, while descriptions are Markdown.
fn plain_summary(operation: &mut Value) {
    if let Some(summary) = operation["summary"].as_str().map(|summary| summary.replace('`', "")) {
        operation["summary"] = Value::String(summary);
    }
}

/// `{id}` is a number, anything else a text. One that no id is, or no handle, names nothing.
fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| {
        let (description, schema) = match name {
            "id" => ("", schemas::id()),
            "handle" => ("Whatever its case.", json!({"type": "string", "pattern": schemas::HANDLE})),
            "tag" => (
                "With or without its sign, in any spelling.",
                json!({"type": "string", "minLength": 1, "maxLength": 51}),
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
