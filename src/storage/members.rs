//! Keeps members.
use super::StoreResult;
use crate::domain::{
    Deadline, Email, Handle, Member, MemberCard, MemberId, Outcome, Position, Profile, ProfilePatch, Receipt,
    Recommendation, Timestamp,
};
use async_trait::async_trait;

/// A member about to be.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Made beforehand.
    pub id: MemberId,
    /// Unique whatever its case.
    pub email: Email,
    /// Unique whatever its case.
    pub handle: Handle,
    /// argon2id, in the PHC format.
    pub password_hash: String,
    /// Checked.
    pub profile: Profile,
    /// When the request was made.
    pub created_at: Timestamp,
}

/// What a password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub member: MemberId,
    /// The key form of the e-mail address, which the account is counted under.
    pub email_key: String,
    /// argon2id, in the PHC format.
    pub password_hash: String,
    /// When the member left; logging in brings the member back until the purge.
    pub deactivated_at: Option<Timestamp>,
}

/// One entry of a list that is ordered by when it was made.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The place in the list: larger is newer.
    pub place: u64,
    /// What is listed.
    pub item: T,
}

/// A member to recommend, and why.
#[derive(Debug, Clone)]
pub struct Recommended {
    /// Whom.
    pub member: MemberCard,
    /// How many of those the caller follows also follow the member; 0 for `Newest`.
    pub common_follows: u64,
}

/// Members and handles. Every read leaves out members who have left.
#[async_trait]
pub trait MemberStore: Send + Sync + 'static {
    /// Stores the member and the fact, in one commit. Refuses `EmailTaken`, `HandleTaken`.
    async fn sign_up(&self, member: NewMember, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>>;
    /// Applies the change to the stored profile by `Profile::patched`. Posts that become public make followers of all
    /// who have asked. Where `over` says what is to be changed, refuses `PreconditionFailed` if the member has changed
    /// it since. Refuses `Invalid`, `MemberNotFound`.
    async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        over: Option<Member>,
    ) -> StoreResult<Position>;
    /// Refuses `HandleTaken`, `MemberNotFound`, and `PreconditionFailed` as `change_profile` does. The member's own
    /// handle in another case is no conflict.
    async fn change_handle(&self, member: MemberId, handle: Handle, over: Option<Member>) -> StoreResult<Position>;
    /// Marks the member as gone at `at`, and takes the member's follows, likes and comments out of all counters.
    async fn deactivate(&self, member: MemberId, at: Timestamp) -> StoreResult<Position>;
    /// The inverse of `deactivate`; does nothing (`None`) for a member who is there.
    async fn restore(&self, member: MemberId) -> StoreResult<Option<Position>>;

    /// Moves the member's marker of read notifications on, with the fact, in one commit; nothing (`None`) where it is
    /// there or further already. Refuses `MemberNotFound`.
    async fn move_marker(&self, member: MemberId, last_read: Position) -> StoreResult<Option<Position>>;
    /// The newest notification that the member has read; 0 where none was.
    async fn marker(&self, member: MemberId) -> StoreResult<Position>;

    /// One member in full.
    async fn member(&self, id: MemberId) -> StoreResult<Option<Member>>;
    /// Those of these members who are there, in no order. At most 1,000 ids.
    async fn members_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<Member>>;
    /// Members after that one, in the order of ids.
    async fn members_from(&self, after: MemberId, limit: usize) -> StoreResult<Vec<Member>>;
    /// By the key form of the handle.
    async fn member_by_handle(&self, key: &str) -> StoreResult<Option<Member>>;
    /// By the key form of the e-mail address; also of a member who has left.
    async fn credentials_by_email(&self, key: &str) -> StoreResult<Option<Credentials>>;
    /// Of a member.
    async fn credentials(&self, id: MemberId) -> StoreResult<Option<Credentials>>;
    /// Cards of those that are there, in no order. At most 1,000 ids.
    async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberCard>>;
    /// Cards of those handles (key form) that are there, in no order. At most 100.
    async fn cards_by_handle(&self, keys: &[String]) -> StoreResult<Vec<MemberCard>>;
    /// Whether somebody has it, members who have left included.
    async fn handle_taken(&self, key: &str) -> StoreResult<bool>;
    /// Members not followed, asked, blocked (either way) or muted yet, and not the viewer, after that place: `[common
    /// follows, member id]` of the last one. `Late` where the deadline passes first.
    async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
        until: &Deadline,
    ) -> StoreResult<Vec<Recommended>>;
    /// Everybody who has left and is not purged yet.
    async fn deactivated(&self) -> StoreResult<Vec<MemberId>>;
    /// The largest id in any table; nothing at or below it may be made again.
    async fn largest_id(&self) -> StoreResult<u64>;
}
