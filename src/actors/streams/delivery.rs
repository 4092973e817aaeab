//! Delivery: an actor that follows the event log behind the projection. It loads the posts that streams show next, then
//! offers each event to the streams of its audience.
//!
//! It has a position of its own, so that the projection never waits for a fan-out: reads of own writes go on while
//! thousands of streams are offered a post.
use super::{Shared, hub::Pace};
use crate::{
    actors::{
        command_actor::{Command, CommandActor},
        error::{Error, StartError},
        mailbox::{Mailbox, Permit},
        reader,
        supervisor::Supervisor,
        wait_until::wait_until,
    },
    domain::{Event, EventKind as K, Position},
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The messages of the delivery's actor.
pub(super) enum Message {
    /// Offers applied events to the streams, and answers with the position to continue from. It has no time limit: on a
    /// busy machine a fan-out takes as long as the streams need to send what they were offered.
    Deliver { batch: Vec<Event>, done: oneshot::Sender<Position> },
}

/// The hub outlives an incarnation of the actor. The next one continues after the last event that every stream was
/// offered, and a stream that was offered the event after it before the failure ignores it.
impl Command for Message {
    type State = Arc<Shared>;

    async fn run(self, shared: &Arc<Shared>, _permit: Permit) {
        let Self::Deliver { batch, done } = self;
        // Sending fails only when the reader has ended, and then the process is ending.
        let _ = done.send(deliver(shared, &batch).await);
    }
}

/// Starts the actor and its reader of the log, which begins at the projection's position and waits for the projection
/// before each batch.
pub(super) async fn start(shared: &Arc<Shared>, supervisor: &Supervisor) -> Result<(), StartError> {
    let begin = shared.visibility.position();
    shared.hub.set_offered_to(begin);
    let arguments = shared.clone();
    let mailbox: Mailbox<Message> =
        supervisor.spawn("streams", None, move || (CommandActor::new(), arguments.clone())).await?;
    let positions = shared.visibility.applied_positions();
    supervisor.spawn_background(reader::follow(shared.log.clone(), begin, move |batch: Vec<Event>| {
        let (actor, mut applied) = (mailbox.clone(), positions.clone());
        async move {
            if let Some(last) = batch.last().map(|event| event.position) {
                // Fails only when the projection has ended, and then the process is ending.
                let _ = wait_until(&mut applied, |position| *position >= last).await;
            }
            let (done, position) = oneshot::channel();
            actor.tell(Message::Deliver { batch, done })?;
            // Fails if the actor does; the reader delivers the batch again.
            position.await.map_err(|_| Error::Restarting("streams"))
        }
    }));
    Ok(())
}

/// Offers applied events to the streams of their audience. Returns the position of the last one.
async fn deliver(shared: &Shared, batch: &[Event]) -> Position {
    let offered_to = shared.hub.offered_to();
    let events = &batch[batch.partition_point(|event| event.position <= offered_to)..];
    preload(shared, events).await;
    let mut pace = Pace::default();
    for event in events {
        shared.hub.offer(event, &mut pace).await;
        shared.hub.change_watched(event);
        shared.hub.set_offered_to(event.position);
    }
    shared.hub.offered_to()
}

/// Loads the posts and days that streams show next, once: otherwise each of thousands of streams would query the store.
async fn preload(shared: &Shared, events: &[Event]) {
    let posts = shared.hub.awaited_posts(events);
    if !posts.is_empty() {
        // On an error the streams query the store themselves.
        let _ = shared.catalog.preload(&posts).await;
    }
    for event in events.iter().filter(|event| event.fact.kind == K::DailyTop3Changed) {
        if let Ok(Some(day)) = shared.ranking.top3_changed_at(event.position).await {
            shared.recent_days.add(event.position, day);
        }
    }
}
