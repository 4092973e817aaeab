//! The slots of one domain: one mailbox and one actor for each of the fixed shards of members.
//!
//! The commands of one member stay in order; members of different slots do not wait for each other. [`CommandActor`]
//! documents what a slot owns.
use super::{
    command_actor::{Command, CommandActor},
    health::Part,
    mailbox::Mailbox,
    supervisor::Supervisor,
};
use crate::domain::{MemberId, Slot};
use ractor::SpawnErr;
use std::sync::Arc;

/// The mailboxes of one domain, indexed by slot. Cheap to clone.
pub(super) struct Slots<C: Command> {
    mailboxes: Arc<[Mailbox<C>]>,
}

impl<C: Command> Clone for Slots<C> {
    fn clone(&self) -> Self {
        Self { mailboxes: self.mailboxes.clone() }
    }
}

impl<C: Command> Slots<C> {
    /// Starts one supervised core actor per slot under `name`. Each incarnation begins with a clone of `state`.
    pub(super) async fn start(supervisor: &Supervisor, name: &'static str, state: C::State) -> Result<Self, SpawnErr> {
        let mut mailboxes = Vec::with_capacity(Slot::COUNT);
        for slot in 0..Slot::COUNT {
            let state = state.clone();
            let make = move || (CommandActor::new(), state.clone());
            mailboxes.push(supervisor.spawn(name, Some(slot), make).await?);
        }
        Ok(Self { mailboxes: mailboxes.into() })
    }

    /// Starts one supervised actor of the part per slot, under the name of the part.
    pub(super) async fn start_part(supervisor: &Supervisor, part: &Part, state: C::State) -> Self {
        let mut mailboxes = Vec::with_capacity(Slot::COUNT);
        for slot in 0..Slot::COUNT {
            let state = state.clone();
            let make = move || (CommandActor::new(), state.clone());
            mailboxes.push(supervisor.spawn_part(part, Some(slot), make).await);
        }
        Self { mailboxes: mailboxes.into() }
    }

    /// Returns the mailbox of the member's slot.
    pub(super) fn mailbox_of(&self, member: MemberId) -> &Mailbox<C> {
        &self.mailboxes[Slot::of(member).index()]
    }
}
