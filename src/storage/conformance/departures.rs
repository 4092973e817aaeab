//! Departures in steps: other commands run between two steps, the departure turns round, the stores are opened again.
//! The audit finds no drift after any step.
use super::{
    Backend,
    fixtures::{
        comment, counts, follow, hours_from_now, like, like_comment, members, no_drift, post, post_counts, refused,
        remark, reply, settle, unfollow,
    },
    id,
};
use crate::{
    domain::{Comment, CommentId, MemberId, Position, PostId, Refusal, RelationChange, Timestamp},
    storage::{Committed, DepartureStep, PURGE_DAYS, StoreResult, Stores},
};

conformance! {
    commands_of_others_run_between_the_steps_of_a_deactivation,
    commands_run_between_the_steps_of_a_restore,
    a_departure_turns_round_after_any_step,
    a_departure_goes_on_after_a_restart,
    departing_members_take_turns,
    a_purge_finishes_a_departure,
}

/// A member with rows of every kind that counts the member, twice each: one is visited by a step before the other.
struct World {
    stores: Stores,
    /// Leaves and returns.
    member: MemberId,
    others: [MemberId; 2],
    /// Posts of others that the member likes.
    liked: [PostId; 2],
    /// Comments of others that the member likes.
    liked_comments: [CommentId; 2],
    /// Top-level comments of the member, each with a reply by another member, to which the member replied.
    comments: [CommentId; 2],
    replies: [CommentId; 2],
}

impl World {
    async fn new(backend: &Backend) -> Self {
        let stores = backend.stores().await;
        let [member, one, other] = members(&stores).await;
        let others = [one, other];
        let (mut liked, mut liked_comments) = (Vec::new(), Vec::new());
        let (mut comments, mut replies) = (Vec::new(), Vec::new());
        for who in others {
            follow(&stores, who, member).await;
            follow(&stores, member, who).await;
            let on = post(&stores, who).await;
            like(&stores, member, on).await;
            let theirs = comment(&stores, who, on).await;
            like_comment(&stores, member, theirs).await;
            let top = comment(&stores, member, on).await;
            let below = reply(&stores, who, top).await;
            reply(&stores, member, below).await;
            liked.push(on);
            liked_comments.push(theirs);
            comments.push(top);
            replies.push(below);
        }
        let two = |list: Vec<CommentId>| [list[0], list[1]];
        Self {
            stores,
            member,
            others,
            liked: [liked[0], liked[1]],
            liked_comments: two(liked_comments),
            comments: two(comments),
            replies: two(replies),
        }
    }

    /// Takes a step of one row; returns `None` if no departure is open.
    async fn step(&self) -> Option<DepartureStep> {
        let step = self.stores.departures.take_step(MemberId(0), 1).await.unwrap();
        no_drift(&self.stores).await;
        step
    }

    async fn change(&self, change: RelationChange, who: MemberId, whom: MemberId) -> StoreResult<Committed<bool>> {
        self.stores.relations.change_relation(change, who, whom).await
    }

    /// Returns every count that counts the member: of the posts, the others and the comments that are visible.
    async fn counts(&self) -> Vec<Vec<u64>> {
        let mut found = Vec::new();
        for other in self.others {
            found.push(counts(&self.stores, other).await.to_vec());
        }
        for on in self.liked {
            found.push(post_counts(&self.stores, on).await.unwrap().to_vec());
        }
        for id in self.liked_comments.into_iter().chain(self.replies) {
            let found_comment = self.stores.comments.comment_by_id(id).await.unwrap().unwrap();
            found.push(vec![found_comment.like_count, found_comment.reply_count, found_comment.below_count]);
        }
        found
    }
}

/// Steps of one row visit 4 comments, 2 likes of posts, 2 of comments, 2 follows and 2 followers, in this order.
const STEPS: usize = 12;

async fn commands_of_others_run_between_the_steps_of_a_deactivation(backend: &Backend) {
    let world = World::new(backend).await;
    let World { stores, member, others: [one, other], liked, liked_comments, comments, replies } = &world;
    let (member, one, other) = (*member, *one, *other);
    stores.departures.begin_to_leave(member).await.unwrap();
    no_drift(stores).await;
    let mut steps = 0;
    while world.step().await.is_some() {
        steps += 1;
        // Others add and remove rows that the same counters count.
        for on in *liked {
            like(stores, other, on).await;
            stores.likes.like_post(id(), one, on, steps % 2 == 0).await.unwrap();
        }
        for on in *liked_comments {
            stores.likes.like_comment(id(), one, on, steps % 2 == 0).await.unwrap();
        }
        for below in *replies {
            let added = reply(stores, other, below).await;
            no_drift(stores).await;
            stores.comments.delete_comment(other, added, Timestamp::now()).await.unwrap();
        }
        let hidden = Comment { parent: Some(comments[0]), depth: 1, ..remark(one, liked[0], None) };
        assert_eq!(refused(stores.comments.create_comment(hidden, None).await), Refusal::ParentNotFound);
        assert_eq!(refused(stores.relations.follow(id(), one, member).await), Refusal::MemberNotFound);
        assert_eq!(
            refused(world.change(RelationChange::Block { id: id() }, one, member).await),
            Refusal::MemberNotFound
        );
        no_drift(stores).await;
        match steps {
            // The first follow and follower are visited, the others are not.
            9 => {
                world.change(RelationChange::RemoveFollower, one, member).await.unwrap();
                world.change(RelationChange::RemoveFollower, other, member).await.unwrap();
            }
            10 => {
                unfollow(stores, one, member).await.unwrap();
                unfollow(stores, other, member).await.unwrap();
            }
            _ => {}
        }
        no_drift(stores).await;
    }
    assert!(steps >= 10, "{steps} steps");
    assert_eq!((counts(stores, one).await, counts(stores, other).await), ([0, 0, 1], [0, 0, 1]));
    stores.departures.begin_to_return(member).await.unwrap();
    settle(stores).await;
    assert_eq!(counts(stores, member).await, [0; 3]);
}

async fn commands_run_between_the_steps_of_a_restore(backend: &Backend) {
    for at in 0..=STEPS {
        let backend = (backend.another)();
        let world = World::new(&backend).await;
        let World { stores, member, others: [one, other], liked, liked_comments, comments, .. } = &world;
        let (member, one, other) = (*member, *one, *other);
        stores.members.deactivate(member, Timestamp::now()).await.unwrap();
        stores.departures.begin_to_return(member).await.unwrap();
        for _ in 0..at {
            world.step().await.unwrap();
        }
        // Of each pair, one row may be counted again and the other not.
        for on in *liked {
            stores.likes.like_post(id(), member, on, false).await.unwrap();
            no_drift(stores).await;
        }
        like(stores, member, liked[0]).await;
        for on in *liked_comments {
            stores.likes.like_comment(id(), member, on, false).await.unwrap();
            no_drift(stores).await;
        }
        like_comment(stores, member, liked_comments[1]).await;
        for top in *comments {
            stores.comments.delete_comment(member, top, Timestamp::now()).await.unwrap();
            no_drift(stores).await;
        }
        comment(stores, member, liked[1]).await;
        stores.posts.delete_post(one, liked[0], Timestamp::now()).await.unwrap();
        world.change(RelationChange::Block { id: id() }, one, member).await.unwrap();
        no_drift(stores).await;
        unfollow(stores, member, other).await.unwrap();
        unfollow(stores, other, member).await.unwrap();
        no_drift(stores).await;
        follow(stores, other, member).await.unwrap();
        settle(stores).await;
        assert_eq!(counts(stores, member).await, [1, 0, 0], "after {at} steps");
        assert_eq!((counts(stores, one).await, counts(stores, other).await), ([0; 3], [0, 1, 1]));
        // A reply by its author, the reply of the member to it, the new comment and the one of another member.
        assert_eq!(post_counts(stores, liked[1]).await, Some([0, 0, 4]), "after {at} steps");
    }
}

async fn a_departure_turns_round_after_any_step(backend: &Backend) {
    let world = World::new(backend).await;
    let (stores, member) = (&world.stores, world.member);
    let full = world.counts().await;
    stores.members.deactivate(member, Timestamp::now()).await.unwrap();
    let without = world.counts().await;
    stores.members.restore(member).await.unwrap();
    assert_eq!(world.counts().await, full);
    for leave in 0..=STEPS {
        stores.departures.begin_to_leave(member).await.unwrap();
        for _ in 0..leave {
            world.step().await;
        }
        stores.departures.begin_to_return(member).await.unwrap();
        for _ in 0..STEPS - leave {
            world.step().await;
        }
        stores.departures.begin_to_leave(member).await.unwrap();
        settle(stores).await;
        assert_eq!(world.counts().await, without, "left after {leave} steps");
        stores.departures.begin_to_return(member).await.unwrap();
        settle(stores).await;
        assert_eq!(world.counts().await, full, "returned after {leave} steps");
    }
}

async fn a_departure_goes_on_after_a_restart(backend: &Backend) {
    let mut world = World::new(backend).await;
    let full = world.counts().await;
    world.stores.departures.begin_to_leave(world.member).await.unwrap();
    while world.step().await.is_some() {
        world.stores = backend.reopen(world.stores).await;
        no_drift(&world.stores).await;
    }
    world.stores.departures.begin_to_return(world.member).await.unwrap();
    world.stores = backend.reopen(world.stores).await;
    assert_eq!(world.stores.departures.open_departures().await.unwrap(), 1);
    settle(&world.stores).await;
    assert_eq!(world.counts().await, full);
}

async fn departing_members_take_turns(backend: &Backend) {
    let World { stores, others: [one, other], .. } = World::new(backend).await;
    for who in [other, one] {
        stores.departures.begin_to_leave(who).await.unwrap();
    }
    let mut after = MemberId(0);
    for expected in [one, other, one, other] {
        let step = stores.departures.take_step(after, 1).await.unwrap().unwrap();
        assert_eq!(step, DepartureStep { member: expected, rows: 1, open: 2 });
        after = step.member;
    }
    settle(&stores).await;
}

async fn a_purge_finishes_a_departure(backend: &Backend) {
    let world = World::new(backend).await;
    world.stores.departures.begin_to_leave(world.member).await.unwrap();
    world.step().await.unwrap();
    let later = hours_from_now(PURGE_DAYS as i64 * 24 + 1);
    let pruned = world.stores.housekeeping.prune(later, Timestamp(0), Position(0)).await.unwrap();
    assert_eq!((pruned.members, world.stores.departures.open_departures().await.unwrap()), (1, 0));
    no_drift(&world.stores).await;
    for other in world.others {
        assert_eq!(counts(&world.stores, other).await, [0, 0, 1]);
    }
}
