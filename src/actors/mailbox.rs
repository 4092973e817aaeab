//! A bounded, restart-proof door to one actor.
//!
//! A ractor mailbox has no limit, a call that times out is still carried out, and an
//! `ActorRef` goes stale when its actor restarts. This module is where all three stop.
use super::{Error, Reply, system::Gauges};
use ractor::{ActorRef, rpc::CallResult};
use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one mailbox holds, and how long anyone waits for an answer from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Messages that may wait for one actor; one more is answered `Busy` at once.
    pub(super) queue_max: usize,
    /// After this the caller gets `Late`; a message not begun by then is dropped.
    pub(super) patience: Duration,
}

/// The door to one actor, whichever life it is in.
pub(super) struct Mailbox<M: Send + 'static> {
    bounds: Bounds,
    gauges: Arc<Gauges>,
    permits: Arc<Semaphore>,
    /// None until its first life has begun.
    actor: Arc<RwLock<Option<ActorRef<Envelope<M>>>>>,
}

impl<M: Send + 'static> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self {
            bounds: self.bounds,
            gauges: self.gauges.clone(),
            permits: self.permits.clone(),
            actor: self.actor.clone(),
        }
    }
}

/// A message, the permit it holds until it has been handled, and the time it stops mattering.
pub(super) struct Envelope<M> {
    message: M,
    expires: Option<Instant>,
    permit: Permit,
}

/// One of the mailbox's permits. Dropped when the message has been handled, or with its actor.
pub(super) struct Permit {
    gauges: Arc<Gauges>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gauges.message_handled();
    }
}

impl<M> Envelope<M> {
    /// Opens the envelope, or drops it where nobody waits for the answer any more.
    pub(super) fn open(self) -> Option<(M, Permit)> {
        let in_time = self.expires.is_none_or(|expires| Instant::now() < expires);
        in_time.then_some((self.message, self.permit))
    }
}

/// Begins a command now and answers when it is done, without making the messages behind it wait.
///
/// The first poll is what hands a command to its store, so commands reach the store in the order of the mailbox; the
/// store groups what it was handed into commits. The permit is held until the answer, so what is under way is bounded
/// as what waits is.
pub(super) async fn submit_then_reply<T: Send + 'static>(
    permit: Permit,
    reply: Reply<T>,
    command: impl Future<Output = Result<T, Error>> + Send + 'static,
) {
    let mut command = Box::pin(command);
    if let Poll::Ready(answer) = futures::poll!(&mut command) {
        // The caller may be gone, so an answer that cannot be sent is no failure.
        let _ = reply.send(answer);
        return;
    }
    tokio::spawn(async move {
        let _ = reply.send(command.await);
        drop(permit);
    });
}

impl<M: Send + 'static> Mailbox<M> {
    /// A door that nobody is behind yet.
    pub(super) fn new(bounds: Bounds, gauges: Arc<Gauges>) -> Self {
        let permits = Arc::new(Semaphore::new(bounds.queue_max));
        Self { bounds, gauges, permits, actor: Arc::default() }
    }

    /// Points the door at the actor's next life.
    pub(super) fn replace(&self, actor: ActorRef<Envelope<M>>) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Asks, and waits for the answer; refuses at once where the mailbox is full.
    pub(super) async fn ask<T: Send + 'static>(&self, message: impl FnOnce(Reply<T>) -> M) -> Result<T, Error> {
        let name = self.gauges.name();
        let permit = self.acquire()?;
        let expires = Some(Instant::now() + self.bounds.patience);
        let envelope = |reply| Envelope { message: message(reply), expires, permit };
        match self.actor()?.call(envelope, Some(self.bounds.patience)).await {
            Ok(CallResult::Success(answer)) => answer,
            Ok(CallResult::Timeout) => Err(Error::Late(name)),
            Ok(CallResult::SenderError) | Err(_) => Err(Error::Restarting(name)),
        }
    }

    /// Leaves a message and does not wait; refuses at once where the mailbox is full.
    pub(super) fn tell(&self, message: M) -> Result<(), Error> {
        let envelope = Envelope { message, expires: None, permit: self.acquire()? };
        self.actor()?.cast(envelope).map_err(|_| Error::Restarting(self.gauges.name()))
    }

    fn acquire(&self) -> Result<Permit, Error> {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            return Err(Error::Busy(self.gauges.name()));
        };
        self.gauges.message_queued();
        Ok(Permit { gauges: self.gauges.clone(), _permit: permit })
    }

    fn actor(&self) -> Result<ActorRef<Envelope<M>>, Error> {
        let actor = self.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
        actor.ok_or(Error::Restarting(self.gauges.name()))
    }
}
