//! What streams send: a schema for each event, and one for all events of a stream.
use serde_json::{Value, json};

/// An event's name, its schema, and the schema of its data.
type Event = (&'static str, &'static str, &'static str);

/// What both streams send.
const OF_BOTH: &[Event] = &[
    ("ready", "ReadyEvent", "Ready"),
    ("auth.expiring", "AuthExpiringEvent", "AuthExpiring"),
    ("reset", "ResetEvent", "Reset"),
    ("bye", "ByeEvent", "Bye"),
];
/// What the timeline's stream sends beside.
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

/// An event as a client reads it: its data is parsed already.
fn event(name: &Value, data: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "required": ["id", "event", "data"],
        "properties": {
            "id": {"type": "string", "description": "Where to resume from: `Last-Event-ID`, or `cursor`."},
            "event": name,
            "data": reference(data),
        },
    })
}

/// Adds the schemas of events.
pub(super) fn add(components: &mut Value) {
    let schemas = &mut components["schemas"];
    for (name, schema, data) in OF_BOTH.iter().chain(OF_TIMELINE) {
        let description = format!("The event `{name}` of a stream.");
        schemas[*schema] = event(&json!({"type": "string", "const": name}), data, &description);
    }
    let description = "A public event of a stream, under its `type`.";
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

/// Says at the operation of a stream what it sends. OpenAPI 3.1 has no word of its own for it.
pub(super) fn announce(operation: &mut Value) {
    let stream = STREAMS.iter().find(|(id, _)| operation["operationId"] == *id);
    if let Some((_, schema)) = stream {
        operation["responses"]["200"]["x-event-stream"] =
            json!({"mediaType": "text/event-stream", "itemSchema": reference(schema)});
    }
}
