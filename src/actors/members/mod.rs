//! Members and whom they follow.
mod actor;

pub use crate::storage::Recommended;

use super::{Error, Page, Reply, StartError, Supervisor, page, sessions::Hasher, slots::Slots, timeline::Timeline};
use crate::{
    domain::{
        Email, Handle, IdGenerator, Member, MemberCard, MemberCounts, MemberId, Outcome, Password, Position, Privacy,
        Profile, ProfilePatch, QUERY_IDS_MAX, Receipt, Recommendation, Refusal, Relation, Timestamp,
        cursor::{ListKind, decode_place, encode_place},
        may_follow,
    },
    storage::{Listed, MemberStore, NewMember, Stores},
};
use std::sync::Arc;

/// What one slot's members actor can be asked. Every message is answered once its commit is durable.
pub(super) enum Message {
    /// Stores a newcomer with the receipt.
    SignUp { member: Box<NewMember>, receipt: Option<Receipt>, reply: Reply<Outcome<Position>> },
    /// Changes what a member says of themself.
    ChangeProfile { member: MemberId, patch: Box<ProfilePatch>, reply: Reply<()> },
    /// Gives a member another handle.
    ChangeHandle { member: MemberId, handle: Handle, reply: Reply<()> },
    /// Makes one follow the other; `at` orders the lists.
    Follow { at: u64, follower: MemberId, followee: MemberId, reply: Reply<()> },
    /// Ends that.
    Unfollow { follower: MemberId, followee: MemberId, reply: Reply<()> },
}

/// Members, from outside. Writes go through the acting member's slot; reads need no order and skip it.
#[derive(Clone)]
pub struct Members {
    slots: Slots<Message>,
    store: Arc<dyn MemberStore>,
    ids: Arc<IdGenerator>,
    hasher: Hasher,
    timeline: Timeline,
}

impl Members {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        hasher: Hasher,
        timeline: Timeline,
    ) -> Result<Self, StartError> {
        let store = stores.members.clone();
        let of_actor = store.clone();
        let slots = Slots::start(supervisor, "members", move || (actor::MembersActor, of_actor.clone())).await?;
        Ok(Self { slots, store, ids, hasher, timeline })
    }

    /// A member as they will be: id and time are known before anything is stored.
    pub fn newcomer(&self, email: Email, handle: Handle, profile: Profile) -> Newcomer {
        let member = Member {
            id: MemberId(self.ids.next()),
            email: email.as_str().to_owned(),
            handle: handle.as_str().to_owned(),
            profile,
            privacy: Privacy::Public,
            counts: MemberCounts::default(),
            created_at: Timestamp::now(),
        };
        Newcomer { member, email, handle }
    }

    /// Stores a newcomer. Refuses `EmailTaken`, `HandleTaken`.
    pub async fn sign_up(
        &self,
        newcomer: Newcomer,
        password: Password,
        receipt: Option<Receipt>,
    ) -> Result<Outcome<()>, Error> {
        let password_hash = self.hasher.hash(password).await?;
        let Newcomer { member, email, handle } = newcomer;
        let (id, profile, created_at) = (member.id, member.profile, member.created_at);
        let member = Box::new(NewMember { id, email, handle, password_hash, profile, created_at });
        let outcome = self.slots.of(id).ask(|reply| Message::SignUp { member, receipt, reply }).await?;
        Ok(match outcome {
            Outcome::Done(_) => Outcome::Done(()),
            Outcome::Repeated(answer) => Outcome::Repeated(answer),
        })
    }

    /// One member in full. Refuses `MemberNotFound`.
    pub async fn member(&self, id: MemberId) -> Result<Member, Error> {
        self.store.member(id).await?.ok_or(Refusal::MemberNotFound.into())
    }

    /// One member by handle, whatever its case. Refuses `MemberNotFound`.
    pub async fn by_handle(&self, handle: &str) -> Result<Member, Error> {
        let handle = Handle::new(handle).map_err(|_| Refusal::MemberNotFound)?;
        self.store.member_by_handle(&handle.key()).await?.ok_or(Refusal::MemberNotFound.into())
    }

    /// How the viewer and another member stand.
    pub async fn relation(&self, viewer: MemberId, other: MemberId) -> Result<Relation, Error> {
        Ok(self.store.relations(viewer, &[other]).await?.pop().unwrap_or_default())
    }

    /// Whether nobody has that handle.
    pub async fn handle_available(&self, handle: &Handle) -> Result<bool, Error> {
        Ok(!self.store.handle_taken(&handle.key()).await?)
    }

    /// Cards in the order asked; those who are not there are left out. Refuses `TooManyIds`.
    pub async fn cards(&self, ids: &[MemberId]) -> Result<Vec<Arc<MemberCard>>, Error> {
        if ids.len() > QUERY_IDS_MAX {
            return Err(Refusal::TooManyIds { max: QUERY_IDS_MAX }.into());
        }
        self.timeline.cards(ids).await
    }

    /// Who follows the member, newest first. Refuses `MemberNotFound`.
    pub async fn followers(&self, id: MemberId, cursor: Option<&str>, limit: usize) -> Result<Page<MemberCard>, Error> {
        let before = self.list_place(id, ListKind::Followers, cursor).await?;
        let listed = self.store.followers(id, before, limit + 1).await?;
        Ok(cards_page(listed, ListKind::Followers, id, limit))
    }

    /// Whom the member follows, newest first. Refuses `MemberNotFound`.
    pub async fn followings(
        &self,
        id: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<MemberCard>, Error> {
        let before = self.list_place(id, ListKind::Followings, cursor).await?;
        let listed = self.store.followings(id, before, limit + 1).await?;
        Ok(cards_page(listed, ListKind::Followings, id, limit))
    }

    /// Members that the viewer does not follow yet.
    pub async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Recommended>, Error> {
        let scope = viewer.0 ^ (how as u64) << 60;
        let after = cursor.map(|text| decode_place(text, ListKind::Recommendations, scope)).transpose()?;
        let found = self.store.recommend(viewer, how, after, limit + 1).await?;
        let place = |last: &Recommended| [last.common_follows, last.member.id.0];
        let next = |last: &_| encode_place(ListKind::Recommendations, scope, place(last));
        Ok(page(found, limit, next, |recommended| recommended))
    }

    /// Changes what the member says of themself. Refuses `Invalid`.
    pub async fn change_profile(&self, member: MemberId, patch: ProfilePatch) -> Result<Member, Error> {
        let patch = Box::new(patch);
        self.slots.of(member).ask(|reply| Message::ChangeProfile { member, patch, reply }).await?;
        self.timeline.wrote(member);
        self.member(member).await
    }

    /// Gives the member another handle. Refuses `HandleTaken`.
    pub async fn change_handle(&self, member: MemberId, handle: Handle) -> Result<Member, Error> {
        self.slots.of(member).ask(|reply| Message::ChangeHandle { member, handle, reply }).await?;
        self.timeline.wrote(member);
        self.member(member).await
    }

    /// Makes one follow the other; nothing where it is so already. Refuses `FollowSelf`, `MemberNotFound`,
    /// `FollowLimit`.
    pub async fn follow(&self, follower: MemberId, followee: MemberId) -> Result<(), Error> {
        may_follow(follower, followee)?;
        let at = self.ids.next();
        self.slots.of(follower).ask(|reply| Message::Follow { at, follower, followee, reply }).await?;
        self.timeline.wrote(follower);
        Ok(())
    }

    /// Ends that; nothing where it is so already.
    pub async fn unfollow(&self, follower: MemberId, followee: MemberId) -> Result<(), Error> {
        self.slots.of(follower).ask(|reply| Message::Unfollow { follower, followee, reply }).await?;
        self.timeline.wrote(follower);
        Ok(())
    }

    async fn list_place(&self, id: MemberId, list: ListKind, cursor: Option<&str>) -> Result<u64, Error> {
        let place = cursor.map(|text| decode_place(text, list, id.0)).transpose()?;
        self.timeline.cards(&[id]).await?.pop().ok_or(Refusal::MemberNotFound)?;
        Ok(place.map_or(u64::MAX, |[before, _]| before))
    }
}

/// A member about to be, and the checked forms that are stored beside the view.
pub struct Newcomer {
    /// As they will be.
    pub member: Member,
    email: Email,
    handle: Handle,
}

fn cards_page(listed: Vec<Listed<MemberCard>>, list: ListKind, id: MemberId, limit: usize) -> Page<MemberCard> {
    let next = |last: &Listed<MemberCard>| encode_place(list, id.0, [last.place, 0]);
    page(listed, limit, next, |listed| listed.item)
}
