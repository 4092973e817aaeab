//! Tallies of posts by period.
use super::{
    Backend, draft,
    fixtures::{comment, hours_from_now, like, member, members, post, remark, reply},
};
use crate::{
    domain::{
        Comment, CommentId, MemberId, Post, PostAudience, PostId, Privacy, ProfilePatch, Tally, Timestamp, first_id_at,
    },
    storage::{NewestPost, PeriodStarts, PostTallies, Stores, View},
};
use std::sync::atomic::{AtomicU64, Ordering};

conformance! {
    each_window_counts_its_own_events,
    a_withdrawn_like_leaves_its_window,
    a_deactivated_member_does_not_count_until_restored,
    deleted_comments_and_tombstones_do_not_count,
    hidden_and_untouched_posts_have_no_tallies,
    all_tallies_are_read_in_steps,
    active_posts_are_the_posts_liked_commented_or_viewed_in_a_span,
    a_member_engages_own_liked_and_commented_posts,
    a_post_is_for_everybody_if_it_and_its_author_are_public,
    the_newest_posts_are_of_both_kinds,
}

/// Returns a unique id of that time.
pub(super) fn id_at(at: Timestamp) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    first_id_at(at) + NEXT.fetch_add(1, Ordering::Relaxed) % 4_096
}

pub(super) async fn like_at(stores: &Stores, member: MemberId, post: PostId, at: Timestamp) {
    stores.likes.like_post(id_at(at), member, post, true).await.unwrap();
}

pub(super) async fn comment_at(stores: &Stores, author: MemberId, post: PostId, at: Timestamp) -> CommentId {
    let comment = Comment { id: CommentId(id_at(at)), ..remark(author, post, None) };
    let id = comment.id;
    stores.comments.create_comment(comment, None).await.unwrap();
    id
}

pub(super) async fn view_at(stores: &Stores, viewer: MemberId, post: PostId, at: Timestamp) {
    let view = View { post, viewer, hour: at.0.div_euclid(3_600_000) };
    stores.views.count_views(vec![view]).await.unwrap();
}

/// Returns periods that start a week, a day and three hours before now.
fn window_starts() -> PeriodStarts {
    PeriodStarts { week: hours_from_now(-168), day: hours_from_now(-24), today: hours_from_now(-3) }
}

fn tally(views: u32, likes: u32, comments: u32) -> Tally {
    Tally { views, likes, comments }
}

pub(super) async fn tallies_of(stores: &Stores, post: PostId) -> Option<PostTallies> {
    stores.ranking.tallies(&[post], window_starts()).await.unwrap().pop()
}

async fn all_time(stores: &Stores, post: PostId) -> Option<Tally> {
    tallies_of(stores, post).await.map(|tallies| tallies.all)
}

async fn each_window_counts_its_own_events(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, a, b, c, d] = members(stores).await;
    let on = post(stores, author).await;
    for (who, hours) in [(a, -1), (b, -10), (c, -100), (d, -1_000)] {
        like_at(stores, who, on, hours_from_now(hours)).await;
        view_at(stores, who, on, hours_from_now(hours)).await;
        comment_at(stores, who, on, hours_from_now(hours)).await;
    }
    comment_at(stores, author, on, hours_from_now(-2)).await;
    let expected = PostTallies {
        post: on,
        for_everybody: true,
        all: tally(4, 4, 5),
        week: tally(3, 3, 4),
        day: tally(2, 2, 3),
        today: tally(1, 1, 2),
    };
    assert_eq!(tallies_of(stores, on).await, Some(expected));
}

async fn a_withdrawn_like_leaves_its_window(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan, late] = members(stores).await;
    let on = post(stores, author).await;
    like_at(stores, fan, on, hours_from_now(-1)).await;
    like_at(stores, late, on, hours_from_now(-100)).await;
    stores.likes.like_post(id_at(Timestamp::now()), fan, on, false).await.unwrap();
    let now = tallies_of(stores, on).await.unwrap();
    assert_eq!((now.all.likes, now.week.likes, now.day.likes), (1, 1, 0));
}

async fn a_deactivated_member_does_not_count_until_restored(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, stays, deactivated] = members(stores).await;
    let on = post(stores, author).await;
    for who in [stays, deactivated] {
        like(stores, who, on).await;
        comment(stores, who, on).await;
    }
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    let now = tallies_of(stores, on).await.unwrap();
    assert_eq!((now.all, now.day), (tally(0, 1, 1), tally(0, 1, 1)));
    stores.members.restore(deactivated).await.unwrap();
    assert_eq!(tallies_of(stores, on).await.unwrap().today, tally(0, 2, 2));
}

async fn deleted_comments_and_tombstones_do_not_count(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, other] = members(stores).await;
    let on = post(stores, author).await;
    let (top, leaf) = (comment(stores, other, on).await, comment(stores, other, on).await);
    reply(stores, author, top).await;
    for id in [top, leaf] {
        stores.comments.delete_comment(other, id, Timestamp::now()).await.unwrap();
    }
    let now = tallies_of(stores, on).await.unwrap();
    assert_eq!((now.all.comments, now.week.comments, now.today.comments), (1, 1, 1));
}

async fn hidden_and_untouched_posts_have_no_tallies(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, deactivated, fan] = members(stores).await;
    let (quiet, deleted, hidden) =
        (post(stores, author).await, post(stores, author).await, post(stores, deactivated).await);
    for on in [deleted, hidden] {
        like(stores, fan, on).await;
    }
    assert_eq!((all_time(stores, quiet).await, all_time(stores, deleted).await), (None, Some(tally(0, 1, 0))));
    stores.posts.delete_post(author, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    assert_eq!((all_time(stores, deleted).await, all_time(stores, hidden).await), (None, None));
    assert_eq!(stores.ranking.tallies_after(PostId(0), window_starts(), 9).await.unwrap(), []);
}

async fn all_tallies_are_read_in_steps(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let mut liked = Vec::new();
    for number in 0..7 {
        let on = post(stores, author).await;
        if number % 2 == 0 {
            like(stores, fan, on).await;
            liked.push(on);
        }
    }
    let (mut found, mut after) = (Vec::new(), PostId(0));
    loop {
        let step = stores.ranking.tallies_after(after, window_starts(), 3).await.unwrap();
        let Some(last) = step.last() else { break };
        after = last.post;
        found.extend(step);
    }
    assert!(found.iter().map(|tallies| tallies.post).eq(liked.iter().copied()));
    assert_eq!(found[2], tallies_of(stores, liked[2]).await.unwrap());
    assert_eq!(stores.ranking.tallies(&liked, window_starts()).await.unwrap().len(), 4);
}

async fn active_posts_are_the_posts_liked_commented_or_viewed_in_a_span(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let mut posts = Vec::new();
    for _ in 0..5 {
        posts.push(post(stores, author).await);
    }
    // A whole hour, because periods start at whole hours.
    let hour = |hours: i64| Timestamp(hours_from_now(hours).0.div_euclid(3_600_000) * 3_600_000);
    like_at(stores, fan, posts[0], hour(-5)).await;
    comment_at(stores, fan, posts[1], hour(-5)).await;
    view_at(stores, fan, posts[2], hour(-5)).await;
    like_at(stores, fan, posts[3], hour(-4)).await;
    view_at(stores, fan, posts[4], hour(-6)).await;
    let active = async |from, until, limit| {
        let mut found = stores.ranking.posts_active_between(hour(from), hour(until), limit).await.unwrap();
        found.sort_unstable();
        found
    };
    assert_eq!(active(-5, -4, 9).await, posts[..3]);
    assert_eq!(active(-5, -3, 9).await, posts[..4]);
    assert_eq!(active(-6, -5, 9).await, posts[4..]);
    assert_eq!(active(-9, 0, 2).await.len(), 2);
    assert_eq!(active(-5, -5, 9).await, []);
}

async fn a_member_engages_own_liked_and_commented_posts(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, who] = members(stores).await;
    let own = post(stores, who).await;
    let (liked, commented, other) =
        (post(stores, author).await, post(stores, author).await, post(stores, author).await);
    like(stores, who, liked).await;
    comment(stores, who, commented).await;
    view_at(stores, who, other, Timestamp::now()).await;
    let mut engaged = stores.ranking.posts_engaged_by(who, 9).await.unwrap();
    engaged.sort_unstable();
    assert_eq!(engaged, [own, liked, commented]);
    assert_eq!(stores.ranking.posts_engaged_by(who, 2).await.unwrap().len(), 2);
    assert_eq!(stores.ranking.posts_engaged_by(member(stores).await, 9).await.unwrap(), []);
}

pub(super) async fn post_for(stores: &Stores, author: MemberId, audience: PostAudience) -> PostId {
    let post = Post { audience, ..draft(author, "글") };
    let id = post.id;
    stores.posts.create_post(post, None).await.unwrap();
    id
}

pub(super) async fn set_privacy(stores: &Stores, member: MemberId, privacy: Privacy) {
    let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
    stores.members.change_profile(member, patch, None).await.unwrap();
}

async fn a_post_is_for_everybody_if_it_and_its_author_are_public(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, fan] = members(stores).await;
    let mut posts = Vec::new();
    for audience in PostAudience::ALL {
        posts.push(post_for(stores, author, audience).await);
        like(stores, fan, *posts.last().unwrap()).await;
    }
    let kinds = async || -> Vec<bool> {
        let all = stores.ranking.tallies_after(PostId(0), window_starts(), 9).await.unwrap();
        for tallied in &all {
            assert_eq!(tallies_of(stores, tallied.post).await, Some(*tallied));
        }
        all.iter().map(|tallied| tallied.for_everybody).collect()
    };
    assert_eq!(kinds().await, [true, false, false, false]);
    for (privacy, first) in [(Privacy::Followers, false), (Privacy::Private, false), (Privacy::Public, true)] {
        set_privacy(stores, author, privacy).await;
        assert_eq!(kinds().await, [first, false, false, false], "{privacy:?}");
    }
}

async fn the_newest_posts_are_of_both_kinds(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, private, deactivated] = members(stores).await;
    let old = [post(stores, author).await, post(stores, author).await, post(stores, author).await];
    let hidden = [post_for(stores, author, PostAudience::Own).await, post(stores, private).await];
    let (deleted, inactive) = (post(stores, author).await, post(stores, deactivated).await);
    stores.posts.delete_post(author, deleted, Timestamp::now()).await.unwrap();
    stores.members.deactivate(deactivated, Timestamp::now()).await.unwrap();
    set_privacy(stores, private, Privacy::Private).await;
    let kind = |post: PostId, for_everybody| NewestPost { post, for_everybody };
    let both =
        [kind(hidden[1], false), kind(hidden[0], false), kind(old[2], true), kind(old[1], true), kind(old[0], true)];
    for (limit, expected) in [(0, &both[..0]), (2, &both[..4]), (3, &both[..]), (9, &both[..])] {
        assert_eq!(stores.ranking.newest(limit).await.unwrap(), expected, "{limit}, without {inactive}");
    }
}
