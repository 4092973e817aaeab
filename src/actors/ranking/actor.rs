//! The ranking's engine: notes what changed, and now and then counts it again and makes generations.
use super::{
    Message, Shared,
    days::Shown,
    marks::{MARKS_MAX, Marks},
    tables::{Spans, Tables},
};
use crate::{
    actors::{
        Error,
        mailbox::Envelope,
        pauses::{Pauses, SIDE_MAX},
    },
    domain::{Day, PostId, RANKED_MAX, RankedBy, Timestamp, Window},
    storage::{PostRef, PostTallies, ScoredPost},
};
use jiff::civil::Date;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// Posts that are counted again in one query.
const COUNTED_STEP: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct RankingActor;

/// One life's state. What others read is in `shared` and outlives it.
pub(super) struct State {
    shared: Arc<Shared>,
    life: u64,
    /// None until they are loaded: in each life, and where too much changed at once.
    tables: Option<Tables>,
    marks: Marks,
    shown: Option<Shown>,
    /// The best of the day could not be kept: not tried again before that.
    keep_after: Instant,
    pauses: Pauses,
}

/// What a generation was made of, and what came out.
struct Built {
    tables: Tables,
    rankings: Vec<(RankedBy, Window, Vec<PostId>)>,
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
        // The caller may be gone, so an answer that cannot be sent is no failure.
        match message {
            Message::Apply { batch, reply } => {
                batch.iter().for_each(|event| state.marks.note(event));
                let _ = reply.send(Ok(state.shared.applied(batch.last())));
            }
            Message::Loaded { tables, life, reply } => {
                state.take(*tables, life);
                let _ = reply.send(state.round(Timestamp::now()).await);
            }
            Message::Round { reply } => {
                let _ = reply.send(state.round(Timestamp::now()).await);
            }
            #[cfg(test)]
            Message::Crash { reply } => {
                drop(reply);
                panic!("asked to")
            }
        }
        Ok(())
    }
}

impl State {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let life = 1 + shared.lives.fetch_add(1, Ordering::AcqRel);
        Self {
            shared,
            life,
            tables: None,
            marks: Marks::default(),
            shown: None,
            keep_after: Instant::now(),
            pauses: Pauses::up_to(SIDE_MAX),
        }
    }

    /// The next round makes generations of these, unless they were loaded for an earlier life.
    pub(super) fn take(&mut self, tables: Tables, life: u64) {
        if life != self.life {
            return;
        }
        self.tables = Some(tables);
        self.marks.stirred = true;
    }

    /// Makes a generation of each ranking where something changed. Answers whether the tables have to be loaded first.
    /// What fails is tried again in the next round.
    pub(super) async fn round(&mut self, now: Timestamp) -> Result<bool, Error> {
        let Some(spans) = Spans::at(now, self.shared.days.zone()) else { return Ok(false) };
        let Some(before) = self.tables.as_ref().map(|tables| tables.spans) else { return Ok(true) };
        if before != spans {
            self.mark_moved(before, spans, now).await?;
        }
        if before == spans && !self.marks.any() {
            return Ok(false);
        }
        self.mark_touched().await?;
        if self.marks.overflowed() {
            (self.tables, self.marks) = (None, Marks::default());
            return Ok(true);
        }
        let changed: Vec<PostId> = self.marks.posts.iter().copied().collect();
        let mut found = Vec::with_capacity(changed.len());
        for step in changed.chunks(COUNTED_STEP) {
            found.extend(self.shared.store.tallies(step, spans.since).await?);
        }
        let newest = self.shared.posts.newest_posts(PostId(u64::MAX), RANKED_MAX).await?;
        let Some(tables) = self.tables.take() else { return Ok(true) };
        self.marks = Marks::default();
        // One actor, so one at a time.
        let building = tokio::task::spawn_blocking(move || build(tables, spans, (changed, found), &newest));
        let built = match building.await {
            Ok(built) => built,
            // The tables are lost with the thread; they are loaded again.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a generation could not be made");
                return Ok(true);
            }
        };
        self.tables = Some(built.tables);
        for (by, window, posts) in built.rankings {
            self.shared.generations.add(by, window, posts, now);
        }
        self.shared.generations.all_made();
        self.keep(spans.today.date, built.today).await;
        Ok(false)
    }

    /// Keeps who are the best of today, so that everybody is told. A generation can be read without.
    async fn keep(&mut self, date: Date, today: Vec<ScoredPost>) {
        if Instant::now() < self.keep_after {
            self.marks.stirred = true;
            return;
        }
        match self.shared.days.turned(date, today, &mut self.shown).await {
            Ok(()) => self.pauses.reset(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the best of the day were not kept");
                self.keep_after = Instant::now() + self.pauses.next();
                self.marks.stirred = true;
            }
        }
    }

    /// With time, what is past leaves a window, and a day begins.
    async fn mark_moved(&mut self, before: Spans, now: Spans, at: Timestamp) -> Result<(), Error> {
        let Spans { since, today } = now;
        let mut moved = vec![(before.since.week, since.week), (before.since.day, since.day)];
        if before.today != today {
            // What happened since midnight may have been counted before this was noticed. The hour that runs counts.
            moved.push((today.begin, at.after(HOUR)));
        }
        for (one, other) in moved {
            // A clock may be set back.
            let posts = self.shared.store.posts_active_between(one.min(other), one.max(other), MARKS_MAX + 1).await?;
            self.marks.add(posts);
        }
        Ok(())
    }

    async fn mark_touched(&mut self) -> Result<(), Error> {
        let members: Vec<_> = self.marks.members.iter().copied().collect();
        for member in members {
            let posts = self.shared.store.posts_engaged_by(member, MARKS_MAX + 1).await?;
            self.marks.add(posts);
            if self.marks.overflowed() {
                break;
            }
        }
        Ok(())
    }
}

/// Looks at every row once for each ranking: some milliseconds for a million posts.
fn build(
    mut tables: Tables,
    spans: Spans,
    (changed, found): (Vec<PostId>, Vec<PostTallies>),
    newest: &[PostRef],
) -> Built {
    let begun = Instant::now();
    let counted = changed.len();
    tables.turn(spans);
    tables.set(changed, found);
    let mut rankings = Vec::with_capacity(6);
    for by in RankedBy::ALL {
        for window in Window::ALL {
            let begun = Instant::now();
            rankings.push((by, window, tables.ranked(by, window, newest)));
            let labels = [("kind", by.name()), ("window", window.name())];
            metrics::histogram!("dailyfeed_ranking_generation_duration_seconds", &labels).record(begun.elapsed());
        }
    }
    let today = tables.best_today();
    metrics::gauge!("dailyfeed_ranking_posts").set(tables.posts() as f64);
    tracing::debug!(posts = tables.posts(), counted, elapsed_us = begun.elapsed().as_micros() as u64, "rankings made");
    Built { tables, rankings, today }
}

/// The day before the one that runs, once its scores stand.
pub(super) fn to_freeze(now: Timestamp, shared: &Shared) -> Option<Day> {
    let zone = shared.days.zone();
    Day::at(now, zone)?.before(zone).filter(|day| day.is_frozen(now))
}
