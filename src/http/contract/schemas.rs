//! Corrections of schemas: bounds of ids, no `null` in parameters and bodies, closed objects, constant texts.
use crate::domain::{CODE_POINTS_MAX, ID_END};
use serde_json::{Map, Value, json};

/// Requests whose unknown members are refused. Other requests ignore theirs.
const CLOSED: &[&str] = &["ChangeProfile"];
/// Properties with constant values, which their types do not express.
const CONSTANTS: &[(&str, &str, &[&str])] = &[
    ("CloudEvent", "specversion", &["1.0"]),
    ("CloudEvent", "datacontenttype", &["application/json"]),
    ("Health", "status", &["UP"]),
];
/// The pattern of a handle, as `domain::Handle` checks it.
pub(super) const HANDLE: &str = "^[a-zA-Z0-9_]{3,50}$";

/// Maximum number of code points of a tag in a request: `#` and 50 characters of at most 16 code points each.
pub(super) const TAG_LENGTH_MAX: usize = 1 + 50 * CODE_POINTS_MAX;

/// The schema of an id: a number that is exact in every client, JavaScript included.
pub(super) fn id() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": ID_END - 1})
}

/// Marks closed requests, and sets the values of constants.
pub(super) fn close(schemas: &mut Value) {
    for (schema, property, values) in CONSTANTS {
        schemas[*schema]["properties"][*property]["enum"] = json!(values);
    }
    for name in CLOSED {
        schemas[*name]["additionalProperties"] = json!(false);
    }
}

/// Sets the maximum of every id in the schemas.
pub(super) fn bound_ids(schemas: &mut Value) {
    match schemas {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties.iter_mut().filter(|(name, _)| is_id(name)).for_each(|(_, schema)| bound(schema));
            }
            members.iter_mut().filter(|(name, _)| *name != "examples").for_each(|(_, schema)| bound_ids(schema));
        }
        Value::Array(items) => items.iter_mut().for_each(bound_ids),
        _ => {}
    }
}

fn is_id(property: &str) -> bool {
    ["id", "ids"].contains(&property) || property.ends_with("Id") || property.ends_with("Ids")
}

fn bound(schema: &mut Value) {
    if schema["items"].is_object() {
        bound(&mut schema["items"]);
    } else if has_type(schema, "integer") {
        schema["maximum"] = json!(ID_END - 1);
    }
}

/// Whether a schema has the type, with or without `null`.
fn has_type(schema: &Value, kind: &str) -> bool {
    let kinds = schema["type"].as_array().map_or(std::slice::from_ref(&schema["type"]), Vec::as_slice);
    kinds.iter().any(|known| known == kind)
}

/// Removes `null` from a schema: a parameter or a header is present or absent, and never null.
pub(super) fn without_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if kinds.len() == 1 {
            let kind = kinds.remove(0);
            members.insert("type".into(), kind);
        }
    }
    let Some(Value::Array(forms)) = members.get_mut("oneOf") else { return };
    forms.retain(|form| form["type"] != "null");
    if forms.len() == 1
        && let Value::Object(form) = forms.remove(0)
    {
        members.remove("oneOf");
        let rest: Map<String, Value> = std::mem::take(members);
        *members = form;
        members.extend(rest);
    }
}

/// Makes a nullable body an optional one: it is present or absent, and never null.
pub(super) fn unwrap_optional_body(body: &mut Value) {
    let Some(contents) = body["content"].as_object_mut() else { return };
    let mut optional = false;
    for content in contents.values_mut() {
        let before = content["schema"].clone();
        without_null(&mut content["schema"]);
        optional |= content["schema"] != before;
    }
    body["required"] = json!(!optional);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_everywhere() {
        let mut schemas = json!({"A": {"properties": {
            "id": {"type": "integer"}, "traceId": {"type": "string"}, "postId": {"type": ["integer", "null"]},
            "imageIds": {"type": ["array", "null"], "items": {"type": "integer"}}, "count": {"type": "integer"},
        }}});
        bound_ids(&mut schemas);
        let of = |pointer: &str| schemas.pointer(&format!("/A/properties/{pointer}/maximum")).and_then(Value::as_u64);
        assert_eq!(of("id"), Some(9_007_199_254_740_991));
        assert_eq!((of("postId"), of("imageIds/items")), (of("id"), of("id")));
        assert_eq!((of("traceId"), of("count")), (None, None));
    }

    #[test]
    fn null_is_removed() {
        let cases = [
            (json!({"type": ["string", "null"], "maxLength": 5}), json!({"type": "string", "maxLength": 5})),
            (json!({"type": "string"}), json!({"type": "string"})),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/a"}]}), json!({"$ref": "#/a"})),
            (json!({"type": ["string", "integer"]}), json!({"type": ["string", "integer"]})),
        ];
        for (mut schema, expected) in cases {
            without_null(&mut schema);
            assert_eq!(schema, expected);
        }
    }
}
