//! `Days`: the best posts of a calendar day. The newest rebuild has those of today, the store those of past days, which
//! are frozen five minutes after the end of the day.
use crate::{
    actors::error::Error,
    domain::{CalendarDay, FieldError, PostId, Reason, TOP_KEPT, TOP_SHOWN, Timestamp, first_id_at},
    storage::{RankingStore, ScoredPost},
};
use jiff::{civil::Date, tz::TimeZone};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long a count of a day that is not frozen is reused.
const COUNT_REUSED_FOR: Duration = Duration::from_secs(2);

/// The best posts of one day, best first; at most [`TOP_KEPT`] for everybody and as many others.
#[derive(Clone)]
pub(super) struct BestOfDay {
    pub(super) date: Date,
    /// True if the scores do not change any more.
    pub(super) frozen: bool,
    pub(super) posts: Arc<[ScoredPost]>,
}

impl BestOfDay {
    fn new(date: Date, frozen: bool, posts: Vec<ScoredPost>) -> Self {
        Self { date, frozen, posts: posts.into() }
    }
}

/// The best posts of a day that are visible to everybody, as they were last stored. An equal result is not stored
/// again.
#[derive(PartialEq, Eq)]
pub(super) struct PublishedTop {
    date: Date,
    posts: Vec<PostId>,
}

/// A result of counting a day's rows, reused for [`COUNT_REUSED_FOR`].
struct Count {
    at: Instant,
    best: BestOfDay,
}

/// The best posts of every day. The two locks are never held at once.
pub(super) struct Days {
    store: Arc<dyn RankingStore>,
    zone: TimeZone,
    /// The best of today, as published by the newest rebuild; `None` before the first one.
    today: RwLock<Option<BestOfDay>>,
    /// The last count. The lock is held while a day is counted or frozen, so that concurrent requests count once.
    last_count: Mutex<Option<Count>>,
}

impl Days {
    pub(super) fn new(store: Arc<dyn RankingStore>, zone: TimeZone) -> Self {
        Self { store, zone, today: RwLock::default(), last_count: Mutex::default() }
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the best posts of `date`, or of today. Refuses `Invalid` for a day that has not begun.
    pub(super) async fn best(&self, date: Option<Date>, now: Timestamp) -> Result<BestOfDay, Error> {
        let today = CalendarDay::at(now, &self.zone).map(|day| day.date);
        let date = date.or(today).unwrap_or_default();
        if today.is_none_or(|today| date > today) {
            return Err(Error::Refused(FieldError { field: "date", reason: Reason::NotInThePast }.into()));
        }
        if today == Some(date) {
            let published = self.today.read().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(best) = published
                && best.date == date
            {
                return Ok(best);
            }
        }
        // Ids count from 2025, so a day before that has no posts.
        let Some(day) = CalendarDay::of(date, &self.zone).filter(|day| first_id_at(day.end) > 0) else {
            return Ok(BestOfDay::new(date, true, Vec::new()));
        };
        if day.is_frozen(now) { self.freeze(day).await } else { self.count(day).await }
    }

    /// Counts a day that is over but not frozen yet, or today before the first rebuild.
    #[expect(
        clippy::significant_drop_tightening,
        reason = "held across the count, so that concurrent requests count once"
    )]
    async fn count(&self, day: CalendarDay) -> Result<BestOfDay, Error> {
        let mut last_count = self.last_count.lock().await;
        if let Some(count) = last_count.as_ref()
            && count.best.date == day.date
            && count.at.elapsed() < COUNT_REUSED_FOR
        {
            return Ok(count.best.clone());
        }
        let best = BestOfDay::new(day.date, false, self.store.best_of_day(day, TOP_KEPT).await?);
        *last_count = Some(Count { at: Instant::now(), best: best.clone() });
        Ok(best)
    }

    /// Returns the final scores of a day that is over, and stores them if they are not stored yet.
    pub(super) async fn freeze(&self, day: CalendarDay) -> Result<BestOfDay, Error> {
        if let Some(best) = self.stored_scores(day.date).await? {
            return Ok(best);
        }
        let _one_at_a_time = self.last_count.lock().await;
        if let Some(best) = self.stored_scores(day.date).await? {
            return Ok(best);
        }
        let posts = self.store.best_of_day(day, TOP_KEPT).await?;
        // A day without any activity gets no row: its result is always the same.
        if !posts.is_empty() || self.store.kept_day(day.date).await?.is_some() {
            let public = self.public_top(&posts).await?;
            if let Err(error) = self.store.keep_day(day.date, public, Some(posts.clone())).await {
                // The read succeeds all the same: the scores are final, and a later call stores them.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot store the best posts of a past day; retrying"
                );
                return Ok(BestOfDay::new(day.date, false, posts));
            }
        }
        Ok(BestOfDay::new(day.date, true, posts))
    }

    /// Returns the final scores of a day, if they are stored.
    async fn stored_scores(&self, date: Date) -> Result<Option<BestOfDay>, Error> {
        let frozen = self.store.kept_day(date).await?.and_then(|day| day.frozen);
        Ok(frozen.map(|posts| BestOfDay::new(date, true, posts)))
    }

    /// Returns the first [`TOP_SHOWN`] of `posts` that are visible to everybody.
    async fn public_top(&self, posts: &[ScoredPost]) -> Result<Vec<PostId>, Error> {
        let ids: Vec<PostId> = posts.iter().map(|scored| scored.post).collect();
        let mut public = self.store.public_posts(&ids).await?;
        public.truncate(TOP_SHOWN);
        Ok(public)
    }

    /// Publishes the best posts of today. Stores the three that are visible to everybody if they differ from `last`, in
    /// one commit with the event that every stream sends.
    pub(super) async fn publish(
        &self,
        date: Date,
        posts: Vec<ScoredPost>,
        last: &mut Option<PublishedTop>,
    ) -> Result<(), Error> {
        let top = PublishedTop { date, posts: self.public_top(&posts).await? };
        *self.today.write().unwrap_or_else(PoisonError::into_inner) = Some(BestOfDay::new(date, false, posts));
        if last.as_ref() != Some(&top) {
            self.store.keep_day(date, top.posts.clone(), None).await?;
            *last = Some(top);
        }
        Ok(())
    }
}
