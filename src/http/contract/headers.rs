//! Adds headers to the operations that support them, which follow from method, operation id and responses.
use super::problems::SharedFailures;
use serde_json::{Map, Value, json};

/// Operations that support `Idempotency-Key`.
const IDEMPOTENT: &[&str] = &["signUp", "createPost", "createComment", "sendImage"];
/// Operations that support `If-Match`.
const CONDITIONAL: &[&str] = &["editPost", "editComment", "changeProfile", "changeHandle", "moveMarker"];
/// Operations other than GET that write nothing.
const READS: &[&str] = &["renewToken", "queryMembers", "streamTicket"];
/// Further operations that respond with the `ETag` that a GET of the resource has.
const TAGGED: &[&str] = &["createPost", "createComment"];

/// An example of an entity tag.
const TAG: &str = "W/\"5f2a9c0d1e3b4a5968778695\"";

fn text(name: &str, description: &str, example: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"},
        "example": example,
    })
}

/// Adds the request headers, and the failures that come with them.
pub(super) fn add(operation: &Value, parameters: &mut Vec<Value>, shared: &mut SharedFailures) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let is = |names: &[&str]| names.contains(&id.as_str());
    let mut add = |header: Value| {
        if parameters.iter().all(|known| known["name"] != header["name"]) {
            parameters.push(header);
        }
    };
    if is(IDEMPOTENT) {
        let mut key = text(
            "Idempotency-Key",
            "A repeated request with the same key gets the same response for 24 hours.",
            "3f2c-1",
        );
        key["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"});
        add(key);
        shared.with(400, "`MALFORMED_REQUEST`");
        shared.with(422, "`IDEMPOTENCY_KEY_REUSED`");
    }
    let responses = &operation["responses"];
    if responses.get("304").is_some() {
        add(text("If-None-Match", "The `ETag` of the client's version: 304 if it is still current.", TAG));
    }
    if is(CONDITIONAL) {
        add(text("If-Match", "The `ETag` of the client's version: 412 if it is no longer current.", TAG));
        shared.with(412, "`PRECONDITION_FAILED`");
    }
    if responses.get("206").is_some() {
        shared.with(416, "`MALFORMED_REQUEST`: the range is beyond the end");
        add(text("Range", "A single range of bytes.", "bytes=0-1023"));
        add(text(
            "If-Range",
            "The `ETag` of the version that the range belongs to; if it is no longer current, the whole image is returned.",
            TAG,
        ));
    }
    let language = "The language of a problem's `detail`: Korean or English. English by default.";
    add(text("Accept-Language", language, "ko"));
}

fn etag() -> Value {
    header("The version of the resource, for `If-None-Match` and `If-Match`.", &json!({"type": "string"}))
}

fn header(description: &str, schema: &Value) -> Value {
    json!({"description": description, "schema": schema})
}

/// Adds the response headers.
pub(super) fn add_to_responses(method: &str, id: &str, responses: &mut Map<String, Value>) {
    let writes = method != "get" && !READS.contains(&id);
    let tagged = responses.contains_key("304") || CONDITIONAL.contains(&id) || TAGGED.contains(&id);
    for (status, response) in responses.iter_mut() {
        if let Some(headers) = response["headers"].as_object_mut() {
            headers.values_mut().for_each(|header| super::schemas::without_null(&mut header["schema"]));
        } else if let Some(response) = response.as_object_mut() {
            response.remove("headers");
        }
        for (name, value) in of_response(status, tagged, writes) {
            let known = &mut response["headers"][name];
            // The attribute of a handler keeps its own definition only if that has a description.
            if known.is_null() || known.get("description").is_none() {
                *known = value;
            }
        }
    }
}

fn of_response(status: &str, tagged: bool, writes: bool) -> Vec<(&'static str, Value)> {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer", "minimum": 0}));
    let mut headers = Vec::new();
    if tagged && (status.starts_with('2') || status == "304") {
        headers.push(("ETag", etag()));
    }
    if writes && status.starts_with('2') {
        let description = "Pass it as `consistentWith` to a search that has to find this write.";
        headers.push(("X-Write-Token", header(description, &text)));
    }
    if status.starts_with(['4', '5']) {
        let languages = json!({"type": "string", "enum": ["en", "ko"]});
        headers.push(("Content-Language", header("The language of `detail`.", &languages)));
    }
    match status {
        "201" => {
            let location = json!({"type": "string", "format": "uri-reference"});
            headers.push(("Location", header("The path of the created resource.", &location)));
        }
        "206" => {
            headers.push(("Content-Range", header("The range and the total size: `bytes 0-1023/4096`.", &text)));
            headers.push(("Accept-Ranges", header("`bytes`.", &text)));
        }
        "401" => headers.push(("WWW-Authenticate", header("`Bearer` with the reason (RFC 6750).", &text))),
        "415" => headers.push(("Accept-Encoding", header("`identity`, if a content encoding was rejected.", &text))),
        "416" => headers.push(("Content-Range", header("The total size: `bytes */4096`.", &text))),
        "429" | "503" => headers.push(("Retry-After", header("Seconds to wait.", &number))),
        _ => {}
    }
    headers
}
