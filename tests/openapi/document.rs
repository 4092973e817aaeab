//! Properties of the document that client generators need: enums, one media type per response, codes, headers, bounds.
use super::{assert_matches, operations, resolved};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ID_MAX: u64 = (1 << 53) - 1;
/// The event names of both streams.
const STREAMS: [(&str, &str); 2] = [
    (
        "/api/timeline/stream",
        "ready post.created post.updated post.deleted post.counts notification notification.retracted \
         notification.marker top3.changed auth.expiring reset bye",
    ),
    ("/api/events", "ready auth.expiring reset bye"),
];

fn document() -> Value {
    dailyfeed::http::openapi()
}

/// Finds a property of a schema, also inside `allOf`.
fn property<'a>(document: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let schema = resolved(document, schema);
    let parts = schema["allOf"].as_array().into_iter().flatten();
    schema["properties"].get(name).or_else(|| parts.into_iter().find_map(|part| property(document, part, name)))
}

/// Returns the values of an enum without `null`.
fn values<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let schema = resolved(document, schema);
    let forms = schema["oneOf"].as_array().into_iter().flatten();
    let own = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    own.chain(schema["const"].as_str()).chain(forms.flat_map(|form| values(document, form))).collect()
}

/// Lists all media types of bodies and responses: operation, status or `body`, media type, content.
fn forms(document: &Value) -> Vec<(String, String, String, Value)> {
    let mut forms = Vec::new();
    for (method, path, operation) in operations(document) {
        let body = operation.get("requestBody").map(|body| ("body".to_owned(), body.clone()));
        let responses = operation["responses"].as_object().unwrap().clone();
        for (status, part) in body.into_iter().chain(responses) {
            for (kind, content) in part["content"].as_object().into_iter().flatten() {
                forms.push((format!("{method} {path}"), status.clone(), kind.clone(), content.clone()));
            }
        }
    }
    forms
}

#[test]
fn closed_sets_are_enums() {
    let document = document();
    for (schema, name, expected) in [
        ("Problem", "code", "POST_NOT_FOUND"),
        ("WrongField", "code", "TOO_SHORT"),
        ("Notification", "type", "FOLLOW_REQUEST"),
        ("Activity", "type", "LIKE_POST"),
        ("CloudEvent", "type", "dailyfeed.post.created"),
        ("CloudEvent", "specversion", "1.0"),
        ("Profile", "privacy", "FOLLOWERS"),
        ("Me", "gender", "PREFER_NOT_TO_SAY"),
        ("Image", "contentType", "image/png"),
        ("SignUp", "gender", "MALE"),
        ("ChangeProfile", "gender", "OTHER"),
        ("ChangeProfile", "privacy", "PRIVATE"),
        ("SendImage", "purpose", "profile"),
        ("PostDeleted", "reason", "hidden"),
        ("Reset", "reason", "too_far"),
    ] {
        let known = property(&document, &document["components"]["schemas"][schema], name).unwrap();
        assert!(values(&document, known).contains(&expected), "{schema}.{name}: {known}");
    }
    let mut found = BTreeSet::new();
    for (_, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            if !values(&document, &parameter["schema"]).is_empty() {
                found.insert(name.to_owned());
            } else {
                let closed = ["window", "sort", "strategy", "variant", "type"].contains(&name);
                assert!(!closed, "{path}: {name}");
            }
        }
    }
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn each_body_and_response_has_one_media_type() {
    let document = document();
    let mut found = BTreeSet::new();
    for (of, status, kind, content) in forms(&document) {
        assert!(found.insert((of.clone(), status.clone())), "{of} {status} has several media types");
        let expected: &[&str] = match (of.as_str(), status.as_str()) {
            ("POST /api/images", "body") => &["multipart/form-data"],
            (_, "body") => &["application/json"],
            (_, status) if status.starts_with(['4', '5']) => &["application/problem+json"],
            _ => &["application/json", "text/event-stream", "image/*"],
        };
        assert!(expected.contains(&kind.as_str()), "{of} {status}: {kind}");
        if kind == "image/*" {
            assert_eq!(content["schema"], json!({"type": "string", "format": "binary"}), "{of} {status}");
        }
    }
    let image = &document["components"]["schemas"]["SendImage"]["properties"]["image"];
    assert_eq!((&image["type"], &image["format"]), (&json!("string"), &json!("binary")));
}

/// Returns the codes of an error schema.
fn codes<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let schema = resolved(document, schema);
    match schema["oneOf"].as_array() {
        Some(forms) => forms.iter().flat_map(|form| codes(document, form)).collect(),
        None => values(document, property(document, schema, "code").unwrap()),
    }
}

#[test]
fn error_responses_list_their_codes() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let all = values(&document, property(&document, &schemas["Problem"], "code").unwrap());
    for (of, status, _, content) in forms(&document).iter().filter(|form| form.1.starts_with(['4', '5'])) {
        let codes = codes(&document, &content["schema"]);
        assert!((1..10).contains(&codes.len()), "{of} {status}: {codes:?}");
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{of} {status}: {codes:?}");
        for code in codes {
            assert!(all.contains(&code), "{of} {status}: {code}");
            let example = resolved(&document, &content["examples"][code]);
            let given = (&example["value"]["code"], example["value"]["status"].to_string());
            let ranged = of.ends_with("/api/images/{id}") && status == "416";
            assert!(given.0 == code && (given.1 == *status || ranged), "{of} {status}: {example}");
        }
    }
    // Names between backticks in descriptions must be codes.
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let text = response["description"].as_str().unwrap();
            let named =
                text.split('`').skip(1).step_by(2).filter(|name| status.starts_with(['4', '5']) && name.len() > 3);
            assert!(named.clone().all(|name| all.contains(&name)), "{method} {path} {status}: {text}");
        }
    }
}

#[test]
fn every_json_content_has_a_valid_example() {
    let document = document();
    let mut checked = 0;
    for (of, status, kind, content) in forms(&document).iter().filter(|form| form.2.contains("json")) {
        let named = content["examples"].as_object().into_iter().flat_map(|examples| examples.values());
        let named = named.map(|example| &resolved(&document, example)["value"]);
        let examples: Vec<&Value> = named.chain(content.get("example")).collect();
        assert!(!examples.is_empty() || of == "GET /api/openapi.json", "{of} {status} {kind} has no example");
        for example in examples {
            assert_matches(&document, &content["schema"], example, &format!("{of} {status}"));
            checked += 1;
        }
    }
    assert!(checked > 400, "{checked}");
}

#[test]
fn parameters_headers_and_bodies_are_not_nullable() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["schema"]);
        let responses = operation["responses"].as_object().unwrap().values();
        let headers = responses.flat_map(|response| response["headers"].as_object().into_iter().flatten());
        for schema in parameters.chain(headers.map(|(_, header)| &header["schema"])) {
            assert!(schema.is_object() && !schema.to_string().contains("null"), "{method} {path}: {schema}");
        }
        let body = &operation["requestBody"];
        assert!(!body["content"].to_string().contains("\"null\""), "{method} {path}: {body}");
    }
}

#[test]
fn headers_are_declared_on_their_operations() {
    let document = document();
    let (mut keyed, mut conditional) = (Vec::new(), Vec::new());
    for (method, path, operation) in operations(&document) {
        let of = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        let parameters = operation["parameters"].as_array().unwrap();
        let takes = |name: &str| parameters.iter().any(|known| known["name"] == name && known["in"] == "header");
        let responses = operation["responses"].as_object().unwrap();
        let says = |status: &str, name: &str| responses.get(status).is_some_and(|r| r["headers"].get(name).is_some());
        assert!(takes("Accept-Language"), "{of}");
        assert_eq!(takes("If-None-Match"), responses.contains_key("304"), "{of}");
        assert_eq!(takes("If-Match"), responses.contains_key("412"), "{of}");
        assert_eq!(takes("Range"), responses.contains_key("206"), "{of}");
        assert_eq!(takes("Last-Event-ID"), STREAMS.iter().any(|(stream, _)| *stream == path), "{of}");
        keyed.extend(takes("Idempotency-Key").then(|| id.to_owned()));
        conditional.extend(takes("If-Match").then(|| id.to_owned()));
        for status in responses.keys() {
            let success = status.starts_with('2');
            let writes = method != "GET" && !["renewToken", "queryMembers", "streamTicket"].contains(&id);
            assert_eq!(says(status, "X-Write-Token"), success && writes, "{of} {status}");
            let tagged = takes("If-None-Match") || takes("If-Match") || ["createPost", "createComment"].contains(&id);
            assert_eq!(says(status, "ETag"), tagged && (success || status == "304"), "{of} {status}");
            assert_eq!(says(status, "Retry-After"), ["429", "503"].contains(&status.as_str()), "{of} {status}");
            assert_eq!(says(status, "WWW-Authenticate"), status == "401", "{of} {status}");
            assert_eq!(says(status, "Content-Range"), ["206", "416"].contains(&status.as_str()), "{of} {status}");
        }
        assert_eq!(says("200", "Link"), path == "/api/events", "{of}");
    }
    for names in [&mut keyed, &mut conditional] {
        names.sort_unstable();
    }
    assert_eq!(keyed, ["createComment", "createPost", "sendImage", "signUp"]);
    assert_eq!(conditional, ["changeHandle", "changeProfile", "editComment", "editPost", "moveMarker"]);
}

#[test]
fn texts_and_numbers_have_bounds() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let of = |schema: &str, name: &str| property(&document, &schemas[schema], name).unwrap().clone();
    for schema in ["SignUp", "ChangeHandle", "MemberSummary", "Profile"] {
        assert_eq!(of(schema, "handle")["pattern"], "^[a-zA-Z0-9_]{3,50}$", "{schema}");
    }
    for (schema, name) in [("SignUp", "password"), ("ChangePassword", "newPassword")] {
        let password = of(schema, name);
        assert_eq!((&password["minLength"], &password["maxLength"]), (&json!(8), &json!(50)));
        for (text, good) in [("Passw0rd!", true), ("passw0rd!", false), ("Password!", false), ("Passw0rdx", false)] {
            let root = json!({"allOf": [password.clone()]});
            assert_eq!(jsonschema::is_valid(&root, &json!(text)), good, "{text}");
        }
    }
    for (schema, name) in [("Post", "id"), ("WriteComment", "parentId"), ("Comment", "parentId"), ("Activity", "id")] {
        assert_eq!(of(schema, name)["maximum"], ID_MAX, "{schema}.{name}");
    }
    assert_eq!(of("QueryMembers", "ids")["items"]["maximum"], ID_MAX);
    assert_eq!(of("Post", "createdAt")["format"], "date-time");
    assert_eq!(of("Me", "birthDate")["format"], "date");
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|known| known["in"] == "path") {
            let schema = &parameter["schema"];
            let bounded = ["maximum", "pattern", "minLength"].iter().any(|bound| schema.get(bound).is_some());
            assert!(bounded, "{method} {path}: {parameter}");
        }
    }
}

#[test]
fn streams_list_their_events() {
    let document = document();
    let public = property(&document, &document["components"]["schemas"]["CloudEvent"], "type").unwrap();
    for (path, names) in STREAMS {
        let described = &document["paths"][path]["get"]["responses"]["200"]["x-event-stream"];
        assert_eq!(described["mediaType"], "text/event-stream", "{path}");
        let mut expected: BTreeSet<&str> = names.split_whitespace().collect();
        if path == "/api/events" {
            expected.extend(values(&document, public));
        }
        let events = resolved(&document, &described["itemSchema"])["oneOf"].as_array().unwrap();
        let event = |form| values(&document, property(&document, form, "event").unwrap());
        assert_eq!(events.iter().flat_map(event).collect::<BTreeSet<_>>(), expected, "{path}");
        for form in events {
            let data = resolved(&document, property(&document, form, "data").unwrap());
            assert!(data["properties"].is_object() && data["examples"][0].is_object(), "{path}: {form}");
        }
    }
}

#[test]
fn operation_ids_and_tags_are_valid_names() {
    let document = document();
    let described = document["tags"].as_array().unwrap();
    let described: BTreeSet<&str> = described
        .iter()
        .filter(|tag| tag["description"].is_string())
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut used = BTreeSet::new();
    for (_, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let plain =
            id.starts_with(|c: char| c.is_ascii_lowercase()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(plain, "{path}: {id}");
        let tags = operation["tags"].as_array().unwrap();
        assert_eq!(tags.len(), 1, "{path}");
        used.insert(tags[0].as_str().unwrap().to_owned());
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), described);
    assert_eq!(document["servers"], json!([{"url": "/"}]));
}
