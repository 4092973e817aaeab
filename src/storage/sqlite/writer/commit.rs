//! `Commit`: the writing connection and the transaction that is open on it, with the events that are stored beside its
//! rows. It lives as long as the writer: one transaction after the other, each shared by a batch of commands.
use super::bulk::{Bulk, Query, ROWS_MAX, with_fact};
use crate::{
    domain::{Event, EventKind, Fact, MemberId, Position, Timestamp},
    storage::{
        StoreError, StoreResult,
        sqlite::{failed, log::Tail, signed},
    },
};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use std::sync::LazyLock;

/// The writing connection, and the transaction that the current batch of commands shares.
pub(crate) struct Commit {
    pub(crate) connection: SqliteConnection,
    events: Vec<Event>,
    /// Position of the next event.
    next: u64,
    /// Time of the newest event.
    at_ns: i64,
    /// Whether the open savepoint has run no command yet.
    fresh: bool,
    /// Set when SQLite rolled back the whole transaction (such as SQLITE_FULL). Later statements would autocommit, so
    /// none may run.
    lost: Option<StoreError>,
}

impl Commit {
    pub(super) fn new(connection: SqliteConnection, tail: &Tail) -> Self {
        let end = tail.end();
        Self { connection, events: Vec::new(), next: end.position.0 + 1, at_ns: end.at_ns, fresh: false, lost: None }
    }

    /// Replaces a connection that is closed or keeps a transaction open.
    pub(super) async fn connect(&mut self, pool: &SqlitePool) -> StoreResult<()> {
        self.connection = pool.acquire().await.map_err(failed)?.detach();
        Ok(())
    }

    /// Begins the transaction and the first savepoint.
    pub(super) async fn begin(&mut self) -> StoreResult<()> {
        self.events.clear();
        self.fresh = true;
        self.lost = None;
        // One statement text, one round trip to the connection's thread: on a busy machine each trip waits for its
        // turn.
        self.run("BEGIN IMMEDIATE; SAVEPOINT command").await
    }

    /// Adds an event, which is stored with the rows of the commit, and returns its position.
    pub(crate) fn emit(&mut self, fact: Fact) -> Position {
        let now = Timestamp::now().0.saturating_mul(1_000_000);
        self.at_ns = now.max(self.at_ns + 1);
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
    /// `after` a command. `about` is the fact about the text itself. Excludes authors who mention themselves.
    pub(crate) fn emit_mentions(&mut self, about: Fact, before: &[MemberId], after: &[MemberId]) {
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

    /// Runs one command in a savepoint: its failure rolls back only its own changes.
    pub(super) async fn attempt<T>(
        &mut self,
        work: impl for<'c> FnOnce(&'c mut Self) -> futures::future::BoxFuture<'c, StoreResult<T>>,
    ) -> StoreResult<T> {
        self.check_usable()?;
        let next = self.next;
        let events = self.events.len();
        if !std::mem::take(&mut self.fresh) {
            self.run("RELEASE command; SAVEPOINT command").await?;
        }
        let answer = work(self).await;
        if answer.is_err() {
            self.next = next;
            self.events.truncate(events);
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

    /// Returns the error of a transaction that SQLite rolled back: no statement may run in it.
    fn check_usable(&self) -> StoreResult<()> {
        self.lost.as_ref().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Stores the events and commits. Returns the events for the tail of the log.
    pub(super) async fn finish(&mut self) -> StoreResult<Vec<Event>> {
        self.check_usable()?;
        let (full, last) = self.events.split_at(self.events.len().saturating_sub(1) / ROWS_MAX * ROWS_MAX);
        if !full.is_empty() {
            EVENTS.run(&mut self.connection, full, bind).await?;
        }
        LAST.run(&mut self.connection, last, bind).await?;
        Ok(std::mem::take(&mut self.events))
    }

    /// Rolls back everything, so that the next commit can begin.
    pub(super) async fn abandon(&mut self) {
        if let Some(first) = self.events.first() {
            self.next = first.position.0;
        }
        self.events.clear();
        // It fails if SQLite has rolled back already. If a transaction stays open, the next commit cannot begin and
        // replaces the connection.
        let _ = self.run("ROLLBACK").await;
    }

    /// Runs a statement without parameters.
    pub(super) async fn run(&mut self, statement: &'static str) -> StoreResult<()> {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connection).await.map_err(failed)?;
        Ok(())
    }
}

const INSERT: &str = "INSERT INTO events (position, at_ns, kind, member_id, post_id, comment_id, target_id)";
static EVENTS: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(INSERT, 7, ""));
/// The last events and the COMMIT, in one round trip to the connection's thread.
static LAST: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(INSERT, 7, "; COMMIT"));

fn bind(query: Query, event: &Event) -> Query {
    with_fact(query.bind(signed(event.position.0)).bind(event.at_ns), &event.fact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        domain::{Email, Handle, Patch, Profile, ProfilePatch},
        storage::{HousekeepingStore, MemberStore, NewMember, sqlite::Sqlite},
    };
    use futures::FutureExt;

    fn newcomer(number: u64) -> NewMember {
        let name = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
        NewMember {
            id: MemberId(number),
            email: Email::new(&format!("m{number}@example.com")).unwrap(),
            handle: Handle::new(&format!("member{number}")).unwrap(),
            password_hash: "x".repeat(3_000),
            profile: Profile::new(name).unwrap(),
            created_at: Timestamp(0),
        }
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
        assert_eq!(store.tail.end().position.0, stored.len() as u64 + 1);
        assert_eq!(store.audit().await.unwrap(), []);
    }
}
