//! `MemberCommand`: the commands on members and their relations, one variant and one store call each.
use crate::{
    actors::{
        command_actor::{Command, submit_then_reply},
        error::Reply,
        mailbox::Permit,
    },
    domain::{Handle, Member, MemberId, Outcome, Position, ProfilePatch, Receipt, RelationChange},
    storage::{Committed, Followed, MarkerStore, MemberStore, NewMember, RelationStore},
};
use std::sync::Arc;

/// A command on members and their relations. Its reply is sent when its commit is durable, with the position of it.
///
/// `expected` is the version that the member edited; the store refuses the change if the stored one differs.
pub(super) enum MemberCommand {
    /// Stores a new member with the receipt; replies whether it was stored now.
    SignUp { member: Box<NewMember>, receipt: Option<Receipt>, reply: Reply<Committed<Outcome>> },
    /// Changes a member's profile and privacy.
    ChangeProfile {
        member: MemberId,
        patch: Box<ProfilePatch>,
        expected: Option<Box<Member>>,
        reply: Reply<Committed<()>>,
    },
    /// Changes a member's handle.
    ChangeHandle { member: MemberId, handle: Handle, expected: Option<Box<Member>>, reply: Reply<Committed<()>> },
    /// Follows a member, or requests to; `key` orders the lists of follows and requests.
    Follow { key: u64, follower: MemberId, followee: MemberId, reply: Reply<Committed<Followed>> },
    /// Changes another relation of `member` to `other`; replies with false if nothing changed.
    ChangeRelation { change: RelationChange, member: MemberId, other: MemberId, reply: Reply<Committed<bool>> },
    /// Moves a member's marker of read notifications forward; replies with false if it did not move.
    MoveMarker { member: MemberId, last_read: Position, reply: Reply<Committed<bool>> },
}

/// The stores that member commands write to. The handle reads from them too.
#[derive(Clone)]
pub(super) struct MemberStores {
    pub(super) members: Arc<dyn MemberStore>,
    pub(super) relations: Arc<dyn RelationStore>,
    pub(super) markers: Arc<dyn MarkerStore>,
}

impl Command for MemberCommand {
    type State = MemberStores;

    async fn run(self, stores: &MemberStores, permit: Permit) {
        match self {
            Self::SignUp { member, receipt, reply } => {
                let members = stores.members.clone();
                let sign_up = async move { Ok(members.sign_up(*member, receipt).await?) };
                submit_then_reply(permit, reply, sign_up).await;
            }
            Self::ChangeProfile { member, patch, expected, reply } => {
                let members = stores.members.clone();
                let expected = expected.map(|expected| *expected);
                let change = async move { Ok(members.change_profile(member, *patch, expected).await?) };
                submit_then_reply(permit, reply, change).await;
            }
            Self::ChangeHandle { member, handle, expected, reply } => {
                let members = stores.members.clone();
                let expected = expected.map(|expected| *expected);
                let change = async move { Ok(members.change_handle(member, handle, expected).await?) };
                submit_then_reply(permit, reply, change).await;
            }
            Self::Follow { key, follower, followee, reply } => {
                let relations = stores.relations.clone();
                let follow = async move { Ok(relations.follow(key, follower, followee).await?) };
                submit_then_reply(permit, reply, follow).await;
            }
            Self::ChangeRelation { change, member, other, reply } => {
                let relations = stores.relations.clone();
                let change = async move { Ok(relations.change_relation(change, member, other).await?) };
                submit_then_reply(permit, reply, change).await;
            }
            Self::MoveMarker { member, last_read, reply } => {
                let markers = stores.markers.clone();
                let move_marker = async move { Ok(markers.move_marker(member, last_read).await?) };
                submit_then_reply(permit, reply, move_marker).await;
            }
        }
    }
}
