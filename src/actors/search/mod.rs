//! Search: follows the event log into an index, and answers what was asked from it as the viewer may see it.
mod actor;
mod build;
mod changes;
mod find;
mod marks;
mod opening;
mod shared;

pub use build::{Built, build_offline};
pub use find::{Author, CommentSearch, PostSearch};
pub use marks::{Found, Highlights};

use super::{
    Error, Reply, Supervisor,
    content::Content,
    lanes::{Lane, LaneLimits},
    mailbox::Mailbox,
    reader,
    visibility::Visibility,
    wait_until::wait_until,
};
use crate::{
    causes::in_full,
    config::Config,
    domain::{Event, Position, Refusal, cursor::StreamCursor},
    storage::{SearchIndex, Stores},
};
use shared::Shared;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::oneshot;

/// How long a search waits for the index to have what its caller wrote.
const BEHIND_MAX: Duration = Duration::from_secs(2);

/// What the search actor can be told.
pub(super) enum Message {
    /// Takes in a batch of events, and answers with the position to go on from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Commits what has been taken in.
    Commit { reply: Reply<()> },
    /// Lets an index take over that is complete up to that position.
    Adopt { index: Arc<dyn SearchIndex>, position: Position, done: oneshot::Sender<Result<(), Error>> },
    /// A search has found the index damaged: this life of the actor ends, and the next one begins another index.
    Damaged,
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// Where search stands, for the operator.
#[derive(Debug, Clone)]
pub struct SearchStatus {
    /// What can be found.
    pub documents: u64,
    /// Every event up to here can be found.
    pub position: Position,
    /// Events that cannot be found yet.
    pub lag_events: u64,
    /// Documents of the index that is being built, where one is.
    pub building: Option<u64>,
    /// Indexes that were built since the process began.
    pub built: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Why the last of them did.
    pub error: Option<String>,
}

/// Search, from outside. Searches skip the mailbox: they need no order.
#[derive(Clone)]
pub struct Search {
    shared: Arc<Shared>,
    mailbox: Mailbox<Message>,
    visibility: Visibility,
    content: Content,
    lane: Lane,
    supervisor: Supervisor,
}

impl Search {
    /// Starts the actor, which opens the live index or has one built beside everything else: the start does not wait for it.
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        visibility: Visibility,
        content: Content,
        config: &Config,
    ) -> Self {
        let (shared, begun) = Shared::new(stores, supervisor.part("search"), config);
        let shared = Arc::new(shared);
        let state = shared.clone();
        let mailbox = supervisor.spawn_part(&shared.part, None, move || (actor::SearchActor, state.clone())).await;
        let reader: Mailbox<Message> = mailbox.clone();
        // The first answer says where this reader has to go on.
        let head = *stores.log.head().borrow();
        let deliver = move |batch| {
            let reader = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
        };
        supervisor.spawn_background(reader::follow_for_part(stores.log.clone(), head, shared.anew.clone(), deliver));
        supervisor.spawn_background(clock(shared.clone(), mailbox.clone()));
        supervisor.spawn_background(build::build_begun(shared.clone(), mailbox.clone(), begun));
        let lane = Lane::new("search", LaneLimits::of_cores());
        Self { shared, mailbox, visibility, content, lane, supervisor: supervisor.clone() }
    }

    /// Waits until everything up to a write can be found, two seconds at most; answers whether it can. Refuses
    /// `CursorInvalid` for a token that is none, or of another life of the log.
    pub async fn covers(&self, token: &str) -> Result<bool, Error> {
        let token = StreamCursor::decode(token)?;
        if token.epoch != self.shared.log.epoch() || token.position > *self.shared.log.head().borrow() {
            return Err(Refusal::CursorInvalid.into());
        }
        let mut covered = self.shared.covered.subscribe();
        if *covered.borrow() >= token.position {
            return Ok(true);
        }
        self.shared.wants(token.position);
        // A full mailbox holds one already, and the clock commits in any case.
        let (reply, _) = ractor::concurrency::oneshot();
        let _ = self.mailbox.tell(Message::Commit { reply: reply.into() });
        let waiting = wait_until(&mut covered, |covered| *covered >= token.position);
        Ok(matches!(tokio::time::timeout(BEHIND_MAX, waiting).await, Ok(Ok(_))))
    }

    /// Begins to build a new index beside the live one, which it replaces in the end; false where one is being built
    /// already.
    pub fn reindex(&self) -> bool {
        let Ok(turn) = self.shared.building.clone().try_acquire_owned() else { return false };
        let (shared, mailbox) = (self.shared.clone(), self.mailbox.clone());
        self.supervisor.spawn_background(async move {
            let _turn = turn;
            match build::build(&shared, &mailbox, None).await {
                Ok(_) => shared.builds.send_modify(|builds| builds.done += 1),
                Err(error) => build_failed(&shared, &error),
            }
        });
        true
    }

    /// Where search stands.
    pub fn status(&self) -> SearchStatus {
        // In this order: what is built between the two is counted.
        let building = self.shared.building.available_permits() == 0;
        let builds = self.shared.builds.borrow().clone();
        let position = *self.shared.covered.borrow();
        SearchStatus {
            documents: self.shared.held().map_or(0, |index| index.documents()),
            position,
            lag_events: self.shared.log.head().borrow().0.saturating_sub(position.0),
            building: building.then(|| self.shared.built.load(Ordering::Relaxed)),
            built: builds.done,
            failed: builds.failed,
            error: builds.error,
        }
    }

    /// Has an index that a search could not read replaced, where that is its own fault.
    fn damage(&self, index: &dyn SearchIndex) {
        if index.is_damaged() {
            // A full mailbox: the next search tells again.
            let _ = self.mailbox.tell(Message::Damaged);
        }
    }

    /// Events up to here are in an index that survives the process: search needs them no more.
    pub(super) fn position(&self) -> Position {
        self.shared.durable()
    }

    /// Makes the actor fail.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }
}

/// Has the actor commit a while after the first change that came in.
async fn clock(shared: Arc<Shared>, mailbox: Mailbox<Message>) {
    let mut waiting = shared.waiting_since.subscribe();
    loop {
        // The state is held here, so its sender is not gone.
        let Ok(since) = wait_until(&mut waiting, Option::is_some).await else { return };
        let Some(since) = since else { continue };
        tokio::time::sleep_until((since + shared.commit_interval).into()).await;
        if *waiting.borrow() != Some(since) {
            continue;
        }
        if let Err(error) = mailbox.ask(|reply| Message::Commit { reply }).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot commit the search index");
            // The actor is busy or beginning anew.
            tokio::time::sleep(shared.commit_interval).await;
        }
    }
}

fn build_failed(shared: &Shared, error: &Error) {
    tracing::error!(error = error as &dyn std::error::Error, "cannot build the search index");
    shared.builds.send_modify(|builds| {
        builds.failed += 1;
        builds.error = Some(in_full(error));
    });
}
