//! Events of streams in the document: a schema for each event, and a union of all events of a stream.
use serde_json::{Value, json};

/// An event's name, its schema, and the schema of its data.
type Event = (&'static str, &'static str, &'static str);

/// Events of both streams.
const OF_BOTH: &[Event] = &[
    ("ready", "ReadyEvent", "Ready"),
    ("auth.expiring", "AuthExpiringEvent", "AuthExpiring"),
    ("reset", "ResetEvent", "Reset"),
    ("bye", "ByeEvent", "Bye"),
];
/// Further events of the timeline's stream.
const OF_TIMELINE: &[Event] = &[
    ("post.created", "PostCreatedEvent", "Post"),
    ("post.updated", "PostUpdatedEvent", "Post"),
    ("post.deleted", "PostDeletedEvent", "PostDeleted"),
    ("post.counts", "PostCountsEvent", "PostCounts"),
    ("notification", "NotificationEvent", "Notification"),
    ("notification.retracted", "NotificationRetractedEvent", "NotificationRetracted"),
    ("notification.marker", "NotificationMarkerEvent", "NotificationMarker"),
    ("top3.changed", "Top3ChangedEvent", "Top3Changed"),
];
/// Each stream's operation, and the schema of its events.
const STREAMS: &[(&str, &str)] = &[("stream", "TimelineStreamEvent"), ("listEvents", "PublicStreamEvent")];

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// The schema of an event with its data parsed.
fn event(name: &Value, data: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "required": ["id", "event", "data"],
        "properties": {
            "id": {"type": "string", "description": "Resumes the stream after this event: send it as `Last-Event-ID` or `cursor`."},
            "event": name,
            "data": reference(data),
        },
    })
}

/// Adds the schemas of all events.
pub(super) fn add(components: &mut Value) {
    let schemas = &mut components["schemas"];
    for (name, schema, data) in OF_BOTH.iter().chain(OF_TIMELINE) {
        let description = format!("The event `{name}` of a stream.");
        schemas[*schema] = event(&json!({"type": "string", "const": name}), data, &description);
    }
    let description = "A public event of a stream. The name of the event is its `type`.";
    schemas["CloudEventEvent"] = event(&reference("CloudEventType"), "CloudEvent", description);
    let union = |names: Vec<&str>, description: &str| {
        let forms: Vec<Value> = names.into_iter().map(reference).collect();
        json!({"oneOf": forms, "description": description})
    };
    let both = OF_BOTH.iter().map(|(_, schema, _)| *schema);
    let timeline: Vec<&str> = both.clone().chain(OF_TIMELINE.iter().map(|(_, schema, _)| *schema)).collect();
    schemas["TimelineStreamEvent"] = union(timeline, "An event of `GET /api/timeline/stream`.");
    let public: Vec<&str> = both.chain(["CloudEventEvent"]).collect();
    schemas["PublicStreamEvent"] = union(public, "An event of `GET /api/events` as a stream.");
}

/// Adds the schema of its events to the operation of a stream. OpenAPI 3.1 has no standard keyword for it.
pub(super) fn add_to_operation(operation: &mut Value) {
    let stream = STREAMS.iter().find(|(id, _)| operation["operationId"] == *id);
    if let Some((_, schema)) = stream {
        operation["responses"]["200"]["x-event-stream"] =
            json!({"mediaType": "text/event-stream", "itemSchema": reference(schema)});
    }
}
