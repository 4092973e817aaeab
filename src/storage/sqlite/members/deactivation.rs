//! Deactivation and restore: one small commit, which decides what is visible. The counters that count the member follow
//! in the steps of a departure, the first of them in the same commit. Views, and the count of the member's own posts,
//! stay.
use crate::{
    domain::{EventKind, Fact, MemberId, Refusal, Timestamp},
    storage::{
        DEPARTURE_ROWS_MAX, StoreResult,
        sqlite::{departures, failed, signed, writer::Commit},
    },
};

/// Refuses `MemberNotFound` for a member who is not active.
pub(crate) async fn deactivate(commit: &mut Commit, member: MemberId, at: Timestamp) -> StoreResult<()> {
    deactivate_in_steps(commit, member, at, DEPARTURE_ROWS_MAX).await
}

/// Returns `false` for an active member.
pub(crate) async fn restore(commit: &mut Commit, member: MemberId) -> StoreResult<bool> {
    restore_in_steps(commit, member, DEPARTURE_ROWS_MAX).await
}

/// Deactivates a member. The first step of the departure has at most `rows` rows.
pub(crate) async fn deactivate_in_steps(
    commit: &mut Commit,
    member: MemberId,
    at: Timestamp,
    rows: usize,
) -> StoreResult<()> {
    let update = "UPDATE members SET deactivated_at = ? WHERE id = ? AND deactivated_at IS NULL";
    let query = sqlx::query(update).bind(at.0).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Err(Refusal::MemberNotFound.into());
    }
    departures::begin(commit, member, true, rows).await?;
    commit.emit(Fact::new(EventKind::MemberDeactivated, member));
    Ok(())
}

/// Restores a member. The first step of the departure has at most `rows` rows. Returns `false` for an active member.
pub(crate) async fn restore_in_steps(commit: &mut Commit, member: MemberId, rows: usize) -> StoreResult<bool> {
    let update = "UPDATE members SET deactivated_at = NULL WHERE id = ? AND deactivated_at IS NOT NULL";
    let query = sqlx::query(update).bind(signed(member.0));
    if query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() == 0 {
        return Ok(false);
    }
    departures::begin(commit, member, false, rows).await?;
    commit.emit(Fact::new(EventKind::MemberRestored, member));
    Ok(true)
}
