//! Search: follows the event log into an index, and answers what was asked from it as the viewer may see it.
mod actor;
mod build;
mod changes;
mod find;
mod marks;
mod shared;

pub use build::{Built, build_offline};
pub use find::{Author, CommentSearch, PostSearch};
pub use marks::{Found, Highlights};

use super::{
    Error, Reply, StartError, Supervisor,
    content::Content,
    lanes::{Lane, Width},
    mailbox::Mailbox,
    reader,
    timeline::Timeline,
};
use crate::{
    config::Config,
    domain::{Event, Position, Refusal, cursor::StreamCursor},
    storage::{IndexMark, SearchIndex, Stores},
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
    timeline: Timeline,
    content: Content,
    lane: Lane,
    supervisor: Supervisor,
}

impl Search {
    /// Opens the live index, or has one built beside everything else: the start does not wait for it.
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        timeline: Timeline,
        content: Content,
        config: &Config,
    ) -> Result<Self, StartError> {
        let head = *stores.log.head().borrow();
        let live = usable(stores, head).await?;
        let (index, from, missing) = match live {
            Some((index, mark)) => (index, mark.position, false),
            None => (stores.search.begin(stores.log.epoch()).await?, head, true),
        };
        build::sweep(&*stores.search).await;
        let shared = Arc::new(Shared::new(stores, index.clone(), config));
        let state = shared.clone();
        let mailbox = supervisor.raise("search", None, move || (actor::SearchActor, state.clone())).await?;
        let reader: Mailbox<Message> = mailbox.clone();
        supervisor.beside(reader::follow(stores.log.clone(), from, move |batch| {
            let reader = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        supervisor.beside(clock(shared.clone(), mailbox.clone()));
        // Taken here, so that from the beginning nobody sees an index that is not being built.
        if let Some(turn) = shared.building.clone().try_acquire_owned().ok().filter(|_| missing) {
            supervisor.beside(build::build_first(shared.clone(), mailbox.clone(), index, turn));
        }
        let lane = Lane::new("search", Width::of_cores());
        Ok(Self { shared, mailbox, timeline, content, lane, supervisor: supervisor.clone() })
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
        let waiting = covered.wait_for(|covered| *covered >= token.position);
        Ok(matches!(tokio::time::timeout(BEHIND_MAX, waiting).await, Ok(Ok(_))))
    }

    /// Begins to build a new index beside the live one, which it replaces in the end; false where one is being built
    /// already.
    pub fn reindex(&self) -> bool {
        let Ok(turn) = self.shared.building.clone().try_acquire_owned() else { return false };
        let (shared, mailbox) = (self.shared.clone(), self.mailbox.clone());
        self.supervisor.beside(async move {
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
            documents: self.shared.index().documents(),
            position,
            lag_events: self.shared.log.head().borrow().0.saturating_sub(position.0),
            building: building.then(|| self.shared.built.load(Ordering::Relaxed)),
            built: builds.done,
            failed: builds.failed,
            error: builds.error,
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

/// The live index, where it fits the log.
async fn usable(stores: &Stores, head: Position) -> Result<Option<(Arc<dyn SearchIndex>, IndexMark)>, StartError> {
    let Some(index) = stores.search.live().await? else { return Ok(None) };
    let mark = index.mark();
    let pruned = stores.log.pruned_to().await?;
    let why = if mark.epoch != stores.log.epoch() || mark.position > head {
        "it is of another log"
    } else if mark.position < pruned {
        "the log does not go back to it"
    } else if !mark.complete {
        "it was not finished"
    } else {
        return Ok(Some((index, mark)));
    };
    tracing::warn!(why, position = mark.position.0, "the search index cannot be used");
    Ok(None)
}

/// Has the actor commit a while after the first change that came in.
async fn clock(shared: Arc<Shared>, mailbox: Mailbox<Message>) {
    let mut waiting = shared.waiting_since.subscribe();
    loop {
        let since = match waiting.wait_for(Option::is_some).await {
            Ok(since) => *since,
            // The state is held here, so its sender is not gone.
            Err(_) => return,
        };
        let Some(since) = since else { continue };
        tokio::time::sleep_until((since + shared.commit_interval).into()).await;
        if *waiting.borrow() != Some(since) {
            continue;
        }
        if let Err(error) = mailbox.ask(|reply| Message::Commit { reply }).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the search index was not committed");
            // The actor is busy or beginning anew.
            tokio::time::sleep(shared.commit_interval).await;
        }
    }
}

fn build_failed(shared: &Shared, error: &Error) {
    tracing::error!(error = error as &dyn std::error::Error, "the search index could not be built");
    shared.builds.send_modify(|builds| {
        builds.failed += 1;
        builds.error = Some(error.to_string());
    });
}
