//! The best posts of calendar days: today's from memory, older ones as they were frozen.
use crate::{
    actors::Error,
    domain::{Day, FieldError, PostId, Reason, TOP_KEPT, TOP_SHOWN, Timestamp, first_id_at},
    storage::{RankingStore, ScoredPost},
};
use jiff::{civil::Date, tz::TimeZone};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long the best of a day that is over and not frozen yet are remembered.
const REMEMBERED: Duration = Duration::from_secs(2);

/// The best of one day, best first.
#[derive(Clone)]
pub(super) struct Best {
    pub(super) date: Date,
    pub(super) frozen: bool,
    pub(super) posts: Arc<[ScoredPost]>,
}

impl Best {
    fn new(date: Date, frozen: bool, posts: Vec<ScoredPost>) -> Self {
        Self { date, frozen, posts: posts.into() }
    }
}

/// All days.
pub(super) struct Days {
    store: Arc<dyn RankingStore>,
    zone: TimeZone,
    /// As the last generation says.
    today: RwLock<Option<Best>>,
    /// What was counted last from the rows of a day, and when. One count at a time, however many ask.
    counted: Mutex<Option<(Instant, Best)>>,
}

impl Days {
    pub(super) fn new(store: Arc<dyn RankingStore>, zone: TimeZone) -> Self {
        Self { store, zone, today: RwLock::default(), counted: Mutex::default() }
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The best of that day, or of today. Refuses a day that has not begun.
    pub(super) async fn best(&self, date: Option<Date>, now: Timestamp) -> Result<Best, Error> {
        let today = Day::at(now, &self.zone).map(|day| day.date);
        let date = date.or(today).unwrap_or_default();
        if today.is_none_or(|today| date > today) {
            return Err(Error::Refused(FieldError { field: "date", reason: Reason::NotInThePast }.into()));
        }
        let known = self.today.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(best) = known.filter(|best| best.date == date && today == Some(date)) {
            return Ok(best);
        }
        // No id is older than ids are, and so nothing that could have been liked.
        let Some(day) = Day::of(date, &self.zone).filter(|day| first_id_at(day.end) > 0) else {
            return Ok(Best::new(date, true, Vec::new()));
        };
        if day.is_frozen(now) { self.frozen(day).await } else { self.counted(day).await }
    }

    /// A day that is over but not frozen yet, or today before the first generation.
    #[expect(clippy::significant_drop_tightening, reason = "held across the count: one at a time, however many ask")]
    async fn counted(&self, day: Day) -> Result<Best, Error> {
        let mut counted = self.counted.lock().await;
        let known = counted.as_ref().filter(|(at, best)| best.date == day.date && at.elapsed() < REMEMBERED);
        if let Some((_, best)) = known {
            return Ok(best.clone());
        }
        let best = Best::new(day.date, false, self.store.best_of_day(day, TOP_KEPT).await?);
        *counted = Some((Instant::now(), best.clone()));
        Ok(best)
    }

    /// A day whose scores stand. The first who asks makes them stand, where no clock has.
    pub(super) async fn frozen(&self, day: Day) -> Result<Best, Error> {
        if let Some(best) = self.kept(day.date).await? {
            return Ok(best);
        }
        let _one_at_a_time = self.counted.lock().await;
        if let Some(best) = self.kept(day.date).await? {
            return Ok(best);
        }
        let posts = self.store.best_of_day(day, TOP_KEPT).await?;
        // Days on which nothing happened are not worth a row; nothing can happen on them any more.
        if !posts.is_empty() || self.store.kept_day(day.date).await?.is_some() {
            let shown = self.shown(&posts).await?;
            if let Err(error) = self.store.keep_day(day.date, shown, Some(posts.clone())).await {
                // Whoever only reads gets what there is. The scores are the same until the day is kept.
                tracing::warn!(error = &error as &dyn std::error::Error, "the day was not kept, trying again");
                return Ok(Best::new(day.date, false, posts));
            }
        }
        Ok(Best::new(day.date, true, posts))
    }

    async fn kept(&self, date: Date) -> Result<Option<Best>, Error> {
        let frozen = self.store.kept_day(date).await?.and_then(|kept| kept.frozen);
        Ok(frozen.map(|posts| Best::new(date, true, posts)))
    }

    /// What everybody may see of these.
    async fn shown(&self, posts: &[ScoredPost]) -> Result<Vec<PostId>, Error> {
        let ids: Vec<PostId> = posts.iter().map(|scored| scored.post).collect();
        let mut shown = self.store.public_posts(&ids).await?;
        shown.truncate(TOP_SHOWN);
        Ok(shown)
    }

    /// Takes the best of today from a new generation, and lets everybody know where others are shown than before.
    pub(super) async fn turned(
        &self,
        date: Date,
        posts: Vec<ScoredPost>,
        before: &mut Option<Shown>,
    ) -> Result<(), Error> {
        let shown = Shown { date, posts: self.shown(&posts).await? };
        *self.today.write().unwrap_or_else(PoisonError::into_inner) = Some(Best::new(date, false, posts));
        if before.as_ref() != Some(&shown) {
            self.store.keep_day(date, shown.posts.clone(), None).await?;
            *before = Some(shown);
        }
        Ok(())
    }
}

/// What the store was last told that everybody may see of a day.
#[derive(PartialEq, Eq)]
pub(super) struct Shown {
    date: Date,
    posts: Vec<PostId>,
}
