//! One mailbox per slot: a member's messages stay in order, two members' do not wait for each other.
use super::{
    health::Part,
    mailbox::{Envelope, Mailbox},
    supervisor::Supervisor,
};
use crate::domain::{MemberId, Slot};
use ractor::{Actor, SpawnErr};
use std::sync::Arc;

/// The slots of one domain.
pub(super) struct Slots<M: Send + 'static> {
    mailboxes: Arc<[Mailbox<M>]>,
}

impl<M: Send + 'static> Clone for Slots<M> {
    fn clone(&self) -> Self {
        Self { mailboxes: self.mailboxes.clone() }
    }
}

impl<M: Send + 'static> Slots<M> {
    /// Starts one actor per slot; `make` is called again for each life of each.
    pub(super) async fn start<A>(
        supervisor: &Supervisor,
        name: &'static str,
        make: impl Fn() -> (A, A::Arguments) + Clone + Send + Sync + 'static,
    ) -> Result<Self, SpawnErr>
    where
        A: Actor<Msg = Envelope<M>>,
    {
        let mut mailboxes = Vec::with_capacity(Slot::COUNT);
        for slot in 0..Slot::COUNT {
            mailboxes.push(supervisor.spawn(name, Some(slot), make.clone()).await?);
        }
        Ok(Self { mailboxes: mailboxes.into() })
    }

    /// As [`Slots::start`], for a part that everything else goes on without.
    pub(super) async fn start_part<A>(
        supervisor: &Supervisor,
        part: &Part,
        make: impl Fn() -> (A, A::Arguments) + Clone + Send + Sync + 'static,
    ) -> Self
    where
        A: Actor<Msg = Envelope<M>>,
    {
        let mut mailboxes = Vec::with_capacity(Slot::COUNT);
        for slot in 0..Slot::COUNT {
            mailboxes.push(supervisor.spawn_part(part, Some(slot), make.clone()).await);
        }
        Self { mailboxes: mailboxes.into() }
    }

    pub(super) fn of(&self, member: MemberId) -> &Mailbox<M> {
        &self.mailboxes[Slot::of(member).index()]
    }
}
