//! `Members`: the handle for sign-up, profiles, recommendations, the marker of read notifications and relations. Its
//! methods for follows, follow requests, blocks and mutes are in `relations.rs`.
mod commands;
mod relations;

pub use crate::storage::{Followed, Recommended};
pub use relations::RelationList;

use super::{
    catalog::Catalog,
    error::{Error, StartError},
    lanes::{Lane, LaneLimits},
    page::{Page, page},
    sessions::{Caller, Hasher},
    slots::Slots,
    supervisor::Supervisor,
    visibility::Visibility,
};
use crate::{
    domain::{
        Email, Handle, IdGenerator, Member, MemberCard, MemberCounts, MemberId, Outcome, Password, Position, Privacy,
        Profile, ProfilePatch, QUERY_IDS_MAX, Receipt, Recommendation, Refusal, Surface, Timestamp,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{Committed, NewMember, Stores},
};
use commands::{MemberCommand, MemberStores};
use std::{net::IpAddr, sync::Arc};

/// The handle of members. Commands go through the slot of the acting member; reads need no order and go to the stores.
#[derive(Clone)]
pub struct Members {
    slots: Slots<MemberCommand>,
    stores: MemberStores,
    ids: Arc<IdGenerator>,
    hasher: Hasher,
    catalog: Catalog,
    visibility: Visibility,
    recommendations: Lane,
}

/// A member before sign-up, with the checked forms of the fields that must be unique.
pub struct MemberDraft {
    /// The member as it will be stored.
    pub member: Member,
    email: Email,
    handle: Handle,
}

impl Members {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        hasher: Hasher,
        catalog: Catalog,
        visibility: Visibility,
    ) -> Result<Self, StartError> {
        let stores = MemberStores {
            members: stores.members.clone(),
            relations: stores.relations.clone(),
            markers: stores.markers.clone(),
        };
        let slots = Slots::start(supervisor, "members", stores.clone()).await?;
        let recommendations = Lane::new("recommendations", LaneLimits::default());
        Ok(Self { slots, stores, ids, hasher, catalog, visibility, recommendations })
    }

    /// Drafts a member: its id and time are known before it is stored.
    pub fn draft_member(&self, email: Email, handle: Handle, profile: Profile) -> MemberDraft {
        let member = Member {
            id: MemberId(self.ids.next()),
            email: email.as_str().to_owned(),
            handle: handle.as_str().to_owned(),
            profile,
            avatar: None,
            privacy: Privacy::Public,
            counts: MemberCounts::default(),
            created_at: Timestamp::now(),
        };
        MemberDraft { member, email, handle }
    }

    /// Hashes the password and stores a draft. `address` is the client's: the hash takes its turn in the queue of that
    /// network. Refuses `Busy`, `IdempotencyKeyReused`, `EmailTaken`, `HandleTaken`.
    pub async fn sign_up(
        &self,
        draft: MemberDraft,
        password: Password,
        receipt: Option<Receipt>,
        address: IpAddr,
    ) -> Result<Committed<Outcome>, Error> {
        let caller = Caller::new(&draft.email.key(), address);
        let (password_hash, receipt) = self.hasher.acquire(caller).await?.hash_and_seal(password, receipt).await?;
        let MemberDraft { member, email, handle } = draft;
        let (id, profile, created_at) = (member.id, member.profile, member.created_at);
        let member = Box::new(NewMember { id, email, handle, password_hash, profile, created_at });
        let sign_up = |reply| MemberCommand::SignUp { member, receipt, reply };
        let signed_up = self.slots.mailbox_of(id).ask(sign_up).await?;
        self.visibility.note_write(id, signed_up.at);
        Ok(signed_up)
    }

    /// Returns one member. Refuses `MemberNotFound`.
    pub async fn member(&self, id: MemberId) -> Result<Member, Error> {
        self.stores.members.member(id).await?.ok_or(Refusal::MemberNotFound.into())
    }

    /// Returns one member by handle, case-insensitively. Refuses `MemberNotFound`.
    pub async fn member_by_handle(&self, handle: &str) -> Result<Member, Error> {
        let handle = Handle::from_lookup(handle).map_err(|_| Refusal::MemberNotFound)?;
        self.stores.members.member_by_handle(&handle.key()).await?.ok_or(Refusal::MemberNotFound.into())
    }

    /// Returns whether no member has the handle.
    pub async fn handle_available(&self, handle: &Handle) -> Result<bool, Error> {
        Ok(!self.stores.members.handle_taken(&handle.key()).await?)
    }

    /// Returns the cards of `ids` in the same order, without hidden members. Refuses `TooManyIds`.
    pub async fn cards(&self, viewer_id: MemberId, ids: &[MemberId]) -> Result<Vec<Arc<MemberCard>>, Error> {
        if ids.len() > QUERY_IDS_MAX {
            return Err(Refusal::TooManyIds { max: QUERY_IDS_MAX }.into());
        }
        let viewer = self.visibility.viewer(viewer_id).await?;
        let mut cards = self.catalog.cards(ids).await?;
        cards.retain(|card| viewer.sees(card.id, Surface::Direct));
        Ok(cards)
    }

    /// Recommends members that the viewer does not follow. Refuses `CursorInvalid`, and what the lane refuses.
    pub async fn recommend(
        &self,
        viewer: MemberId,
        recommendation: Recommendation,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Recommended>, Error> {
        let scope = viewer.0 ^ (recommendation as u64) << 60;
        let after = cursor.map(|text| decode_list_cursor(text, ListKind::Recommendations, scope)).transpose()?;
        let members = &self.stores.members;
        let found = self
            .recommendations
            .run(viewer, async |deadline| {
                Ok(members.recommend(viewer, recommendation, after, limit + 1, &deadline).await?)
            })
            .await?;
        let key = |last: &Recommended| [last.common_follows, last.member.id.0];
        let next = |last: &_| encode_list_cursor(ListKind::Recommendations, scope, key(last));
        Ok(page(found, limit, next, |recommended| recommended))
    }

    /// Changes the member's profile and privacy, for every viewer when this returns. Refuses `Invalid`,
    /// `MemberNotFound`, for an avatar `ImageNotFound` and `ImageForbidden`, and `PreconditionFailed` for a member that
    /// differs from `expected`, and `Late` as `Visibility::put_in_force` does.
    pub async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        expected: Option<Member>,
    ) -> Result<Committed<Member>, Error> {
        let (patch, expected) = (Box::new(patch), expected.map(Box::new));
        let change = |reply| MemberCommand::ChangeProfile { member, patch, expected, reply };
        let Committed { at, .. } = self.slots.mailbox_of(member).ask(change).await?;
        self.visibility.put_in_force(member, at).await?;
        Ok(Committed { value: self.member(member).await?, at })
    }

    /// Changes the member's handle. Refuses `HandleTaken`, `MemberNotFound`, and `PreconditionFailed` for a member that
    /// differs from `expected`.
    pub async fn change_handle(
        &self,
        member: MemberId,
        handle: Handle,
        expected: Option<Member>,
    ) -> Result<Committed<Member>, Error> {
        let expected = expected.map(Box::new);
        let change = |reply| MemberCommand::ChangeHandle { member, handle, expected, reply };
        let Committed { at, .. } = self.slots.mailbox_of(member).ask(change).await?;
        self.visibility.note_write(member, at);
        Ok(Committed { value: self.member(member).await?, at })
    }

    /// Moves the member's marker of read notifications forward, for all devices of the member; never back. Returns
    /// whether it moved. Refuses `MemberNotFound`.
    pub async fn move_marker(&self, member: MemberId, last_read: Position) -> Result<Committed<bool>, Error> {
        let move_marker = |reply| MemberCommand::MoveMarker { member, last_read, reply };
        let moved = self.slots.mailbox_of(member).ask(move_marker).await?;
        self.visibility.note_write(member, moved.at);
        Ok(moved)
    }
}
