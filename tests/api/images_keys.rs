//! An image is shown to whoever has its address, and found by nobody who counts.
use crate::{
    common::Member,
    pictures::jpeg,
    support::{eventually, member, own, problem},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// As an `<img>` asks: without a token.
async fn unknown(base: &str, path: &str) -> Response {
    crate::common::client().get(format!("{base}{path}")).send().await.unwrap()
}

async fn known(who: &Member, path: &str) -> Response {
    who.request(Method::GET, path).send().await.unwrap()
}

fn urls(image: &Value) -> [String; 2] {
    ["url", "thumbnailUrl"].map(|name| image[name].as_str().unwrap().to_owned())
}

/// The address with its last digit changed.
fn mistyped(url: &str) -> String {
    let (rest, last) = url.split_at(url.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn without_its_address_an_image_is_its_owners_alone() {
    let (who, other) = (member().await, member().await);
    for purpose in ["post", "profile"] {
        let image = who.image(purpose, &jpeg(400, 200)).await;
        let path = format!("/api/images/{}", image["id"]);
        for url in urls(&image) {
            assert!(url.starts_with(&path), "{url}");
            assert_eq!(unknown(&who.base, &url).await.status(), 200, "{url}");
            assert_eq!(known(&other, &url).await.status(), 200, "{url}");
            for wrong in [mistyped(&url), url.replace("key=", "key=0"), url.replace("key=", "kez=")] {
                problem(unknown(&who.base, &wrong).await, 404, "IMAGE_NOT_FOUND").await;
                problem(known(&other, &wrong).await, 404, "IMAGE_NOT_FOUND").await;
            }
        }
        for by_id in [path.clone(), format!("{path}?variant=thumbnail")] {
            problem(unknown(&who.base, &by_id).await, 404, "IMAGE_NOT_FOUND").await;
            problem(known(&other, &by_id).await, 404, "IMAGE_NOT_FOUND").await;
            let own = known(&who, &by_id).await;
            assert_eq!(own.status(), 200, "{by_id}");
            assert_eq!(own.headers()["cache-control"], "private, no-cache");
            assert_eq!(own.headers()["x-content-type-options"], "nosniff");
        }
        problem(unknown(&who.base, &format!("{path}?key=")).await, 404, "IMAGE_NOT_FOUND").await;
        problem(known(&who, &format!("{path}?key={}", "0".repeat(32))).await, 404, "IMAGE_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn both_ways_lead_to_the_same_bytes() {
    let who = member().await;
    let image = who.image("post", &jpeg(400, 200)).await;
    let path = format!("/api/images/{}", image["id"]);
    let [url, thumbnail] = urls(&image);
    for (by_key, by_id) in [(url, path.clone()), (thumbnail, format!("{path}?variant=thumbnail"))] {
        let (one, other) = (unknown(&who.base, &by_key).await, known(&who, &by_id).await);
        assert_eq!(one.headers()["etag"], other.headers()["etag"]);
        assert_eq!(one.bytes().await.unwrap(), other.bytes().await.unwrap());
    }
}

#[tokio::test]
async fn no_two_images_have_one_key() {
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
async fn a_private_members_images_are_not_found_by_counting() {
    let (who, other) = (member().await, member().await);
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": "PRIVATE"})).await;
    let first = who.image_id("post", &jpeg(20, 10)).await;
    who.ok(Method::POST, "/api/posts", json!({"content": "나만", "imageIds": [first]})).await;
    // Ids are milliseconds and a number below: a neighbour's is soon counted.
    for id in (first.saturating_sub(26)..first + 26).chain((0..26).map(|ms| first + (ms << 12))) {
        let status = known(&other, &format!("/api/images/{id}")).await.status();
        assert_eq!(status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_block_hides_the_address_and_not_what_it_leads_to() {
    let (who, fan) = (member().await, member().await);
    fan.follow(&who).await;
    let id = who.image_id("post", &jpeg(20, 10)).await;
    let post = who.ok(Method::POST, "/api/posts", json!({"content": "사진", "imageIds": [id]})).await["id"].clone();
    let home = "/api/timeline/posts/followings";
    let page = eventually(&fan, home, |page| page["items"][0]["id"] == post).await;
    let [url, _] = urls(&page["items"][0]["images"][0]);
    who.block(&fan).await;
    fan.refused(Method::GET, &format!("/api/posts/{post}"), Value::Null, 404, "POST_NOT_FOUND").await;
    assert_eq!(unknown(&who.base, &url).await.status(), 200, "whoever was given an address has it");
    who.delete(&format!("/api/images/{id}")).await;
    problem(unknown(&who.base, &url).await, 404, "IMAGE_NOT_FOUND").await;
    problem(known(&who, &format!("/api/images/{id}")).await, 404, "IMAGE_NOT_FOUND").await;
}

#[tokio::test]
async fn images_of_an_older_database_get_keys() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let [on_post, portrait] = [who.image_id("post", &jpeg(20, 10)).await, who.image_id("profile", &jpeg(20, 20)).await];
    let post = json!({"content": "사진", "imageIds": [on_post]});
    let post = who.ok(Method::POST, "/api/posts", post).await["id"].clone();
    who.ok(Method::PATCH, "/api/members/me", json!({"avatarId": portrait})).await;
    let before = who.me().await["avatarUrl"].clone();
    let own = own.again(async |folder| as_it_was(folder).await).await;
    let who = Member { base: own.base.clone(), ..who };
    let shown = who.get(&format!("/api/posts/{post}")).await;
    let avatar = shown["author"]["avatarUrl"].clone();
    assert_ne!(avatar, before, "a new key");
    let [url, thumbnail] = urls(&shown["images"][0]);
    for url in [url, thumbnail, avatar.as_str().unwrap().to_owned()] {
        assert_eq!(unknown(&own.base, &url).await.status(), 200, "{url}");
        problem(unknown(&own.base, &mistyped(&url)).await, 404, "IMAGE_NOT_FOUND").await;
    }
    own.server.shutdown().await;
}

/// Undoes the migration that brought keys.
async fn as_it_was(folder: &std::path::Path) {
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
