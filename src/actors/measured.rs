//! What the benchmarks in `benches/` reach of this layer's inside. Nobody else should: it changes without notice.
pub use super::{
    feeds::bench_api::{Merge, hydrate},
    ranking::bench_api::Ranks,
};

use super::{
    Bounds, Error, Reply, StartError, Supervisor, System,
    mailbox::{Envelope, Mailbox},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::time::Duration;

/// An actor that answers with what it is told, behind the same door as every other.
pub struct Echo {
    mailbox: Mailbox<(u64, Reply<u64>)>,
    _supervisor: Supervisor,
}

impl Echo {
    /// Starts it under a supervisor of its own.
    pub async fn start() -> Result<Self, StartError> {
        let bounds = Bounds { queue_max: 1_024, patience: Duration::from_secs(2) };
        let supervisor = Supervisor::start(System::default(), bounds).await?;
        let mailbox = supervisor.spawn("echo", None, || (EchoActor, ())).await?;
        Ok(Self { mailbox, _supervisor: supervisor })
    }

    /// One message there and its answer back.
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
        if let Some(((number, reply), _place)) = envelope.open() {
            // The caller may be gone, so an answer that cannot be sent is no failure.
            let _ = reply.send(Ok(number));
        }
        Ok(())
    }
}
