//! One member's worst is not everybody's: searches, recommendations, uploads.
use crate::{
    common::Member,
    pictures::{form, jpeg},
    support::{eventually, own, problem},
};
use dailyfeed::{config::Config, seed};
use futures::{StreamExt, future::join_all, stream, stream::FuturesUnordered};
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};

const PASSWORD: &str = "Passw0rd!";

/// Asks so often at once, on a connection each.
async fn at_once(who: &Member, path: &str, times: usize) -> Vec<Response> {
    let ask = || who.request(Method::GET, path).send();
    join_all((0..times).map(|_| ask())).await.into_iter().map(Result::unwrap).collect()
}

/// Every answer is what was asked for, or says when to come again: how many there are of each.
async fn served_and_refused(answers: Vec<Response>) -> (usize, usize) {
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
async fn a_hundred_searches_of_one_member_leave_room_for_others() {
    let own = own(|_| {}).await;
    let (who, other) = (own.member().await, own.member().await);
    let long = format!("한강 {}", "가나다 ".repeat(1_200));
    for _ in 0..20 {
        who.post(&long).await;
    }
    let search = "/api/search/posts?limit=100&q=%ED%95%9C%EA%B0%95";
    eventually(&who, search, |page| page["items"].as_array().unwrap().len() == 20).await;
    let (flood, others) = tokio::join!(at_once(&who, search, 100), async {
        let mut found = Vec::new();
        for _ in 0..3 {
            found.push(other.get(search).await["items"].as_array().unwrap().len());
        }
        found
    });
    assert_eq!(others, [20; 3], "whoever asks for little gets it");
    let (served, refused) = served_and_refused(flood).await;
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    // Whoever waits gets in again.
    let page = eventually(&who, search, |page| page["items"].as_array().unwrap().len() == 20).await;
    let marked = page["items"].as_array().unwrap().iter().all(|item| item["highlights"]["content"].is_string());
    assert!(marked, "{page}");
    own.server.shutdown().await;
}

#[tokio::test]
async fn a_few_searches_at_once_are_all_served() {
    let own = own(|_| {}).await;
    let who = own.member().await;
    let post = who.post("한강에서").await;
    let search = "/api/search/posts?q=%ED%95%9C%EA%B0%95";
    eventually(&who, search, |page| page["items"][0]["post"]["id"] == post).await;
    let (served, refused) = served_and_refused(at_once(&who, search, 6).await).await;
    assert_eq!((served, refused), (6, 0));
    own.server.shutdown().await;
}

/// A seeded member.
async fn seeded(base: &str, number: usize) -> Member {
    let (http, email) = (crate::common::client(), format!("seed{number}@example.com"));
    let login = json!({"email": email, "password": PASSWORD});
    let answer = http.post(format!("{base}/api/authentication/login")).json(&login).send().await.unwrap();
    let session: Value = answer.json().await.unwrap();
    let (id, token) = (session["member"]["id"].as_u64().unwrap(), session["accessToken"].as_str().unwrap().to_owned());
    Member { http, base: base.to_owned(), id, email, token }
}

#[tokio::test]
async fn a_hundred_recommendations_of_one_member_leave_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let options = seed::Options { members: 400, posts: 400, follows: 150, likes: 0, celebrity: false, seed: 1 };
    seed::run(&Config::for_tests(folder.path()), &options).await.unwrap();
    let own = crate::support::Own::on(folder, |_| {}).await;
    let (who, other) = (seeded(&own.base, 0).await, seeded(&own.base, 1).await);
    let network = "/api/members/recommendations?strategy=network&limit=100";
    let (flood, others) = tokio::join!(at_once(&who, network, 150), async {
        let mut pages = Vec::new();
        for path in [network, "/api/timeline/posts/followings", "/api/members/recommendations", network] {
            pages.push(other.get(path).await["items"].as_array().unwrap().len());
        }
        pages
    });
    assert!(others.iter().all(|items| *items > 0), "{others:?}");
    let (served, refused) = served_and_refused(flood).await;
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    own.server.shutdown().await;
}

/// An upload that does not go on behind its beginning.
async fn stalled(who: Member) -> Response {
    let form = form(&[("purpose", b"post"), ("image", &jpeg(40, 20))]);
    let beginning = stream::once(async move { Ok::<_, std::io::Error>(form[..100].to_vec()) });
    who.send_form("/api/images", Body::wrap_stream(beginning.chain(stream::pending()))).await
}

#[tokio::test]
async fn uploads_that_drip_leave_room_for_others_and_are_cut() {
    let own = own(|_| {}).await;
    let mut uploads = FuturesUnordered::new();
    for _ in 0..3 {
        let who = own.member().await;
        uploads.extend((0..4).map(|_| tokio::spawn(stalled(who.clone()))));
    }
    let other = own.member().await;
    // Four of one member, and one each of the two others.
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
    // The time for a whole upload is two minutes.
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    own.server.shutdown().await;
}
