//! The open loop: requests are due by the clock, and the next free connection sends each of them.
use super::{
    Options,
    graph::Graph,
    report::{Measured, Sample},
    shape::{Route, Schedule},
};
use crate::{client::Client, seed::PASSWORD};
use anyhow::Context;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::task::JoinSet;

/// Words for texts and queries; seeded posts contain some of them.
const WORDS: [&str; 12] =
    ["한강", "자전거", "커피", "바람", "산책", "서울", "점심", "영화", "coffee", "morning", "river", "weekend"];

/// The state that all connections share.
struct Shared {
    graph: Graph,
    schedule: Schedule,
    options: Options,
    next: AtomicU64,
    begun: Instant,
}

/// Sends the requests of the schedule and returns their samples.
pub(super) async fn run(options: &Options, schedule: Schedule, graph: Graph) -> anyhow::Result<Measured> {
    let rates = schedule.rates().collect();
    let shared =
        Arc::new(Shared { graph, schedule, options: options.clone(), next: AtomicU64::new(0), begun: Instant::now() });
    let mut workers = JoinSet::new();
    for number in 0..options.connections {
        workers.spawn(work(shared.clone(), number));
    }
    let mut samples = Vec::new();
    while let Some(worked) = workers.join_next().await {
        samples.extend(worked.context("a connection panicked")??);
    }
    Ok(Measured { samples, rates, took: shared.begun.elapsed(), visible_us: Vec::new() })
}

async fn work(shared: Arc<Shared>, number: usize) -> anyhow::Result<Vec<Sample>> {
    let mut random = StdRng::seed_from_u64(number as u64);
    let mut client = Client::open(shared.options.address, number, None).await?;
    let mut samples = Vec::new();
    while let Some((due, step)) = shared.schedule.due(shared.next.fetch_add(1, Ordering::Relaxed)) {
        let due = shared.begun + due;
        let measured_from = if Instant::now() < due {
            tokio::time::sleep_until(due.into()).await;
            // Measured from the end of the sleep: the timer's resolution of 1 ms is not part of the latency.
            Instant::now()
        } else {
            due
        };
        let route = shared.options.scenario.choose(&mut random);
        let status = ask(&mut client, &shared.graph, route, &mut random).await;
        samples.push(Sample::new(route, step, measured_from.elapsed(), status.as_ref().copied().unwrap_or(0)));
        if status.is_err() {
            client = Client::open(shared.options.address, number, None).await?;
        }
    }
    Ok(samples)
}

/// Sends one request of a route and returns its status.
pub(super) async fn ask(client: &mut Client, graph: &Graph, route: Route, random: &mut StdRng) -> anyhow::Result<u16> {
    let member = &graph.members[random.random_range(0..graph.members.len())];
    let post = |random: &mut StdRng| graph.posts[graph.by_post.choose(random)];
    let (method, path, body): (_, _, Option<Value>) = match route {
        Route::Home => ("GET", "/api/timeline/posts/followings?limit=20".to_owned(), None),
        Route::Recent => ("GET", "/api/timeline/posts/recent?limit=20".to_owned(), None),
        Route::Author => {
            let author = graph.authors[graph.by_author.choose(random)];
            ("GET", format!("/api/timeline/members/{author}/posts"), None)
        }
        Route::Post => ("GET", format!("/api/posts/{}", post(random)), None),
        Route::Comments => ("GET", format!("/api/posts/{}/comments", post(random)), None),
        Route::Publish => ("POST", "/api/posts".to_owned(), Some(json!({"content": sentence(random)}))),
        Route::Comment => {
            ("POST", format!("/api/posts/{}/comments", post(random)), Some(json!({"content": sentence(random)})))
        }
        Route::Like => ("PUT", format!("/api/posts/{}/like", post(random)), None),
        Route::Search => ("GET", format!("/api/search/posts?q={}%20{}", word(random), word(random)), None),
        Route::SignUp => {
            let name = format!("l{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
            let email = format!("{name}@example.com");
            let who = json!({"email": email, "password": PASSWORD, "handle": name, "memberName": "부하"});
            ("POST", "/api/authentication/signup".to_owned(), Some(who))
        }
        Route::Login => {
            let login = json!({"email": member.email, "password": PASSWORD});
            ("POST", "/api/authentication/login".to_owned(), Some(login))
        }
    };
    let anonymous = matches!(route, Route::SignUp | Route::Login);
    let authorization = (!anonymous).then_some(member.authorization.as_str());
    Ok(client.ask(method, &path, authorization, body.as_ref()).await?.0)
}

fn sentence(random: &mut StdRng) -> String {
    let mut word = || WORDS[random.random_range(0..WORDS.len())];
    format!("오늘은 {}에서 {}을 생각했다. {}도 좋다. #{}", word(), word(), word(), word())
}

/// Returns a random word, encoded for a URL.
fn word(random: &mut StdRng) -> String {
    url::form_urlencoded::byte_serialize(WORDS[random.random_range(0..WORDS.len())].as_bytes()).collect()
}
