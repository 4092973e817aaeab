//! `UnreadCounts`: the last unread counts that were expensive, kept while no event can have changed them, so that a
//! client that polls does not have thousands of notifications checked again each time.
use crate::{
    actors::visibility::Viewer,
    domain::{Event, EventKind as K, MemberId, Position, Timestamp},
    storage::{EventLog, StoreResult},
};
use quick_cache::sync::Cache;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Counts kept, about 100 bytes each; the least used are evicted.
const KEPT: usize = 10_000;
/// Events since a count among which one that can have changed it is searched; after more of them it is counted anew.
const EVENTS_MAX: u64 = 2_000;
/// The longest time that a count is kept. The notification of a redriven dead letter has no event of its own.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// A count, and everything besides the log that it depends on.
#[derive(Clone, Copy)]
struct Counted {
    count: u64,
    marker: Position,
    /// Every event up to here was applied before the count.
    applied: Position,
    at: Instant,
    /// The next end of a mute, which shows notifications without an event.
    mute_ends: Option<Timestamp>,
}

/// See the module.
pub(super) struct UnreadCounts {
    log: Arc<dyn EventLog>,
    counts: Cache<MemberId, Counted>,
}

impl UnreadCounts {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, counts: Cache::new(KEPT) }
    }

    /// Returns the kept count of a member with this marker, if none of the events up to `until` can have changed it.
    pub(super) async fn get(&self, member: MemberId, marker: Position, until: Position) -> StoreResult<Option<u64>> {
        let Some(counted) = self.counts.get(&member) else { return Ok(None) };
        let is_current = counted.marker == marker
            && counted.at.elapsed() < KEPT_FOR
            && counted.mute_ends.is_none_or(|ends| Timestamp::now() < ends)
            && until.0.checked_sub(counted.applied.0).is_some_and(|events| events <= EVENTS_MAX);
        if !is_current {
            return Ok(None);
        }
        let events = self.log.read(counted.applied, EVENTS_MAX as usize).await?;
        let changed = events.iter().any(|event| may_change(event, member));
        Ok(if changed { None } else { Some(counted.count) })
    }

    /// Keeps a count for which every event up to `applied` was applied.
    pub(super) fn keep(&self, viewer: &Viewer, marker: Position, applied: Position, count: u64) {
        let now = Timestamp::now();
        let ends = viewer.relations().muted.iter().filter_map(|(_, ends)| *ends);
        let mute_ends = ends.filter(|ends| *ends > now).min();
        self.counts.insert(viewer.member(), Counted { count, marker, applied, at: Instant::now(), mute_ends });
    }
}

/// Returns whether an event can change the visible notifications of a member: it concerns the member, or it is not
/// known to concern only others.
fn may_change(event: &Event, member: MemberId) -> bool {
    let fact = &event.fact;
    let concerns_only_its_members = matches!(
        fact.kind,
        K::PostCreated
            | K::PostUpdated
            | K::PostRead
            | K::PostLiked
            | K::PostLikeCancelled
            | K::CommentCreated
            | K::CommentUpdated
            | K::CommentLiked
            | K::CommentLikeCancelled
            | K::CommentRead
            | K::MemberSignedUp
            | K::MemberLoggedIn
            | K::MemberLoggedOut
            | K::MemberFollowed
            | K::MemberUnfollowed
            | K::MemberMentioned
            | K::NotificationsRead
            | K::DailyTop3Changed
    );
    !concerns_only_its_members || fact.member == member || fact.target == Some(member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fact;

    #[test]
    fn events_of_others_change_nothing_unless_they_hide_or_delete() {
        let (me, one, other) = (MemberId(1), MemberId(2), MemberId(3));
        let may_change = |fact| may_change(&Event { position: Position(1), at_ns: 0, fact }, me);
        for kind in [K::PostLiked, K::CommentCreated, K::MemberFollowed, K::MemberMentioned] {
            assert!(!may_change(Fact::new(kind, one).to(other)), "{kind:?}");
            assert!(may_change(Fact::new(kind, one).to(me)) && may_change(Fact::new(kind, me).to(one)), "{kind:?}");
        }
        for kind in [K::PostDeleted, K::CommentDeleted, K::MemberDeactivated, K::MemberRestored, K::PostsPrivate] {
            assert!(may_change(Fact::new(kind, one)), "{kind:?}");
        }
    }
}
