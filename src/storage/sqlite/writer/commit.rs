//! `Commit`: the writing connection and the transaction that is open on it, with the events that are stored beside its
//! rows. It lives as long as the writer: one transaction after the other, each shared by a batch of commands.
use super::{
    bulk::{Bulk, Query, ROWS_MAX, with_fact},
    panics::{catch_panic, is_panic},
    settle::Stage,
};
use crate::{
    domain::{Event, EventKind, Fact, MemberId, Position, PostAudience},
    storage::{
        StoreError, StoreResult,
        sqlite::{
            failed,
            log::{self, Tail},
            number, signed,
        },
    },
};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqlitePool};
use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// Begins a transaction and the first savepoint, and returns the position and time of the newest event. One statement
/// text, one round trip to the connection's thread: on a busy machine each trip waits for its turn.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT command; \
    SELECT coalesce(max(position), (SELECT value FROM meta WHERE name = 'events_pruned_to'), 0), coalesce(at_ns, 0) \
    FROM events";

/// The writing connection, and the transaction that the current batch of commands shares.
pub(crate) struct Commit {
    pub(crate) connection: SqliteConnection,
    pub(super) stage: Stage,
    pub(super) events: Vec<Event>,
    /// Position of the next event.
    next: u64,
    /// Time of the newest event, kept for the case that pruning removes that event.
    at_ns: i64,
    /// Whether the open savepoint has run no command yet.
    fresh: bool,
    /// Set when SQLite rolled back the whole transaction (such as SQLITE_FULL). Later statements would autocommit, so
    /// none may run.
    lost: Option<StoreError>,
    /// Panics since the start.
    panics: u64,
}

/// The state before a command, to which its failure returns.
#[derive(Clone, Copy)]
pub(super) struct Savepoint {
    next: u64,
    events: usize,
}

impl Commit {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        let stage = Stage::Closed;
        Self { connection, stage, events: Vec::new(), next: 1, at_ns: 0, fresh: false, lost: None, panics: 0 }
    }

    /// Takes another connection.
    pub(super) async fn connect(&mut self, pool: &SqlitePool) -> StoreResult<()> {
        self.connection = pool.acquire().await.map_err(failed)?.detach();
        Ok(())
    }

    /// Begins the transaction and the first savepoint. Events that another store committed since the last commit enter
    /// the tail first, so that the tail stays dense.
    pub(super) async fn begin(&mut self, tail: &Tail) -> StoreResult<()> {
        self.events.clear();
        self.fresh = true;
        self.lost = None;
        let rows = sqlx::query(BEGIN).fetch_all(&mut self.connection).await.map_err(failed)?;
        let row = rows.first().ok_or_else(|| failed(sqlx::Error::RowNotFound))?;
        let newest = Position(number(row.try_get(0).map_err(failed)?));
        let at_ns: i64 = row.try_get(1).map_err(failed)?;
        self.next = newest.0 + 1;
        self.at_ns = self.at_ns.max(at_ns);
        if newest != tail.last() {
            log::catch_up(&mut self.connection, tail, newest).await?;
        }
        self.stage = Stage::Open;
        Ok(())
    }

    /// Adds an event, which is stored with the rows of the commit, and returns its position.
    pub(crate) fn emit(&mut self, fact: Fact) -> Position {
        self.at_ns = now_ns().max(self.at_ns + 1);
        let position = Position(self.next);
        self.next += 1;
        self.events.push(Event { position, at_ns: self.at_ns, fact });
        position
    }

    /// Returns the position of the newest event so far.
    pub(crate) fn head(&self) -> Position {
        Position(self.next - 1)
    }

    /// Emits `MentionWithdrawn` and `MemberMentioned` for the difference between the mentions of a text `before` and
    /// `after` a command. `about` is the fact about the text itself. Excludes authors who mention themselves, and every
    /// mention in a post that is only for its author.
    pub(crate) fn emit_mentions(&mut self, about: Fact, before: &[MemberId], after: &[MemberId]) {
        if about.audience == PostAudience::Own {
            return;
        }
        for (kind, members, others) in
            [(EventKind::MentionWithdrawn, before, after), (EventKind::MemberMentioned, after, before)]
        {
            for (at, member) in members.iter().enumerate() {
                if *member != about.member && !others.contains(member) && !members[..at].contains(member) {
                    self.emit(Fact { kind, target: Some(*member), ..about });
                }
            }
        }
    }

    /// Runs one command in a savepoint: its failure rolls back only its own changes. A panic is a failure.
    pub(super) async fn attempt<T>(
        &mut self,
        command: &(impl for<'c> Fn(&'c mut Self) -> BoxFuture<'c, StoreResult<T>> + Sync),
    ) -> StoreResult<T> {
        let savepoint = self.open_savepoint().await?;
        let answer = catch_panic(async { command(self).await }).await;
        if let Err(error) = &answer {
            self.note_panic(error);
        }
        self.close_savepoint(savepoint, answer).await
    }

    /// Opens a savepoint for the next command and closes that of the command before.
    pub(super) async fn open_savepoint(&mut self) -> StoreResult<Savepoint> {
        self.check_usable()?;
        if !std::mem::take(&mut self.fresh)
            && let Err(error) = self.run("RELEASE command; SAVEPOINT command").await
        {
            self.lost = Some(error.clone());
            return Err(error);
        }
        Ok(Savepoint { next: self.next, events: self.events.len() })
    }

    /// Ends a command: after a failure, returns to the savepoint.
    pub(super) async fn close_savepoint<T>(&mut self, savepoint: Savepoint, answer: StoreResult<T>) -> StoreResult<T> {
        if answer.is_err() {
            self.next = savepoint.next;
            self.events.truncate(savepoint.events);
            if let Err(error) = self.run("ROLLBACK TO command").await {
                // The error of the command says more than the missing savepoint.
                self.lost = Some(match &answer {
                    Err(cause @ StoreError::Unavailable { .. }) => cause.clone(),
                    _ => error,
                });
            }
        }
        answer
    }

    /// Counts the error if it is a panic.
    pub(super) fn note_panic(&mut self, error: &StoreError) {
        if is_panic(error) {
            self.panics += 1;
            metrics::counter!("dailyfeed_writer_panics_total").increment(1);
        }
    }

    /// Returns the number of panics since the start.
    pub(super) fn panics(&self) -> u64 {
        self.panics
    }

    /// Returns the error of a transaction that SQLite rolled back: no statement may run in it.
    fn check_usable(&self) -> StoreResult<()> {
        self.lost.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Stores the events and commits.
    pub(super) async fn finish(&mut self) -> StoreResult<()> {
        self.check_usable()?;
        let (full, last) = self.events.split_at(self.events.len().saturating_sub(1) / ROWS_MAX * ROWS_MAX);
        if !full.is_empty() {
            EVENTS.run(&mut self.connection, full, bind).await?;
        }
        self.stage = Stage::Committing;
        LAST.run(&mut self.connection, last, bind).await?;
        self.stage = Stage::Closed;
        Ok(())
    }

    /// Returns the events of a durable commit, for the tail of the log.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Runs a statement without parameters.
    pub(super) async fn run(&mut self, statement: &'static str) -> StoreResult<()> {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connection).await.map_err(failed)?;
        Ok(())
    }
}

/// Returns the nanoseconds since 1970. Together with its facts, this precision tells a commit from that of another store
/// at the same positions (`settle.rs`).
fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

const INSERT: &str = "INSERT INTO events (position, at_ns, kind, member_id, post_id, comment_id, target_id, \
    audience)";
static EVENTS: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(INSERT, 8, ""));
/// The last events and the COMMIT, in one round trip to the connection's thread.
static LAST: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(INSERT, 8, "; COMMIT"));

fn bind(query: Query, event: &Event) -> Query {
    with_fact(query.bind(signed(event.position.0)).bind(event.at_ns), &event.fact).bind(event.fact.audience.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        storage::{HousekeepingStore, MemberStore, NewMember, sqlite::Sqlite},
    };
    use futures::FutureExt;

    fn newcomer(number: u64) -> NewMember {
        let new = NewMember::for_tests(number, &format!("member{number}"));
        NewMember { password_hash: "x".repeat(3_000), ..new }
    }

    async fn set_page_limit(store: &Sqlite, pragma: &'static str) {
        store.writer.write(move |commit| commit.run(pragma).boxed()).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_rolls_back_its_commit_and_leaves_the_next_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&Config::for_tests(folder.path())).await.unwrap();
        set_page_limit(&store, "PRAGMA max_page_count = 100").await;
        let crowd: Vec<NewMember> = (1..200).map(newcomer).collect();
        let ids: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
        let answers = futures::future::join_all(crowd.into_iter().map(|new| store.sign_up(new, None))).await;
        let mut stored: Vec<_> = store.cards(&ids).await.unwrap().iter().map(|card| card.id).collect();
        stored.sort_unstable();
        let acknowledged = ids.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(id, _)| *id);
        assert_eq!(acknowledged.collect::<Vec<_>>(), stored);
        assert!(stored.len() < ids.len(), "the disk was never full");

        set_page_limit(&store, "PRAGMA max_page_count = 1000000").await;
        store.sign_up(newcomer(1_000), None).await.unwrap();
        assert_eq!(store.tail.last().0, stored.len() as u64 + 1);
        assert_eq!(store.audit().await.unwrap(), []);
    }
}
