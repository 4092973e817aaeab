//! Dead letters: events that the activity store rejected. The actor adds them; a timer every minute, or an operator,
//! applies them again (`redrive`).
use super::{Activity, Shared};
use crate::{
    actors::{
        error::Error,
        page::{Page, page},
    },
    causes::in_full,
    domain::{
        CloudEvent, Event, Position, Refusal, Timestamp,
        cursor::{ListKind, decode_log_cursor, encode_log_cursor},
        message_key,
    },
    storage::{DeadLetter, StoreError},
};
use std::time::Duration;

/// Attempts at an event before it becomes a dead letter.
const ATTEMPTS: u32 = 3;
/// Pause before the first automatic redrive of a dead letter, doubled with each failure up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(60);
/// The longest pause between two automatic redrives of a dead letter.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// Maximum number of characters of a stored cause.
const CAUSE_MAX: usize = 500;
/// Maximum number of dead letters that one request redrives; the rest stays for the next one.
const REDRIVE_MAX: usize = 1_000;

/// The outcome of a redrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Dead letters that were applied and removed.
    pub redriven: u64,
    /// Dead letters that failed again.
    pub failed: u64,
}

/// Stores an event that failed [`ATTEMPTS`] times as a dead letter, so that the reader can continue after it.
pub(super) async fn add_dead_letter(shared: &Shared, event: &Event, cause: &StoreError) -> Result<(), Error> {
    let now = Timestamp::now();
    let message_key = message_key(event);
    let cause = error_text(cause);
    let dead_letter = DeadLetter {
        event: *event,
        message_key: message_key.clone(),
        payload: serde_json::to_string(&CloudEvent::of(event, &shared.source)).unwrap_or_default(),
        cause: cause.clone(),
        attempts: ATTEMPTS,
        first_at: now,
        last_at: now,
        next_at: now.after(PAUSE_MIN),
    };
    shared.store.add_dead_letter(dead_letter).await?;
    tracing::error!(position = event.position.0, message_key, cause, "event became a dead letter");
    update_gauge(shared).await
}

/// Redrives the dead letters that are due, if this process has the lease.
pub(super) async fn redrive_due(shared: &Shared) -> Result<Redriven, Error> {
    // The database file was replaced by an older one. Without new events only this call detects that.
    if shared.store.position().await? < *shared.applied.borrow() {
        shared.rewind_reader.notify_one();
    }
    if !shared.redrive_lease.is_held().await {
        return Ok(Redriven::default());
    }
    let due = shared.store.due_dead_letters(Timestamp::now()).await?;
    redrive_each(shared, due).await
}

/// Redrives dead letters one by one, and schedules those that fail again.
async fn redrive_each(shared: &Shared, dead_letters: Vec<DeadLetter>) -> Result<Redriven, Error> {
    let mut outcome = Redriven::default();
    for dead_letter in dead_letters {
        let id = dead_letter.event.position;
        match shared.store.redrive(id).await {
            Ok(true) => outcome.redriven += 1,
            // A concurrent redrive has removed it.
            Ok(false) => {}
            Err(error @ StoreError::Rejected { .. }) => {
                outcome.failed += 1;
                let now = Timestamp::now();
                let next_at = now.after(pause_after(dead_letter.attempts));
                shared.store.record_failure(id, &error_text(&error), now, next_at).await?;
            }
            // A fault of the store and not of the dead letter: the rest is left as it is.
            Err(error) => return Err(error.into()),
        }
    }
    update_gauge(shared).await?;
    Ok(outcome)
}

/// Returns the pause after a number of attempts.
fn pause_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(ATTEMPTS).saturating_add(1).min(16);
    PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX)
}

/// Returns the text of an error with its causes, cut to [`CAUSE_MAX`] characters.
fn error_text(error: &StoreError) -> String {
    in_full(error).chars().take(CAUSE_MAX).collect()
}

/// Sets the metric of the number of dead letters.
pub(super) async fn update_gauge(shared: &Shared) -> Result<(), Error> {
    let count = shared.store.dead_letter_count().await?;
    metrics::gauge!("dailyfeed_dead_letters").set(count as f64);
    Ok(())
}

impl Activity {
    /// Returns a page of dead letters, newest first. Refuses `CursorInvalid`, `CursorExpired`.
    pub async fn dead_letters(&self, cursor: Option<&str>, limit: usize) -> Result<Page<DeadLetter>, Error> {
        let epoch = self.epoch();
        let before = match cursor {
            Some(text) => Position(decode_log_cursor(text, ListKind::DeadLetters, 0, epoch)?[0]),
            None => Position(u64::MAX),
        };
        let dead_letters = self.shared.store.dead_letters(before, limit + 1).await?;
        let next = |last: &DeadLetter| encode_log_cursor(ListKind::DeadLetters, 0, epoch, [last.event.position.0, 0]);
        Ok(page(dead_letters, limit, next, |dead_letter| dead_letter))
    }

    /// Returns a dead letter. Refuses `DeadLetterNotFound`.
    pub async fn dead_letter(&self, id: Position) -> Result<DeadLetter, Error> {
        self.shared.store.dead_letter(id).await?.ok_or(Refusal::DeadLetterNotFound.into())
    }

    /// Redrives a dead letter now. Refuses `DeadLetterNotFound`.
    pub async fn redrive(&self, id: Position) -> Result<Redriven, Error> {
        let dead_letter = self.dead_letter(id).await?;
        redrive_each(&self.shared, vec![dead_letter]).await
    }

    /// Redrives the newest `REDRIVE_MAX` dead letters now, the oldest of them first.
    pub async fn redrive_all(&self) -> Result<Redriven, Error> {
        let mut dead_letters = self.shared.store.dead_letters(Position(u64::MAX), REDRIVE_MAX).await?;
        dead_letters.reverse();
        redrive_each(&self.shared, dead_letters).await
    }

    /// Deletes a dead letter without applying it. Refuses `DeadLetterNotFound`.
    pub async fn drop_dead_letter(&self, id: Position) -> Result<(), Error> {
        if !self.shared.store.drop_dead_letter(id).await? {
            return Err(Refusal::DeadLetterNotFound.into());
        }
        update_gauge(&self.shared).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actors::{
            Actors,
            lease::for_tests::{Answer, TestLeases},
        },
        config::Config,
        domain::{EventKind, Fact, MemberId, PostId},
        storage::Stores,
    };

    #[tokio::test]
    async fn a_dead_letter_is_redriven_when_it_is_due() {
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
        assert_eq!(redrive_due(shared).await.unwrap(), Redriven::default(), "none is due within the first minute");
        let past = Timestamp::now().before(PAUSE_MIN);
        shared.store.record_failure(Position(2), "again", past, past).await.unwrap();
        assert_eq!(redrive_due(shared).await.unwrap(), Redriven { redriven: 1, failed: 0 });
        let left = actors.activity.dead_letters(None, 10).await.unwrap().items;
        assert_eq!(
            (left.len(), left[0].event.position, &*left[0].cause),
            (1, Position(1), "the queue of the test backend is full")
        );
        let activities = shared.store.activities(author, None, Position(9), 10).await.unwrap();
        assert_eq!(activities.iter().map(|event| event.position.0).collect::<Vec<_>>(), [2]);
        supervisor.stop().await;
    }

    #[tokio::test]
    async fn dead_letters_are_redriven_only_with_the_lease() {
        let (leases, folder) = (TestLeases::new(), tempfile::tempdir().unwrap());
        let config = Config::for_tests(folder.path());
        let mut stores = Stores::open(&config).await.unwrap();
        stores.leases = leases.clone();
        // The log is empty, so that the store has not applied the position of the dead letter.
        let (actors, supervisor) = Actors::start(stores, &config).await.unwrap();
        let shared = &actors.activity.shared;
        let fact = Fact::new(EventKind::PostCreated, MemberId(7)).on_post(PostId(1));
        let event = Event { position: Position(1), at_ns: 5, fact };
        add_dead_letter(shared, &event, &StoreError::Busy { backend: "test" }).await.unwrap();
        let past = Timestamp::now().before(PAUSE_MIN);
        shared.store.record_failure(Position(1), "again", past, past).await.unwrap();
        for (answer, redriven) in [(Answer::Refused, 0), (Answer::Failed, 0), (Answer::Granted, 1)] {
            leases.set(answer);
            assert_eq!(redrive_due(shared).await.unwrap(), Redriven { redriven, failed: 0 }, "{answer:?}");
        }
        supervisor.stop().await;
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let minutes = |attempts| pause_after(attempts).as_secs() / 60;
        assert_eq!([3, 4, 5, 6, 7, 8, 100].map(minutes), [2, 4, 8, 16, 32, 60, 60]);
    }
}
