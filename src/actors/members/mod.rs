//! Members, and what is between them.
mod actor;
mod relations;

pub use crate::storage::{Followed, Recommended};
pub use relations::RelationList;

use super::{
    Error, Page, Reply, StartError, Supervisor,
    lanes::{Lane, Width},
    page,
    sessions::{Asker, Hasher},
    slots::Slots,
    timeline::Timeline,
};
use crate::{
    domain::{
        Email, Handle, IdGenerator, Member, MemberCard, MemberCounts, MemberId, Outcome, Password, Position, Privacy,
        Profile, ProfilePatch, QUERY_IDS_MAX, Receipt, Recommendation, Refusal, RelationChange, Surface, Timestamp,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{MemberStore, NewMember, RelationStore, Stores},
};
use std::{net::IpAddr, sync::Arc};

/// What one slot's members actor can be asked. Every message is answered once its commit is durable.
pub(super) enum Message {
    /// Stores a newcomer with the receipt.
    SignUp { member: Box<NewMember>, receipt: Option<Receipt>, reply: Reply<Outcome<Position>> },
    /// Changes what a member says of themself.
    ChangeProfile { member: MemberId, patch: Box<ProfilePatch>, over: Option<Box<Member>>, reply: Reply<()> },
    /// Gives a member another handle.
    ChangeHandle { member: MemberId, handle: Handle, over: Option<Box<Member>>, reply: Reply<()> },
    /// Makes one follow the other, or ask to; `at` orders the lists.
    Follow { at: u64, follower: MemberId, followee: MemberId, reply: Reply<Followed> },
    /// Moves a member's marker of read notifications on, and answers whether it was not there already.
    MoveMarker { member: MemberId, last_read: Position, reply: Reply<bool> },
    /// Changes what is between two members, and answers whether it was not so already.
    ChangeRelation { change: RelationChange, member: MemberId, other: MemberId, reply: Reply<bool> },
}

/// Members, from outside. Writes go through the acting member's slot; reads need no order and skip it.
#[derive(Clone)]
pub struct Members {
    slots: Slots<Message>,
    store: Arc<dyn MemberStore>,
    relations: Arc<dyn RelationStore>,
    ids: Arc<IdGenerator>,
    hasher: Hasher,
    timeline: Timeline,
    /// Of recommendations.
    lane: Lane,
}

impl Members {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        ids: Arc<IdGenerator>,
        hasher: Hasher,
        timeline: Timeline,
    ) -> Result<Self, StartError> {
        let (store, relations) = (stores.members.clone(), stores.relations.clone());
        let of_actor = (store.clone(), relations.clone(), stores.markers.clone());
        let slots = Slots::start(supervisor, "members", move || (actor::MembersActor, of_actor.clone())).await?;
        let lane = Lane::new("recommendations", Width::default());
        Ok(Self { slots, store, relations, ids, hasher, timeline, lane })
    }

    /// A member as they will be: id and time are known before anything is stored.
    pub fn newcomer(&self, email: Email, handle: Handle, profile: Profile) -> Newcomer {
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
        Newcomer { member, email, handle }
    }

    /// Stores a newcomer who asks from that address. Refuses `EmailTaken`, `HandleTaken`.
    pub async fn sign_up(
        &self,
        newcomer: Newcomer,
        password: Password,
        receipt: Option<Receipt>,
        address: IpAddr,
    ) -> Result<Outcome<()>, Error> {
        let turn = self.hasher.turn(Asker::new(&newcomer.email.key(), address)).await;
        let (password_hash, receipt) = turn?.hash_and_seal(password, receipt).await?;
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
        let handle = Handle::asked_for(handle).map_err(|_| Refusal::MemberNotFound)?;
        self.store.member_by_handle(&handle.key()).await?.ok_or(Refusal::MemberNotFound.into())
    }

    /// Whether nobody has that handle.
    pub async fn handle_available(&self, handle: &Handle) -> Result<bool, Error> {
        Ok(!self.store.handle_taken(&handle.key()).await?)
    }

    /// Cards in the order asked; those whom the viewer does not see are left out. Refuses `TooManyIds`.
    pub async fn cards(&self, viewer_id: MemberId, ids: &[MemberId]) -> Result<Vec<Arc<MemberCard>>, Error> {
        if ids.len() > QUERY_IDS_MAX {
            return Err(Refusal::TooManyIds { max: QUERY_IDS_MAX }.into());
        }
        let viewer = self.timeline.viewer(viewer_id).await?;
        let mut cards = self.timeline.cards(ids).await?;
        cards.retain(|card| viewer.sees(card.id, Surface::Direct));
        Ok(cards)
    }

    /// Members that the viewer does not follow yet. Refuses what the lane refuses.
    pub async fn recommend(
        &self,
        viewer: MemberId,
        how: Recommendation,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Recommended>, Error> {
        let scope = viewer.0 ^ (how as u64) << 60;
        let after = cursor.map(|text| decode_list_cursor(text, ListKind::Recommendations, scope)).transpose()?;
        let found = self
            .lane
            .run(viewer, async |until| Ok(self.store.recommend(viewer, how, after, limit + 1, &until).await?));
        let found = found.await?;
        let place = |last: &Recommended| [last.common_follows, last.member.id.0];
        let next = |last: &_| encode_list_cursor(ListKind::Recommendations, scope, place(last));
        Ok(page(found, limit, next, |recommended| recommended))
    }

    /// Changes what the member says of themself; where `over` says what is to be changed, that alone. Refuses `Invalid`,
    /// and `PreconditionFailed` if it has been changed since.
    pub async fn change_profile(
        &self,
        member: MemberId,
        patch: ProfilePatch,
        over: Option<Member>,
    ) -> Result<Member, Error> {
        let (patch, over) = (Box::new(patch), over.map(Box::new));
        self.slots.of(member).ask(|reply| Message::ChangeProfile { member, patch, over, reply }).await?;
        self.timeline.wrote(member);
        // Who may see the member's posts is so for everybody by the time that it is acknowledged.
        self.timeline.caught_up(member).await;
        self.member(member).await
    }

    /// Gives the member another handle. Refuses `HandleTaken`, and `PreconditionFailed` as `change_profile` does.
    pub async fn change_handle(&self, member: MemberId, handle: Handle, over: Option<Member>) -> Result<Member, Error> {
        let over = over.map(Box::new);
        self.slots.of(member).ask(|reply| Message::ChangeHandle { member, handle, over, reply }).await?;
        self.timeline.wrote(member);
        self.member(member).await
    }
}

impl Members {
    /// Moves the member's marker of read notifications on, for all of the member's devices; never back.
    pub async fn move_marker(&self, member: MemberId, last_read: Position) -> Result<(), Error> {
        self.slots.of(member).ask(|reply| Message::MoveMarker { member, last_read, reply }).await?;
        self.timeline.wrote(member);
        Ok(())
    }
}

/// A member about to be, and the checked forms that are stored beside the view.
pub struct Newcomer {
    /// As they will be.
    pub member: Member,
    email: Email,
    handle: Handle,
}
