//! `Activity`: the handle of activities, stored notifications, public events and dead letters.
//!
//! `actor.rs` follows the event log and fills the activity store, a database of its own; lists are read from there
//! without the actor, public events (`events.rs`, `stream.rs`) from the log itself.
mod actor;
mod dead_letters;
mod events;
mod stream;

pub use crate::storage::DeadLetter;
pub use dead_letters::Redriven;
pub use events::EventsPage;
pub use stream::{EventStream, EventStreamItem};

use super::{
    backoff::{Backoff, PART_MAX},
    error::{Error, Reply},
    health::{Fault, Part},
    lanes::{Lane, LaneLimits},
    lease::Lease,
    mailbox::Mailbox,
    page::{Page, page},
    reader,
    supervisor::Supervisor,
    visibility::Visibility,
    wait_until::wait_until,
};
use crate::{
    config::Config,
    domain::{
        Epoch, Event, EventKind, MemberId, Notification, Position, SOURCE_DEFAULT, Timestamp,
        cursor::{ListKind, decode_log_cursor, encode_log_cursor},
    },
    storage::{ActivityStore, CommentStore, EventLog, StoreError, StoreResult, Stores, Work},
};
use std::{sync::Arc, time::Duration};
use stream::OpenStreams;
use tokio::{
    sync::{Notify, watch},
    time::MissedTickBehavior,
};

/// The longest time that a read waits until the events committed before it are applied. After it, the read answers from
/// the rows that the store has; the lag metric shows that the log reader is behind.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Lag in events above which a read does not wait: the store is being rebuilt from the log.
const WAIT_LAG_MAX: u64 = 5_000;
/// Interval between two redrives of the dead letters that are due.
const REDRIVE_EVERY: Duration = Duration::from_secs(60);

/// The messages of the activity actor.
pub(super) enum Message {
    /// Applies a batch of events. Replies with the position to continue after.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Redrives the dead letters that are due.
    RedriveDue { reply: Reply<Redriven> },
}

/// The state that the actor and all clones of [`Activity`] share. It outlives an incarnation of the actor.
pub(super) struct Shared {
    store: Arc<dyn ActivityStore>,
    log: Arc<dyn EventLog>,
    comments: Arc<dyn CommentStore>,
    visibility: Visibility,
    /// The store has every event up to here.
    applied: watch::Sender<Position>,
    /// The `source` of CloudEvents.
    source: String,
    streams: OpenStreams,
    part: Part,
    /// Present while the store cannot be used.
    store_fault: Fault,
    /// The lease of the periodic redrive.
    redrive_lease: Lease,
    /// Wakes the log reader, so that it returns to the store's position.
    rewind_reader: Arc<Notify>,
    /// The lane of reads that take more than one step.
    lane: Lane,
}

/// Handle of activities, stored notifications, public events and dead letters. Reads skip the mailbox, as they need no
/// order.
#[derive(Clone)]
pub struct Activity {
    shared: Arc<Shared>,
}

impl Activity {
    /// Starts the actor, its log reader and its redrive timer. Does not fail if the store cannot be used: the part is
    /// down then.
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        visibility: Visibility,
        config: &Config,
    ) -> Self {
        let part = supervisor.add_part("activity");
        let public_url = config.http.public_url.clone();
        let shared = Arc::new(Shared {
            store: stores.activity.clone(),
            log: stores.log.clone(),
            comments: stores.comments.clone(),
            visibility,
            applied: watch::channel(Position(0)).0,
            source: if public_url.is_empty() { SOURCE_DEFAULT.to_owned() } else { public_url },
            streams: OpenStreams::new(config.stream.per_member_max),
            store_fault: part.new_fault(),
            redrive_lease: Lease::new(&stores.leases, Work::DeadLetters),
            rewind_reader: Arc::default(),
            part,
            lane: Lane::new("activity", LaneLimits::default()),
        });
        let state = shared.clone();
        let mailbox: Mailbox<Message> =
            supervisor.spawn_part(&shared.part, None, move || (actor::ActivityActor, state.clone())).await;
        // Awaited here, so that a working part is up when the server starts to listen.
        let stored = shared.load_position().await;
        supervisor.spawn_background(follow_log(shared.clone(), stored, mailbox.clone()));
        supervisor.spawn_background(redrive_periodically(mailbox));
        Self { shared }
    }

    /// Returns whether the part is up.
    pub(super) fn is_up(&self) -> bool {
        self.shared.part.is_up()
    }

    /// Returns the position up to which the store needs no events any more.
    pub(super) fn position(&self) -> Position {
        *self.shared.applied.borrow()
    }

    /// Returns the epoch of the log whose events the store has.
    pub(super) fn epoch(&self) -> Epoch {
        self.shared.log.epoch()
    }

    /// Removes expired rows, and returns their number.
    pub(super) async fn prune(&self, now: Timestamp) -> Result<u64, Error> {
        Ok(self.shared.store.prune(now).await?)
    }

    /// Returns a page of the member's activities, newest first, of all kinds or of one. Refuses `CursorInvalid`,
    /// `CursorExpired`, and `Down` while the part is.
    pub async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Event>, Error> {
        let scope = member.0 ^ u64::from(kind.map_or(0, EventKind::code)) << 56;
        let epoch = self.shared.log.epoch();
        let before = match cursor {
            Some(text) => Position(decode_log_cursor(text, ListKind::Activities, scope, epoch)?[0]),
            None => Position(u64::MAX),
        };
        self.wait_until_applied().await?;
        let activities = self.shared.store.activities(member, kind, before, limit + 1).await;
        let activities = self.shared.note_outcome(activities)?;
        let next = |last: &Event| encode_log_cursor(ListKind::Activities, scope, epoch, [last.position.0, 0]);
        Ok(page(activities, limit, next, |event| event))
    }

    /// Returns the stored notifications of `member` between the two positions, both excluded, newest first.
    pub(super) async fn stored_notifications(
        &self,
        member: MemberId,
        after: Position,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Notification>, Error> {
        self.shared.note_outcome(self.shared.store.notifications(member, after, before, limit).await)
    }

    /// Returns the lane of reads that take more than one step.
    pub(super) fn lane(&self) -> &Lane {
        &self.shared.lane
    }

    /// Waits until the store has the events committed before the call, for [`WAIT_MAX`] at most; does not wait if more
    /// than [`WAIT_LAG_MAX`] are missing. Refuses `Down`.
    pub(super) async fn wait_until_applied(&self) -> Result<(), Error> {
        self.shared.part.require_up()?;
        let head = *self.shared.log.head().borrow();
        let mut applied = self.shared.applied.subscribe();
        let behind = head.0.saturating_sub(applied.borrow_and_update().0);
        if behind > 0 && behind <= WAIT_LAG_MAX {
            let wait = wait_until(&mut applied, |applied| *applied >= head);
            if tokio::time::timeout(WAIT_MAX, wait).await.is_err() {
                metrics::counter!("dailyfeed_stale_reads_total").increment(1);
            }
        }
        self.shared.part.require_up()
    }
}

impl Shared {
    /// Returns the outcome of a read. If the store is unavailable, marks the part as down and has the actor try the
    /// store at once.
    fn note_outcome<T>(&self, outcome: StoreResult<T>) -> Result<T, Error> {
        if matches!(outcome, Err(StoreError::Unavailable { .. })) {
            self.store_fault.set(true);
            self.rewind_reader.notify_one();
        }
        Ok(outcome?)
    }

    /// Reads the store's position, and marks the part as up or down.
    async fn load_position(&self) -> Result<Position, Error> {
        let load = async {
            let stored = self.store.position().await?;
            dead_letters::update_gauge(self).await?;
            Ok(stored)
        };
        let loaded: Result<Position, Error> = load.await;
        self.store_fault.set(loaded.is_err());
        let stored = loaded?;
        self.applied.send_replace(stored);
        Ok(stored)
    }
}

/// Brings the log to the actor. Retries until the store has returned its position, then runs until the process ends.
async fn follow_log(shared: Arc<Shared>, mut stored: Result<Position, Error>, mailbox: Mailbox<Message>) {
    let mut pauses = Backoff::up_to(PART_MAX);
    let start = loop {
        match stored {
            Ok(position) => break position,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot read the activity store; retrying");
                tokio::time::sleep(pauses.next()).await;
                stored = shared.load_position().await;
            }
        }
    };
    let deliver = |batch| mailbox.ask(|reply| Message::Apply { batch, reply });
    reader::follow_for_part(shared.log.clone(), start, shared.rewind_reader.clone(), deliver).await;
}

/// Sends `RedriveDue` to the actor every [`REDRIVE_EVERY`]. Runs until the process ends.
async fn redrive_periodically(mailbox: Mailbox<Message>) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + REDRIVE_EVERY, REDRIVE_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if let Err(error) = mailbox.ask(|reply| Message::RedriveDue { reply }).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the redrive of dead letters did not answer");
        }
    }
}
