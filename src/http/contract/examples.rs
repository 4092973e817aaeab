//! Examples of bodies and responses, composed of the examples of their schemas.
use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";

/// An example of a schema: its own, or one composed of the examples of its parts; none if a part has none.
fn sample(schema: &Value, schemas: &Value) -> Option<Value> {
    if let Some(example) = schema["examples"].get(0) {
        return Some(example.clone());
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS)) {
        return sample(schemas.get(name)?, schemas);
    }
    if schema["items"].is_object() {
        return Some(json!([sample(&schema["items"], schemas)?]));
    }
    let required = schema["required"].as_array()?;
    let of = |name: &Value| {
        let name = name.as_str()?;
        Some((name.to_owned(), sample(&schema["properties"][name], schemas)?))
    };
    required.iter().map(of).collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// Adds an item to each example of a page that has none.
pub(super) fn fill_pages(schemas: &mut Value) {
    let known = schemas.clone();
    let Some(schemas) = schemas.as_object_mut() else { return };
    for schema in schemas.values_mut() {
        let empty = schema["examples"][0]["items"].as_array().is_some_and(Vec::is_empty);
        if empty && let Some(items) = sample(&schema["properties"]["items"], &known) {
            schema["examples"][0]["items"] = items;
        }
    }
}

/// Adds an example to each JSON body and each JSON response of an operation.
pub(super) fn write(operation: &mut Value, schemas: &Value) {
    let mut contents: Vec<&mut Value> = Vec::new();
    let Some(operation) = operation.as_object_mut() else { return };
    for (name, part) in operation.iter_mut() {
        match name.as_str() {
            "requestBody" => contents.extend(part.get_mut("content")),
            "responses" => {
                let responses = part.as_object_mut().into_iter().flat_map(|responses| responses.values_mut());
                contents.extend(responses.filter_map(|response| response.get_mut("content")));
            }
            _ => {}
        }
    }
    for content in contents {
        let Some(json) = content.get_mut("application/json") else { continue };
        if let Some(example) = sample(&json["schema"], schemas) {
            json["example"] = example;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_composed_of_the_examples_of_its_parts() {
        let schemas = json!({
            "Post": {"examples": [{"id": 7}]},
            "Found": {"required": ["post"], "properties": {"post": {"$ref": "#/components/schemas/Post"}}},
            "Page": {
                "examples": [{"items": [], "nextCursor": null}],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Found"}}},
            },
            "Other": {"required": ["of"], "properties": {"of": {"type": "string"}}},
        });
        let mut filled = schemas.clone();
        fill_pages(&mut filled);
        let page = json!({"items": [{"post": {"id": 7}}], "nextCursor": null});
        assert_eq!(filled["Page"]["examples"][0], page);
        assert_eq!(sample(&json!({"$ref": "#/components/schemas/Page"}), &filled), Some(page));
        assert_eq!(sample(&json!({"$ref": "#/components/schemas/Other"}), &schemas), None);
    }
}
