//! Images on posts and as avatars: attachment rules, order, deletion, and every view that shows them.
use crate::{
    common::Member,
    image_fixtures::{encoded, jpeg, photo},
    support::{eventually, fields, member, problem},
};
use image::ImageFormat;
use reqwest::Method;
use serde_json::{Value, json};

async fn image(who: &Member) -> u64 {
    who.image_id("post", &jpeg(40, 20)).await
}

async fn post_with(who: &Member, ids: &[u64]) -> u64 {
    let post = who.ok(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": ids})).await;
    assert_eq!(shown(&post), ids);
    post["id"].as_u64().unwrap()
}

fn shown(post: &Value) -> Vec<u64> {
    post["images"].as_array().unwrap().iter().map(|image| image["id"].as_u64().unwrap()).collect()
}

async fn status_of(who: &Member, image: &Value) -> u16 {
    let url = image["url"].as_str().unwrap();
    crate::common::client().get(format!("{}{url}", who.base)).send().await.unwrap().status().as_u16()
}

async fn assert_refused(who: &Member, ids: Value, code: &str) {
    let post = json!({"content": "사진", "imageIds": ids});
    let refused = who.refused(Method::POST, "/api/posts", post, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("imageIds".to_owned(), code.to_owned())]);
}

#[tokio::test]
async fn a_post_has_its_images_in_order_in_every_view() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let (first, second) = (who.image("post", &jpeg(40, 20)).await, who.image("post", &jpeg(20, 40)).await);
    let images = json!([second, first]);
    let ids = [second["id"].as_u64().unwrap(), first["id"].as_u64().unwrap()];
    let post = post_with(&who, &ids).await;
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["images"], images);
    let home = eventually(&fan, "/api/timeline/posts/followings", |page| page["items"][0]["id"] == post).await;
    assert_eq!(home["items"][0]["images"], images);
    let mine = who.get("/api/timeline/posts/mine").await;
    assert_eq!(mine["items"][0]["images"], images);
}

#[tokio::test]
async fn a_live_stream_includes_images() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let mut stream = fan.stream(None).await;
    crate::stream::ready(&mut stream).await;
    let image = who.image("post", &jpeg(40, 20)).await;
    let post = post_with(&who, &[image["id"].as_u64().unwrap()]).await;
    let event = loop {
        let event = crate::stream::next(&mut stream).await;
        if event.data.to_string().contains(&post.to_string()) {
            break event;
        }
    };
    assert!(event.data.to_string().contains(image["thumbnailUrl"].as_str().unwrap()), "{}", event.data);
}

#[tokio::test]
async fn a_post_has_at_most_four_distinct_images() {
    let who = member().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(image(&who).await);
    }
    assert_refused(&who, json!(ids), "TOO_LONG").await;
    assert_refused(&who, json!([ids[0], ids[0]]), "IN_USE").await;
    assert_refused(&who, json!("1"), "INVALID_FORMAT").await;
    post_with(&who, &ids[..4]).await;
}

#[tokio::test]
async fn only_own_images_with_the_post_purpose_can_be_attached() {
    let (who, other) = (member().await, member().await);
    let theirs = json!({"content": "x", "imageIds": [image(&other).await]});
    who.refused(Method::POST, "/api/posts", theirs, 403, "IMAGE_FORBIDDEN").await;
    who.refused(Method::POST, "/api/posts", json!({"content": "x", "imageIds": [5]}), 404, "IMAGE_NOT_FOUND").await;
    let portrait = who.image_id("profile", &jpeg(40, 20)).await;
    assert_refused(&who, json!([portrait]), "UNKNOWN_VALUE").await;
    assert!(who.get("/api/timeline/posts/mine").await["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn one_of_eight_concurrent_posts_gets_the_image() {
    let who = member().await;
    let id = image(&who).await;
    let send = || who.send(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": [id]}));
    let answers = futures::future::join_all((0..8).map(|_| send())).await;
    let taken = answers.iter().filter(|answer| answer.status() == 201).count();
    assert_eq!(taken, 1);
    for answer in answers.into_iter().filter(|answer| answer.status() != 201) {
        let refused = problem(answer, 422, "VALIDATION_FAILED").await;
        assert_eq!(fields(&refused), [("imageIds".to_owned(), "IN_USE".to_owned())]);
    }
}

#[tokio::test]
async fn a_repeated_post_with_images_is_one_post() {
    let who = member().await;
    let id = image(&who).await;
    let send = async || {
        let request = who.request(Method::POST, "/api/posts").header("idempotency-key", "with-images");
        let answer = request.json(&json!({"content": "사진", "imageIds": [id]})).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(send().await, send().await);
}

#[tokio::test]
async fn an_edit_can_keep_replace_and_clear_images() {
    let who = member().await;
    let (first, second) = (image(&who).await, image(&who).await);
    let path = format!("/api/posts/{}", post_with(&who, &[first]).await);
    let edit = async |body: Value| shown(&who.ok(Method::PUT, &path, body).await);
    assert_eq!(edit(json!({"content": "나중"})).await, [first]);
    assert_eq!(edit(json!({"content": "나중", "imageIds": [second, first]})).await, [second, first]);
    assert_eq!(edit(json!({"content": "나중", "imageIds": [second]})).await, [second]);
    assert_eq!(shown(&who.get(&path).await), [second]);
    // A detached image can be attached to another post.
    post_with(&who, &[first]).await;
    let both = json!({"content": "나중", "imageIds": [second, first]});
    who.refused(Method::PUT, &path, both, 422, "VALIDATION_FAILED").await;
    assert_eq!(edit(json!({"content": "나중", "imageIds": []})).await, crate::support::NONE);
}

#[tokio::test]
async fn a_deleted_image_is_removed_from_its_post() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let ids = [image(&who).await, image(&who).await, image(&who).await];
    let post = post_with(&who, &ids).await;
    eventually(&fan, "/api/timeline/posts/followings", |page| page["items"][0]["id"] == post).await;
    who.delete(&format!("/api/images/{}", ids[1])).await;
    assert_eq!(shown(&who.get(&format!("/api/posts/{post}")).await), [ids[0], ids[2]]);
    let remaining = |page: &Value| shown(&page["items"][0]) == [ids[0], ids[2]];
    eventually(&fan, "/api/timeline/posts/followings", remaining).await;
}

#[tokio::test]
async fn images_are_hidden_with_a_deleted_post_or_deactivated_member() {
    let mut who = member().await;
    let [shown, kept] = [who.image("post", &jpeg(40, 20)).await, who.image("post", &jpeg(40, 20)).await];
    let post = post_with(&who, &[shown["id"].as_u64().unwrap()]).await;
    who.delete(&format!("/api/posts/{post}")).await;
    assert_eq!((status_of(&who, &shown).await, status_of(&who, &kept).await), (404, 200));
    who.deactivate().await;
    assert_eq!(status_of(&who, &kept).await, 404);
    who.log_in().await;
    assert_eq!(status_of(&who, &kept).await, 200);
}

#[tokio::test]
async fn an_avatar_is_in_every_view_of_its_member() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let post = who.post("글").await;
    let comment = who.comment(post, None, "댓글").await;
    let author = |page: &Value| page["items"][0]["author"]["avatarUrl"].clone();
    let home = "/api/timeline/posts/followings";
    assert_eq!(author(&eventually(&fan, home, |page| page["items"][0]["id"] == post).await), Value::Null);

    let image = who.image("profile", &encoded(&photo(400, 300), ImageFormat::Png)).await;
    let (id, url) = (&image["id"], image["thumbnailUrl"].clone());
    let me = who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": id})).await;
    assert_eq!(me["avatarUrl"], url);
    assert_eq!(who.me().await["avatarUrl"], url);
    assert_eq!(fan.get(&format!("/api/members/{}", who.id)).await["avatarUrl"], url);
    eventually(&fan, home, |page| author(page) == url).await;
    assert_eq!(fan.get(&format!("/api/posts/{post}")).await["author"]["avatarUrl"], url);
    assert_eq!(fan.get(&format!("/api/comments/{comment}")).await["author"]["avatarUrl"], url);
    who.like(post).await;
    for path in [format!("/api/posts/{post}/likes"), format!("/api/members/{}/followings", fan.id)] {
        assert_eq!(fan.get(&path).await["items"][0]["avatarUrl"], url, "{path}");
    }
    let named = fan.ok(Method::POST, "/api/members/query", json!({"ids": [who.id]})).await;
    assert_eq!(named["items"][0]["avatarUrl"], url);

    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": null})).await;
    assert_eq!(who.me().await["avatarUrl"], Value::Null);
    eventually(&fan, home, |page| author(page).is_null()).await;
}

#[tokio::test]
async fn a_recommended_member_has_an_avatar() {
    let server = crate::support::start_server(|_| {}).await;
    let (who, other) = (server.member().await, server.member().await);
    let image = who.image("profile", &jpeg(40, 40)).await;
    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": image["id"], "bio": "안녕"})).await;
    let page = other.get("/api/members/recommendations").await;
    assert_eq!(page["items"][0]["avatarUrl"], image["thumbnailUrl"]);
    server.app.shutdown().await;
}

#[tokio::test]
async fn only_an_own_image_with_the_profile_purpose_can_be_the_avatar() {
    let (who, other) = (member().await, member().await);
    let patch = async |id: Value, status: u16, code: &str| {
        who.refused(Method::PATCH, "/api/members/me", json!({"bio": "안녕", "avatarId": id}), status, code).await
    };
    patch(json!(other.image_id("profile", &jpeg(40, 40)).await), 403, "IMAGE_FORBIDDEN").await;
    patch(json!(5), 404, "IMAGE_NOT_FOUND").await;
    let wrong = patch(json!(image(&who).await), 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&wrong), [("avatarId".to_owned(), "UNKNOWN_VALUE".to_owned())]);
    patch(json!("me"), 422, "VALIDATION_FAILED").await;
    assert_eq!(who.me().await["bio"], Value::Null, "a refused patch changes nothing");
}

#[tokio::test]
async fn a_deleted_image_is_removed_from_the_profile() {
    let who = member().await;
    let id = who.image_id("profile", &jpeg(40, 40)).await;
    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": id})).await;
    who.delete(&format!("/api/images/{id}")).await;
    assert_eq!(who.me().await["avatarUrl"], Value::Null);
    let post = who.post("글").await;
    assert_eq!(who.get(&format!("/api/posts/{post}")).await["author"]["avatarUrl"], Value::Null);
}
