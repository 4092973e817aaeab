//! Pages and streams while others write: every post once, whatever is cut and when.
use crate::{
    common::{Member, Stream},
    stream::ready,
    support::{ids, member},
};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

/// Four friends of one reader.
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

/// Every friend writes so many posts, all at the same time; returns them in the order of their ids.
fn write(friends: &[Member], each: usize) -> tokio::task::JoinHandle<Vec<u64>> {
    let friends = friends.to_vec();
    tokio::spawn(async move {
        let one = |friend: Member| async move {
            let mut written = Vec::new();
            for number in 0..each {
                written.push(friend.post(&format!("글 {number}")).await);
            }
            written
        };
        let mut written = futures::future::join_all(friends.into_iter().map(one)).await.concat();
        written.sort_unstable();
        written
    })
}

/// Reads the home feed to its end; returns it with the cursor of its stream.
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

/// Posts that a stream tells of, until the mark.
async fn told(stream: &mut Stream, mark: u64, seen: &mut BTreeMap<u64, usize>) {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "post.created" {
            let id = event.data["id"].as_u64().unwrap();
            *seen.entry(id).or_default() += 1;
            if id == mark {
                return;
            }
        }
    }
}

#[tokio::test]
async fn pages_and_stream_are_everything_once_while_others_write() {
    let (who, friends) = friends().await;
    let writing = write(&friends, 40);
    let mut readings = Vec::new();
    for _ in 0..6 {
        let (found, cursor) = feed(&who).await;
        let mut stream = who.stream(Some(&cursor)).await;
        ready(&mut stream).await;
        readings.push((found, stream));
    }
    let mut written = writing.await.unwrap();
    let mark = who.post("끝").await;
    written.push(mark);
    for (found, mut stream) in readings {
        let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
        for id in &found {
            *seen.entry(*id).or_default() += 1;
        }
        told(&mut stream, mark, &mut seen).await;
        assert!(seen.values().all(|times| *times == 1), "twice: {seen:?}");
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), written);
    }
}

#[tokio::test]
async fn a_stream_cut_again_and_again_tells_everything_once() {
    let (who, friends) = friends().await;
    let mut stream = who.stream(None).await;
    let mut last = ready(&mut stream).await;
    let writing = write(&friends, 40);
    let mut seen = Vec::new();
    // Cut after one event, after two, three and so on, while all are writing.
    for pause in 1.. {
        if seen.len() == 160 {
            break;
        }
        for _ in 0..pause {
            let event = stream.next().await.expect("the stream goes on");
            last.clone_from(&event.id);
            if event.name == "post.created" {
                seen.push(event.data["id"].as_u64().unwrap());
            }
            if seen.len() == 160 {
                break;
            }
        }
        drop(stream);
        stream = who.stream(Some(&last)).await;
    }
    let written = writing.await.unwrap();
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, written);
}

#[tokio::test]
async fn deletions_while_reading_leave_what_the_feed_shows() {
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
        let event = stream.next().await.expect("the stream goes on");
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
    assert_eq!(shown, feed, "who follows the stream has what the feed has");
}

#[tokio::test]
async fn follows_and_unfollows_under_load_leave_no_stream_behind() {
    let (who, friends) = friends().await;
    let mut stream = who.stream(None).await;
    ready(&mut stream).await;
    let writing = write(&friends[1..], 20);
    for _ in 0..10 {
        who.unfollow(&friends[0]).await;
        who.follow(&friends[0]).await;
    }
    writing.await.unwrap();
    who.get("/api/timeline/posts/followings").await;
    let mark = friends[0].post("끝").await;
    told(&mut stream, mark, &mut BTreeMap::new()).await;
}
