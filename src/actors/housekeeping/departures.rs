//! The steps of departures and acceptances: an actor that takes one step for each message, and a task that asks for the
//! next one while any is open. It begins with what the last process left, and waits for events otherwise.
use crate::{
    actors::{
        backoff::{Backoff, PART_MAX},
        command_actor::{Command, CommandActor},
        error::{Error, Reply},
        health::{Fault, Part},
        lease::Lease,
        mailbox::{Mailbox, Permit},
        reader,
        supervisor::Supervisor,
    },
    domain::{Event, EventKind, MemberId},
    storage::{DEPARTURE_ROWS_MAX, DepartureStep, DepartureStore, Stores, Work},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The longest pause between two steps. A pause is as long as the step before it, so that the writer has at least half
/// of its time for the commands of others.
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// The pause between two requests for the lease while another process has it.
const LEASE_PAUSE: Duration = Duration::from_secs(1);

/// The messages of the actor.
enum Message {
    /// Takes the step of the next member after `after`; replies with `None` if nothing is open.
    TakeStep { after: MemberId, reply: Reply<Option<DepartureStep>> },
}

impl Command for Message {
    type State = Arc<dyn DepartureStore>;

    async fn run(self, store: &Self::State, _permit: Permit) {
        let Self::TakeStep { after, reply } = self;
        // Sending fails only when the task has stopped waiting.
        let _ = reply.send(store.take_step(after, DEPARTURE_ROWS_MAX).await.map_err(Error::from));
    }
}

/// Starts the actor, the task that asks for steps, and the log reader that wakes it.
pub(super) async fn start(supervisor: &Supervisor, part: &Part, stores: &Stores) {
    let wake = Arc::new(Notify::new());
    // Read first: a departure that begins later is found by its event, an earlier one by its row.
    let head = *stores.log.head().borrow();
    let (log, store) = (stores.log.clone(), stores.departures.clone());
    let make = move || (CommandActor::new(), store.clone());
    let mailbox = supervisor.spawn_part(part, None, make).await;
    let lease = Lease::new(&stores.leases, Work::Departures);
    let fault = part.new_fault();
    supervisor.spawn_background(take_steps(Steps {
        store: stores.departures.clone(),
        mailbox,
        lease,
        fault,
        wake: wake.clone(),
    }));
    let mut read_to = head;
    supervisor.spawn_background(reader::follow_for_part(log, head, Arc::default(), move |batch: Vec<Event>| {
        if batch.iter().any(|event| may_begin(event.fact.kind)) {
            wake.notify_one();
        }
        read_to = batch.last().map_or(read_to, |last| last.position);
        std::future::ready(Ok(read_to))
    }));
}

/// Whether a departure or acceptance may begin with an event of this kind.
fn may_begin(kind: EventKind) -> bool {
    matches!(kind, EventKind::MemberDeactivated | EventKind::MemberRestored | EventKind::PostsPublic)
}

/// The arguments of [`take_steps`].
struct Steps {
    store: Arc<dyn DepartureStore>,
    mailbox: Mailbox<Message>,
    lease: Lease,
    fault: Fault,
    /// Notified when a departure may have begun.
    wake: Arc<Notify>,
}

/// Takes steps while any are open and this process has the lease, and waits to be woken otherwise.
async fn take_steps(Steps { store, mailbox, lease, fault, wake }: Steps) {
    let open = metrics::gauge!("dailyfeed_departures_open");
    let rows = metrics::histogram!("dailyfeed_departure_step_rows");
    let mut backoff = Backoff::up_to(PART_MAX);
    let mut after = MemberId(0);
    loop {
        if !lease.is_held().await {
            tokio::time::sleep(LEASE_PAUSE).await;
            continue;
        }
        let begun = Instant::now();
        match mailbox.ask(|reply| Message::TakeStep { after, reply }).await {
            Ok(step) => {
                fault.set(false);
                backoff.reset();
                open.set(step.map_or(0.0, |step| step.open as f64));
                let Some(step) = step else {
                    wake.notified().await;
                    continue;
                };
                rows.record(step.rows as f64);
                after = step.member;
                tokio::time::sleep(begun.elapsed().min(PAUSE_MAX)).await;
            }
            Err(error) => {
                let member = store.next_departure(after).await.ok().flatten();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    member = member.map(|member| member.0),
                    "cannot take a step of a departure; retrying"
                );
                // A busy or late writer is no fault of this part.
                let is_fault = !matches!(error, Error::Busy(_) | Error::Late(_));
                fault.set(is_fault);
                if is_fault {
                    // A member whose step fails each time holds up no other.
                    after = member.unwrap_or(after);
                }
                tokio::time::sleep(backoff.next()).await;
            }
        }
    }
}
