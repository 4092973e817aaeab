//! Pages and streams under concurrent writes: every post arrives exactly once across disconnections.
use crate::{
    common::{Member, Stream},
    stream::ready,
    support::{ids, member},
};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

/// Signs up a reader who follows four members.
async fn friends() -> (Member, Vec<Member>) {
    let who = member().await;
    let mut friends = Vec::new();
    for _ in 0..4 {
        let friend = member().await;
        who.follow(&friend).await;
        friends.push(friend);
    }
    (who, friends)
}

/// Spawns a task in which every friend creates `each` posts, concurrently. The task returns the sorted ids.
fn spawn_posts(friends: &[Member], each: usize) -> tokio::task::JoinHandle<Vec<u64>> {
    let friends = friends.to_vec();
    tokio::spawn(async move {
        let one = |friend: Member| async move {
            let mut posts = Vec::new();
            for number in 0..each {
                posts.push(friend.post(&format!("글 {number}")).await);
            }
            posts
        };
        let mut posts = futures::future::join_all(friends.into_iter().map(one)).await.concat();
        posts.sort_unstable();
        posts
    })
}

/// Reads the home feed to its end. Returns its posts and the stream cursor.
async fn feed(who: &Member) -> (Vec<u64>, String) {
    let mut page = who.get("/api/timeline/posts/followings?limit=7").await;
    let stream = page["streamCursor"].as_str().unwrap().to_owned();
    let mut found = ids(&page);
    while let Some(cursor) = page["nextCursor"].as_str() {
        page = who.get(&format!("/api/timeline/posts/followings?limit=7&cursor={cursor}")).await;
        found.extend(ids(&page));
    }
    (found, stream)
}

/// Counts the new posts on a stream until the post `mark`.
async fn count_created(stream: &mut Stream, mark: u64, received: &mut BTreeMap<u64, usize>) {
    loop {
        let event = stream.next().await.expect("the stream is open");
        if event.name == "post.created" {
            let id = event.data["id"].as_u64().unwrap();
            *received.entry(id).or_default() += 1;
            if id == mark {
                return;
            }
        }
    }
}

#[tokio::test]
async fn pages_and_stream_together_have_every_post_once() {
    let (who, friends) = friends().await;
    let writing = spawn_posts(&friends, 40);
    let mut readings = Vec::new();
    for _ in 0..6 {
        let (found, cursor) = feed(&who).await;
        let mut stream = who.stream(Some(&cursor)).await;
        ready(&mut stream).await;
        readings.push((found, stream));
    }
    let mut posts = writing.await.unwrap();
    let mark = who.post("끝").await;
    posts.push(mark);
    for (found, mut stream) in readings {
        let mut received: BTreeMap<u64, usize> = BTreeMap::new();
        for id in &found {
            *received.entry(*id).or_default() += 1;
        }
        count_created(&mut stream, mark, &mut received).await;
        assert!(received.values().all(|times| *times == 1), "twice: {received:?}");
        assert_eq!(received.into_keys().collect::<Vec<_>>(), posts);
    }
}

#[tokio::test]
async fn a_repeatedly_resumed_stream_has_every_post_once() {
    let (who, friends) = friends().await;
    let mut stream = who.stream(None).await;
    let mut last = ready(&mut stream).await;
    let writing = spawn_posts(&friends, 40);
    let mut received = Vec::new();
    // Close the stream after one event, two, three and so on, while the friends write.
    for pause in 1.. {
        if received.len() == 160 {
            break;
        }
        for _ in 0..pause {
            let event = stream.next().await.expect("the stream is open");
            last.clone_from(&event.id);
            if event.name == "post.created" {
                received.push(event.data["id"].as_u64().unwrap());
            }
            if received.len() == 160 {
                break;
            }
        }
        drop(stream);
        stream = who.stream(Some(&last)).await;
    }
    let posts = writing.await.unwrap();
    let mut sorted = received.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, posts);
}

#[tokio::test]
async fn a_stream_with_edits_and_deletions_ends_in_the_state_of_the_feed() {
    let (who, friends) = friends().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let churn = |friend: Member| async move {
        for number in 0..20 {
            let id = friend.post(&format!("글 {number}")).await;
            let path = format!("/api/posts/{id}");
            match number % 3 {
                0 => friend.delete(&path).await,
                1 => drop(friend.ok(Method::PUT, &path, json!({"content": "고친 글"})).await),
                _ => {}
            }
        }
    };
    let mark = {
        futures::future::join_all(friends.iter().cloned().map(churn)).await;
        who.post("끝").await
    };
    let mut shown: BTreeMap<u64, String> = BTreeMap::new();
    loop {
        let event = stream.next().await.expect("the stream is open");
        let Some(id) = event.data["id"].as_u64() else { continue };
        match event.name.as_str() {
            "post.created" => assert!(shown.insert(id, event.data["content"].to_string()).is_none(), "{id} came twice"),
            "post.updated" => drop(shown.insert(id, event.data["content"].to_string())),
            "post.deleted" => drop(shown.remove(&id)),
            _ => {}
        }
        if id == mark {
            break;
        }
    }
    let page = who.get("/api/timeline/posts/followings?limit=100").await;
    let feed: BTreeMap<u64, String> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|post| (post["id"].as_u64().unwrap(), post["content"].to_string()))
        .collect();
    assert_eq!(shown, feed, "the stream leads to the state of the feed");
}

#[tokio::test]
async fn follows_and_unfollows_under_load_do_not_stall_a_stream() {
    let (who, friends) = friends().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let writing = spawn_posts(&friends[1..], 20);
    for _ in 0..10 {
        who.unfollow(&friends[0]).await;
        who.follow(&friends[0]).await;
    }
    writing.await.unwrap();
    who.get("/api/timeline/posts/followings").await;
    let mark = friends[0].post("끝").await;
    count_created(&mut stream, mark, &mut BTreeMap::new()).await;
}
