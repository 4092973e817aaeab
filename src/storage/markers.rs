//! The store of markers: the newest notification that each member has read.
use super::{Committed, StoreResult};
use crate::domain::{MemberId, Position};
use async_trait::async_trait;

/// Stores one marker for each member, shared by the member's devices.
#[async_trait]
pub trait MarkerStore: Send + Sync + 'static {
    /// Moves the member's marker forward to `last_read` with an event in the same commit. Returns `false` and changes
    /// nothing if the marker is not before `last_read`. Refuses `MemberNotFound`.
    async fn move_marker(&self, member: MemberId, last_read: Position) -> StoreResult<Committed<bool>>;
    /// Returns the position of the newest notification that the member has read, or 0.
    async fn marker(&self, member: MemberId) -> StoreResult<Position>;
}
