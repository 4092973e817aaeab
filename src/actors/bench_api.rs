//! The private code of the actors that the benchmarks in `benches/` use. Not an API: it may change in any version.
pub use super::{
    feeds::bench_api::{Merge, hydrate},
    ranking::bench_api::Ranks,
};

use super::{
    error::{Error, Reply, StartError},
    mailbox::{Bounds, Envelope, Mailbox},
    supervisor::Supervisor,
    system::System,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::time::Duration;

/// An actor that answers each number with the same number, behind the mailbox and supervisor of every other actor.
pub struct Echo {
    mailbox: Mailbox<(u64, Reply<u64>)>,
    _supervisor: Supervisor,
}

impl Echo {
    /// Starts the actor under a supervisor of its own.
    pub async fn start() -> Result<Self, StartError> {
        let bounds = Bounds { queue_max: 1_024, answer_timeout: Duration::from_secs(2) };
        let supervisor = Supervisor::start(System::default(), bounds).await?;
        let mailbox = supervisor.spawn("echo", None, || (EchoActor, ())).await?;
        Ok(Self { mailbox, _supervisor: supervisor })
    }

    /// Sends one message and waits for its answer.
    pub async fn ask(&self, number: u64) -> Result<u64, Error> {
        self.mailbox.ask(|reply| (number, reply)).await
    }
}

struct EchoActor;

impl Actor for EchoActor {
    type Msg = Envelope<(u64, Reply<u64>)>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Self::Msg>, envelope: Self::Msg, (): &mut ()) -> Result<(), ActorProcessingErr> {
        if let Some(((number, reply), _permit)) = envelope.open() {
            // Sending fails only when the caller has stopped waiting.
            let _ = reply.send(Ok(number));
        }
        Ok(())
    }
}
