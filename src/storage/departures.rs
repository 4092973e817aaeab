//! The store of departures and acceptances: commands whose many rows follow in steps after their commit.
use super::StoreResult;
use crate::domain::MemberId;
use async_trait::async_trait;

/// Maximum number of rows of one step of a departure, and of the first one, which is in the commit of the deactivation
/// or restore. It takes the writer about 20 ms. A member with more rows leaves or returns in several steps.
pub const DEPARTURE_ROWS_MAX: usize = 500;
/// Maximum number of follow requests that one step accepts, and the commit that makes posts public. Each one takes five
/// statements, all of them about 16 ms. A member with more requests accepts them in several steps.
pub const ACCEPTED_MAX: usize = 100;

/// One step of a departure or acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepartureStep {
    /// The member whose departure or acceptance it is.
    pub member: MemberId,
    /// The rows that the step read.
    pub rows: usize,
    /// Departures and acceptances that are open after the step.
    pub open: u64,
}

/// Takes the steps of departures and acceptances.
///
/// A departure changes the counters that count a member, after a deactivation or a restore. It never decides what is
/// visible: the deactivation does, at once. An acceptance accepts the follow requests that are pending when a member's
/// posts become public. Both survive a restart, and their steps may be taken by anybody at any time.
#[async_trait]
pub trait DepartureStore: Send + Sync + 'static {
    /// Takes one step, in one commit, of an open departure or acceptance: that of the member with the next id after
    /// `after`, or else the smallest id, so that members take turns. It reads at most `rows` rows. The last step of a
    /// departure emits `CountersSettled`. Returns `None` if none is open.
    async fn take_step(&self, after: MemberId, rows: usize) -> StoreResult<Option<DepartureStep>>;
    /// Returns the member whose step [`DepartureStore::take_step`] takes next.
    async fn next_departure(&self, after: MemberId) -> StoreResult<Option<MemberId>>;
    /// Counts the open departures and acceptances, for tests.
    #[cfg(test)]
    async fn open_departures(&self) -> StoreResult<u64>;

    /// Deactivates a member and leaves all rows to the steps, for tests. Refuses `MemberNotFound`.
    #[cfg(test)]
    async fn begin_to_leave(&self, member: MemberId) -> StoreResult<()>;
    /// Restores a member and leaves all rows to the steps, for tests. Does nothing for an active member.
    #[cfg(test)]
    async fn begin_to_return(&self, member: MemberId) -> StoreResult<()>;
}
