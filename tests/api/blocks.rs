//! A block: each of the two is gone from the other's view.
use crate::{
    common::Member,
    support::{NONE, all, fields, ids, member, until},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Two who follow each other, each with a post, the first of whom then blocks the second.
async fn apart() -> (Member, Member, u64, u64) {
    let (who, whom) = (member().await, member().await);
    who.follow(&whom).await;
    whom.follow(&who).await;
    let (mine, theirs) = (who.post("내 글").await, whom.post("네 글").await);
    who.block(&whom).await;
    (who, whom, mine, theirs)
}

#[tokio::test]
async fn a_block_ends_follows_both_ways_with_their_counts() {
    let (who, whom, ..) = apart().await;
    for member in [&who, &whom] {
        let me = member.me().await;
        assert_eq!((&me["followerCount"], &me["followingCount"]), (&0.into(), &0.into()));
        assert_eq!(all(member, &format!("/api/members/{}/followings", member.id), 9).await, NONE);
    }
}

#[tokio::test]
async fn posts_are_gone_from_each_others_feeds() {
    let (who, whom, mine, theirs) = apart().await;
    for (viewer, other, own) in [(&who, theirs, mine), (&whom, mine, theirs)] {
        assert_eq!(ids(&viewer.get("/api/timeline/posts/followings").await), [own]);
        assert!(!ids(&viewer.get("/api/timeline/posts/recent?limit=100").await).contains(&other));
        viewer.refused(Method::GET, &format!("/api/posts/{other}"), Value::Null, 404, "POST_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn a_tag_feed_leaves_the_other_out() {
    let (who, whom) = (member().await, member().await);
    let tag = format!("차단{}", who.id);
    let theirs = whom.post(&format!("#{tag} 하나")).await;
    let path = format!("/api/timeline/tags/{tag}/posts");
    assert_eq!(ids(&who.get(&path).await), [theirs]);
    who.block(&whom).await;
    let mine = who.post(&format!("#{tag} 둘")).await;
    assert_eq!((ids(&who.get(&path).await), ids(&whom.get(&path).await)), (vec![mine], vec![theirs]));
    assert_eq!(ids(&member().await.get(&path).await), [mine, theirs]);
}

#[tokio::test]
async fn who_is_blocked_finds_nobody_and_who_blocks_sees_that_it_is_so() {
    let (who, whom, ..) = apart().await;
    let path = format!("/api/members/{}", who.id);
    whom.refused(Method::GET, &path, Value::Null, 404, "MEMBER_NOT_FOUND").await;
    whom.refused(Method::GET, &format!("/api/members/@{}", who.handle().await), Value::Null, 404, "MEMBER_NOT_FOUND")
        .await;
    let seen = who.get(&format!("/api/members/{}", whom.id)).await;
    assert_eq!(
        (&seen["blocked"], &seen["following"], &seen["followedBy"]),
        (&true.into(), &false.into(), &false.into())
    );
}

#[tokio::test]
async fn an_author_feed_and_lists_of_the_other_are_not_found() {
    let (who, whom, ..) = apart().await;
    for path in ["/api/timeline/members/{}/posts", "/api/members/{}/followers", "/api/members/{}/comments"] {
        whom.refused(Method::GET, &path.replace("{}", &who.id.to_string()), Value::Null, 404, "MEMBER_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn lists_of_others_leave_the_other_out() {
    let (who, whom, star) = (member().await, member().await, member().await);
    for fan in [&who, &whom] {
        fan.follow(&star).await;
    }
    who.block(&whom).await;
    let path = format!("/api/members/{}/followers", star.id);
    assert_eq!((all(&who, &path, 1).await, all(&whom, &path, 1).await), (vec![who.id], vec![whom.id]));
    assert_eq!(all(&star, &path, 1).await, [whom.id, who.id]);
    let query = json!({"ids": [who.id, whom.id, star.id]});
    let found = ids(&who.ok(Method::POST, "/api/members/query", query).await);
    assert_eq!(found, [who.id, star.id]);
}

#[tokio::test]
async fn follower_counts_leave_the_other_out() {
    let (who, whom, star) = (member().await, member().await, member().await);
    for fan in [&who, &whom] {
        fan.follow(&star).await;
        star.follow(fan).await;
    }
    who.block(&whom).await;
    let path = format!("/api/members/{}", star.id);
    let counts = |seen: &Value| (seen["followerCount"].clone(), seen["followingCount"].clone());
    assert_eq!(counts(&who.get(&path).await), (1.into(), 1.into()));
    assert_eq!(counts(&member().await.get(&path).await), (2.into(), 2.into()));
}

#[tokio::test]
async fn comments_and_likes_of_the_other_are_neither_shown_nor_counted() {
    let (who, whom, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    whom.like(post).await;
    let theirs = whom.comment(post, None, "차단될 댓글").await;
    let mine = who.comment(post, None, "내 댓글").await;
    who.block(&whom).await;
    let path = format!("/api/posts/{post}");
    let seen = who.get(&path).await;
    assert_eq!((&seen["likeCount"], &seen["commentCount"]), (&0.into(), &1.into()));
    assert_eq!(ids(&who.get(&format!("{path}/comments")).await), [mine]);
    assert_eq!(ids(&whom.get(&format!("{path}/comments")).await), [theirs]);
    assert_eq!(ids(&who.get(&format!("{path}/likes")).await), NONE);
    who.refused(Method::GET, &format!("/api/comments/{theirs}"), Value::Null, 404, "COMMENT_NOT_FOUND").await;
    let seen = host.get(&path).await;
    assert_eq!((&seen["likeCount"], &seen["commentCount"]), (&1.into(), &2.into()));
    assert_eq!(ids(&host.get(&format!("{path}/likes")).await), [whom.id]);
}

#[tokio::test]
async fn a_thread_that_hangs_on_the_other_stays_under_a_tombstone() {
    let (who, whom, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    let theirs = whom.comment(post, None, "차단될 댓글").await;
    let reply = host.comment(post, Some(theirs), "답글").await;
    let hidden = whom.comment(post, Some(theirs), "또 답글").await;
    who.block(&whom).await;
    let page = who.get(&format!("/api/posts/{post}/comments")).await;
    let top = &page["items"][0];
    assert_eq!((&top["id"], &top["deleted"], &top["content"]), (&theirs.into(), &true.into(), &"".into()));
    assert!(top["author"].is_null());
    assert_eq!((&top["replyCount"], &top["replies"][0]["id"]), (&1.into(), &reply.into()));
    assert_eq!(ids(&who.get(&format!("/api/comments/{theirs}/replies")).await), [reply]);
    assert!(!page.to_string().contains(&hidden.to_string()));
}

#[tokio::test]
async fn who_is_blocked_can_neither_comment_nor_like() {
    let (who, whom, mine, _) = apart().await;
    let post = format!("/api/posts/{mine}");
    whom.refused(Method::PUT, &format!("{post}/like"), Value::Null, 404, "POST_NOT_FOUND").await;
    let comment = json!({"content": "안녕"});
    whom.refused(Method::POST, &format!("{post}/comments"), comment.clone(), 404, "POST_NOT_FOUND").await;
    let host = member().await;
    let on = host.post("글").await;
    let top = who.comment(on, None, "댓글").await;
    let reply = json!({"content": "답", "parentId": top});
    whom.refused(Method::POST, &format!("/api/posts/{on}/comments"), reply, 404, "PARENT_COMMENT_NOT_FOUND").await;
    whom.refused(Method::PUT, &format!("/api/comments/{top}/like"), Value::Null, 404, "COMMENT_NOT_FOUND").await;
    assert_eq!(who.get(&post).await["likeCount"], 0);
}

#[tokio::test]
async fn neither_follows_the_other() {
    let (who, whom, ..) = apart().await;
    who.refused(Method::PUT, &format!("/api/members/{}/follow", whom.id), Value::Null, 403, "FOLLOW_BLOCKED").await;
    whom.refused(Method::PUT, &format!("/api/members/{}/follow", who.id), Value::Null, 404, "MEMBER_NOT_FOUND").await;
    assert_eq!(who.me().await["followerCount"], 0);
}

#[tokio::test]
async fn a_name_of_the_other_in_a_text_is_plain_text() {
    let (who, whom, ..) = apart().await;
    let content = format!("@{} 안녕", who.handle().await);
    let post = whom.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    assert_eq!(post["mentions"], json!([]));
    let post = member().await.ok(Method::POST, "/api/posts", json!({"content": content})).await;
    assert_eq!(post["mentions"][0]["memberId"], who.id);
}

#[tokio::test]
async fn lifting_a_block_shows_everything_but_brings_no_follow_back() {
    let (who, whom, mine, theirs) = apart().await;
    let path = format!("/api/members/{}/block", whom.id);
    for _ in 0..2 {
        who.delete(&path).await;
    }
    assert_eq!(who.get(&format!("/api/posts/{theirs}")).await["id"], theirs);
    assert_eq!(whom.get(&format!("/api/posts/{mine}")).await["id"], mine);
    let seen = who.get(&format!("/api/members/{}", whom.id)).await;
    assert_eq!(
        (&seen["blocked"], &seen["following"], &seen["followedBy"]),
        (&false.into(), &false.into(), &false.into())
    );
}

#[tokio::test]
async fn a_block_of_both_holds_until_both_lift_it() {
    let (who, whom, _, theirs) = apart().await;
    let path = format!("/api/members/{}/block", who.id);
    // Who is blocked cannot see whom to block, but may know the number.
    assert_eq!(whom.call(Method::PUT, &path, None).await, 204);
    who.delete(&format!("/api/members/{}/block", whom.id)).await;
    who.refused(Method::GET, &format!("/api/posts/{theirs}"), Value::Null, 404, "POST_NOT_FOUND").await;
    whom.delete(&path).await;
    until(async || (who.call(Method::GET, &format!("/api/posts/{theirs}"), None).await == 200).then_some(())).await;
}

#[tokio::test]
async fn blocks_are_listed_newest_first_to_their_owner() {
    let who = member().await;
    let mut others = Vec::new();
    for _ in 0..5 {
        let other = member().await;
        who.block(&other).await;
        who.block(&other).await;
        others.insert(0, other.id);
    }
    assert_eq!(all(&who, "/api/members/me/blocks", 2).await, others);
    assert_eq!(all(&member().await, "/api/members/me/blocks", 2).await, NONE);
}

#[tokio::test]
async fn nobody_blocks_themself_or_nobody() {
    let who = member().await;
    let path = format!("/api/members/{}/block", who.id);
    let refused = who.refused(Method::PUT, &path, Value::Null, 422, "VALIDATION_FAILED").await;
    assert_eq!(fields(&refused), [("id".to_owned(), "ONESELF".to_owned())]);
    who.refused(Method::PUT, "/api/members/1/block", Value::Null, 404, "MEMBER_NOT_FOUND").await;
    who.delete("/api/members/1/block").await;
}

#[tokio::test]
async fn the_blocked_are_not_recommended() {
    let (who, whom) = (member().await, member().await);
    who.block(&whom).await;
    for (viewer, other) in [(&who, &whom), (&whom, &who)] {
        let page = viewer.get("/api/members/recommendations?limit=100").await;
        assert!(!ids(&page).contains(&other.id));
    }
}

#[tokio::test]
async fn twenty_blocks_at_once_are_one() {
    let (who, whom) = (member().await, member().await);
    let path = format!("/api/members/{}/block", whom.id);
    let answers = futures::future::join_all((0..20).map(|_| who.call(Method::PUT, &path, None))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert_eq!(all(&who, "/api/members/me/blocks", 9).await, [whom.id]);
}

#[tokio::test]
async fn what_cannot_be_seen_cannot_be_changed_and_is_not_there() {
    let (who, whom, mine, _) = apart().await;
    let post = format!("/api/posts/{mine}");
    whom.refused(Method::PUT, &post, json!({"content": "남의 글"}), 404, "POST_NOT_FOUND").await;
    whom.refused(Method::DELETE, &post, Value::Null, 404, "POST_NOT_FOUND").await;
    let other = member().await;
    let other_post = other.post("글").await;
    let theirs = whom.comment(other_post, None, "먼저 쓴 댓글").await;
    other.block(&whom).await;
    let comment = format!("/api/comments/{theirs}");
    whom.refused(Method::PUT, &comment, json!({"content": "몰래 고침"}), 404, "COMMENT_NOT_FOUND").await;
    whom.delete(&comment).await;
    let top = who.comment(other_post, None, "댓글").await;
    for method in [Method::PUT, Method::DELETE] {
        let body = if method == Method::PUT { json!({"content": "남의 댓글"}) } else { Value::Null };
        whom.refused(method, &format!("/api/comments/{top}"), body, 404, "COMMENT_NOT_FOUND").await;
    }
    let own = whom.post("내 글").await;
    let reply = json!({"content": "답", "parentId": top});
    whom.refused(Method::POST, &format!("/api/posts/{own}/comments"), reply, 404, "PARENT_COMMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn nobody_mutes_who_blocks_them_and_a_mute_of_before_does_not_show_them() {
    let (who, whom) = (member().await, member().await);
    whom.ok(Method::PUT, &format!("/api/members/{}/mute", who.id), Value::Null).await;
    assert_eq!(all(&whom, "/api/members/me/mutes", 9).await, [who.id]);
    who.block(&whom).await;
    assert_eq!(all(&whom, "/api/members/me/mutes", 9).await, NONE);
    whom.refused(Method::PUT, &format!("/api/members/{}/mute", who.id), Value::Null, 404, "MEMBER_NOT_FOUND").await;
    whom.delete(&format!("/api/members/{}/mute", who.id)).await;
}

#[tokio::test]
async fn a_thread_of_the_other_alone_leaves_no_tombstone() {
    let (who, whom, host) = (member().await, member().await, member().await);
    let post = host.post("글").await;
    let top = whom.comment(post, None, "댓글").await;
    let below = whom.comment(post, Some(top), "답글").await;
    whom.comment(post, Some(below), "답글의 답글").await;
    who.block(&whom).await;
    assert_eq!(ids(&who.get(&format!("/api/posts/{post}/comments")).await), NONE);
    let last = host.comment(post, Some(below), "주인의 답").await;
    let page = who.get(&format!("/api/posts/{post}/comments")).await;
    assert_eq!((ids(&page), &page["items"][0]["replies"][0]["id"]), (vec![top], &below.into()));
    assert_eq!(ids(&who.get(&format!("/api/comments/{below}/replies")).await), [last]);
}
