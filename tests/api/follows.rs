//! Following and its lists.
use crate::support::{Own, all, member, problem};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn a_follow_counts_on_both_sides_once() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    who.follow(&whom).await;
    let seen = who.get(&format!("/api/members/{}", whom.id)).await;
    assert_eq!((&seen["following"], &seen["followerCount"]), (&true.into(), &1.into()));
    assert_eq!(who.me().await["followingCount"], 1);
    let seen = whom.get(&format!("/api/members/{}", who.id)).await;
    assert_eq!((&seen["following"], &seen["followedBy"]), (&false.into(), &true.into()));
}

#[tokio::test]
async fn an_unfollow_takes_it_back_and_twice_is_no_error() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    let path = format!("/api/members/{}/follow", whom.id);
    for _ in 0..2 {
        assert_eq!(who.call(Method::DELETE, &path, None).await, 204);
    }
    assert_eq!(
        (who.me().await["followingCount"].clone(), whom.me().await["followerCount"].clone()),
        (0.into(), 0.into())
    );
}

#[tokio::test]
async fn nobody_follows_themself() {
    let who = member().await;
    let path = format!("/api/members/{}/follow", who.id);
    problem(who.send(Method::PUT, &path, Value::Null).await, 422, "FOLLOW_SELF").await;
}

#[tokio::test]
async fn nobody_follows_a_stranger_to_the_house() {
    problem(member().await.send(Method::PUT, "/api/members/1/follow", Value::Null).await, 404, "MEMBER_NOT_FOUND")
        .await;
}

#[tokio::test]
async fn lists_are_newest_first_and_page_without_doubles() {
    let who = member().await;
    let mut others = Vec::new();
    for _ in 0..5 {
        let other = member().await;
        who.follow(&other).await;
        other.follow(&who).await;
        others.push(other.id);
    }
    others.reverse();
    assert_eq!(all(&who, &format!("/api/members/{}/followings", who.id), 2).await, others);
    assert_eq!(all(&who, &format!("/api/members/{}/followers", who.id), 2).await, others);
}

#[tokio::test]
async fn the_lists_of_a_stranger_are_not_found() {
    let who = member().await;
    problem(who.send(Method::GET, "/api/members/1/followers", Value::Null).await, 404, "MEMBER_NOT_FOUND").await;
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let (who, a, b) = (member().await, member().await, member().await);
    who.follow(&a).await;
    who.follow(&b).await;
    let page = who.get(&format!("/api/members/{}/followings?limit=1", who.id)).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for list in [format!("/api/members/{}/followers", who.id), format!("/api/members/{}/followings", a.id)] {
        let answer = who.send(Method::GET, &format!("{list}?cursor={cursor}"), Value::Null).await;
        problem(answer, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn fifty_follows_at_once_are_one() {
    let (who, whom) = (member().await, member().await);
    let path = format!("/api/members/{}/follow", whom.id);
    let answers = futures::future::join_all((0..50).map(|_| who.call(Method::PUT, &path, None))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert_eq!((&who.me().await["followingCount"], &whom.me().await["followerCount"]), (&1.into(), &1.into()));
    assert_eq!(all(&whom, &format!("/api/members/{}/followers", whom.id), 10).await, [who.id]);
}

#[tokio::test]
async fn follows_and_unfollows_at_once_leave_counts_that_agree() {
    let (who, whom) = (member().await, member().await);
    let path = format!("/api/members/{}/follow", whom.id);
    let calls = (0..40).map(|number| {
        let method = if number % 2 == 0 { Method::PUT } else { Method::DELETE };
        who.call(method, &path, None)
    });
    futures::future::join_all(calls).await;
    let followers = all(&who, &format!("/api/members/{}/followers", whom.id), 10).await;
    let seen = who.get(&format!("/api/members/{}", whom.id)).await;
    assert_eq!(seen["followerCount"], followers.len());
    assert_eq!(seen["following"], !followers.is_empty());
    assert_eq!(who.me().await["followingCount"], followers.len());
}

#[tokio::test]
async fn who_follows_again_is_the_newest_follower() {
    let (who, early, late) = (member().await, member().await, member().await);
    early.follow(&who).await;
    late.follow(&who).await;
    early.unfollow(&who).await;
    early.follow(&who).await;
    assert_eq!(all(&who, &format!("/api/members/{}/followers", who.id), 1).await, [early.id, late.id]);
}

#[tokio::test]
async fn lists_hold_summaries_and_never_addresses() {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    for path in [format!("/api/members/{}/followers", whom.id), format!("/api/members/{}/followings", who.id)] {
        let page = member().await.get(&path).await;
        let mut fields: Vec<_> = page["items"][0].as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["avatarUrl", "displayName", "handle", "id"]);
        assert!(!page.to_string().contains("@example.com"));
    }
}

#[tokio::test]
async fn nobody_unfollows_a_stranger_to_the_house() {
    // Unfollowing somebody who is not followed is no error; somebody who is not there may be.
    let answer = member().await.send(Method::DELETE, "/api/members/1/follow", Value::Null).await;
    assert!([204, 404].contains(&answer.status().as_u16()));
}

/// A thousand members come from `dailyfeed seed`, which is cheaper than a thousand sign-ups.
#[tokio::test]
async fn nobody_follows_more_than_a_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let seed = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"))
        .args(["seed", "--members", "1003", "--posts", "1", "--follows", "1"])
        .env("DAILYFEED_DATA_DIR", folder.path())
        .current_dir(folder.path())
        .output();
    let seed = seed.await.unwrap();
    assert!(seed.status.success(), "{}", String::from_utf8_lossy(&seed.stderr));
    let own = Own::on(folder, |_| {}).await;
    let who = own.member().await;
    let others = all(&who, "/api/members/recommendations?strategy=newest", 100).await;
    assert!(others.len() >= 1_003);
    let path = |id: u64| format!("/api/members/{id}/follow");
    for some in others[..999].chunks(50) {
        let paths: Vec<String> = some.iter().map(|id| path(*id)).collect();
        let answers = futures::future::join_all(paths.iter().map(|path| who.call(Method::PUT, path, None))).await;
        assert!(answers.iter().all(|status| *status == 204));
    }
    let last: Vec<String> = others[999..1_003].iter().map(|id| path(*id)).collect();
    let answers = futures::future::join_all(last.iter().map(|path| who.call(Method::PUT, path, None))).await;
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "one place was left: {answers:?}");
    let refused = last.iter().zip(&answers).find(|(_, status)| **status != 204).unwrap().0;
    who.refused(Method::PUT, refused, Value::Null, 422, "FOLLOW_LIMIT_EXCEEDS").await;
    assert_eq!(who.me().await["followingCount"], 1_000);
    assert_eq!(who.call(Method::PUT, &path(others[0]), None).await, 204, "whom one follows already is no more");
    who.delete(&path(others[0])).await;
    assert_eq!(who.call(Method::PUT, refused, None).await, 204, "a place is free again");
    own.server.shutdown().await;
}
