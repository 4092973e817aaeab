//! `GET` and `DELETE /api/images/{id}`: headers, ETags, ranges, variants, deletion.
use crate::{
    common::Member,
    image_fixtures::{encoded, jpeg, photo},
    support::{member, problem},
};
use image::ImageFormat;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

async fn get(who: &Member, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = crate::common::client().get(format!("{}{path}", who.base));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

/// Returns the URLs of both variants.
fn urls(image: &Value) -> [String; 2] {
    ["url", "thumbnailUrl"].map(|name| image[name].as_str().unwrap().to_owned())
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_image_has_safe_headers_and_is_cacheable_for_a_year() {
    let who = member().await;
    let image = who.image("post", &jpeg(700, 350)).await;
    for path in urls(&image) {
        let answer = get(&who, &path, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(answer.status(), 200);
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'"),
            ("content-disposition", "inline"),
            ("accept-ranges", "bytes"),
            ("content-encoding", ""),
        ] {
            assert_eq!(header(&answer, name), value, "{name}");
        }
        let length: usize = header(&answer, "content-length").parse().unwrap();
        assert_eq!(answer.bytes().await.unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_known_etag_of_an_image_gets_304() {
    let who = member().await;
    let [whole, small] = urls(&who.image("post", &jpeg(700, 350)).await);
    let tag = header(&get(&who, &whole, &[]).await, "etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "a strong ETag: {tag}");
    let again = get(&who, &whole, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
    assert!(again.bytes().await.unwrap().is_empty());
    assert_eq!(get(&who, &small, &[("if-none-match", &tag)]).await.status(), 200, "another variant has other bytes");
}

#[tokio::test]
async fn equal_images_have_equal_etags() {
    let who = member().await;
    let mut tags = Vec::new();
    for side in [40, 40, 50] {
        let [url, _] = urls(&who.image("post", &encoded(&photo(side, side), ImageFormat::Png)).await);
        tags.push(header(&get(&who, &url, &[]).await, "etag").to_owned());
    }
    assert_eq!(tags[0], tags[1]);
    assert_ne!(tags[0], tags[2]);
}

#[tokio::test]
async fn range_requests_are_served() {
    let who = member().await;
    let [path, _] = urls(&who.image("post", &jpeg(1_000, 500)).await);
    let answer = get(&who, &path, &[]).await;
    let tag = header(&answer, "etag").to_owned();
    let whole = answer.bytes().await.unwrap();
    let end = whole.len();
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=100-199".to_owned(), 100, 200),
        (format!("bytes={}-", end - 10), end - 10, end),
        ("bytes=-10".to_owned(), end - 10, end),
        (format!("bytes=10-{}", end + 500), 10, end),
    ] {
        let part = get(&who, &path, &[("range", &range), ("if-range", &tag)]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(header(&part, "content-range"), format!("bytes {from}-{}/{end}", to - 1));
        assert_eq!(header(&part, "content-length"), (to - from).to_string());
        assert_eq!(part.bytes().await.unwrap(), whole.slice(from..to), "{range}");
    }
    let beyond = get(&who, &path, &[("range", &format!("bytes={end}-"))]).await;
    assert_eq!(
        (beyond.status(), header(&beyond, "content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{end}").as_str())
    );
    for ignored in ["bytes=0-1,4-5", "bytes=9-3", "pages=1-2"] {
        assert_eq!(get(&who, &path, &[("range", ignored)]).await.bytes().await.unwrap(), whole, "{ignored}");
    }
    let of_another = get(&who, &path, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!(of_another.status(), 200);
}

#[tokio::test]
async fn a_head_of_an_image_has_the_headers_of_a_get() {
    let who = member().await;
    let [url, _] = urls(&who.image("post", &jpeg(300, 200)).await);
    let url = format!("{}{url}", who.base);
    let head = crate::common::client().head(&url).send().await.unwrap();
    let get = crate::common::client().get(&url).send().await.unwrap();
    for name in ["content-length", "content-type", "etag", "cache-control"] {
        assert_eq!(header(&head, name), header(&get, name), "{name}");
        assert_ne!(header(&head, name), "", "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn unknown_variants_and_ids_are_refused() {
    let who = member().await;
    let [url, _] = urls(&who.image("post", &jpeg(30, 20)).await);
    problem(get(&who, &format!("{url}&variant=huge"), &[]).await, 422, "VALIDATION_FAILED").await;
    problem(get(&who, "/api/images/12345", &[]).await, 404, "IMAGE_NOT_FOUND").await;
    problem(get(&who, "/api/images/..%2f..%2fdailyfeed.db", &[]).await, 400, "MALFORMED_REQUEST").await;
    assert_eq!(get(&who, &format!("{url}&variant=original"), &[]).await.status(), 200);
}

#[tokio::test]
async fn only_the_owner_can_delete_an_image_and_it_is_hidden_at_once() {
    let (who, other) = (member().await, member().await);
    let image = who.image("post", &jpeg(30, 20)).await;
    let path = format!("/api/images/{}", image["id"]);
    other.refused(Method::DELETE, &path, Value::Null, 403, "IMAGE_FORBIDDEN").await;
    let stranger = crate::common::client().delete(format!("{}{path}", who.base)).send().await.unwrap();
    problem(stranger, 401, "BEARER_TOKEN_MISSING").await;
    assert_eq!(get(&who, &urls(&image)[0], &[]).await.status(), 200);
    who.delete(&path).await;
    for url in urls(&image) {
        problem(get(&who, &url, &[]).await, 404, "IMAGE_NOT_FOUND").await;
    }
    who.refused(Method::DELETE, &path, Value::Null, 404, "IMAGE_NOT_FOUND").await;
}
