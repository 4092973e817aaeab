//! Visibility during a departure: reads show everything of the member or nothing, however many steps were taken.
use super::{
    Backend,
    fixtures::{comment, follow, like, members, no_drift, post, reply},
};
use crate::{
    domain::{CalendarDay, Comment, CommentId, MemberId, PostId, Timestamp},
    storage::{CommentRange, CountBy, Stores},
};

conformance! {
    a_departure_hides_and_shows_everything_at_once,
    a_tombstone_shows_what_is_below_it_during_a_departure,
    the_best_of_a_day_change_at_once,
}

/// Everything that others can read of a post and its comments. Without likes, which follow the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    lists: Vec<Vec<CommentId>>,
    comments: Vec<Comment>,
    members: Vec<MemberId>,
    posts: Vec<PostId>,
}

/// A post of `author` with comments of both members, and a post of `member`.
struct Thread {
    author: MemberId,
    member: MemberId,
    on: PostId,
    theirs: PostId,
    all: Vec<CommentId>,
}

impl Thread {
    async fn new(stores: &Stores) -> Self {
        let [author, member] = members(stores).await;
        for (follower, followee) in [(author, member), (member, author)] {
            follow(stores, follower, followee).await;
        }
        let (on, theirs) = (post(stores, author).await, post(stores, member).await);
        like(stores, member, on).await;
        // Only the member is below a deleted comment, directly and two levels below.
        let (deleted, deep) = (comment(stores, author, on).await, comment(stores, author, on).await);
        let below = reply(stores, member, deleted).await;
        let between = reply(stores, author, deep).await;
        let bottom = reply(stores, member, between).await;
        for id in [deleted, between, deep] {
            stores.comments.delete_comment(author, id, Timestamp::now()).await.unwrap();
        }
        // The member is above the author, below the author, and alone.
        let above = comment(stores, member, on).await;
        let answer = reply(stores, author, above).await;
        let last = reply(stores, member, answer).await;
        let alone = comment(stores, member, on).await;
        let under = comment(stores, author, theirs).await;
        let all = vec![deleted, deep, below, between, bottom, above, answer, last, alone, under];
        Self { author, member, on, theirs, all }
    }

    async fn read(&self, stores: &Stores) -> Read {
        let comments = &stores.comments;
        let ids = |found: Vec<Comment>| found.iter().map(|comment| comment.id).collect::<Vec<_>>();
        let after = CommentId(0);
        let mut lists = Vec::new();
        for post in [self.on, self.theirs] {
            lists.push(ids(comments.comments(CommentRange::OfPost { post, after }, 99).await.unwrap()));
        }
        for parent in &self.all {
            lists.push(ids(comments.comments(CommentRange::RepliesTo { parent: *parent, after }, 99).await.unwrap()));
        }
        for member in [self.author, self.member] {
            let listed = comments.comments_by(member, member, CommentId(u64::MAX), 99).await.unwrap();
            lists.push(listed.iter().map(|listed| listed.comment).collect());
        }
        lists.push(ids(comments.first_replies(&self.all, 3).await.unwrap()));
        lists.push(ids(comments.existing_comments(&self.all).await.unwrap()));
        lists.push(ids(comments.comments_from(after, 99).await.unwrap()));
        let mut found = comments.comments_by_id(&self.all).await.unwrap();
        found.sort_by_key(|comment| comment.id);
        for comment in &mut found {
            comment.like_count = 0;
            assert_eq!(comments.comment_by_id(comment.id).await.unwrap().unwrap().below_count, comment.below_count);
        }
        let mut listed = stores.relations.followers(self.author, u64::MAX, 9).await.unwrap();
        listed.extend(stores.relations.followings(self.author, u64::MAX, 9).await.unwrap());
        listed.extend(stores.likes.post_likes(self.on, u64::MAX, 9).await.unwrap());
        let posts = stores.posts.posts_from(PostId(0), 99).await.unwrap();
        Read {
            lists,
            comments: found,
            members: listed.iter().map(|listed| listed.item.id).collect(),
            posts: posts.iter().map(|post| post.id).collect(),
        }
    }
}

async fn a_departure_hides_and_shows_everything_at_once(backend: &Backend) {
    let stores = &backend.stores().await;
    let thread = Thread::new(stores).await;
    let before = thread.read(stores).await;
    assert_eq!(before.members, [thread.member; 3]);
    // A departure that is settled in its commit is the reference.
    stores.members.deactivate(thread.member, Timestamp::now()).await.unwrap();
    let without = thread.read(stores).await;
    stores.members.restore(thread.member).await.unwrap();
    assert_eq!(thread.read(stores).await, before);
    let of_member =
        |read: &Read| read.comments.iter().filter(|one| one.author == thread.member && !one.deleted).count();
    assert_eq!((of_member(&before), of_member(&without), without.members.len()), (5, 0, 0));
    let [.., answer, _, _, _] = thread.all[..] else { panic!("too few comments") };
    assert_eq!(without.lists[0], [thread.all[5]], "a tombstone above an answer, and no other");
    assert!(without.comments.iter().any(|one| one.id == answer && one.below_count == 0));

    stores.departures.begin_to_leave(thread.member).await.unwrap();
    assert_eq!(thread.read(stores).await, without, "at once");
    let mut steps = 0;
    while stores.departures.take_step(MemberId(0), 1).await.unwrap().is_some() {
        steps += 1;
        assert_eq!(thread.read(stores).await, without, "after {steps} steps");
    }
    assert!(steps > 6);
    stores.departures.begin_to_return(thread.member).await.unwrap();
    assert_eq!(thread.read(stores).await, before, "at once");
    while stores.departures.take_step(MemberId(0), 1).await.unwrap().is_some() {
        assert_eq!(thread.read(stores).await, before);
    }
    no_drift(stores).await;
}

/// Two members below one tombstone leave and return, each at another step.
async fn a_tombstone_shows_what_is_below_it_during_a_departure(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, one, other] = members(stores).await;
    let on = post(stores, author).await;
    let top = comment(stores, author, on).await;
    for who in [one, other] {
        reply(stores, who, top).await;
    }
    stores.comments.delete_comment(author, top, Timestamp::now()).await.unwrap();
    let below =
        async || stores.comments.comment_by_id(top).await.unwrap().map(|found| (found.reply_count, found.below_count));
    let by = async |who| {
        let counts = stores.comments.comment_counts_by(&[top], &[who], CountBy::Members, None).await.unwrap();
        let by_acts = stores.comments.comment_counts_by(&[top], &[who], CountBy::Acts, None).await.unwrap();
        assert_eq!(counts, by_acts);
        counts.first().map(|counts| (counts.replies, counts.below))
    };
    assert_eq!((below().await, by(one).await), (Some((2, 2)), Some((1, 1))));
    stores.departures.begin_to_leave(one).await.unwrap();
    assert_eq!((below().await, by(one).await, by(other).await), (Some((1, 1)), None, Some((1, 1))));
    stores.departures.begin_to_leave(other).await.unwrap();
    assert_eq!(below().await, None);
    stores.departures.take_step(MemberId(0), 1).await.unwrap().unwrap();
    stores.departures.begin_to_return(one).await.unwrap();
    assert_eq!((below().await, by(one).await, by(other).await), (Some((1, 1)), Some((1, 1)), None));
    while stores.departures.take_step(MemberId(0), 1).await.unwrap().is_some() {
        assert_eq!(below().await, Some((1, 1)));
    }
    no_drift(stores).await;
}

async fn the_best_of_a_day_change_at_once(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, member] = members(stores).await;
    let on = post(stores, author).await;
    like(stores, member, on).await;
    comment(stores, member, on).await;
    let now = Timestamp::now();
    let day = std::time::Duration::from_secs(86_400);
    let today = CalendarDay::at(now, &jiff::tz::TimeZone::UTC).unwrap();
    let today = CalendarDay { begin: now.before(day), end: now.after(day), ..today };
    let score = async || stores.ranking.best_of_day(today, 3).await.unwrap().first().map(|best| best.score);
    assert_eq!(score().await, Some(5));
    stores.departures.begin_to_leave(member).await.unwrap();
    assert_eq!(score().await, None);
    stores.departures.take_step(MemberId(0), 1).await.unwrap().unwrap();
    stores.departures.begin_to_return(member).await.unwrap();
    assert_eq!(score().await, Some(5));
}
