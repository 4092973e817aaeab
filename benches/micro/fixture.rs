//! A seeded server without sockets: stores, actors and router.
use axum::{Router, body::Body, http::Request};
use dailyfeed::{
    actors::{Actors, Supervisor},
    config::Config,
    domain::MemberId,
    http,
    seed::{self, PASSWORD},
    storage::Stores,
};
use http_body_util::BodyExt;
use std::sync::LazyLock;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// Builds a runtime. With one thread all work runs on the calling thread, so that its allocations are counted.
pub(crate) fn runtime(threads: usize) -> Runtime {
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(threads).enable_all().build().unwrap()
}

/// A server with 1,000 members who follow 200 each, and 20,000 posts.
pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) actors: Actors,
    pub(crate) router: Router,
    pub(crate) member: MemberId,
    pub(crate) token: String,
    _supervisor: Supervisor,
    _folder: TempDir,
}

pub(crate) static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let (runtime, folder) = (runtime(1), tempfile::tempdir().unwrap());
    let config = Config::for_tests(folder.path());
    let options = seed::Options { members: 1_000, posts: 20_000, follows: 200, celebrity: false, likes: 0, seed: 1 };
    let (actors, supervisor, router, answer) = runtime.block_on(async {
        seed::run(&config, &options).await.unwrap();
        let stores = Stores::open(&config).await.unwrap();
        let (actors, supervisor) = Actors::start(stores, &config).await.unwrap();
        let router = http::public(actors.clone(), &http::Settings::new(&config), Default::default());
        let login = format!(r#"{{"email":"seed500@example.com","password":"{PASSWORD}"}}"#);
        let request = Request::post("/api/authentication/login")
            .header("content-type", "application/json")
            .body(Body::from(login))
            .unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        (actors, supervisor, router, serde_json::from_slice::<serde_json::Value>(&answer).unwrap())
    });
    let token = answer["accessToken"].as_str().unwrap().to_owned();
    let member = MemberId(answer["member"]["id"].as_u64().unwrap());
    Fixture { runtime, actors, router, member, token, _supervisor: supervisor, _folder: folder }
});
