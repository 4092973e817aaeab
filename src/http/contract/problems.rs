//! Problems in the document: a schema and an example for each code, and the codes that each operation can fail with.
use super::codes::{self, CODES, Code};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Adds a schema and an example for each code, so that generated clients have a type for each problem.
pub(super) fn add(components: &mut Value) {
    let general = components["schemas"]["Problem"].clone();
    for code in CODES {
        components["schemas"][schema_name(code)] = schema(&general, code);
        components["examples"][code.name] = json!({"summary": code.detail, "value": example(code)});
    }
}

/// `PostNotFoundProblem` for `POST_NOT_FOUND`.
fn schema_name(code: &Code) -> String {
    let mut name = String::new();
    for word in code.name.split('_') {
        let (first, rest) = word.split_at(1);
        name.push_str(first);
        name.push_str(&rest.to_ascii_lowercase());
    }
    name + "Problem"
}

/// Codes whose problems always name fields, each with code and detail of an example. Other problems with a 422 can name
/// fields; all other problems never do.
const NAMING_FIELDS: &[(&str, &str, &str)] = &[
    ("VALIDATION_FAILED", "REQUIRED", "is required"),
    ("TEXT_MALFORMED", "TEXT_MALFORMED", "has a character of more than 16 code points"),
];

/// The schema of a problem with one code.
fn schema(general: &Value, code: &Code) -> Value {
    let mut schema = general.clone();
    schema["description"] = json!(format!("The problem `{}`, for example: {}.", code.name, code.detail));
    schema["properties"]["code"] = json!({"type": "string", "const": code.name});
    schema["examples"] = json!([example(code)]);
    if NAMING_FIELDS.iter().any(|(name, ..)| *name == code.name) {
        schema["properties"]["errors"]["minItems"] = json!(1);
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(json!("errors"));
        }
    } else if code.status != 422
        && let Some(properties) = schema["properties"].as_object_mut()
    {
        properties.remove("errors");
    }
    schema
}

fn example(code: &Code) -> Value {
    let title = StatusCode::from_u16(code.status).ok().and_then(|status| status.canonical_reason());
    let mut example = json!({
        "type": "about:blank", "title": title, "status": code.status, "detail": code.detail, "code": code.name,
        "instance": "/api/posts/7288591360000064", "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    if let Some((_, field_code, detail)) = NAMING_FIELDS.iter().find(|(name, ..)| *name == code.name) {
        example["errors"] = json!([{"field": "content", "code": field_code, "detail": detail}]);
    }
    example
}

/// Failures that an operation shares with others, by status, with their codes in a description.
pub(super) struct SharedFailures(Vec<(u16, &'static str)>);

impl SharedFailures {
    /// The failures of every operation. Health checks have no rate limit.
    pub(super) fn of(path: &str) -> Self {
        let mut shared = Self(vec![
            (500, "`INTERNAL`"),
            (503, "`BUSY`, `UNAVAILABLE`: the request was not processed, or its outcome is unknown"),
        ]);
        if !path.starts_with("/health/") {
            shared.with(429, "`TOO_MANY_REQUESTS`");
        }
        shared
    }

    /// Adds the failures of a status.
    pub(super) fn with(&mut self, status: u16, description: &'static str) {
        self.0.push((status, description));
    }

    /// Adds the failures of an operation with a body.
    pub(super) fn with_body(&mut self) {
        self.0.extend([
            (400, "`MALFORMED_REQUEST`"),
            (408, "`REQUEST_TIMEOUT`: the body took too long to arrive"),
            (413, "`PAYLOAD_TOO_LARGE`"),
            (415, "`UNSUPPORTED_MEDIA_TYPE`"),
            (422, "`VALIDATION_FAILED`"),
        ]);
    }

    /// Adds the failures of an operation with a bearer token.
    pub(super) fn with_token(&mut self) {
        self.with(401, "`BEARER_TOKEN_MISSING`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`");
    }

    /// Adds the failures of an operation with pages.
    pub(super) fn with_page(&mut self) {
        self.with(400, "`CURSOR_INVALID`, `CURSOR_EXPIRED`, `MALFORMED_REQUEST`");
        self.with(422, "`VALIDATION_FAILED`");
    }

    /// Writes the failures into the responses of an operation, beside the failures that it declares itself, and gives
    /// each failure the schemas of its codes.
    pub(super) fn write(self, responses: &mut Map<String, Value>) {
        for (status, description) in self.0 {
            let response = responses.entry(status.to_string()).or_insert_with(|| json!({}));
            let declared = response["description"].as_str().unwrap_or_default();
            let new: Vec<String> = codes::in_text(description)
                .map(|code| format!("`{}`", code.name))
                .filter(|name| !declared.contains(name.as_str()))
                .collect();
            if declared.is_empty() {
                response["description"] = json!(description);
            } else if !new.is_empty() {
                response["description"] = json!(format!("{}, {declared}", new.join(", ")));
            }
        }
        for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let description = response["description"].as_str().unwrap_or_default();
            let codes: Vec<&Code> = codes::in_text(description).collect();
            response["content"] = json!({"application/problem+json": content(&codes)});
        }
    }
}

/// The content of a response with one of these codes.
fn content(codes: &[&Code]) -> Value {
    let mut schemas: Vec<Value> = codes.iter().map(|code| json!({"$ref": reference(code)})).collect();
    let schema = match schemas.len() {
        0 => json!({"$ref": "#/components/schemas/Problem"}),
        1 => schemas.remove(0),
        _ => {
            let mapping: Map<String, Value> =
                codes.iter().map(|code| (code.name.to_owned(), json!(reference(code)))).collect();
            json!({"oneOf": schemas, "discriminator": {"propertyName": "code", "mapping": mapping}})
        }
    };
    let example = |code: &&Code| {
        let reference = format!("#/components/examples/{}", code.name);
        (code.name.to_owned(), json!({"$ref": reference}))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    json!({"schema": schema, "examples": examples})
}

fn reference(code: &Code) -> String {
    format!("#/components/schemas/{}", schema_name(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{CODE_POINTS_MAX, FieldError, Reason, Refusal},
        http::problem::{Language, Problem},
    };

    #[test]
    fn the_examples_that_name_fields_equal_real_problems() {
        for (name, reason) in
            [("VALIDATION_FAILED", Reason::Required), ("TEXT_MALFORMED", Reason::Malformed { max: CODE_POINTS_MAX })]
        {
            let problem = Problem::from(Refusal::from(FieldError { field: "content", reason }));
            let example = example(codes::named(name).unwrap());
            let text = |member: &str| example[member].as_str().unwrap().to_owned();
            let rendered = problem.render(Language::English, &text("instance"), &text("traceId"));
            assert_eq!(serde_json::from_slice::<Value>(&rendered).unwrap(), example, "{name}");
        }
    }

    #[test]
    fn shared_codes_are_added_to_those_of_the_operation() {
        let mut responses = Map::new();
        responses.insert("422".into(), json!({"description": "`POST_CONTENT_EMPTY`, `VALIDATION_FAILED`"}));
        responses.insert("400".into(), json!({"description": "`CURSOR_INVALID`: not of this list"}));
        let mut shared = SharedFailures(Vec::new());
        shared.with_body();
        shared.write(&mut responses);
        assert_eq!(responses["422"]["description"], "`POST_CONTENT_EMPTY`, `VALIDATION_FAILED`");
        assert_eq!(responses["400"]["description"], "`MALFORMED_REQUEST`, `CURSOR_INVALID`: not of this list");
        let schema = &responses["400"]["content"]["application/problem+json"]["schema"];
        assert_eq!(schema["oneOf"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            responses["413"]["content"]["application/problem+json"]["schema"]["$ref"],
            "#/components/schemas/PayloadTooLargeProblem"
        );
    }
}
