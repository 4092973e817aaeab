//! Headers, where they work: told from an operation's method, name and answers.
use super::problems::Shared;
use serde_json::{Map, Value, json};

/// Operations whose effect and answer are kept under an `Idempotency-Key`.
const KEYED: &[&str] = &["signUp", "createPost", "createComment", "sendImage"];
/// Operations that change what `If-Match` can name a version of.
const CONDITIONAL: &[&str] = &["editPost", "editComment", "changeProfile", "changeHandle", "moveMarker"];
/// Operations that answer with what a GET then shows, and with its tag, beside the conditional ones.
const TAGGED: &[&str] = &["createPost", "createComment"];

/// An entity tag as this server writes it.
const TAG: &str = "W/\"5f2a9c0d1e3b4a5968778695\"";

fn text(name: &str, description: &str, example: &str) -> Value {
    json!({
        "name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"},
        "example": example,
    })
}

/// Adds the headers that a request may have, and the failures that come with them.
pub(super) fn add(operation: &Value, parameters: &mut Vec<Value>, shared: &mut Shared) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let is = |names: &[&str]| names.contains(&id.as_str());
    let mut add = |header: Value| {
        if parameters.iter().all(|known| known["name"] != header["name"]) {
            parameters.push(header);
        }
    };
    if is(KEYED) {
        let mut key =
            text("Idempotency-Key", "A repeat with the same key gets the same answer for 24 hours.", "3f2c-1");
        key["schema"] = json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$"});
        add(key);
        shared.with(400, "`MALFORMED_REQUEST`");
        shared.with(422, "`IDEMPOTENCY_KEY_REUSED`");
    }
    let responses = &operation["responses"];
    if responses.get("304").is_some() {
        add(text("If-None-Match", "The `ETag` of what the client has: 304 where that is still so.", TAG));
    }
    if is(CONDITIONAL) {
        add(text("If-Match", "The `ETag` of what the client has: 412 where that is not so any more.", TAG));
        shared.with(412, "`PRECONDITION_FAILED`");
    }
    if responses.get("206").is_some() {
        shared.with(416, "`MALFORMED_REQUEST`: no such part");
        add(text("Range", "One range of bytes.", "bytes=0-1023"));
        add(text("If-Range", "The `ETag` that the range is of; the whole where it is another.", TAG));
    }
    let language = "Korean or English: the language of a problem's `detail`, English where neither is preferred.";
    add(text("Accept-Language", language, "ko"));
}

fn etag() -> Value {
    header("Names this version, for `If-None-Match` and `If-Match`.", &json!({"type": "string"}))
}

fn header(description: &str, schema: &Value) -> Value {
    json!({"description": description, "schema": schema})
}

/// Adds the headers that answers have.
pub(super) fn of_answers(method: &str, id: &str, responses: &mut Map<String, Value>) {
    let tagged = responses.contains_key("304") || CONDITIONAL.contains(&id) || TAGGED.contains(&id);
    for (status, response) in responses.iter_mut() {
        if let Some(headers) = response["headers"].as_object_mut() {
            headers.values_mut().for_each(|header| super::schemas::without_null(&mut header["schema"]));
        } else if let Some(response) = response.as_object_mut() {
            response.remove("headers");
        }
        for (name, value) in of_answer(method, status, tagged) {
            let known = &mut response["headers"][name];
            // An attribute may say more, but hardly ever says what a header is for.
            if known.is_null() || known.get("description").is_none() {
                *known = value;
            }
        }
    }
}

fn of_answer(method: &str, status: &str, tagged: bool) -> Vec<(&'static str, Value)> {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer", "minimum": 0}));
    let mut headers = Vec::new();
    if tagged && (status.starts_with('2') || status == "304") {
        headers.push(("ETag", etag()));
    }
    if method != "get" && status.starts_with('2') {
        let description = "For `consistentWith` of searches: they then find what was written.";
        headers.push(("X-Write-Token", header(description, &text)));
    }
    if status.starts_with(['4', '5']) {
        let languages = json!({"type": "string", "enum": ["en", "ko"]});
        headers.push(("Content-Language", header("The language of `detail`.", &languages)));
    }
    match status {
        "201" => {
            let location = json!({"type": "string", "format": "uri-reference"});
            headers.push(("Location", header("The path of what was made.", &location)));
        }
        "206" => {
            headers.push(("Content-Range", header("Which bytes, of how many: `bytes 0-1023/4096`.", &text)));
            headers.push(("Accept-Ranges", header("`bytes`.", &text)));
        }
        "401" => headers.push(("WWW-Authenticate", header("`Bearer`, and why (RFC 6750).", &text))),
        "415" => headers.push(("Accept-Encoding", header("`identity`, where a content encoding was refused.", &text))),
        "416" => headers.push(("Content-Range", header("How many bytes there are: `bytes */4096`.", &text))),
        "429" | "503" => headers.push(("Retry-After", header("Seconds to wait.", &number))),
        _ => {}
    }
    headers
}
