//! The actor of every slot that carries out commands: one generic loop over a domain's typed command.
//!
//! What a slot owns, and what it does not:
//!
//! - **The order of a member's commands.** All commands of one member meet in one mailbox per domain, and each is
//!   submitted to its store before the next is taken out. So the store accepts a member's commands in mailbox order,
//!   and the order in which one commit groups them is the same (`docs/adr/0008`).
//! - **The bound.** A command holds its [`Permit`] from `ask` until its reply. The permits of a mailbox therefore bound
//!   both the commands that wait and those that are under way.
//! - **By design, per-member state that saves work** and may be lost with the process: idempotency keys under way,
//!   stream tickets. None of it is here yet: a receipt is stored in the commit of its command, and tickets live in
//!   `sessions/tickets.rs`. A slot is where they belong once members are spread over processes.
//! - **Not the correctness.** Uniqueness, counters, permissions, receipts and preconditions are decided by the database
//!   inside the commit. A slot that restarts, or two slots for one member during a handover, cannot break a rule.
use super::mailbox::{Envelope, Permit};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{future::Future, marker::PhantomData};

/// The commands of one domain: an enum with one variant for each command and the port for its reply.
pub(super) trait Command: Send + 'static {
    /// The stores that the commands need. Each incarnation of each slot's actor begins with a clone.
    type State: Clone + Send + Sync + 'static;

    /// Submits the command to its store and sees to its reply; see [`submit_then_reply`].
    ///
    /// The next command of the slot waits until this future ends, so it must not await a commit. It has no error: a
    /// failed command is a reply.
    ///
    /// [`submit_then_reply`]: super::mailbox::submit_then_reply
    fn run(self, state: &Self::State, permit: Permit) -> impl Future<Output = ()> + Send;
}

/// Runs the commands of one slot of one domain, in mailbox order.
pub(super) struct CommandActor<C>(PhantomData<fn(C)>);

impl<C> CommandActor<C> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Command> Actor for CommandActor<C> {
    type Msg = Envelope<C>;
    type State = C::State;
    type Arguments = C::State;

    async fn pre_start(&self, _: ActorRef<Self::Msg>, state: C::State) -> Result<C::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut C::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((command, permit)) = envelope.open() {
            command.run(state, permit).await;
        }
        Ok(())
    }
}
