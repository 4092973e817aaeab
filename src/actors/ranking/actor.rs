//! The ranking actor: marks the posts whose counts events changed, and on each `Rebuild` reads their counts from the
//! database again and builds new generations.
//!
//! ```text
//! event log ─► reader.rs ─► Apply ────────► DirtyPosts          (dirty_posts.rs: which posts, never by how much)
//! clock.rs, every 2 s ────► Rebuild ─┐          │
//!                                    ▼          ▼
//!                          RankingStore::tallies(dirty posts) ─► Tables   (tables.rs, sorted rows in memory)
//!                                                                  │ blocking thread
//!                                    ┌─────────────────────────────┴──────┐
//!                                    ▼                                    ▼
//!                     Generations (generations.rs, pages)     Days::publish (days.rs, the best of today)
//! ```
use super::{
    Message, Rebuilt, Shared,
    days::PublishedTop,
    dirty_posts::{DIRTY_MAX, DirtyPosts},
    tables::{Order, Spans, Tables},
};
use crate::{
    actors::{
        backoff::{Backoff, PART_MAX},
        error::Error,
        mailbox::Envelope,
    },
    domain::{PostId, RANKED_MAX, RankedBy, RankingPeriod, Timestamp},
    storage::{NewestPost, PostTallies, ScoredPost},
};
use jiff::civil::Date;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// Posts counted by one query.
const COUNT_STEP: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct RankingActor;

/// State of one incarnation. [`Shared`] holds what others read, and outlives it.
pub(super) struct State {
    shared: Arc<Shared>,
    incarnation: u64,
    /// `None` until they are loaded: at the start of each incarnation, and after [`DirtyPosts::overflowed`].
    tables: Option<Tables>,
    dirty: DirtyPosts,
    published: Option<PublishedTop>,
    /// The time of the next attempt to publish the best of today, after a failure.
    publish_after: Instant,
    publish_backoff: Backoff,
}

/// Tallies that were read again: those of `posts`. A post without any has no row in `tallies`.
struct Recount {
    posts: Vec<PostId>,
    tallies: Vec<PostTallies>,
}

/// One new order of a ranking.
struct Ranked {
    by: RankedBy,
    period: RankingPeriod,
    order: Order,
}

/// The result of [`build`].
struct Built {
    tables: Tables,
    rankings: Vec<Ranked>,
    today: Vec<ScoredPost>,
}

impl Actor for RankingActor {
    type Msg = Envelope<Message>;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        Ok(State::new(shared))
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Some((message, _permit)) = envelope.open() else {
            return Ok(());
        };
        // A caller that timed out has dropped its port, so a failed send is ignored.
        match message {
            Message::Apply { batch, reply } => {
                batch.iter().for_each(|event| state.dirty.mark(event));
                let _ = reply.send(Ok(state.shared.advance_position(batch.last())));
            }
            Message::TablesLoaded { tables, incarnation, reply } => {
                state.set_tables(*tables, incarnation);
                let _ = reply.send(state.rebuild(Timestamp::now()).await);
            }
            Message::Rebuild { reply } => {
                let _ = reply.send(state.rebuild(Timestamp::now()).await);
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("a test asked for a crash")
            }
        }
        Ok(())
    }
}

impl State {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let incarnation = 1 + shared.incarnations.fetch_add(1, Ordering::AcqRel);
        Self {
            shared,
            incarnation,
            tables: None,
            dirty: DirtyPosts::default(),
            published: None,
            publish_after: Instant::now(),
            publish_backoff: Backoff::up_to(PART_MAX),
        }
    }

    /// Takes loaded tables for the next rebuild. Drops those of an earlier incarnation, because only that one marked
    /// the changes that were committed while they were read.
    pub(super) fn set_tables(&mut self, tables: Tables, incarnation: u64) {
        if incarnation != self.incarnation {
            return;
        }
        self.tables = Some(tables);
        self.dirty.require_rebuild();
    }

    /// Counts the dirty posts again, and adds a generation to each ranking whose order changed. After an error the
    /// dirty posts stay marked for the next call.
    pub(super) async fn rebuild(&mut self, now: Timestamp) -> Result<Rebuilt, Error> {
        let Some(spans) = Spans::at(now, self.shared.days.zone()) else { return Ok(Rebuilt::Done) };
        let Some(previous) = self.tables.as_ref().map(|tables| tables.spans) else {
            return Ok(Rebuilt::TablesMissing);
        };
        if previous == spans && self.dirty.is_empty() {
            return Ok(Rebuilt::Done);
        }
        if previous != spans {
            self.mark_posts_at_moved_edges(previous, spans, now).await?;
        }
        self.mark_posts_of_members().await?;
        if self.dirty.overflowed() {
            self.tables = None;
            self.dirty = DirtyPosts::default();
            return Ok(Rebuilt::TablesMissing);
        }
        let recount = self.recount(spans).await?;
        let newest = self.shared.store.newest(RANKED_MAX).await?;
        let Some(tables) = self.tables.take() else { return Ok(Rebuilt::TablesMissing) };
        self.dirty = DirtyPosts::default();
        // The actor awaits the thread, so no two builds run at once.
        let building = tokio::task::spawn_blocking(move || build(tables, spans, recount, &newest));
        let built = match building.await {
            Ok(built) => built,
            // The tables are lost with the thread.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot build a generation");
                return Ok(Rebuilt::TablesMissing);
            }
        };
        self.tables = Some(built.tables);
        for Ranked { by, period, order } in built.rankings {
            self.shared.generations.add(by, period, order, now);
        }
        self.shared.generations.set_ready();
        self.publish_today(spans.today.date, built.today).await;
        Ok(Rebuilt::Done)
    }

    /// Reads the tallies of the dirty posts.
    async fn recount(&self, spans: Spans) -> Result<Recount, Error> {
        let posts: Vec<PostId> = self.dirty.posts.iter().copied().collect();
        let mut tallies = Vec::with_capacity(posts.len());
        for step in posts.chunks(COUNT_STEP) {
            tallies.extend(self.shared.store.tallies(step, spans.since).await?);
        }
        Ok(Recount { posts, tallies })
    }

    /// Publishes the best of today. The generations do not depend on it, so a failure only leads to a later attempt.
    async fn publish_today(&mut self, date: Date, today: Vec<ScoredPost>) {
        if Instant::now() < self.publish_after {
            self.dirty.require_rebuild();
            return;
        }
        match self.shared.days.publish(date, today, &mut self.published).await {
            Ok(()) => self.publish_backoff.reset(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot store the best posts of the day");
                self.publish_after = Instant::now() + self.publish_backoff.next();
                self.dirty.require_rebuild();
            }
        }
    }

    /// Marks the posts whose activity entered or left a period, or the day, because time passed.
    async fn mark_posts_at_moved_edges(&mut self, previous: Spans, spans: Spans, now: Timestamp) -> Result<(), Error> {
        let Spans { since, today } = spans;
        let mut moved_edges = vec![(previous.since.week, since.week), (previous.since.day, since.day)];
        if previous.today != today {
            // Activity since midnight can have been counted for the previous day. The running hour is included.
            moved_edges.push((today.begin, now.after(HOUR)));
        }
        for (one, other) in moved_edges {
            // The clock can have been set back, so either edge can be the earlier one.
            let posts = self.shared.store.posts_active_between(one.min(other), one.max(other), DIRTY_MAX + 1).await?;
            self.dirty.add(posts);
        }
        Ok(())
    }

    /// Marks every post that the dirty members wrote, liked or commented on.
    async fn mark_posts_of_members(&mut self) -> Result<(), Error> {
        let members: Vec<_> = self.dirty.members.iter().copied().collect();
        for member in members {
            let posts = self.shared.store.posts_engaged_by(member, DIRTY_MAX + 1).await?;
            self.dirty.add(posts);
            if self.dirty.overflowed() {
                break;
            }
        }
        Ok(())
    }
}

/// Applies a recount and ranks all posts. Reads every row once for each ranking: some milliseconds for a million posts.
fn build(mut tables: Tables, spans: Spans, recount: Recount, newest: &[NewestPost]) -> Built {
    let started = Instant::now();
    let counted = recount.posts.len();
    tables.rotate(spans);
    tables.set(recount.posts, recount.tallies);
    let mut rankings = Vec::with_capacity(6);
    for by in RankedBy::ALL {
        for period in RankingPeriod::ALL {
            let started = Instant::now();
            rankings.push(Ranked { by, period, order: tables.ranked(by, period, newest) });
            let labels = [("kind", by.name()), ("period", period.name())];
            metrics::histogram!("dailyfeed_ranking_generation_duration_seconds", &labels).record(started.elapsed());
        }
    }
    let today = tables.best_today();
    metrics::gauge!("dailyfeed_ranking_posts").set(tables.post_count() as f64);
    let elapsed_us = started.elapsed().as_micros() as u64;
    tracing::debug!(posts = tables.post_count(), counted, elapsed_us, "rankings built");
    Built { tables, rankings, today }
}
