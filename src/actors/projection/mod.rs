//! The projection: follows the event log and applies each batch to the rooms (catalog, visibility, feeds, streams),
//! which answer reads.
//!
//! Depends on all of them (catalog <- visibility <- feeds, notifications <- streams <- projection). Operators see its
//! actor as `timeline`.
mod actor;
mod rooms;
mod state;

pub(super) use rooms::Rooms;

use super::{
    error::{Reply, StartError},
    mailbox::Mailbox,
    reader,
    supervisor::Supervisor,
};
use crate::{
    config::Config,
    domain::{Event, Position},
    storage::Stores,
};
use state::State;
use std::sync::Arc;
use tokio::sync::watch;

/// The messages of the projection's actor.
pub(super) enum Message {
    /// Applies a batch of events, and answers with the position to continue from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    #[cfg(test)]
    Crash { reply: Reply<()> },
    /// Replies, then stands still until `until` is sent or dropped.
    #[cfg(test)]
    Stall { until: tokio::sync::oneshot::Receiver<()>, reply: Reply<()> },
}

/// Handle of the projection. Cheap to clone. Reads go to the rooms and skip the mailbox: they need no order.
#[derive(Clone)]
pub(super) struct Projection {
    state: Arc<State>,
    #[cfg(test)]
    mailbox: Mailbox<Message>,
}

impl Projection {
    /// Makes the rooms and starts the actor, which fills them from the database; then a reader brings it the log.
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(supervisor: &Supervisor, stores: &Stores, config: &Config) -> Result<Self, StartError> {
        let (applied, positions) = watch::channel(Position(0));
        let state = Arc::new(State::new(stores, Rooms::new(stores, config, positions), applied));
        let actor_state = state.clone();
        let make = move || (actor::ProjectionActor, actor_state.clone());
        let mailbox = supervisor.spawn("timeline", None, make).await?;
        let actor = mailbox.clone();
        supervisor.spawn_background(reader::follow(stores.log.clone(), state.position(), move |batch| {
            let actor: Mailbox<Message> = actor.clone();
            async move { actor.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        Ok(Self {
            state,
            #[cfg(test)]
            mailbox,
        })
    }

    /// Returns the handles of the rooms.
    pub(super) fn rooms(&self) -> Rooms {
        self.state.rooms().clone()
    }

    /// Returns the position up to which events are applied. Only resumed streams need earlier events.
    pub(super) fn position(&self) -> Position {
        self.state.position()
    }

    /// Makes the actor panic.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), super::error::Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }

    /// Makes the actor stand still from now on.
    #[cfg(test)]
    pub(super) async fn stall(&self, until: tokio::sync::oneshot::Receiver<()>) -> Result<(), super::error::Error> {
        self.mailbox.ask(|reply| Message::Stall { until, reply }).await
    }
}
