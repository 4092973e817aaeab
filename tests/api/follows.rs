//! Following and its lists.
use crate::support::{all, member, problem};
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
