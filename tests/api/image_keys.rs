//! Image keys: an image is readable through its URL with the key, and only by its owner through its id.
use crate::{
    common::Member,
    image_fixtures::jpeg,
    support::{eventually, member, problem, start_server},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Sends a GET without a token, as an `<img>` element does.
async fn get_anonymous(base: &str, path: &str) -> Response {
    crate::common::client().get(format!("{base}{path}")).send().await.unwrap()
}

async fn get_as(who: &Member, path: &str) -> Response {
    who.request(Method::GET, path).send().await.unwrap()
}

fn urls(image: &Value) -> [String; 2] {
    ["url", "thumbnailUrl"].map(|name| image[name].as_str().unwrap().to_owned())
}

/// Returns the URL with its last digit changed.
fn mistyped(url: &str) -> String {
    let (rest, last) = url.split_at(url.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn without_its_key_an_image_is_readable_by_its_owner_only() {
    let (who, other) = (member().await, member().await);
    for purpose in ["post", "profile"] {
        let image = who.image(purpose, &jpeg(400, 200)).await;
        let path = format!("/api/images/{}", image["id"]);
        for url in urls(&image) {
            assert!(url.starts_with(&path), "{url}");
            assert_eq!(get_anonymous(&who.base, &url).await.status(), 200, "{url}");
            assert_eq!(get_as(&other, &url).await.status(), 200, "{url}");
            for wrong in [mistyped(&url), url.replace("key=", "key=0"), url.replace("key=", "kez=")] {
                problem(get_anonymous(&who.base, &wrong).await, 404, "IMAGE_NOT_FOUND").await;
                problem(get_as(&other, &wrong).await, 404, "IMAGE_NOT_FOUND").await;
            }
        }
        for by_id in [path.clone(), format!("{path}?variant=thumbnail")] {
            problem(get_anonymous(&who.base, &by_id).await, 404, "IMAGE_NOT_FOUND").await;
            problem(get_as(&other, &by_id).await, 404, "IMAGE_NOT_FOUND").await;
            let response = get_as(&who, &by_id).await;
            assert_eq!(response.status(), 200, "{by_id}");
            assert_eq!(response.headers()["cache-control"], "private, no-cache");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        }
        problem(get_anonymous(&who.base, &format!("{path}?key=")).await, 404, "IMAGE_NOT_FOUND").await;
        problem(get_as(&who, &format!("{path}?key={}", "0".repeat(32))).await, 404, "IMAGE_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn the_url_and_the_id_return_the_same_bytes() {
    let who = member().await;
    let image = who.image("post", &jpeg(400, 200)).await;
    let path = format!("/api/images/{}", image["id"]);
    let [url, thumbnail] = urls(&image);
    for (by_key, by_id) in [(url, path.clone()), (thumbnail, format!("{path}?variant=thumbnail"))] {
        let (one, other) = (get_anonymous(&who.base, &by_key).await, get_as(&who, &by_id).await);
        assert_eq!(one.headers()["etag"], other.headers()["etag"]);
        assert_eq!(one.bytes().await.unwrap(), other.bytes().await.unwrap());
    }
}

#[tokio::test]
async fn image_keys_are_unique_and_random() {
    let who = member().await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        let image = who.image("post", &jpeg(20, 10)).await;
        let [url, thumbnail] = urls(&image);
        let key = url.split_once("key=").unwrap().1.to_owned();
        assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
        assert!(thumbnail.ends_with(&key), "{thumbnail}");
        keys.push(key);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 8);
}

#[tokio::test]
async fn images_of_a_private_member_cannot_be_guessed_by_id() {
    let (who, other) = (member().await, member().await);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    let first = who.image_id("post", &jpeg(20, 10)).await;
    who.ok(Method::POST, "/api/posts", json!({"content": "나만", "imageIds": [first]})).await;
    // An id is a timestamp in milliseconds and a counter, so neighbouring ids are easy to guess.
    for id in (first.saturating_sub(26)..first + 26).chain((0..26).map(|ms| first + (ms << 12))) {
        let status = get_as(&other, &format!("/api/images/{id}")).await.status();
        assert_eq!(status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_block_hides_the_post_and_not_the_image_behind_a_known_url() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let id = who.image_id("post", &jpeg(20, 10)).await;
    let post = who.ok(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": [id]})).await["id"].clone();
    let home = "/api/timeline/posts/followings";
    let page = eventually(&fan, home, |page| page["items"][0]["id"] == post).await;
    let [url, _] = urls(&page["items"][0]["images"][0]);
    who.block(&fan).await;
    fan.refused(Method::GET, &format!("/api/posts/{post}"), Value::Null, 404, "POST_NOT_FOUND").await;
    assert_eq!(get_anonymous(&who.base, &url).await.status(), 200, "the URL stays valid");
    who.delete(&format!("/api/images/{id}")).await;
    problem(get_anonymous(&who.base, &url).await, 404, "IMAGE_NOT_FOUND").await;
    problem(get_as(&who, &format!("/api/images/{id}")).await, 404, "IMAGE_NOT_FOUND").await;
}

#[tokio::test]
async fn images_of_a_database_without_keys_get_keys() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let [on_post, portrait] = [who.image_id("post", &jpeg(20, 10)).await, who.image_id("profile", &jpeg(20, 20)).await];
    let post = json!({"content": "사진", "imageIds": [on_post]});
    let post = who.ok(Method::POST, "/api/posts", post).await["id"].clone();
    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": portrait})).await;
    let before = who.me().await["avatarUrl"].clone();
    let server = server.restart(async |folder| undo_key_migration(folder).await).await;
    let who = Member { base: server.base.clone(), ..who };
    let shown = who.get(&format!("/api/posts/{post}")).await;
    let avatar = shown["author"]["avatarUrl"].clone();
    assert_ne!(avatar, before, "a new key");
    let [url, thumbnail] = urls(&shown["images"][0]);
    for url in [url, thumbnail, avatar.as_str().unwrap().to_owned()] {
        assert_eq!(get_anonymous(&server.base, &url).await.status(), 200, "{url}");
        problem(get_anonymous(&server.base, &mistyped(&url)).await, 404, "IMAGE_NOT_FOUND").await;
    }
    server.app.shutdown().await;
}

/// Undoes the migration that added keys.
async fn undo_key_migration(folder: &std::path::Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("dailyfeed.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "UPDATE posts SET images = (SELECT json_group_array(json_remove(value, '$.key') ORDER BY key) \
            FROM json_each(posts.images)) WHERE images <> '[]'",
        "ALTER TABLE images DROP COLUMN key",
        "ALTER TABLE members DROP COLUMN avatar_key",
        "DELETE FROM _sqlx_migrations WHERE description = 'image keys'",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}
