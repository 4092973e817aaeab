//! [`Graph`]: the members who send requests, and the posts and authors that they ask for.
use super::{Options, shape::Zipf};
use crate::{client::Client, seed::PASSWORD};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Pages of 100 posts to load.
const PAGES: usize = 5;

/// A member who has logged in.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) email: String,
    /// The value of the `Authorization` header.
    pub(super) authorization: String,
}

/// The members, authors and posts that requests are made from.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) members: Vec<Member>,
    /// The authors of the loaded posts, those with the most posts first.
    pub(super) authors: Vec<u64>,
    pub(super) posts: Vec<u64>,
    pub(super) by_author: Zipf,
    pub(super) by_post: Zipf,
}

impl Graph {
    pub(super) async fn load(options: &Options) -> anyhow::Result<Self> {
        let mut client = Client::open(options.address, 0, None).await?;
        let mut members = Vec::with_capacity(options.members);
        for index in 0..options.members {
            let number = index * options.seeded / options.members;
            members.push(log_in(&mut client, &format!("seed{number}@example.com")).await?);
        }
        let first = members.first().context("no member to log in")?;
        let (mut posts, mut written, mut cursor) = (Vec::new(), HashMap::<u64, usize>::new(), String::new());
        for _ in 0..PAGES {
            let page = as_member(&mut client, first, &format!("/api/timeline/posts/recent?limit=100{cursor}")).await?;
            for item in page["items"].as_array().into_iter().flatten() {
                posts.push(item["id"].as_u64().context("a post has no id")?);
                *written.entry(item["author"]["id"].as_u64().context("a post has no author")?).or_default() += 1;
            }
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        ensure!(!posts.is_empty(), "the server has no posts; seed it first");
        let mut authors: Vec<u64> = written.keys().copied().collect();
        authors.sort_by_key(|author| (std::cmp::Reverse(written[author]), *author));
        let (by_author, by_post) = (Zipf::new(authors.len()), Zipf::new(posts.len()));
        Ok(Self { members, authors, posts, by_author, by_post })
    }
}

/// Logs a seeded member in.
pub(super) async fn log_in(client: &mut Client, email: &str) -> anyhow::Result<Member> {
    let login = json!({"email": email, "password": PASSWORD});
    let answer = client.json("POST", "/api/authentication/login", Some(&login)).await?;
    let token = answer["accessToken"].as_str().context("a login returned no token")?;
    let id = answer["member"]["id"].as_u64().context("a login returned no member")?;
    Ok(Member { id, email: email.to_owned(), authorization: format!("Bearer {token}") })
}

/// Sends a GET as that member and returns the JSON of the response.
async fn as_member(client: &mut Client, member: &Member, path: &str) -> anyhow::Result<Value> {
    let (status, body) = client.ask("GET", path, Some(&member.authorization), None).await?;
    ensure!(status == 200, "{path}: {status}");
    Ok(serde_json::from_slice(&body)?)
}
