//! Follows: counts, follower lists, repeats, concurrency and the limit of 1,000.
use crate::support::{TestServer, all, member, problem};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn a_follow_counts_once_for_both_members() {
    let (follower, followed) = (member().await, member().await);
    follower.follow(&followed).await;
    follower.follow(&followed).await;
    let visible = follower.get(&format!("/api/members/{}", followed.id)).await;
    assert_eq!((&visible["following"], &visible["followerCount"]), (&true.into(), &1.into()));
    assert_eq!(follower.me().await["followingCount"], 1);
    let visible = followed.get(&format!("/api/members/{}", follower.id)).await;
    assert_eq!((&visible["following"], &visible["followedBy"]), (&false.into(), &true.into()));
}

#[tokio::test]
async fn an_unfollow_ends_the_follow_and_can_be_repeated() {
    let (follower, followed) = (member().await, member().await);
    follower.follow(&followed).await;
    let path = format!("/api/members/{}/follow", followed.id);
    for _ in 0..2 {
        assert_eq!(follower.call(Method::DELETE, &path, None).await, 204);
    }
    assert_eq!(
        (follower.me().await["followingCount"].clone(), followed.me().await["followerCount"].clone()),
        (0.into(), 0.into())
    );
}

#[tokio::test]
async fn following_oneself_is_refused() {
    let follower = member().await;
    let path = format!("/api/members/{}/follow", follower.id);
    problem(follower.send(Method::PUT, &path, Value::Null).await, 422, "FOLLOW_SELF").await;
}

#[tokio::test]
async fn following_an_unknown_member_is_not_found() {
    problem(member().await.send(Method::PUT, "/api/members/1/follow", Value::Null).await, 404, "MEMBER_NOT_FOUND")
        .await;
}

#[tokio::test]
async fn lists_are_newest_first_and_pages_repeat_nothing() {
    let follower = member().await;
    let mut others = Vec::new();
    for _ in 0..5 {
        let other = member().await;
        follower.follow(&other).await;
        other.follow(&follower).await;
        others.push(other.id);
    }
    others.reverse();
    assert_eq!(all(&follower, &format!("/api/members/{}/followings", follower.id), 2).await, others);
    assert_eq!(all(&follower, &format!("/api/members/{}/followers", follower.id), 2).await, others);
}

#[tokio::test]
async fn the_lists_of_an_unknown_member_are_not_found() {
    let follower = member().await;
    problem(follower.send(Method::GET, "/api/members/1/followers", Value::Null).await, 404, "MEMBER_NOT_FOUND").await;
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let (follower, a, b) = (member().await, member().await, member().await);
    follower.follow(&a).await;
    follower.follow(&b).await;
    let page = follower.get(&format!("/api/members/{}/followings?limit=1", follower.id)).await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for list in [format!("/api/members/{}/followers", follower.id), format!("/api/members/{}/followings", a.id)] {
        let answer = follower.send(Method::GET, &format!("{list}?cursor={cursor}"), Value::Null).await;
        problem(answer, 400, "CURSOR_INVALID").await;
    }
}

#[tokio::test]
async fn fifty_concurrent_follows_are_one_follow() {
    let (follower, followed) = (member().await, member().await);
    let path = format!("/api/members/{}/follow", followed.id);
    let answers = futures::future::join_all((0..50).map(|_| follower.call(Method::PUT, &path, None))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert_eq!((&follower.me().await["followingCount"], &followed.me().await["followerCount"]), (&1.into(), &1.into()));
    assert_eq!(all(&followed, &format!("/api/members/{}/followers", followed.id), 10).await, [follower.id]);
}

#[tokio::test]
async fn concurrent_follows_and_unfollows_leave_consistent_counts() {
    let (follower, followed) = (member().await, member().await);
    let path = format!("/api/members/{}/follow", followed.id);
    let calls = (0..40).map(|number| {
        let method = if number % 2 == 0 { Method::PUT } else { Method::DELETE };
        follower.call(method, &path, None)
    });
    futures::future::join_all(calls).await;
    let followers = all(&follower, &format!("/api/members/{}/followers", followed.id), 10).await;
    let visible = follower.get(&format!("/api/members/{}", followed.id)).await;
    assert_eq!(visible["followerCount"], followers.len());
    assert_eq!(visible["following"], !followers.is_empty());
    assert_eq!(follower.me().await["followingCount"], followers.len());
}

#[tokio::test]
async fn a_repeated_follow_after_an_unfollow_is_the_newest() {
    let (follower, early, late) = (member().await, member().await, member().await);
    early.follow(&follower).await;
    late.follow(&follower).await;
    early.unfollow(&follower).await;
    early.follow(&follower).await;
    assert_eq!(all(&follower, &format!("/api/members/{}/followers", follower.id), 1).await, [early.id, late.id]);
}

#[tokio::test]
async fn lists_have_summaries_without_email() {
    let (follower, followed) = (member().await, member().await);
    follower.follow(&followed).await;
    for path in [format!("/api/members/{}/followers", followed.id), format!("/api/members/{}/followings", follower.id)]
    {
        let page = member().await.get(&path).await;
        let mut fields: Vec<_> = page["items"][0].as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["avatarUrl", "displayName", "handle", "id"]);
        assert!(!page.to_string().contains("@example.com"));
    }
}

#[tokio::test]
async fn unfollowing_an_unknown_member_is_no_server_error() {
    // Unfollowing a member who is not followed is no error; 404 is allowed for an unknown member.
    let answer = member().await.send(Method::DELETE, "/api/members/1/follow", Value::Null).await;
    assert!([204, 404].contains(&answer.status().as_u16()));
}

/// `dailyfeed seed` creates the thousand members, which is cheaper than a thousand signups.
#[tokio::test]
async fn a_member_can_follow_at_most_a_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let seed = tokio::process::Command::new(env!("CARGO_BIN_EXE_dailyfeed"))
        .args(["seed", "--members", "1003", "--posts", "1", "--follows", "1"])
        .env("DAILYFEED_DATA_DIR", folder.path())
        .current_dir(folder.path())
        .output();
    let seed = seed.await.unwrap();
    assert!(seed.status.success(), "{}", String::from_utf8_lossy(&seed.stderr));
    let server = TestServer::start_on(folder, |_| {}).await;
    let follower = server.member().await;
    let others = all(&follower, "/api/members/recommendations?strategy=newest", 100).await;
    assert!(others.len() >= 1_003);
    let path = |id: u64| format!("/api/members/{id}/follow");
    for some in others[..999].chunks(50) {
        let paths: Vec<String> = some.iter().map(|id| path(*id)).collect();
        let answers = futures::future::join_all(paths.iter().map(|path| follower.call(Method::PUT, path, None))).await;
        assert!(answers.iter().all(|status| *status == 204));
    }
    let last: Vec<String> = others[999..1_003].iter().map(|id| path(*id)).collect();
    let answers = futures::future::join_all(last.iter().map(|path| follower.call(Method::PUT, path, None))).await;
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 1, "one follow was left: {answers:?}");
    let refused = last.iter().zip(&answers).find(|(_, status)| **status != 204).unwrap().0;
    follower.refused(Method::PUT, refused, Value::Null, 422, "FOLLOW_LIMIT_EXCEEDS").await;
    assert_eq!(follower.me().await["followingCount"], 1_000);
    assert_eq!(follower.call(Method::PUT, &path(others[0]), None).await, 204, "a repeated follow is not counted");
    follower.delete(&path(others[0])).await;
    assert_eq!(follower.call(Method::PUT, refused, None).await, 204, "an unfollow permits another follow");
    server.app.shutdown().await;
}
