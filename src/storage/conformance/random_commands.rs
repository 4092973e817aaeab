//! Counters stay correct under long random sequences of commands.
use super::{
    Backend,
    fixtures::{comment, hours_from_now, members, no_drift, post, remark},
    id,
};
use crate::{
    domain::{CommentId, MemberId, Position, PostId, RelationChange, Timestamp},
    storage::{StoreError, StoreResult, Stores, View},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

conformance! {
    no_counter_drifts_under_random_commands,
}

/// A command chooses its target among this many of the newest of each kind.
const RECENT: usize = 20;

/// The targets of commands. Deleted ones remain: a command on them is refused and must change nothing.
struct Population<'s> {
    stores: &'s Stores,
    random: StdRng,
    active: Vec<MemberId>,
    deactivated: Vec<MemberId>,
    posts: Vec<PostId>,
    comments: Vec<CommentId>,
}

/// Returns whether the command was accepted. Panics if the store failed.
fn is_accepted<T>(answer: StoreResult<T>) -> bool {
    match answer {
        Ok(_) => true,
        Err(StoreError::Refused(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// Chooses one of the newest, so that many commands have the same target.
fn pick<T: Copy>(random: &mut StdRng, all: &[T]) -> T {
    *all[all.len().saturating_sub(RECENT)..].choose(random).unwrap()
}

impl Population<'_> {
    async fn step(&mut self) {
        let stores = self.stores;
        let who = pick(&mut self.random, &self.active);
        // A request can still be under way when its member is deactivated.
        let late = !self.deactivated.is_empty() && self.random.random_bool(0.1);
        let anyone = if late { pick(&mut self.random, &self.deactivated) } else { who };
        let (on, remark) = (pick(&mut self.random, &self.posts), pick(&mut self.random, &self.comments));
        let (set, now) = (self.random.random_bool(0.6), Timestamp::now());
        match self.random.random_range(0..100) {
            0..20 => self.follow(anyone, set).await,
            20..27 => self.posts.push(post(self.stores, who).await),
            27..30 => drop(is_accepted(stores.posts.delete_post(anyone, on, now).await)),
            30..45 => drop(is_accepted(stores.likes.like_post(id(), anyone, on, set).await)),
            45..60 => drop(is_accepted(stores.likes.like_comment(id(), anyone, remark, set).await)),
            60..75 => self.comment(anyone, on, set.then_some(remark)).await,
            75..82 => drop(is_accepted(stores.comments.delete_comment(anyone, remark, now).await)),
            82..88 => {
                let hour = self.random.random_range(0..3);
                stores.views.count_views(vec![View { post: on, viewer: anyone, hour }; 2]).await.unwrap();
            }
            88..98 => self.deactivate_or_restore(who).await,
            _ => self.prune().await,
        }
    }

    async fn follow(&mut self, who: MemberId, follow: bool) {
        let pool =
            if self.deactivated.is_empty() || self.random.random_bool(0.7) { &self.active } else { &self.deactivated };
        let whom = pick(&mut self.random, pool);
        if follow && who != whom {
            is_accepted(self.stores.relations.follow(id(), who, whom).await);
        } else {
            is_accepted(self.stores.relations.change_relation(RelationChange::Unfollow, who, whom).await);
        }
    }

    async fn comment(&mut self, who: MemberId, on: PostId, to: Option<CommentId>) {
        let comments = &self.stores.comments;
        let parent = match to {
            Some(to) => comments.comment_by_id(to).await.unwrap().filter(|parent| parent.depth < 2),
            None => None,
        };
        let new = remark(who, parent.as_ref().map_or(on, |parent| parent.post), parent.as_ref());
        let id = new.id;
        if is_accepted(comments.create_comment(new, None).await) {
            self.comments.push(id);
        }
    }

    async fn deactivate_or_restore(&mut self, who: MemberId) {
        if !self.deactivated.is_empty() && self.random.random_bool(0.5) {
            let restored = self.deactivated.swap_remove(self.random.random_range(0..self.deactivated.len()));
            if self.stores.members.restore(restored).await.unwrap().value {
                self.active.push(restored);
            }
        } else if self.active.len() > 3 {
            self.stores.members.deactivate(who, Timestamp::now()).await.unwrap();
            self.active.retain(|member| *member != who);
            self.deactivated.push(who);
        }
    }

    /// Prunes at a time a month later: purges the deactivated members. Adds new members.
    async fn prune(&mut self) {
        let later = hours_from_now(31 * 24);
        let pruned = self.stores.housekeeping.prune(later, Timestamp(0), Position(0)).await.unwrap();
        assert_eq!(pruned.members, self.deactivated.len() as u64);
        self.deactivated.clear();
        self.active.extend(members::<2>(self.stores).await);
    }
}

async fn no_counter_drifts_under_random_commands(backend: &Backend) {
    let stores = &backend.stores().await;
    let active = members::<12>(stores).await.to_vec();
    let first = post(stores, active[0]).await;
    let comments = vec![comment(stores, active[1], first).await];
    let random = StdRng::seed_from_u64(20_250_101);
    let mut population = Population { stores, random, active, deactivated: Vec::new(), posts: vec![first], comments };
    for _ in 0..40 {
        for _ in 0..40 {
            population.step().await;
        }
        no_drift(stores).await;
    }
}
