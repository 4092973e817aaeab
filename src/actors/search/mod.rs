//! `Search`: the handle of the search for posts, comments and members.
//!
//! `actor.rs` follows the event log and keeps an index up to date (`progress.rs` has a picture of that); a search
//! (`find.rs`, `scan.rs`) reads the last commit of that index without the actor, and drops hits that are hidden.
mod actor;
mod build;
mod find;
mod highlights;
mod index_changes;
mod open_index;
mod progress;
mod scan;
mod shared;

pub use build::{BuildReport, build_offline};
pub use find::{Author, CommentSearch, PostSearch};
pub use highlights::{Found, Highlights};

use super::{
    content::Content,
    error::{Error, Reply},
    lanes::{Lane, LaneLimits},
    mailbox::Mailbox,
    reader,
    supervisor::Supervisor,
    visibility::Visibility,
    wait_until::wait_until,
};
use crate::{
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

/// The longest time that a search waits until its caller's write is searchable.
const SEARCHABLE_WAIT_MAX: Duration = Duration::from_secs(2);

/// The messages of the search actor.
pub(super) enum Message {
    /// Applies a batch of events. Replies with the position to continue after.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Commits the pending changes.
    Commit { reply: Reply<()> },
    /// Makes a built index the live one; `position` is the last event in it. The reply has a channel of its own,
    /// because a switch can take longer than the answer timeout.
    SwitchIndex { index: Arc<dyn SearchIndex>, position: Position, done: oneshot::Sender<Result<(), Error>> },
    /// A search found the index damaged: the actor fails, and its next incarnation begins another index.
    ReportDamage,
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// The state of search, for the operator.
#[derive(Debug, Clone)]
pub struct SearchStatus {
    /// Documents that searches find.
    pub documents: u64,
    /// A search finds the changes of every event up to here.
    pub searchable_to: Position,
    /// Events after `searchable_to`.
    pub lag_events: u64,
    /// Documents that the running build has written; `None` if no build runs.
    pub build_documents: Option<u64>,
    /// Successful builds since the process started.
    pub builds_done: u64,
    /// Failed builds since the process started.
    pub builds_failed: u64,
    /// The error of the last failed build.
    pub last_error: Option<String>,
}

/// Handle of search. Searches skip the mailbox, as they need no order.
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
    /// Starts the actor, its log reader, its commit clock and the builder. Does not wait for a first index to be built.
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        visibility: Visibility,
        content: Content,
        config: &Config,
    ) -> Self {
        let (shared, first_builds) = Shared::new(stores, supervisor.add_part("search"), config);
        let shared = Arc::new(shared);
        let state = shared.clone();
        let mailbox = supervisor.spawn_part(&shared.part, None, move || (actor::SearchActor, state.clone())).await;
        let actor: Mailbox<Message> = mailbox.clone();
        // The actor's first reply is the position to continue after.
        let head = *stores.log.head().borrow();
        let deliver = move |batch| {
            let actor = actor.clone();
            async move { actor.ask(|reply| Message::Apply { batch, reply }).await }
        };
        supervisor.spawn_background(reader::follow_for_part(
            stores.log.clone(),
            head,
            shared.rewind_reader.clone(),
            deliver,
        ));
        supervisor.spawn_background(commit_clock(shared.clone(), mailbox.clone()));
        supervisor.spawn_background(build::run_first_builds(shared.clone(), mailbox.clone(), first_builds));
        let lane = Lane::new("search", LaneLimits::one_per_core());
        Self { shared, mailbox, visibility, content, lane, supervisor: supervisor.clone() }
    }

    /// Waits until searches find everything up to a write, for `SEARCHABLE_WAIT_MAX` at most. Returns false if they
    /// do not yet. `token` is the `X-Write-Token` of the write. Refuses `CursorInvalid` for a malformed token, and for
    /// one of another epoch or of a position that no process has given out.
    pub async fn wait_until_searchable(&self, token: &str) -> Result<bool, Error> {
        let token = StreamCursor::decode(token)?;
        if token.epoch != self.shared.log.epoch() {
            return Err(Refusal::CursorInvalid.into());
        }
        match self.visibility.reach(token.position).await {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::CursorInvalid.into()),
            Err(Error::Late(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut searchable_to = self.shared.progress.watch_searchable();
        if *searchable_to.borrow() >= token.position {
            return Ok(true);
        }
        self.shared.progress.request_commit_at(token.position);
        // Commits the changes that are applied already. A full mailbox holds a `Commit` of another caller, and the
        // commit clock sends one in any case. The reply is not needed: `searchable_to` is watched.
        let (reply, _) = ractor::concurrency::oneshot();
        let _ = self.mailbox.tell(Message::Commit { reply: reply.into() });
        let waiting = wait_until(&mut searchable_to, |searchable_to| *searchable_to >= token.position);
        Ok(matches!(tokio::time::timeout(SEARCHABLE_WAIT_MAX, waiting).await, Ok(Ok(_))))
    }

    /// Starts to build a new index, which replaces the live one when it is complete. Returns false if an index is being
    /// built already.
    pub fn reindex(&self) -> bool {
        let Some(permit) = self.shared.try_build_permit() else { return false };
        let (shared, mailbox) = (self.shared.clone(), self.mailbox.clone());
        self.supervisor.spawn_background(async move {
            let _permit = permit;
            match build::reindex(&shared, &mailbox).await {
                Ok(_) => shared.build_succeeded(),
                Err(error) => shared.build_failed(&error),
            }
        });
        true
    }

    /// Returns the state of search.
    pub fn status(&self) -> SearchStatus {
        // Read in this order, a build that ends between the two is in the count.
        let is_building = self.shared.is_building();
        let stats = self.shared.build_stats();
        let searchable_to = self.shared.progress.searchable_to();
        SearchStatus {
            documents: self.shared.open_index().map_or(0, |index| index.documents()),
            searchable_to,
            lag_events: self.shared.log.head().borrow().0.saturating_sub(searchable_to.0),
            build_documents: is_building.then(|| self.shared.build_documents.load(Ordering::Relaxed)),
            builds_done: stats.done,
            builds_failed: stats.failed,
            last_error: stats.last_error,
        }
    }

    /// Has the actor replace an index on which a search failed, if the index is damaged.
    fn report_damage(&self, index: &dyn SearchIndex) {
        if index.is_damaged() {
            // If the mailbox is full, the next search reports the damage again.
            let _ = self.mailbox.tell(Message::ReportDamage);
        }
    }

    /// Returns the position up to which search needs no events any more.
    pub(super) fn position(&self) -> Position {
        self.shared.progress.durable_to()
    }

    /// Makes the actor panic.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }
}

/// Asks the actor for a commit `commit_interval` after the first pending change. Runs until the process ends.
async fn commit_clock(shared: Arc<Shared>, mailbox: Mailbox<Message>) {
    let mut pending_since = shared.progress.watch_pending();
    loop {
        // Fails only without a sender, and `shared` holds it.
        let Ok(since) = wait_until(&mut pending_since, Option::is_some).await else { return };
        let Some(since) = since else { continue };
        tokio::time::sleep_until((since + shared.commit_interval).into()).await;
        if *pending_since.borrow() != Some(since) {
            continue;
        }
        if let Err(error) = mailbox.ask(|reply| Message::Commit { reply }).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot commit the search index");
            // The actor is busy or restarting.
            tokio::time::sleep(shared.commit_interval).await;
        }
    }
}
