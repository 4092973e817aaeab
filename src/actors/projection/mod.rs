//! The projection: follows the event log and applies each batch to the rooms that answer reads.
//!
//! Depends on all of them (catalog <- visibility <- feeds, notifications <- streams <- projection). Operators see its
//! actor and its metrics as `timeline`.
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

/// Message to the projection's actor.
pub(super) enum Message {
    /// Applies a batch of events, and answers with the position to continue from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// Handle of the projection. Cheap to clone. Reads go to the rooms and skip the mailbox: they need no order.
#[derive(Clone)]
pub(super) struct Projection {
    state: Arc<State>,
    #[cfg(test)]
    mailbox: Mailbox<Message>,
}

impl Projection {
    /// Makes the rooms, starts the actor, which fills them from the database, and has it follow the log.
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(supervisor: &Supervisor, stores: &Stores, config: &Config) -> Result<Self, StartError> {
        let (applied, positions) = watch::channel(Position(0));
        let state = Arc::new(State::new(stores, Rooms::new(stores, config, positions), applied));
        let of_actor = state.clone();
        let mailbox = supervisor.spawn("timeline", None, move || (actor::ProjectionActor, of_actor.clone())).await?;
        let reader = mailbox.clone();
        supervisor.spawn_background(reader::follow(stores.log.clone(), state.position(), move |batch| {
            let reader: Mailbox<Message> = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
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

    /// Returns the position up to which events are applied. Of earlier events only resumed streams have need.
    pub(super) fn position(&self) -> Position {
        self.state.position()
    }

    /// Makes the actor fail.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), super::Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }
}
