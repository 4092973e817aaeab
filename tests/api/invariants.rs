//! Random histories: afterwards every count equals the length of its list, and `dailyfeed audit` reports no drift.
use crate::{
    common::Member,
    support::{TestServer, all, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A deterministic pseudorandom generator: a linear congruential one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.roll(from.len())])
    }
}

/// Runs one random command of a random member and ignores refusals.
async fn step(dice: &mut Dice, members: &mut [Member], posts: &mut Vec<u64>, comments: &mut Vec<(u64, u64)>) {
    let at = dice.roll(members.len());
    let (who, other) = (members[at].clone(), members[dice.roll(members.len())].clone());
    let (post, comment) = (dice.pick(posts), dice.pick(comments));
    let call = async |method: Method, path: String, body: Option<Value>| {
        who.call(method, &path, body).await;
    };
    match (dice.roll(14), post, comment) {
        (0 | 1, ..) | (_, None, _) => posts.push(who.post("글 #무작위").await),
        (2, ..) => call(Method::PUT, format!("/api/members/{}/follow", other.id), None).await,
        (3, ..) => call(Method::DELETE, format!("/api/members/{}/follow", other.id), None).await,
        (4, Some(post), _) => call(Method::PUT, format!("/api/posts/{post}/like"), None).await,
        (5, Some(post), _) => call(Method::DELETE, format!("/api/posts/{post}/like"), None).await,
        (6, Some(post), _) => call(Method::DELETE, format!("/api/posts/{post}"), None).await,
        (7, Some(post), _) => call(Method::GET, format!("/api/posts/{post}"), None).await,
        (8, Some(post), parent) => {
            let parent = parent.filter(|(on, _)| *on == post).map(|(_, id)| id);
            let body = json!({"content": "댓글", "parentId": parent});
            let answer = who.send(Method::POST, &format!("/api/posts/{post}/comments"), body).await;
            if answer.status() == 201 {
                let comment: Value = answer.json().await.unwrap();
                comments.push((post, comment["id"].as_u64().unwrap()));
            }
        }
        (9 | 10, _, Some((post, parent))) => {
            let body = json!({"content": "답", "parentId": parent});
            let answer = who.send(Method::POST, &format!("/api/posts/{post}/comments"), body).await;
            if answer.status() == 201 {
                let comment: Value = answer.json().await.unwrap();
                comments.push((post, comment["id"].as_u64().unwrap()));
            }
        }
        (11, _, Some((_, id))) => call(Method::DELETE, format!("/api/comments/{id}"), None).await,
        (12, _, Some((_, id))) => call(Method::PUT, format!("/api/comments/{id}/like"), None).await,
        (13, ..) => {
            who.deactivate().await;
            members[at].log_in().await;
        }
        _ => call(Method::PATCH, "/api/members/me".to_owned(), Some(json!({"bio": "소개"}))).await,
    }
}

async fn history(seed: u64, steps: usize) -> (TestServer, Vec<Member>, Vec<u64>) {
    let server = start_server(|_| {}).await;
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(server.member().await);
    }
    let (mut posts, mut comments) = (Vec::new(), Vec::new());
    let mut dice = Dice(seed);
    for _ in 0..steps {
        step(&mut dice, &mut members, &mut posts, &mut comments).await;
    }
    (server, members, posts)
}

/// Counts the comments of a thread that are not deleted, level by level. Asserts that each reply count equals its list.
async fn count_comments(viewer: &Member, path: String, top: bool) -> usize {
    let mut count = 0;
    for id in all(viewer, &path, 100).await {
        let listed = viewer.get(&format!("{path}?limit=100")).await["items"].clone();
        let comment = listed.as_array().unwrap().iter().find(|comment| comment["id"] == id).unwrap().clone();
        count += usize::from(comment["deleted"] == false);
        let replies = viewer.get(&format!("/api/comments/{id}/replies?limit=100")).await["items"].clone();
        let replies = replies.as_array().unwrap();
        let living = replies.iter().filter(|reply| reply["deleted"] == false).count();
        assert_eq!(comment["replyCount"], living, "replies of {id}");
        if top {
            let brought: Vec<_> = comment["replies"].as_array().unwrap().iter().map(|reply| &reply["id"]).collect();
            let first: Vec<_> = replies.iter().take(2).map(|reply| &reply["id"]).collect();
            assert_eq!(brought, first, "the first two replies of {id}");
        }
        count += Box::pin(count_comments(viewer, format!("/api/comments/{id}/replies"), false)).await;
    }
    count
}

async fn assert_consistent(members: &[Member], posts: &[u64]) {
    let viewer = &members[0];
    for member in members {
        let profile = viewer.get(&format!("/api/members/{}", member.id)).await;
        for (count, path) in [
            ("followerCount", format!("/api/members/{}/followers", member.id)),
            ("followingCount", format!("/api/members/{}/followings", member.id)),
            ("postCount", format!("/api/timeline/members/{}/posts", member.id)),
        ] {
            assert_eq!(profile[count], all(viewer, &path, 7).await.len(), "{count}");
        }
        let follows = all(viewer, &format!("/api/members/{}/followings", member.id), 100).await;
        let mut home = all(member, "/api/timeline/posts/followings", 7).await.into_iter().collect::<BTreeSet<_>>();
        for author in follows.iter().chain([&member.id]) {
            for post in all(viewer, &format!("/api/timeline/members/{author}/posts"), 100).await {
                assert!(home.remove(&post), "{post} is missing in the home feed");
            }
        }
        assert!(home.is_empty(), "{home:?} do not belong in the home feed");
    }
    for post in posts {
        let path = format!("/api/posts/{post}");
        let answer = viewer.send(Method::GET, &path, Value::Null).await;
        if answer.status() == 404 {
            continue;
        }
        let visible: Value = answer.json().await.unwrap();
        let likers = all(viewer, &format!("{path}/likes"), 2).await;
        assert_eq!(
            (visible["likeCount"].clone(), visible["liked"].clone()),
            (json!(likers.len()), json!(likers.contains(&viewer.id)))
        );
        assert_eq!(
            visible["commentCount"],
            count_comments(viewer, format!("{path}/comments"), true).await,
            "comments of {post}"
        );
    }
}

async fn assert_no_drift(server: TestServer) {
    let TestServer { app, folder, .. } = server;
    app.shutdown().await;
    let audit = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"))
        .arg("audit")
        .env("DAILYFEED_DATA_DIR", folder.path())
        .current_dir(folder.path())
        .output();
    let audit = audit.await.unwrap();
    let stdout = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(audit.status.success() && stdout.contains("drift 0"), "{stdout}");
}

macro_rules! histories {
    ($($name:ident: $seed:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let (server, members, posts) = history($seed, 150).await;
            assert_consistent(&members, &posts).await;
            assert_no_drift(server).await;
        })*
    };
}

histories! {
    counts_equal_list_lengths_after_history_1: 1;
    counts_equal_list_lengths_after_history_2: 20_260_101;
    counts_equal_list_lengths_after_history_3: 7_777;
}

#[tokio::test]
async fn counts_equal_list_lengths_after_concurrent_commands() {
    let server = start_server(|_| {}).await;
    let mut members = Vec::new();
    for _ in 0..4 {
        members.push(server.member().await);
    }
    let mut posts = Vec::new();
    for member in &members {
        posts.push(member.post("글").await);
    }
    let act = |number: usize| {
        let (mut members, mut posts) = (members.clone(), posts.clone());
        async move {
            let (mut dice, mut comments) = (Dice(number as u64), Vec::new());
            for _ in 0..40 {
                // Each task acts for its own member only, so that no task ends the token of another.
                let mut alone = [members.swap_remove(number)];
                let roll = dice.0;
                step(&mut dice, &mut alone, &mut posts, &mut comments).await;
                assert_ne!(roll, dice.0);
                members.push(alone[0].clone());
                let last = members.len() - 1;
                members.swap(number, last);
            }
            (members[number].clone(), posts)
        }
    };
    let acted = futures::future::join_all((0..4).map(act)).await;
    let (members, posts): (Vec<_>, Vec<_>) = acted.into_iter().unzip();
    let posts: BTreeSet<u64> = posts.concat().into_iter().collect();
    assert_consistent(&members, &posts.into_iter().collect::<Vec<_>>()).await;
    assert_no_drift(server).await;
}
