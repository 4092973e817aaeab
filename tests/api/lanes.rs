//! Lanes: a flood of expensive requests of one member (search, recommendations, uploads) leaves capacity for others.
use crate::{
    common::Member,
    image_fixtures::{form, jpeg},
    support::{eventually, problem, start_server},
};
use dailyfeed::{config::Config, seed};
use futures::{StreamExt, future::join_all, stream, stream::FuturesUnordered};
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};

const PASSWORD: &str = "Passw0rd!";

/// Sends `times` concurrent requests.
async fn concurrent_gets(who: &Member, path: &str, times: usize) -> Vec<Response> {
    let ask = || who.request(Method::GET, path).send();
    join_all((0..times).map(|_| ask())).await.into_iter().map(Result::unwrap).collect()
}

/// Counts responses with 200 and refusals. Asserts that every refusal has a `Retry-After`.
async fn count_served_and_refused(answers: Vec<Response>) -> (usize, usize) {
    let (mut served, mut refused) = (0, 0);
    for answer in answers {
        let status = answer.status().as_u16();
        if status == 200 {
            served += 1;
            continue;
        }
        assert!(answer.headers().contains_key("retry-after"), "{status}");
        refused += 1;
        match status {
            429 => problem(answer, 429, "TOO_MANY_REQUESTS").await,
            503 => problem(answer, 503, "BUSY").await,
            other => panic!("{other}"),
        };
    }
    (served, refused)
}

#[tokio::test]
async fn a_hundred_concurrent_searches_of_one_member_do_not_block_others() {
    let server = start_server(|_| {}).await;
    let (who, other) = (server.member().await, server.member().await);
    let long = format!("한강 {}", "가나다 ".repeat(1_200));
    for _ in 0..20 {
        who.post(&long).await;
    }
    let search = "/api/search/posts?limit=100&q=%ED%95%9C%EA%B0%95";
    eventually(&who, search, |page| page["items"].as_array().unwrap().len() == 20).await;
    let (flood, others) = tokio::join!(concurrent_gets(&who, search, 100), async {
        let mut found = Vec::new();
        for _ in 0..3 {
            found.push(other.get(search).await["items"].as_array().unwrap().len());
        }
        found
    });
    assert_eq!(others, [20; 3], "the other member's searches are served");
    let (served, refused) = count_served_and_refused(flood).await;
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    // The flooding member can search again afterwards.
    let page = eventually(&who, search, |page| page["items"].as_array().unwrap().len() == 20).await;
    let marked = page["items"].as_array().unwrap().iter().all(|item| item["highlights"]["content"].is_string());
    assert!(marked, "{page}");
    server.app.shutdown().await;
}

#[tokio::test]
async fn six_concurrent_searches_are_all_served() {
    let server = start_server(|_| {}).await;
    let who = server.member().await;
    let post = who.post("한강에서").await;
    let search = "/api/search/posts?q=%ED%95%9C%EA%B0%95";
    eventually(&who, search, |page| page["items"][0]["post"]["id"] == post).await;
    let (served, refused) = count_served_and_refused(concurrent_gets(&who, search, 6).await).await;
    assert_eq!((served, refused), (6, 0));
    server.app.shutdown().await;
}

/// Logs in as the seeded member with that number.
async fn log_in_seeded(base: &str, number: usize) -> Member {
    let (http, email) = (crate::common::client(), format!("seed{number}@example.com"));
    let login = json!({"email": email, "password": PASSWORD});
    let answer = http.post(format!("{base}/api/authentication/login")).json(&login).send().await.unwrap();
    let session: Value = answer.json().await.unwrap();
    let (id, token) = (session["member"]["id"].as_u64().unwrap(), session["accessToken"].as_str().unwrap().to_owned());
    Member { http, base: base.to_owned(), id, email, token }
}

#[tokio::test]
async fn concurrent_recommendations_of_one_member_do_not_block_others() {
    let folder = tempfile::tempdir().unwrap();
    let options = seed::Options { members: 400, posts: 400, follows: 150, likes: 0, celebrity: false, seed: 1 };
    seed::run(&Config::for_tests(folder.path()), &options).await.unwrap();
    let server = crate::support::TestServer::start_on(folder, |_| {}).await;
    let (who, other) = (log_in_seeded(&server.base, 0).await, log_in_seeded(&server.base, 1).await);
    let network = "/api/members/recommendations?strategy=network&limit=100";
    let (flood, others) = tokio::join!(concurrent_gets(&who, network, 150), async {
        let mut pages = Vec::new();
        for path in [network, "/api/timeline/posts/followings", "/api/members/recommendations", network] {
            pages.push(other.get(path).await["items"].as_array().unwrap().len());
        }
        pages
    });
    assert!(others.iter().all(|items| *items > 0), "{others:?}");
    let (served, refused) = count_served_and_refused(flood).await;
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    server.app.shutdown().await;
}

/// Sends an upload that stalls after its first 100 bytes.
async fn stalled_upload(who: Member) -> Response {
    let form = form(&[("purpose", b"post"), ("image", &jpeg(40, 20))]);
    let beginning = stream::once(async move { Ok::<_, std::io::Error>(form[..100].to_vec()) });
    who.send_form("/api/images", Body::wrap_stream(beginning.chain(stream::pending()))).await
}

#[tokio::test]
async fn stalled_uploads_do_not_block_others_and_time_out() {
    let server = start_server(|_| {}).await;
    let mut uploads = FuturesUnordered::new();
    for _ in 0..3 {
        let who = server.member().await;
        uploads.extend((0..4).map(|_| tokio::spawn(stalled_upload(who.clone()))));
    }
    let other = server.member().await;
    // The server refuses six of the twelve uploads: four of one member, and one of each of the two others.
    for _ in 0..6 {
        let refused = uploads.next().await.unwrap().unwrap();
        assert!(refused.headers().contains_key("retry-after"));
        problem(refused, 503, "BUSY").await;
    }
    assert_eq!(other.send_image("post", &jpeg(40, 20)).await.status(), 201);
    let begun = std::time::Instant::now();
    while let Some(cut) = uploads.next().await {
        problem(cut.unwrap(), 408, "REQUEST_TIMEOUT").await;
    }
    // The limit of a whole upload is two minutes.
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    server.app.shutdown().await;
}
