//! The store of members: accounts, profiles, handles, cards and recommendations.
use super::{Committed, StoreResult};
use crate::domain::{
    Deadline, Email, Handle, Member, MemberCard, MemberId, Outcome, Privacy, Profile, ProfilePatch, Receipt,
    Recommendation, Timestamp,
};
use async_trait::async_trait;

/// Maximum number of follows of a viewer that a recommendation by common follows considers: the newest.
pub const NETWORK_FOLLOWINGS_MAX: usize = 200;
/// Maximum number of follows of each of those members that it considers: the newest. Together at most 20,000 rows are
/// counted and sorted for one page.
pub const NETWORK_EACH_MAX: usize = 100;

/// A member to be stored.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Made by the id generator before the commit.
    pub id: MemberId,
    /// Unique, ignoring case.
    pub email: Email,
    /// Unique, ignoring case.
    pub handle: Handle,
    /// argon2id, in the PHC format.
    pub password_hash: String,
    /// Validated.
    pub profile: Profile,
    /// The time of the request.
    pub created_at: Timestamp,
}

#[cfg(test)]
impl NewMember {
    /// Makes a member for tests; the handle makes its address unique too.
    pub(crate) fn for_tests(id: u64, handle: &str) -> Self {
        let profile =
            ProfilePatch { member_name: crate::domain::Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
        Self {
            id: MemberId(id),
            email: Email::new(&format!("{handle}@example.com")).unwrap(),
            handle: Handle::new(handle).unwrap(),
            password_hash: "hash".to_owned(),
            profile: Profile::new(profile).unwrap(),
            created_at: Timestamp::now(),
        }
    }
}

/// One entry of a list that is ordered by the time of its creation.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The sort key: a larger one is newer.
    pub key: u64,
    /// The listed item.
    pub item: T,
}

/// A recommended member and the reason.
#[derive(Debug, Clone)]
pub struct Recommended {
    /// The member to follow.
    pub member: MemberCard,
    /// Members followed by the viewer who follow this member; 0 for `Recommendation::Newest`.
    pub common_follows: u64,
}

/// Stores members. Unless a read says otherwise, it excludes deactivated members.
#[async_trait]
pub trait MemberStore: Send + Sync + 'static {
    /// Stores a member with its receipt and its event in one commit. A repeated receipt returns the stored answer.
    /// Refuses `IdempotencyKeyReused`, `EmailTaken`, `HandleTaken`.
    async fn sign_up(&self, member: NewMember, receipt: Option<Receipt>) -> StoreResult<Committed<Outcome>>;
    /// Applies the patch to the stored profile with `Profile::patched`. A change to public posts accepts the pending
    /// follow requests: the oldest in the same commit, the others in the steps of `DepartureStore`, unless the posts
    /// stop being public before. A patch without a change emits no event. Refuses `Invalid`, `MemberNotFound`, for an
    /// avatar `ImageNotFound` and `ImageForbidden`, and
    /// `PreconditionFailed` if the stored member no longer equals `expected`.
    async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        expected: Option<Member>,
    ) -> StoreResult<Committed<()>>;
    /// Changes the member's handle. The member's own handle in another case is no conflict. A command without a change
    /// emits no event. Refuses `HandleTaken`, `MemberNotFound`, and `PreconditionFailed` if the stored member no longer
    /// equals `expected`.
    async fn change_handle(
        &self,
        member: MemberId,
        handle: Handle,
        expected: Option<Member>,
    ) -> StoreResult<Committed<()>>;
    /// Deactivates a member without a session, for tests; the server uses `SessionStore::deactivate`. Refuses
    /// `MemberNotFound`.
    #[cfg(test)]
    async fn deactivate(&self, member: MemberId, at: Timestamp) -> StoreResult<Committed<()>>;
    /// Restores a member without a login, for tests; the server uses `SessionStore::create_session`. Returns
    /// `false` for an active member.
    #[cfg(test)]
    async fn restore(&self, member: MemberId) -> StoreResult<Committed<bool>>;

    /// Returns one member.
    async fn member(&self, id: MemberId) -> StoreResult<Option<Member>>;
    /// Returns the members among `ids`, unordered. At most 1,000 ids.
    async fn members_by_id(&self, ids: &[MemberId]) -> StoreResult<Vec<Member>>;
    /// Returns the members with ids above `after`, in ascending order.
    async fn members_from(&self, after: MemberId, limit: usize) -> StoreResult<Vec<Member>>;
    /// Returns the member with this handle (key form).
    async fn member_by_handle(&self, key: &str) -> StoreResult<Option<Member>>;
    /// Returns the cards of the members among `ids`, unordered. At most 1,000 ids.
    async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberCard>>;
    /// Returns the cards of the members with these handles (key form), unordered. At most 100 handles.
    async fn cards_by_handle(&self, keys: &[String]) -> StoreResult<Vec<MemberCard>>;
    /// Returns whether an active or deactivated member has this handle (key form).
    async fn handle_taken(&self, key: &str) -> StoreResult<bool>;
    /// Returns members other than the viewer whom the viewer does not follow, has not asked to follow and does not
    /// mute, without a block in either direction. The list continues after the key `[common follows, member id]` of its
    /// last entry. `Network` considers the newest [`NETWORK_FOLLOWINGS_MAX`] follows of the viewer, and of each of those
    /// members the newest [`NETWORK_EACH_MAX`] follows. Errors: `Late` if the deadline passes first.
    async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        after: Option<[u64; 2]>,
        limit: usize,
        until: &Deadline,
    ) -> StoreResult<Vec<Recommended>>;
    /// Returns those of `ids` that name no active member, unordered. At most 10,000 ids. Errors: `Late` if a deadline is
    /// given and passes first.
    async fn inactive_members(&self, ids: &[MemberId], until: Option<&Deadline>) -> StoreResult<Vec<MemberId>>;
    /// Returns every deactivated member who is not purged yet.
    async fn deactivated(&self) -> StoreResult<Vec<MemberId>>;
    /// Returns those of `ids` that are neither active nor deactivated members: once a member is purged, for ever.
    async fn purged(&self, ids: &[MemberId]) -> StoreResult<Vec<MemberId>>;
    /// Returns every active or deactivated member whose posts are not public, with the privacy of the posts.
    async fn non_public_authors(&self) -> StoreResult<Vec<(MemberId, Privacy)>>;
}
