//! A bounded mailbox in front of one actor, which stays valid when the actor restarts.
//!
//! ractor leaves three things open, and [`Mailbox`] closes them: a ractor mailbox has no limit, a call that timed out
//! is still carried out, and an `ActorRef` goes stale when its actor restarts.
use super::{
    error::{Error, Reply},
    system::ActorStats,
};
use ractor::{ActorRef, rpc::CallResult};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limits of one mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Messages that wait for the actor or are being handled; one more is refused with `Busy` at once.
    pub(super) queue_max: usize,
    /// After this time the caller gets `Late`, and the actor drops the message if it has not taken it yet.
    pub(super) answer_timeout: Duration,
}

/// Sends messages to one actor, across its restarts. Cheap to clone.
pub(super) struct Mailbox<M: Send + 'static> {
    bounds: Bounds,
    stats: Arc<ActorStats>,
    permits: Arc<Semaphore>,
    /// The present incarnation of the actor; `None` before its first start.
    actor: Arc<RwLock<Option<ActorRef<Envelope<M>>>>>,
}

impl<M: Send + 'static> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self {
            bounds: self.bounds,
            stats: self.stats.clone(),
            permits: self.permits.clone(),
            actor: self.actor.clone(),
        }
    }
}

/// A message with its permit and its expiry.
pub(super) struct Envelope<M> {
    message: M,
    expires: Option<Instant>,
    permit: Permit,
}

/// One of the `queue_max` permits of a mailbox. Released when the message has been handled, or when its actor ends.
pub(super) struct Permit {
    stats: Arc<ActorStats>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.stats.message_handled();
    }
}

impl<M> Envelope<M> {
    /// Returns the message and its permit; `None` for an expired message, whose caller has stopped waiting.
    pub(super) fn open(self) -> Option<(M, Permit)> {
        let expired = self.expires.is_some_and(|expires| Instant::now() >= expires);
        if expired { None } else { Some((self.message, self.permit)) }
    }
}

impl<M: Send + 'static> Mailbox<M> {
    /// Creates a mailbox without an actor: it answers `Restarting` until [`Mailbox::connect`].
    pub(super) fn new(bounds: Bounds, stats: Arc<ActorStats>) -> Self {
        let permits = Arc::new(Semaphore::new(bounds.queue_max));
        Self { bounds, stats, permits, actor: Arc::default() }
    }

    /// Delivers to this incarnation of the actor from now on.
    pub(super) fn connect(&self, actor: ActorRef<Envelope<M>>) {
        *self.actor.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Sends a message and waits for its answer. Refuses `Busy`, `Late`, `Restarting`, and what the actor refuses.
    pub(super) async fn ask<T: Send + 'static>(&self, message: impl FnOnce(Reply<T>) -> M) -> Result<T, Error> {
        let name = self.stats.name();
        let permit = self.acquire()?;
        let timeout = self.bounds.answer_timeout;
        let expires = Some(Instant::now() + timeout);
        let envelope = |reply| Envelope { message: message(reply), expires, permit };
        match self.actor()?.call(envelope, Some(timeout)).await {
            Ok(CallResult::Success(answer)) => answer,
            Ok(CallResult::Timeout) => Err(Error::Late(name)),
            Ok(CallResult::SenderError) | Err(_) => Err(Error::Restarting(name)),
        }
    }

    /// Sends a message without waiting for an answer; it does not expire. Refuses `Busy`, `Restarting`.
    pub(super) fn tell(&self, message: M) -> Result<(), Error> {
        let envelope = Envelope { message, expires: None, permit: self.acquire()? };
        self.actor()?.cast(envelope).map_err(|_| Error::Restarting(self.stats.name()))
    }

    fn acquire(&self) -> Result<Permit, Error> {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            return Err(Error::Busy(self.stats.name()));
        };
        self.stats.message_queued();
        Ok(Permit { stats: self.stats.clone(), _permit: permit })
    }

    fn actor(&self) -> Result<ActorRef<Envelope<M>>, Error> {
        let actor = self.actor.read().unwrap_or_else(PoisonError::into_inner).clone();
        actor.ok_or(Error::Restarting(self.stats.name()))
    }
}
