//! The scenario `celebrity`: one author whom every member follows. Measures how soon each post is in the followers'
//! feeds while other members read.
use super::{
    Options,
    graph::{Graph, Member, log_in},
    open,
    report::Measured,
    shape::Schedule,
};
use crate::client::Client;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Interval between two posts.
const EVERY: Duration = Duration::from_millis(500);
/// Followers who poll their feed for each post, each on its own connection.
const SAMPLE: usize = 10;
/// Longest wait until a post is in the feed of a follower.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Runs [`open::run`] while the author creates posts.
pub(super) async fn run(options: &Options, schedule: Schedule, graph: Graph) -> anyhow::Result<Measured> {
    let mut client = Client::open(options.address, 0, None).await?;
    let author = log_in(&mut client, "seed0@example.com").await?;
    let path = format!("/api/members/{}", author.id);
    let (_, profile) = client.ask("GET", &path, Some(&author.authorization), None).await?;
    let profile: Value = serde_json::from_slice(&profile)?;
    eprintln!("the author has {} followers", profile["followerCount"]);
    let mut followers = Vec::new();
    for member in graph.members.iter().filter(|member| member.id != author.id).take(SAMPLE) {
        let mut client = Client::open(options.address, 0, None).await?;
        let (status, _) = client.ask("PUT", &format!("{path}/follow"), Some(&member.authorization), None).await?;
        ensure!(status == 204, "{}: the follow failed with status {status}", member.email);
        followers.push((client, member.clone()));
    }
    let posts = usize::try_from(options.seconds * 1_000)? / EVERY.as_millis() as usize;
    let (measured, visible_us) =
        tokio::try_join!(open::run(options, schedule, graph), publish(client, author, followers, posts))?;
    Ok(Measured { visible_us, ..measured })
}

async fn publish(
    mut client: Client,
    author: Member,
    mut followers: Vec<(Client, Member)>,
    posts: usize,
) -> anyhow::Result<Vec<u32>> {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut visible = Vec::with_capacity(posts);
    for number in 0..posts {
        clock.tick().await;
        let body = json!({"content": format!("모두에게 {number}")});
        let (status, post) = client.ask("POST", "/api/posts", Some(&author.authorization), Some(&body)).await?;
        ensure!(status == 201, "the creation of a post failed with status {status}");
        let acknowledged = Instant::now();
        let post: Value = serde_json::from_slice(&post)?;
        let mark = format!("\"id\":{},", post["id"]);
        try_join_all(followers.iter_mut().map(|(client, member)| look(client, member, &mark))).await?;
        visible.push(u32::try_from(acknowledged.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(visible)
}

/// Reads the feed until it contains the post.
async fn look(client: &mut Client, member: &Member, mark: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        let path = "/api/timeline/posts/followings?limit=20";
        let (_, page) = client.ask("GET", path, Some(&member.authorization), None).await?;
        if page.windows(mark.len()).any(|bytes| bytes == mark.as_bytes()) {
            return Ok(());
        }
    }
    Err(anyhow::anyhow!("a post did not appear in the feed of a follower")).context(member.email.clone())
}
