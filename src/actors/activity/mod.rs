//! What members did and are told of it: follows the event log into a store of its own, and answers from there.
mod actor;
mod dead_letters;
mod events;
mod groups;
mod notifications;
mod stream;

pub use crate::{actors::timeline::VisibleNotification, storage::DeadLetter};
pub use dead_letters::Redriven;
pub use events::EventsPage;
pub use groups::VisibleGroup;
pub use stream::{EventLive, EventStream};

use super::{
    Error, Page, Reply, Supervisor,
    health::{Part, Trouble},
    lanes::{Lane, Width},
    mailbox::Mailbox,
    page,
    pauses::{Pauses, SIDE_MAX},
    reached::reached,
    reader,
    timeline::Timeline,
};
use crate::{
    config::Config,
    domain::{
        Event, EventKind, MemberId, Position, SOURCE_DEFAULT, Timestamp,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{ActivityStore, CommentStore, EventLog, MarkerStore, StoreError, StoreResult, Stores},
};
use std::{sync::Arc, time::Duration};
use stream::Open;
use tokio::{
    sync::{Notify, watch},
    time::MissedTickBehavior,
};

/// How long a read waits for what was committed before it began. A reader of the log that is further behind than this
/// is told about by its lag, and the read answers with what there is.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Events behind which nothing is waited for: the store is being built again.
const WAIT_EVENTS_MAX: u64 = 5_000;
/// How often dead letters are looked through for those whose time has come.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What the activity actor can be told.
pub(super) enum Message {
    /// Applies a batch of events, and answers with the position to go on from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Drives dead letters again whose time has come.
    Sweep { reply: Reply<Redriven> },
}

/// What the actor and the reads share.
pub(super) struct Shared {
    store: Arc<dyn ActivityStore>,
    log: Arc<dyn EventLog>,
    comments: Arc<dyn CommentStore>,
    markers: Arc<dyn MarkerStore>,
    timeline: Timeline,
    /// Everything up to here is in the store.
    applied: watch::Sender<Position>,
    /// What events name as their source.
    source: String,
    streams: Open,
    part: Part,
    /// The store cannot be used.
    unwritten: Trouble,
    /// Wakes the reader of the log: it has to go on from elsewhere.
    anew: Arc<Notify>,
    /// Of reads that look at more than one step.
    lane: Lane,
}

/// Activities, notifications, public events and dead letters, from outside. Reads skip the mailbox: they need no order.
#[derive(Clone)]
pub struct Activity {
    shared: Arc<Shared>,
}

impl Activity {
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(supervisor: &Supervisor, stores: &Stores, timeline: Timeline, config: &Config) -> Self {
        let part = supervisor.part("activity");
        let public_url = config.http.public_url.clone();
        let shared = Arc::new(Shared {
            store: stores.activity.clone(),
            log: stores.log.clone(),
            comments: stores.comments.clone(),
            markers: stores.markers.clone(),
            timeline,
            applied: watch::channel(Position(0)).0,
            source: if public_url.is_empty() { SOURCE_DEFAULT.to_owned() } else { public_url },
            streams: Open::new(config.stream.per_member_max),
            unwritten: part.trouble(),
            anew: Arc::default(),
            part,
            lane: Lane::new("activity", Width::default()),
        });
        let state = shared.clone();
        let mailbox: Mailbox<Message> =
            supervisor.spawn_part(&shared.part, None, move || (actor::ActivityActor, state.clone())).await;
        // Here, so that in the usual case nobody ever sees the part down.
        let begins = shared.begin().await;
        supervisor.spawn_background(reading(shared.clone(), begins, mailbox.clone()));
        supervisor.spawn_background(sweeping(mailbox));
        Self { shared }
    }

    /// Whether the part is not down.
    pub(super) fn is_up(&self) -> bool {
        self.shared.part.is_up()
    }

    /// The reader's position, as committed: events up to here are needed for this store no more.
    pub(super) fn position(&self) -> Position {
        *self.shared.applied.borrow()
    }

    /// Removes what is older than it is kept.
    pub(super) async fn prune(&self, now: Timestamp) -> Result<u64, Error> {
        Ok(self.shared.store.prune(now).await?)
    }

    /// What the member did, newest first; of one kind, where one is given.
    pub async fn activities(
        &self,
        member: MemberId,
        kind: Option<EventKind>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Event>, Error> {
        let scope = member.0 ^ u64::from(kind.map_or(0, EventKind::code)) << 56;
        let place = cursor.map(|text| decode_list_cursor(text, ListKind::Activities, scope)).transpose()?;
        let before = Position(place.map_or(u64::MAX, |[before, _]| before));
        self.caught_up().await?;
        let done = self.shared.seen(self.shared.store.activities(member, kind, before, limit + 1).await)?;
        let next = |last: &Event| encode_list_cursor(ListKind::Activities, scope, [last.position.0, 0]);
        Ok(page(done, limit, next, |event| event))
    }

    /// Returns when the store has everything that was committed before the call, or after a moment. Refuses `Down`.
    async fn caught_up(&self) -> Result<(), Error> {
        self.shared.part.check()?;
        let head = *self.shared.log.head().borrow();
        let mut applied = self.shared.applied.subscribe();
        let behind = head.0.saturating_sub(applied.borrow_and_update().0);
        if behind > 0 && behind <= WAIT_EVENTS_MAX {
            let wait = reached(&mut applied, |applied| *applied >= head);
            if tokio::time::timeout(WAIT_MAX, wait).await.is_err() {
                metrics::counter!("dailyfeed_stale_reads_total").increment(1);
            }
        }
        self.shared.part.check()
    }
}

impl Shared {
    /// Passes on what the store answered to a read. Where it could not, the actor looks after it at once.
    fn seen<T>(&self, answer: StoreResult<T>) -> Result<T, Error> {
        if matches!(answer, Err(StoreError::Unavailable { .. })) {
            self.unwritten.set(true);
            self.anew.notify_one();
        }
        Ok(answer?)
    }

    /// Where to go on reading, once the store can be asked; notes whether it can.
    async fn begin(&self) -> Result<Position, Error> {
        let begins = async {
            let begins = self.store.position().await?;
            dead_letters::count(self).await.map(|()| begins)
        };
        let begins = begins.await;
        self.unwritten.set(begins.is_err());
        let begins = begins?;
        self.applied.send_replace(begins);
        Ok(begins)
    }
}

/// Carries the log to the actor, as soon as the store can be asked where to begin.
async fn reading(shared: Arc<Shared>, mut begins: Result<Position, Error>, mailbox: Mailbox<Message>) {
    let mut pauses = Pauses::up_to(SIDE_MAX);
    let begins = loop {
        match begins {
            Ok(begins) => break begins,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "activities cannot be read, trying again");
                tokio::time::sleep(pauses.next()).await;
                begins = shared.begin().await;
            }
        }
    };
    let deliver = |batch| mailbox.ask(|reply| Message::Apply { batch, reply });
    reader::follow_for_part(shared.log.clone(), begins, shared.anew.clone(), deliver).await;
}

async fn sweeping(mailbox: Mailbox<Message>) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + SWEEP_EVERY, SWEEP_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if let Err(error) = mailbox.ask(|reply| Message::Sweep { reply }).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "sweep of dead letters did not answer");
        }
    }
}
