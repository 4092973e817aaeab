//! A block hides each of two members from the other: posts, comments, likes, counts, lists, mentions.
use crate::{
    common::Member,
    support::{NONE, all, fields, ids, member, until},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Signs up two members who follow each other and have a post each; the first blocks the second.
async fn blocked_pair() -> (Member, Member, u64, u64) {
    let (blocker, blocked) = (member().await, member().await);
    blocker.follow(&blocked).await;
    blocked.follow(&blocker).await;
    let (mine, theirs) = (blocker.post("내 글").await, blocked.post("네 글").await);
    blocker.block(&blocked).await;
    (blocker, blocked, mine, theirs)
}

#[tokio::test]
async fn a_block_ends_follows_both_ways_and_their_counts() {
    let (blocker, blocked, ..) = blocked_pair().await;
    for member in [&blocker, &blocked] {
        let me = member.me().await;
        assert_eq!((&me["followerCount"], &me["followingCount"]), (&0.into(), &0.into()));
        assert_eq!(all(member, &format!("/api/members/{}/followings", member.id), 9).await, NONE);
    }
}

#[tokio::test]
async fn posts_are_hidden_in_each_others_feeds() {
    let (blocker, blocked, mine, theirs) = blocked_pair().await;
    for (viewer, other, own) in [(&blocker, theirs, mine), (&blocked, mine, theirs)] {
        assert_eq!(ids(&viewer.get("/api/timeline/posts/followings").await), [own]);
        assert!(!ids(&viewer.get("/api/timeline/posts/recent?limit=100").await).contains(&other));
        viewer.refused(Method::GET, &format!("/api/posts/{other}"), Value::Null, 404, "POST_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn a_tag_feed_hides_posts_across_a_block() {
    let (blocker, blocked) = (member().await, member().await);
    let tag = format!("차단{}", blocker.id);
    let theirs = blocked.post(&format!("#{tag} 하나")).await;
    let path = format!("/api/timeline/tags/{tag}/posts");
    assert_eq!(ids(&blocker.get(&path).await), [theirs]);
    blocker.block(&blocked).await;
    let mine = blocker.post(&format!("#{tag} 둘")).await;
    assert_eq!((ids(&blocker.get(&path).await), ids(&blocked.get(&path).await)), (vec![mine], vec![theirs]));
    assert_eq!(ids(&member().await.get(&path).await), [mine, theirs]);
}

#[tokio::test]
async fn the_blocked_member_gets_404_and_the_blocker_sees_blocked_true() {
    let (blocker, blocked, ..) = blocked_pair().await;
    let path = format!("/api/members/{}", blocker.id);
    blocked.refused(Method::GET, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    let path = format!("/api/members/@{}", blocker.handle().await);
    blocked.refused(Method::GET, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    let visible = blocker.get(&format!("/api/members/{}", blocked.id)).await;
    assert_eq!(
        (&visible["blocked"], &visible["following"], &visible["followedBy"]),
        (&true.into(), &false.into(), &false.into())
    );
}

#[tokio::test]
async fn the_blockers_feed_and_lists_are_not_found_for_the_blocked_member() {
    let (blocker, blocked, ..) = blocked_pair().await;
    for path in ["/api/timeline/members/{}/posts", "/api/members/{}/followers", "/api/members/{}/comments"] {
        blocked
            .refused(Method::GET, &path.replace("{}", &blocker.id.to_string()), Value::Null, 404, "MEMBER_NOT_FOUND")
            .await;
    }
}

#[tokio::test]
async fn lists_of_third_members_hide_members_across_a_block() {
    let (blocker, blocked, star) = (member().await, member().await, member().await);
    for fan in [&blocker, &blocked] {
        fan.follow(&star).await;
    }
    blocker.block(&blocked).await;
    let path = format!("/api/members/{}/followers", star.id);
    assert_eq!((all(&blocker, &path, 1).await, all(&blocked, &path, 1).await), (vec![blocker.id], vec![blocked.id]));
    assert_eq!(all(&star, &path, 1).await, [blocked.id, blocker.id]);
    let query = json!({"ids": [blocker.id, blocked.id, star.id]});
    let found = ids(&blocker.ok(Method::POST, "/api/members/query", query).await);
    assert_eq!(found, [blocker.id, star.id]);
}

#[tokio::test]
async fn follower_counts_exclude_members_across_a_block() {
    let (blocker, blocked, star) = (member().await, member().await, member().await);
    for fan in [&blocker, &blocked] {
        fan.follow(&star).await;
        star.follow(fan).await;
    }
    blocker.block(&blocked).await;
    let path = format!("/api/members/{}", star.id);
    let counts = |member: &Value| (member["followerCount"].clone(), member["followingCount"].clone());
    assert_eq!(counts(&blocker.get(&path).await), (1.into(), 1.into()));
    assert_eq!(counts(&member().await.get(&path).await), (2.into(), 2.into()));
}

#[tokio::test]
async fn comments_and_likes_across_a_block_are_neither_shown_nor_counted() {
    let (blocker, blocked, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    blocked.like(post).await;
    let theirs = blocked.comment(post, None, "차단될 댓글").await;
    let mine = blocker.comment(post, None, "내 댓글").await;
    blocker.block(&blocked).await;
    let path = format!("/api/posts/{post}");
    let visible = blocker.get(&path).await;
    assert_eq!((&visible["likeCount"], &visible["commentCount"]), (&0.into(), &1.into()));
    assert_eq!(ids(&blocker.get(&format!("{path}/comments")).await), [mine]);
    assert_eq!(ids(&blocked.get(&format!("{path}/comments")).await), [theirs]);
    assert_eq!(ids(&blocker.get(&format!("{path}/likes")).await), NONE);
    blocker.refused(Method::GET, &format!("/api/comments/{theirs}"), Value::Null, 404, "COMMENT_NOT_FOUND").await;
    let visible = host.get(&path).await;
    assert_eq!((&visible["likeCount"], &visible["commentCount"]), (&1.into(), &2.into()));
    assert_eq!(ids(&host.get(&format!("{path}/likes")).await), [blocked.id]);
}

#[tokio::test]
async fn visible_replies_below_a_blocked_comment_stay_under_a_tombstone() {
    let (blocker, blocked, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    let theirs = blocked.comment(post, None, "차단될 댓글").await;
    let reply = host.comment(post, Some(theirs), "답글").await;
    let hidden = blocked.comment(post, Some(theirs), "또 답글").await;
    blocker.block(&blocked).await;
    let page = blocker.get(&format!("/api/posts/{post}/comments")).await;
    let top = &page["items"][0];
    assert_eq!((&top["id"], &top["deleted"], &top["content"]), (&theirs.into(), &true.into(), &"".into()));
    assert!(top["author"].is_null());
    assert_eq!((&top["replyCount"], &top["replies"][0]["id"]), (&1.into(), &reply.into()));
    assert_eq!(ids(&blocker.get(&format!("/api/comments/{theirs}/replies")).await), [reply]);
    assert!(!page.to_string().contains(&hidden.to_string()));
}

#[tokio::test]
async fn the_blocked_member_can_neither_comment_nor_like() {
    let (blocker, blocked, mine, _) = blocked_pair().await;
    let post = format!("/api/posts/{mine}");
    blocked.refused(Method::PUT, &format!("{post}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
    let comment = json!({"content": "안녕"});
    blocked.refused(Method::POST, &format!("{post}/comments"), comment.clone(), 404, "POST_NOT_FOUND").await;
    let host = member().await;
    let on = host.post("글").await;
    let top = blocker.comment(on, None, "댓글").await;
    let reply = json!({"content": "답", "parentId": top});
    blocked.refused(Method::POST, &format!("/api/posts/{on}/comments"), reply, 404, "PARENT_COMMENT_NOT_FOUND").await;
    blocked.refused(Method::PUT, &format!("/api/comments/{top}/like"), Value::Null, 404, "COMMENT_NOT_FOUND").await;
    assert_eq!(blocker.get(&post).await["likeCount"], 0);
}

#[tokio::test]
async fn a_follow_across_a_block_is_refused_both_ways() {
    let (blocker, blocked, ..) = blocked_pair().await;
    let path = format!("/api/members/{}/follow", blocked.id);
    blocker.refused(Method::PUT, &path, Value::Null, 403, "FOLLOW_BLOCKED").await;
    let path = format!("/api/members/{}/follow", blocker.id);
    blocked.refused(Method::PUT, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    assert_eq!(blocker.me().await["followerCount"], 0);
}

#[tokio::test]
async fn a_mention_across_a_block_is_plain_text() {
    let (blocker, blocked, ..) = blocked_pair().await;
    let content = format!("@{} 안녕", blocker.handle().await);
    let post = blocked.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    assert_eq!(post["mentions"], json!([]));
    let post = member().await.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    assert_eq!(post["mentions"][0]["memberId"], blocker.id);
}

#[tokio::test]
async fn lifting_a_block_shows_everything_and_restores_no_follow() {
    let (blocker, blocked, mine, theirs) = blocked_pair().await;
    let path = format!("/api/members/{}/block", blocked.id);
    for _ in 0..2 {
        blocker.delete(&path).await;
    }
    assert_eq!(blocker.get(&format!("/api/posts/{theirs}")).await["id"], theirs);
    assert_eq!(blocked.get(&format!("/api/posts/{mine}")).await["id"], mine);
    let visible = blocker.get(&format!("/api/members/{}", blocked.id)).await;
    assert_eq!(
        (&visible["blocked"], &visible["following"], &visible["followedBy"]),
        (&false.into(), &false.into(), &false.into())
    );
}

#[tokio::test]
async fn a_mutual_block_holds_until_both_lift_it() {
    let (blocker, blocked, _, theirs) = blocked_pair().await;
    let path = format!("/api/members/{}/block", blocker.id);
    // The blocked member cannot see the blocker's profile, but may know the id.
    assert_eq!(blocked.call(Method::PUT, &path, None).await, 204);
    blocker.delete(&format!("/api/members/{}/block", blocked.id)).await;
    blocker.refused(Method::GET, &format!("/api/posts/{theirs}"), Value::Null, 404, "POST_NOT_FOUND").await;
    blocked.delete(&path).await;
    until(async || (blocker.call(Method::GET, &format!("/api/posts/{theirs}"), None).await == 200).then_some(())).await;
}

#[tokio::test]
async fn blocks_are_listed_newest_first_to_their_owner() {
    let blocker = member().await;
    let mut others = Vec::new();
    for _ in 0..5 {
        let other = member().await;
        blocker.block(&other).await;
        blocker.block(&other).await;
        others.insert(0, other.id);
    }
    assert_eq!(all(&blocker, "/api/members/me/blocks", 2).await, others);
    assert_eq!(all(&member().await, "/api/members/me/blocks", 2).await, NONE);
}

#[tokio::test]
async fn blocking_oneself_or_an_unknown_member_is_refused() {
    let blocker = member().await;
    let path = format!("/api/members/{}/block", blocker.id);
    let refused = blocker.refused(Method::PUT, &path, Value::Null, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("id".to_owned(), "ONESELF".to_owned())]);
    blocker.refused(Method::PUT, "/api/members/1/block", Value::Null, 404, "MEMBER_NOT_FOUND").await;
    blocker.delete("/api/members/1/block").await;
}

#[tokio::test]
async fn members_across_a_block_are_not_recommended() {
    let (blocker, blocked) = (member().await, member().await);
    blocker.block(&blocked).await;
    for (viewer, other) in [(&blocker, &blocked), (&blocked, &blocker)] {
        let page = viewer.get("/api/members/recommendations?limit=100").await;
        assert!(!ids(&page).contains(&other.id));
    }
}

#[tokio::test]
async fn twenty_concurrent_blocks_are_one_block() {
    let (blocker, blocked) = (member().await, member().await);
    let path = format!("/api/members/{}/block", blocked.id);
    let answers = futures::future::join_all((0..20).map(|_| blocker.call(Method::PUT, &path, None))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert_eq!(all(&blocker, "/api/members/me/blocks", 9).await, [blocked.id]);
}

#[tokio::test]
async fn changes_of_hidden_posts_and_comments_are_not_found() {
    let (blocker, blocked, mine, _) = blocked_pair().await;
    let post = format!("/api/posts/{mine}");
    blocked.refused(Method::PUT, &post, json!({"content": "남의 글"}), 404, "POST_NOT_FOUND").await;
    blocked.refused(Method::DELETE, &post, Value::Null, 404, "POST_NOT_FOUND").await;
    let other = member().await;
    let other_post = other.post("글").await;
    let theirs = blocked.comment(other_post, None, "먼저 쓴 댓글").await;
    other.block(&blocked).await;
    let comment = format!("/api/comments/{theirs}");
    blocked.refused(Method::PUT, &comment, json!({"content": "몰래 고침"}), 404, "COMMENT_NOT_FOUND").await;
    blocked.delete(&comment).await;
    let top = blocker.comment(other_post, None, "댓글").await;
    for method in [Method::PUT, Method::DELETE] {
        let body = if method == Method::PUT { json!({"content": "남의 댓글"}) } else { Value::Null };
        blocked.refused(method, &format!("/api/comments/{top}"), body, 404, "COMMENT_NOT_FOUND").await;
    }
    let own = blocked.post("내 글").await;
    let reply = json!({"content": "답", "parentId": top});
    blocked.refused(Method::POST, &format!("/api/posts/{own}/comments"), reply, 404, "PARENT_COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn a_blocker_cannot_be_muted_and_is_hidden_in_an_older_mute_list() {
    let (blocker, blocked) = (member().await, member().await);
    blocked.ok(Method::PUT, &format!("/api/members/{}/mute", blocker.id), Value::Null).await;
    assert_eq!(all(&blocked, "/api/members/me/mutes", 9).await, [blocker.id]);
    blocker.block(&blocked).await;
    assert_eq!(all(&blocked, "/api/members/me/mutes", 9).await, NONE);
    blocked
        .refused(Method::PUT, &format!("/api/members/{}/mute", blocker.id), Value::Null, 404, "MEMBER_NOT_FOUND")
        .await;
    blocked.delete(&format!("/api/members/{}/mute", blocker.id)).await;
}

#[tokio::test]
async fn a_thread_with_only_hidden_comments_leaves_no_tombstone() {
    let (blocker, blocked, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    let top = blocked.comment(post, None, "댓글").await;
    let below = blocked.comment(post, Some(top), "답글").await;
    blocked.comment(post, Some(below), "답글의 답글").await;
    blocker.block(&blocked).await;
    assert_eq!(ids(&blocker.get(&format!("/api/posts/{post}/comments")).await), NONE);
    let last = host.comment(post, Some(below), "주인의 답").await;
    let page = blocker.get(&format!("/api/posts/{post}/comments")).await;
    assert_eq!((ids(&page), &page["items"][0]["replies"][0]["id"]), (vec![top], &below.into()));
    assert_eq!(ids(&blocker.get(&format!("/api/comments/{below}/replies")).await), [last]);
}
