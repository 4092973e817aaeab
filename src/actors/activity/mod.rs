//! What members did and are told of it: follows the event log into a store of its own, and answers from there.
mod actor;
mod events;
mod groups;
mod letters;
mod notifications;
mod stream;

pub use crate::{actors::timeline::SeenNotification, storage::DeadLetter};
pub use events::EventsPage;
pub use groups::SeenGroup;
pub use letters::Redriven;
pub use stream::{EventLive, EventStream};

use super::{
    Error, Page, Reply, StartError, Supervisor,
    lanes::{Lane, Width},
    mailbox::Mailbox,
    page, reader,
    timeline::Timeline,
};
use crate::{
    config::Config,
    domain::{
        Event, EventKind, MemberId, Position, SOURCE_DEFAULT, Timestamp,
        cursor::{ListKind, decode_place, encode_place},
    },
    storage::{ActivityStore, ContentStore, EventLog, MemberStore, Stores},
};
use std::{sync::Arc, time::Duration};
use stream::Open;
use tokio::{sync::watch, time::MissedTickBehavior};

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
    content: Arc<dyn ContentStore>,
    members: Arc<dyn MemberStore>,
    timeline: Timeline,
    /// Everything up to here is in the store.
    applied: watch::Sender<Position>,
    /// What events name as their source.
    source: String,
    streams: Open,
    /// Of reads that look at more than one step.
    lane: Lane,
}

/// Activities, notifications, public events and dead letters, from outside. Reads skip the mailbox: they need no order.
#[derive(Clone)]
pub struct Activity {
    shared: Arc<Shared>,
}

impl Activity {
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        timeline: Timeline,
        config: &Config,
    ) -> Result<Self, StartError> {
        let begins = stores.activity.position().await?;
        let public_url = config.http.public_url.clone();
        let shared = Arc::new(Shared {
            store: stores.activity.clone(),
            log: stores.log.clone(),
            content: stores.content.clone(),
            members: stores.members.clone(),
            timeline,
            applied: watch::channel(begins).0,
            source: if public_url.is_empty() { SOURCE_DEFAULT.to_owned() } else { public_url },
            streams: Open::new(config.stream.per_member_max),
            lane: Lane::new("activity", Width::default()),
        });
        let state = shared.clone();
        let mailbox: Mailbox<Message> =
            supervisor.raise("activity", None, move || (actor::ActivityActor, state.clone())).await?;
        let reader = mailbox.clone();
        supervisor.beside(reader::follow(stores.log.clone(), begins, move |batch| {
            let reader: Mailbox<Message> = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        supervisor.beside(sweeping(mailbox));
        let activity = Self { shared };
        activity.count_letters().await?;
        Ok(activity)
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
        let place = cursor.map(|text| decode_place(text, ListKind::Activities, scope)).transpose()?;
        let before = Position(place.map_or(u64::MAX, |[before, _]| before));
        self.caught_up().await;
        let done = self.shared.store.activities(member, kind, before, limit + 1).await?;
        let next = |last: &Event| encode_place(ListKind::Activities, scope, [last.position.0, 0]);
        Ok(page(done, limit, next, |event| event))
    }

    /// Returns when the store has everything that was committed before the call, or after a moment.
    async fn caught_up(&self) {
        let head = *self.shared.log.head().borrow();
        let mut applied = self.shared.applied.subscribe();
        let behind = head.0.saturating_sub(applied.borrow_and_update().0);
        if behind > 0 && behind <= WAIT_EVENTS_MAX {
            let wait = applied.wait_for(|applied| *applied >= head);
            if tokio::time::timeout(WAIT_MAX, wait).await.is_err() {
                metrics::counter!("dailyfeed_stale_reads_total").increment(1);
            }
        }
    }
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
