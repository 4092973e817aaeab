//! Keeps the revocations in memory like those in the store. A core actor follows the log, and so learns the revocations
//! that other processes of the deployment stored.
//!
//! A command of this process does not wait for it: `commands.rs` revokes in memory before its reply.
use super::revocations::Revocations;
use crate::{
    actors::{
        command_actor::{Command, CommandActor},
        error::{Error, Reply, StartError},
        mailbox::{Mailbox, Permit},
        reader,
        supervisor::Supervisor,
    },
    domain::{Event, Position, Timestamp},
    storage::{SessionStore, StoreResult, StoredRevocations, Stores},
};
use std::sync::Arc;

/// The message of the actor.
enum Message {
    /// Reads the revocations that a batch of events announces.
    Apply { batch: Vec<Event>, reply: Reply<()> },
}

/// The revocations in the store and in memory. Cheap to clone.
#[derive(Clone)]
pub(super) struct RevocationSync {
    store: Arc<dyn SessionStore>,
    revocations: Arc<Revocations>,
}

impl RevocationSync {
    /// Reads all revocations, then starts the actor and its log reader.
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        revocations: Arc<Revocations>,
    ) -> Result<Self, StartError> {
        let sync = Self { store: stores.sessions.clone(), revocations };
        // Read before the revocations: one that is committed meanwhile is read twice, and none is missed.
        let head = *stores.log.head().borrow();
        sync.load(Timestamp::now()).await?;
        let state = sync.clone();
        let actor: Mailbox<Message> =
            supervisor.spawn("revocations", None, move || (CommandActor::new(), state.clone())).await?;
        supervisor.spawn_background(reader::follow(stores.log.clone(), head, move |batch| {
            let actor = actor.clone();
            let position = batch.last().map_or(head, |event| event.position);
            async move { actor.ask(|reply| Message::Apply { batch, reply }).await.map(|()| position) }
        }));
        Ok(sync)
    }

    /// Reads all revocations whose tokens have not all expired: at the start, and hourly, because those of pruned
    /// sessions have no event.
    pub(super) async fn load(&self, now: Timestamp) -> StoreResult<()> {
        let sessions = self.store.revoked(now).await?;
        let members = self.store.not_before(now).await?;
        self.revocations.add_stored(StoredRevocations { sessions, members });
        Ok(())
    }

    /// Reads the revocations that these events announce.
    async fn apply(&self, batch: &[Event]) -> Result<(), Error> {
        let mut announced = batch.iter().filter(|event| event.fact.kind.revokes_tokens()).map(|event| event.position);
        let Some(first) = announced.next() else { return Ok(()) };
        let last = announced.next_back().unwrap_or(first);
        let stored = self.store.revocations_between(Position(first.0 - 1), last).await?;
        self.revocations.add_stored(stored);
        Ok(())
    }
}

impl Command for Message {
    type State = RevocationSync;

    /// Awaits the store; only the log reader waits for it.
    async fn run(self, sync: &RevocationSync, _permit: Permit) {
        let Self::Apply { batch, reply } = self;
        // A caller that timed out has dropped its port, so a failed send is ignored.
        let _ = reply.send(sync.apply(&batch).await);
    }
}
