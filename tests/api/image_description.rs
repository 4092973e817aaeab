//! An image's description (alt text): on upload and by PATCH, on its post in every view, its rules, and who may change
//! it.
use crate::{
    common::{Member, Stream},
    image_fixtures::{form, jpeg},
    stream::{next, ready},
    support::{TestServer, fields, ids, member, problem},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const TEXT: &str = "한강 다리 위의 저녁 하늘";

async fn upload(who: &Member, parts: &[(&str, &[u8])]) -> Response {
    let image = jpeg(40, 20);
    let mut all = vec![("purpose", b"post".as_slice()), ("image", image.as_slice())];
    all.extend_from_slice(parts);
    who.send_form("/api/images", form(&all)).await
}

async fn uploaded(who: &Member, description: &str) -> Value {
    let answer = upload(who, &[("description", description.as_bytes())]).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

fn path(image: &Value) -> String {
    format!("/api/images/{}", image["id"])
}

async fn describe(who: &Member, image: &Value, description: Value) -> Value {
    who.ok(Method::PATCH, &path(image), json!({"description": description})).await
}

async fn post_with(who: &Member, images: &[&Value]) -> Value {
    let ids: Vec<&Value> = images.iter().map(|image| &image["id"]).collect();
    who.ok(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": ids})).await
}

/// Returns the descriptions of a post's images.
fn descriptions(post: &Value) -> Vec<&Value> {
    post["images"].as_array().unwrap().iter().map(|image| &image["description"]).collect()
}

/// Waits for the next update of a post, and returns the post.
async fn next_update(stream: &mut Stream) -> Value {
    loop {
        let event = next(stream).await;
        if event.name == "post.updated" {
            return event.data;
        }
    }
}

#[tokio::test]
async fn an_upload_has_its_description_or_null() {
    let who = member().await;
    let described = uploaded(&who, &format!("  {TEXT}  ")).await;
    assert_eq!(described["description"], TEXT);
    for none in ["", " \u{3164} "] {
        assert_eq!(uploaded(&who, none).await["description"], Value::Null);
    }
    let plain = who.image("post", &jpeg(40, 20)).await;
    assert_eq!(plain.get("description"), Some(&Value::Null), "{plain}");
    let post = post_with(&who, &[&described, &plain]).await;
    assert_eq!(descriptions(&post), [&json!(TEXT), &Value::Null]);
    assert_eq!(who.get(&format!("/api/posts/{}", post["id"])).await["images"], post["images"]);
}

#[tokio::test]
async fn a_change_is_in_every_view_at_once() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let image = uploaded(&who, TEXT).await;
    let post = post_with(&who, &[&image]).await;
    let path = format!("/api/posts/{}", post["id"]);
    // Cached for both.
    let mut stream = fan.stream(None).await;
    ready(&mut stream).await;
    assert_eq!(descriptions(&fan.get(&path).await), [TEXT]);
    for (given, shown) in [
        (json!("새 설명"), json!("새 설명")),
        (json!(""), Value::Null),
        (json!(TEXT), json!(TEXT)),
        (Value::Null, Value::Null),
    ] {
        let answer = describe(&who, &image, given).await;
        let mut expected = image.clone();
        expected["description"] = shown.clone();
        assert_eq!(answer, expected);
        assert_eq!(descriptions(&who.get(&path).await), [&shown]);
        assert_eq!(descriptions(&who.get("/api/timeline/posts/mine").await["items"][0]), [&shown]);
        let update = next_update(&mut stream).await;
        assert_eq!((&update["id"], descriptions(&update)), (&post["id"], vec![&shown]));
        assert_eq!(descriptions(&fan.get("/api/timeline/posts/followings").await["items"][0]), [&shown]);
    }
    assert_eq!(who.get(&path).await["editedAt"], Value::Null, "the post's text was not edited");
}

#[tokio::test]
async fn only_changes_are_updates() {
    let who = member().await;
    let image = uploaded(&who, TEXT).await;
    describe(&who, &image, json!("글에 없는 동안")).await;
    post_with(&who, &[&image]).await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    describe(&who, &image, json!("글에 없는 동안")).await;
    assert_eq!(who.ok(Method::PATCH, &path(&image), json!({})).await["description"], "글에 없는 동안");
    describe(&who, &image, json!("바뀜")).await;
    assert_eq!(descriptions(&next_update(&mut stream).await), ["바뀜"]);
    let log = who.get("/api/activities?type=POST_UPDATE").await;
    assert_eq!(ids(&log).len(), 1, "{log}");
}

#[tokio::test]
async fn a_description_is_one_line_of_at_most_1500_characters() {
    let who = member().await;
    let image = uploaded(&who, TEXT).await;
    // A family is one character of seven code points.
    let family = "👨‍👩‍👧‍👦";
    for longest in [family.repeat(1_500), "가".repeat(1_500)] {
        assert_eq!(describe(&who, &image, json!(longest)).await["description"], longest);
        assert_eq!(uploaded(&who, &longest).await["description"], longest);
    }
    for (text, code) in [
        (family.repeat(1_501), "TOO_LONG"),
        ("a".repeat(1_501), "TOO_LONG"),
        ("두\n줄".to_owned(), "INVALID_CHARACTERS"),
        ("탭\t여기".to_owned(), "INVALID_CHARACTERS"),
        ("\u{202E}거꾸로".to_owned(), "INVALID_CHARACTERS"),
    ] {
        let expected = [("description".to_owned(), code.to_owned())];
        let body = json!({"description": text});
        let refused = who.refused(Method::PATCH, &path(&image), body, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), expected);
        let refused = upload(&who, &[("description", text.as_bytes())]).await;
        assert_eq!(fields(&problem(refused, 422, "VALIDATION_FAILED").await), expected);
    }
    let stacked = format!("a{}", "\u{301}".repeat(16));
    who.refused(Method::PATCH, &path(&image), json!({"description": stacked}), 422, "TEXT_MALFORMED").await;
    let refused = who.refused(Method::PATCH, &path(&image), json!({"description": 5}), 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("description".to_owned(), "INVALID_FORMAT".to_owned())]);
    // A part that is no description at all.
    let refused = upload(&who, &[("description", &vec![b'a'; 200_000])]).await;
    assert_eq!(fields(&problem(refused, 422, "VALIDATION_FAILED").await)[0].1, "TOO_LONG");
    problem(upload(&who, &[("description", b"\xff")]).await, 400, "MALFORMED_REQUEST").await;
    let twice = upload(&who, &[("description", b"a"), ("description", b"b")]).await;
    problem(twice, 400, "MALFORMED_REQUEST").await;
}

#[tokio::test]
async fn only_the_owner_changes_a_description() {
    let (who, other) = (member().await, member().await);
    let image = uploaded(&who, TEXT).await;
    let post = post_with(&who, &[&image]).await;
    let body = json!({"description": "남의 말"});
    other.refused(Method::PATCH, &path(&image), body.clone(), 403, "IMAGE_FORBIDDEN").await;
    who.refused(Method::PATCH, "/api/images/1", body.clone(), 404, "IMAGE_NOT_FOUND").await;
    let url = format!("{}{}", who.base, path(&image));
    let anonymous = crate::common::client().patch(url).json(&body).send().await.unwrap();
    problem(anonymous, 401, "BEARER_TOKEN_MISSING").await;
    assert_eq!(descriptions(&who.get(&format!("/api/posts/{}", post["id"])).await), [TEXT]);
}

async fn patch_if(who: &Member, image: &Value, tag: &str, text: &str) -> Response {
    let request = who.request(Method::PATCH, &path(image)).header("if-match", tag);
    request.json(&json!({"description": text})).send().await.unwrap()
}

fn tag(answer: &Response) -> String {
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_change_can_be_conditional() {
    let who = member().await;
    let answer = upload(&who, &[("description", TEXT.as_bytes())]).await;
    let first = tag(&answer);
    let image: Value = answer.json().await.unwrap();
    let second = patch_if(&who, &image, &first, "하나").await;
    assert_eq!(second.status(), 200);
    let second = tag(&second);
    assert_ne!(first, second);
    problem(patch_if(&who, &image, &first, "둘").await, 412, "PRECONDITION_FAILED").await;
    // The tag of the bytes, and any version.
    let bytes = who.send(Method::GET, &path(&image), Value::Null).await;
    for current in [second.as_str(), &tag(&bytes), "*"] {
        let text = format!("{current}을 보고");
        assert_eq!(patch_if(&who, &image, current, &text).await.status(), 200, "{current}");
    }
}

#[tokio::test]
async fn a_repeated_upload_has_the_same_description() {
    let who = member().await;
    let send = async |description: &str| {
        let image = jpeg(40, 20);
        let parts: [(&str, &[u8]); 3] =
            [("purpose", b"post"), ("image", &image), ("description", description.as_bytes())];
        let kind = format!("multipart/form-data; boundary={}", crate::image_fixtures::BOUNDARY);
        let request = who.request(Method::POST, "/api/images").header("content-type", kind);
        request.header("idempotency-key", "one").body(form(&parts)).send().await.unwrap()
    };
    let first = send(TEXT).await.text().await.unwrap();
    assert_eq!(send(TEXT).await.text().await.unwrap(), first);
    problem(send("다른 설명").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
}

#[tokio::test]
async fn descriptions_survive_a_restart_and_the_image_of_a_profile_has_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_on(folder, |_| {}).await;
    let mut who = server.member().await;
    let image = uploaded(&who, TEXT).await;
    let post = post_with(&who, &[&image]).await;
    let portrait = who.image("profile", &jpeg(40, 40)).await;
    assert_eq!(describe(&who, &portrait, json!("내 얼굴")).await["description"], "내 얼굴");
    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": portrait["id"]})).await;
    let server = server.restart(async |_| {}).await;
    who.base.clone_from(&server.base);
    assert_eq!(descriptions(&who.get(&format!("/api/posts/{}", post["id"])).await), [TEXT]);
    assert_eq!(who.ok(Method::PATCH, &path(&portrait), json!({})).await["description"], "내 얼굴");
}
