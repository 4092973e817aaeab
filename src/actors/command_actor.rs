//! The actor behind every slot of every domain, and behind actors that only work on one message after the other: one
//! generic loop over their typed commands.
use super::{
    error::{Error, Reply},
    mailbox::{Envelope, Permit},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{future::Future, marker::PhantomData, task::Poll};

/// The commands of one domain: an enum with one variant for each command and the port for its reply.
pub(super) trait Command: Send + 'static {
    /// The stores or rooms that the commands need. Each incarnation of each actor begins with a clone.
    type State: Clone + Send + Sync + 'static;

    /// Submits the command to its store and sends its reply when the store has answered; see [`submit_then_reply`].
    ///
    /// The next command waits until this future ends, so a command of a slot must not await a commit. An actor that
    /// works on one message at a time awaits its work here. The future has no error: a failed command is a reply.
    fn run(self, state: &Self::State, permit: Permit) -> impl Future<Output = ()> + Send;
}

/// Submits a command now and replies when it is done, without delaying the messages behind it.
///
/// One poll submits the command to its store, so the order of the mailbox is the order of the store, which groups
/// submitted commands into commits (`docs/adr/0008`). A spawned task awaits the rest and holds the permit until the
/// reply, so `queue_max` bounds waiting and running commands together.
pub(super) async fn submit_then_reply<T: Send + 'static>(
    permit: Permit,
    reply: Reply<T>,
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) {
    let mut command = Box::pin(command);
    if let Poll::Ready(answer) = futures::poll!(&mut command) {
        // Sending fails only when the caller has stopped waiting.
        let _ = reply.send(answer);
        return;
    }
    tokio::spawn(async move {
        let _ = reply.send(command.await);
        drop(permit);
    });
}

/// Carries out the commands of one mailbox in its order: those of one slot of one domain, or of an actor without slots.
///
/// A slot owns:
///
/// - **The order of a member's commands.** The commands of a member meet in one mailbox per domain, and each one is
///   submitted to its store before the next one is taken out. So a store accepts a member's commands in mailbox order,
///   even if one commit groups several of them (`docs/adr/0008`).
/// - **The bound on commands.** A command holds its [`Permit`] until its reply is sent. The permits of a mailbox
///   therefore bound both the commands that wait and those that run.
/// - **By design, per-member state that can be lost**, because it only saves work: idempotency keys of running commands
///   and stream tickets. No such state lives here yet: a receipt is stored in the commit of its command, and tickets
///   are kept in `sessions/tickets.rs`. It belongs here once the members are spread over several processes.
///
/// A slot does not own any state that correctness depends on. The database decides uniqueness, counters, permissions,
/// receipts and preconditions inside the commit, so a restart of a slot's actor breaks no rule. One rule depends on the
/// order of the commands: `sessions/commands.rs` assigns session ids in this order, and ending all sessions revokes
/// every smaller id. A slot must therefore have one actor at a time.
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
