//! The document compared with a running server: null, required and unknown members, enums, idempotency keys, ETags and
//! stream events.
use super::{assert_matches, common::Member, operations, resolved};
use dailyfeed::{app::Server, config::Config};
use reqwest::Method;
use serde_json::{Value, json};

/// A server with two members, a post and a comment.
struct World {
    server: Server,
    _folder: tempfile::TempDir,
    document: Value,
    minsu: Member,
    jiwoo: Member,
    post: u64,
    comment: u64,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(Config::for_tests(folder.path())).await.unwrap();
        let base = format!("http://{}", server.api_address());
        let http = crate::common::client();
        let (minsu, jiwoo) = (Member::sign_up(&http, &base).await, Member::sign_up(&http, &base).await);
        let post = minsu.post("안녕 #서울").await;
        let comments = format!("/api/posts/{post}/comments");
        let answer = minsu.request(Method::POST, &comments).json(&json!({"content": "좋아요"})).send().await.unwrap();
        let comment = answer.json::<Value>().await.unwrap()["id"].as_u64().unwrap();
        Self { server, _folder: folder, document: dailyfeed::http::openapi(), minsu, jiwoo, post, comment }
    }

    /// Returns the path of a route with existing ids in its parameters.
    fn path(&self, route: &str) -> String {
        let id = match route.split('/').nth(2) {
            Some("posts") => self.post,
            Some("comments") => self.comment,
            _ => self.jiwoo.id,
        };
        route
            .replace("{id}", &id.to_string())
            .replace("{tag}", "서울")
            .replace("{handle}", "nobody_here")
            .replace("{key}", "0")
    }

    /// Sends a request of minsu. Returns status and body.
    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self.minsu.request(method.parse().unwrap(), path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Lists the operations with a JSON body: method, path and schema.
    fn with_body(&self) -> Vec<(String, String, Value)> {
        let json = |(method, path, operation): (String, String, Value)| {
            let schema = operation["requestBody"]["content"].get("application/json")?["schema"].clone();
            Some((method, path, resolved(&self.document, &schema).clone()))
        };
        operations(&self.document).into_iter().filter_map(json).collect()
    }
}

/// Whether a response has an error of that field.
fn refuses((status, answer): &(u16, Value), field: &str) -> bool {
    let fields = answer["errors"].as_array().into_iter().flatten();
    *status == 422 && fields.into_iter().any(|error| error["field"] == field)
}

/// Whether a field is required under a condition that the schema cannot express: the text of a post without images.
fn conditional(route: &str, field: &str) -> bool {
    ["/api/posts", "/api/posts/{id}"].contains(&route) && field == "content"
}

fn is_nullable(schema: &Value) -> bool {
    let kinds = schema["type"].as_array().into_iter().flatten();
    let forms = schema["oneOf"].as_array().into_iter().flatten();
    kinds.into_iter().any(|kind| kind == "null") || forms.into_iter().any(|form| form["type"] == "null")
}

#[tokio::test]
async fn null_is_accepted_by_nullable_fields_only() {
    let world = World::start().await;
    let (mut accepted, mut refused) = (0, 0);
    for (method, route, schema) in world.with_body() {
        for (field, of) in schema["properties"].as_object().unwrap() {
            if conditional(&route, field) {
                continue;
            }
            let mut body = schema["examples"][0].clone();
            body[field] = Value::Null;
            let answer = world.call(&method, &world.path(&route), Some(&body)).await;
            assert_eq!(refuses(&answer, field), !is_nullable(of), "{method} {route} {field}: {answer:?}");
            if is_nullable(of) { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 15 && refused > 12, "{accepted} {refused}");
    world.server.shutdown().await;
}

#[tokio::test]
async fn only_required_fields_are_reported_missing() {
    let world = World::start().await;
    for (method, route, schema) in world.with_body() {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in schema["properties"].as_object().unwrap().keys().filter(|field| !conditional(&route, field)) {
            let mut body = schema["examples"][0].clone();
            body.as_object_mut().unwrap().remove(field);
            let answer = world.call(&method, &world.path(&route), Some(&body)).await;
            assert_eq!(
                refuses(&answer, field),
                required.contains(&json!(field)),
                "{method} {route} {field}: {answer:?}"
            );
        }
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn unknown_members_are_refused_by_closed_schemas_only() {
    let world = World::start().await;
    let mut closed = Vec::new();
    for (method, route, schema) in world.with_body() {
        if route.ends_with("/deactivate") {
            // The server would accept it and deactivate minsu.
            continue;
        }
        let mut body = schema["examples"][0].clone();
        body["surprise"] = json!(1);
        let answer = world.call(&method, &world.path(&route), Some(&body)).await;
        let open = schema["additionalProperties"] != false;
        assert_eq!(refuses(&answer, "surprise"), !open, "{method} {route}: {answer:?}");
        closed.extend((!open).then_some(route));
    }
    assert_eq!(closed, ["/api/members/me"]);
    world.server.shutdown().await;
}

#[tokio::test]
async fn only_the_values_of_an_enum_are_accepted() {
    let world = World::start().await;
    let mut checked = 0;
    for (method, route, operation) in operations(&world.document) {
        for parameter in operation["parameters"].as_array().unwrap() {
            let values =
                resolved(&world.document, &parameter["schema"])["enum"].as_array().cloned().unwrap_or_default();
            let name = parameter["name"].as_str().unwrap();
            let path = world.path(&route);
            for value in &values {
                let query = format!("{path}?q=a&{name}={}", value.as_str().unwrap());
                let answer = world.call(&method, &query, None).await;
                assert!(answer.0 != 422 && answer.0 != 400, "{query}: {answer:?}");
                checked += 1;
            }
            if !values.is_empty() && !route.starts_with("/api/images") {
                let query = format!("{path}?q=a&{name}=other");
                let answer = world.call(&method, &query, None).await;
                assert!(refuses(&answer, name), "{query}: {answer:?}");
            }
        }
    }
    assert!(checked > 40, "{checked}");
    for (field, good, bad) in [("gender", "OTHER", "other"), ("privacy", "FOLLOWERS", "NOBODY")] {
        let answer = world.call("PATCH", "/api/members/me", Some(&json!({field: good}))).await;
        assert_eq!((answer.0, &answer.1[field]), (200, &json!(good)));
        let answer = world.call("PATCH", "/api/members/me", Some(&json!({field: bad}))).await;
        assert!(refuses(&answer, field), "{answer:?}");
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn declared_idempotency_keys_replay_responses() {
    let world = World::start().await;
    for (method, route, operation) in operations(&world.document) {
        let parameters = operation["parameters"].as_array().unwrap();
        let keyed = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        let Some(content) = operation["requestBody"]["content"].get("application/json").filter(|_| keyed) else {
            continue;
        };
        let body = &resolved(&world.document, &content["schema"])["examples"][0];
        let path = world.path(&route);
        let key = format!("key of {route}").replace(' ', "-");
        let mut answers = Vec::new();
        for _ in 0..2 {
            let request = world.minsu.request(method.parse().unwrap(), &path).header("idempotency-key", &key);
            let answer = request.json(body).send().await.unwrap();
            assert_eq!(answer.status(), 201, "{route}");
            answers.push(answer.text().await.unwrap());
        }
        assert_eq!(answers[0], answers[1], "{route}");
        let request = world.minsu.request(method.parse().unwrap(), &path).header("idempotency-key", "a b");
        assert_eq!(request.json(body).send().await.unwrap().status(), 400, "{route}");
    }
    world.server.shutdown().await;
}

#[tokio::test]
async fn declared_etags_are_sent_and_give_304() {
    let world = World::start().await;
    let mut checked = 0;
    for (_, route, operation) in operations(&world.document) {
        if operation["responses"].get("304").is_none() || route.starts_with("/api/images") {
            continue;
        }
        let path = world.path(&route).replace("@nobody_here", &world.jiwoo.id.to_string());
        let answer = world.minsu.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let tag = answer.headers()["etag"].clone();
        let again = world.minsu.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
        checked += 1;
    }
    assert!(checked > 6, "{checked}");
    world.server.shutdown().await;
}

#[tokio::test]
async fn stream_events_match_the_document() {
    let world = World::start().await;
    let form =
        |path: &str| world.document["paths"][path]["get"]["responses"]["200"]["x-event-stream"]["itemSchema"].clone();
    let (timeline, public) = (form("/api/timeline/stream"), form("/api/events"));
    let mut stream = world.minsu.stream(None).await;
    let request = world.minsu.request(Method::GET, "/api/events").header("accept", "text/event-stream");
    let mut events = super::common::Stream::of(request.send().await.unwrap());
    let mut wanted = vec!["ready"];
    let post = world.post;
    let mut commands: Vec<(&Member, &str, String, Value, &str)> = vec![
        (&world.minsu, "PUT", format!("/api/posts/{post}"), json!({"content": "다시"}), "post.updated"),
        (&world.jiwoo, "PUT", format!("/api/posts/{post}/like"), Value::Null, "notification"),
        (&world.jiwoo, "DELETE", format!("/api/posts/{post}/like"), Value::Null, "notification.retracted"),
        (&world.minsu, "DELETE", format!("/api/posts/{post}"), Value::Null, "post.deleted"),
        (&world.minsu, "POST", "/api/posts".to_owned(), json!({"content": "하나 더"}), "post.created"),
    ];
    commands.reverse();
    while let Some(name) = wanted.pop() {
        loop {
            let event = stream.next().await.expect("an event");
            let event_json = json!({"id": event.id, "event": event.name, "data": event.data});
            assert_matches(&world.document, &timeline, &event_json, &event.name);
            if event.name == name {
                break;
            }
        }
        if let Some((member, method, path, body, next)) = commands.pop() {
            let body = Some(body).filter(|body| !body.is_null());
            assert!(member.call(method.parse().unwrap(), &path, body).await.is_success(), "{path}");
            wanted.push(next);
        }
    }
    let mut names = Vec::new();
    while !names.contains(&"dailyfeed.post.deleted".to_owned()) {
        let event = events.next().await.expect("an event");
        let event_json = json!({"id": event.id, "event": event.name, "data": event.data});
        assert_matches(&world.document, &public, &event_json, &event.name);
        names.push(event.name);
    }
    assert_eq!(names[0], "ready");
    // A cursor of another epoch.
    let mut reset = world.minsu.stream(Some(&foreign_cursor(&world).await)).await;
    for name in ["ready", "reset"] {
        let event = reset.next().await.expect("an event");
        let event_json = json!({"id": event.id, "event": event.name, "data": event.data});
        assert_matches(&world.document, &timeline, &event_json, &event.name);
        assert_eq!(event.name, name);
    }
    world.server.shutdown().await;
}

/// Returns a stream cursor of another server.
async fn foreign_cursor(world: &World) -> String {
    let folder = tempfile::tempdir().unwrap();
    let other = Server::start(Config::for_tests(folder.path())).await.unwrap();
    let member = Member::sign_up(&world.minsu.http, &format!("http://{}", other.api_address())).await;
    let feed = member.get("/api/timeline/posts/followings").await;
    other.shutdown().await;
    feed["streamCursor"].as_str().unwrap().to_owned()
}
