//! Folding of old views: their rows are removed after the scores of their days are frozen.
use super::Ranking;
use crate::{
    actors::error::Error,
    domain::{CalendarDay, HOUR_MS, Timestamp, first_hour},
    storage::{VIEWS_FOLDED_MAX, VIEWS_KEPT_DAYS, ViewStore},
};
use std::time::Duration;

impl Ranking {
    /// Folds the views that are older than [`VIEWS_KEPT_DAYS`], day by day from the oldest on, and returns the number
    /// of their rows. Stops after [`VIEWS_FOLDED_MAX`] rows, and before a day whose scores cannot be frozen; the next
    /// call continues there.
    pub(in crate::actors) async fn fold_old_views(&self, views: &dyn ViewStore, now: Timestamp) -> Result<u64, Error> {
        let kept_from = first_hour(now.before(Duration::from_secs(VIEWS_KEPT_DAYS * 86_400)));
        let mut folded = 0;
        while folded < VIEWS_FOLDED_MAX
            && let Some(oldest) = views.oldest_view().await?
            && oldest < kept_from
        {
            // The timer freezes yesterday only, and nobody may have asked for an earlier day since.
            let Some(day) = CalendarDay::at(Timestamp(oldest * HOUR_MS), self.shared.days.zone()) else { break };
            if !self.shared.days.freeze(day).await?.frozen {
                break;
            }
            folded += views.fold_views(kept_from.min(day.hours().end)).await?;
        }
        Ok(folded)
    }
}
