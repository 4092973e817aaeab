//! Dead letters: buried by the reader, driven again by the clock or an operator.
use super::{Activity, Shared};
use crate::{
    actors::{Error, Page, page},
    causes::in_full,
    domain::{
        CloudEvent, Event, Position, Refusal, Timestamp,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
        message_key,
    },
    storage::{DeadLetter, StoreError},
};
use std::time::Duration;

/// Attempts of the reader before it buries an event.
const ATTEMPTS: u32 = 3;
/// Pause before a dead letter is first tried again by itself; doubled with each further failure...
const PAUSE_MIN: Duration = Duration::from_secs(60);
/// ...up to this.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// Characters of a cause that are kept.
const CAUSE_MAX: usize = 500;
/// Letters that one request to drive all again goes through; the answer says when there are more.
const REDRIVE_MAX: usize = 1_000;

/// What came of driving dead letters again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Applied, and gone from the table.
    pub redriven: u64,
    /// Failed again.
    pub failed: u64,
}

/// Lays an event aside that failed three times, so that those behind it can be read.
pub(super) async fn add_dead_letter(shared: &Shared, event: &Event, cause: &StoreError) -> Result<(), Error> {
    let now = Timestamp::now();
    let payload = serde_json::to_string(&CloudEvent::of(event, &shared.source)).unwrap_or_default();
    let (message_key, words) = (message_key(event), words(cause));
    let (key, why) = (message_key.clone(), words.clone());
    let dead_letter = DeadLetter {
        event: *event,
        message_key,
        payload,
        cause: words,
        attempts: ATTEMPTS,
        first_at: now,
        last_at: now,
        next_at: now.after(PAUSE_MIN),
    };
    shared.store.add_dead_letter(dead_letter).await?;
    tracing::error!(position = event.position.0, message_key = key, cause = why, "event moved to the dead letters");
    count(shared).await?;
    Ok(())
}

/// Drives the dead letters again whose time has come.
pub(super) async fn sweep(shared: &Shared) -> Result<Redriven, Error> {
    if shared.store.position().await? < *shared.applied.borrow() {
        shared.anew.notify_one();
    }
    let due = shared.store.due_dead_letters(Timestamp::now()).await?;
    redrive_each(shared, due).await
}

async fn redrive_each(shared: &Shared, dead_letters: Vec<DeadLetter>) -> Result<Redriven, Error> {
    let mut outcome = Redriven::default();
    for dead_letter in dead_letters {
        let id = dead_letter.event.position;
        match shared.store.redrive(id).await {
            Ok(true) => outcome.redriven += 1,
            // Somebody else was quicker.
            Ok(false) => {}
            Err(error @ StoreError::Rejected { .. }) => {
                outcome.failed += 1;
                let now = Timestamp::now();
                let next_at = now.after(pause(dead_letter.attempts));
                shared.store.failed_again(id, &words(&error), now, next_at).await?;
            }
            // The store is at fault, and not the dead letter.
            Err(error) => return Err(error.into()),
        }
    }
    count(shared).await?;
    Ok(outcome)
}

/// After this many attempts.
fn pause(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(ATTEMPTS).saturating_add(1).min(16);
    PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

/// An error and its causes, as much of them as is kept.
fn words(error: &StoreError) -> String {
    in_full(error).chars().take(CAUSE_MAX).collect()
}

pub(super) async fn count(shared: &Shared) -> Result<(), Error> {
    let dead_letters = shared.store.dead_letter_count().await?;
    metrics::gauge!("dailyfeed_dead_letters").set(dead_letters as f64);
    Ok(())
}

impl Activity {
    /// Dead letters, newest first.
    pub async fn dead_letters(&self, cursor: Option<&str>, limit: usize) -> Result<Page<DeadLetter>, Error> {
        let place = cursor.map(|text| decode_list_cursor(text, ListKind::DeadLetters, 0)).transpose()?;
        let before = Position(place.map_or(u64::MAX, |[before, _]| before));
        let dead_letters = self.shared.store.dead_letters(before, limit + 1).await?;
        let next = |last: &DeadLetter| encode_list_cursor(ListKind::DeadLetters, 0, [last.event.position.0, 0]);
        Ok(page(dead_letters, limit, next, |dead_letter| dead_letter))
    }

    /// One of them. Refuses `DeadLetterNotFound`.
    pub async fn dead_letter(&self, id: Position) -> Result<DeadLetter, Error> {
        self.shared.store.dead_letter(id).await?.ok_or(Refusal::DeadLetterNotFound.into())
    }

    /// Tries one again, now. Refuses `DeadLetterNotFound`.
    pub async fn redrive(&self, id: Position) -> Result<Redriven, Error> {
        let dead_letter = self.dead_letter(id).await?;
        redrive_each(&self.shared, vec![dead_letter]).await
    }

    /// Tries all again, now, oldest first; at most 1,000 at once.
    pub async fn redrive_all(&self) -> Result<Redriven, Error> {
        let mut dead_letters = self.shared.store.dead_letters(Position(u64::MAX), REDRIVE_MAX).await?;
        dead_letters.reverse();
        redrive_each(&self.shared, dead_letters).await
    }

    /// Drops one for good. Refuses `DeadLetterNotFound`.
    pub async fn drop_letter(&self, id: Position) -> Result<(), Error> {
        if !self.shared.store.drop_letter(id).await? {
            return Err(Refusal::DeadLetterNotFound.into());
        }
        count(&self.shared).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actors::Actors,
        config::Config,
        domain::{EventKind, Fact, MemberId, PostId},
        storage::Stores,
    };

    #[tokio::test]
    async fn a_letter_is_driven_again_by_itself_when_its_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let (actors, supervisor) = Actors::start(Stores::open(&config).await.unwrap(), &config).await.unwrap();
        let shared = &actors.activity.shared;
        let author = MemberId(7);
        let fact = |post| Fact::new(EventKind::PostCreated, author).on_post(PostId(post));
        for position in [1, 2] {
            let event = Event { position: Position(position), at_ns: 5, fact: fact(position) };
            add_dead_letter(shared, &event, &StoreError::Busy { backend: "test" }).await.unwrap();
        }
        assert_eq!(sweep(shared).await.unwrap(), Redriven::default(), "a minute has not passed");
        let past = Timestamp::now().before(PAUSE_MIN);
        shared.store.failed_again(Position(2), "again", past, past).await.unwrap();
        assert_eq!(sweep(shared).await.unwrap(), Redriven { redriven: 1, failed: 0 });
        let left = actors.activity.dead_letters(None, 10).await.unwrap().items;
        assert_eq!(
            (left.len(), left[0].event.position, &*left[0].cause),
            (1, Position(1), "the queue of the test backend is full")
        );
        let done = shared.store.activities(author, None, Position(9), 10).await.unwrap();
        assert_eq!(done.iter().map(|event| event.position.0).collect::<Vec<_>>(), [2]);
        supervisor.stop().await;
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let minutes = |attempts| pause(attempts).as_secs() / 60;
        assert_eq!([3, 4, 5, 6, 7, 8, 100].map(minutes), [2, 4, 8, 16, 32, 60, 60]);
    }
}
