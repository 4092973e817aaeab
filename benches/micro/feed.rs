//! A home feed of 20 posts by 200 authors, part by part. Each benchmark adds a part, whose cost is the difference.
use crate::fixture::{FIXTURE, Fixture, runtime};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{Request, header},
    routing::get,
};
use dailyfeed::actors::{bench_api::hydrate, feeds::Feed};
use http_body_util::BodyExt;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use tower::ServiceExt;

const PATH: &str = "/api/timeline/posts/followings?limit=20";

/// Returns the fixture and the ids of the first page of the home feed.
fn fixture() -> (&'static Fixture, Vec<dailyfeed::domain::PostId>) {
    let it = &*FIXTURE;
    let page = it.runtime.block_on(it.actors.feeds.page(it.member, Feed::Home, None, 20)).unwrap();
    assert_eq!(page.items.len(), 20);
    (it, page.items.iter().map(|visible| visible.post.id).collect())
}

/// Turns post ids into posts with authors and likes, all cached.
#[divan::bench]
fn hydration(bencher: divan::Bencher) {
    let (it, ids) = fixture();
    bencher.bench_local(|| it.runtime.block_on(hydrate(&it.actors.feeds, it.member, &ids)).unwrap());
}

/// The minimum of hydration: 40 pointers out of two maps.
#[divan::bench]
fn hydration_bare_maps(bencher: divan::Bencher) {
    let posts: FxHashMap<u64, Arc<u64>> = (0..20_000).map(|id| (id * 64, Arc::new(id))).collect();
    let cards: FxHashMap<u64, Arc<u64>> = (0..1_000).map(|id| (id * 64, Arc::new(id))).collect();
    bencher.bench_local(|| {
        (0..20_u64).map(|id| (posts[&(id * 640)].clone(), cards[&(id * 64)].clone())).collect::<Vec<_>>()
    });
}

/// The merge, the visibility check and the hydration.
#[divan::bench]
fn page(bencher: divan::Bencher) {
    let (it, _) = fixture();
    bencher.bench_local(|| it.runtime.block_on(it.actors.feeds.page(it.member, Feed::Home, None, 20)).unwrap());
}

/// The whole request except its socket: token, limits, page, JSON, headers.
#[divan::bench]
fn request(bencher: divan::Bencher) {
    let (it, _) = fixture();
    let authorization = format!("Bearer {}", it.token);
    bencher.bench_local(|| it.runtime.block_on(answered(&it.router, PATH, Some(&authorization))));
}

/// The check of the token: signature, claims, revocation of its session.
#[divan::bench]
fn request_token(bencher: divan::Bencher) {
    let it = &*FIXTURE;
    bencher.bench_local(|| it.actors.sessions.verify(divan::black_box(&it.token)).unwrap());
}

/// The layers that every request passes, with an empty handler: routing, request id, limits, metrics, headers.
#[divan::bench]
fn request_edge(bencher: divan::Bencher) {
    let it = &*FIXTURE;
    bencher.bench_local(|| it.runtime.block_on(answered(&it.router, "/health/live", None)));
}

/// A bare axum handler that returns the same bytes.
#[divan::bench]
fn request_bare_axum(bencher: divan::Bencher) {
    let (it, _) = fixture();
    let authorization = format!("Bearer {}", it.token);
    let body = it.runtime.block_on(answered(&it.router, PATH, Some(&authorization)));
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let (bare, runtime) = (Router::new().route("/api/timeline/posts/followings", get(answer)), runtime(1));
    bencher.bench_local(|| runtime.block_on(answered(&bare, PATH, Some(&authorization))));
}

async fn answered(router: &Router, path: &str, authorization: Option<&str>) -> Bytes {
    let mut request = Request::get(path);
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(answer.status().is_success());
    answer.into_body().collect().await.unwrap().to_bytes()
}
