//! Tests of the writer: commands that panic, that make their commit fail, and posts that cannot be stored.
use super::Commit;
use crate::{
    config::Config,
    domain::{EventKind, Fact, MemberId, Outcome, Position, Post},
    storage::{
        EventLog, HousekeepingStore, MemberStore, NewMember, PostStore, StoreError, StoreResult, sqlite::Sqlite,
    },
};
use futures::{FutureExt, future::join_all};

async fn open(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&Config::for_tests(folder.path())).await.unwrap()
}

fn newcomer(number: u64) -> NewMember {
    NewMember::for_tests(number, &format!("member{number}"))
}

/// Signs up members 1 to 20 in one batch, with `neighbour` among them. Returns the answer of the neighbour.
async fn with_neighbours<T>(store: &Sqlite, neighbour: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
    let (before, after) = (1..=10, 11..=20);
    let sign_up = |number| store.sign_up(newcomer(number), None);
    let (before, answer, after) =
        futures::join!(join_all(before.map(sign_up)), neighbour, join_all(after.map(sign_up)));
    for signed_up in before.into_iter().chain(after) {
        assert_eq!(signed_up.unwrap().value, Outcome::Done);
    }
    answer
}

/// Asserts that members 1 to 20 are stored, each with its event, and that the writer works.
async fn assert_whole(store: &Sqlite) {
    let ids: Vec<MemberId> = (1..=20).map(MemberId).collect();
    assert_eq!(store.cards(&ids).await.unwrap().len(), 20);
    store.sign_up(newcomer(100), None).await.unwrap();
    let events = store.read(Position(0), 100).await.unwrap();
    assert!(events.iter().map(|event| event.position.0).eq(1..=21), "{events:?}");
    assert!(events.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
    let members: std::collections::BTreeSet<_> = events.iter().map(|event| event.fact.member).collect();
    assert_eq!(members.len(), 21);
    assert_eq!(store.audit().await.unwrap(), []);
}

fn unavailable<T>(answer: &StoreResult<T>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}

#[tokio::test]
async fn a_command_that_panics_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let panics = store.writer.write(|commit| {
        async move {
            commit.emit(Fact::new(EventKind::MemberSignedUp, MemberId(77)));
            commit.run("UPDATE members SET post_count = 7").await?;
            if commit.head() > Position(0) {
                panic!("a row of the wrong type");
            }
            Ok(())
        }
        .boxed()
    });
    let answer = with_neighbours(&store, panics).await;
    assert!(unavailable(&answer), "{answer:?}");
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_command_that_makes_its_commit_fail_fails_alone() {
    async fn violate(commit: &mut Commit) -> StoreResult<()> {
        commit.run("PRAGMA defer_foreign_keys = ON").await?;
        commit.emit(Fact::new(EventKind::MemberFollowed, MemberId(77)));
        commit.run("INSERT INTO follows (id, follower_id, followee_id) VALUES (1, 1, 7777)").await
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let answer = with_neighbours(&store, store.writer.write(|commit| violate(commit).boxed())).await;
    assert!(unavailable(&answer), "{answer:?}");
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_command_that_loses_the_transaction_fails_alone() {
    async fn lose(commit: &mut Commit) -> StoreResult<()> {
        commit.run("ROLLBACK").await?;
        commit.run("a statement that fails").await
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let answer = with_neighbours(&store, store.writer.write(|commit| lose(commit).boxed())).await;
    assert!(unavailable(&answer), "{answer:?}");
    assert_whole(&store).await;
}

#[tokio::test]
async fn a_post_that_cannot_be_stored_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.sign_up(newcomer(1), None).await.unwrap();
    store.create_post(Post::for_tests(1_000, MemberId(1)), None).await.unwrap();
    // The third has the id of a stored post, the seventh an author who does not exist.
    let drafts = (1..=10).map(|number| match number {
        3 => Post::for_tests(1_000, MemberId(1)),
        7 => Post::for_tests(1_007, MemberId(2)),
        number => Post::for_tests(1_000 + number, MemberId(1)),
    });
    let answers = join_all(drafts.map(|post| store.create_post(post, None))).await;
    for (number, answer) in (1..=10).zip(&answers) {
        assert_eq!(unavailable(answer), number == 3 || number == 7, "post {number}: {answer:?}");
    }
    let events = store.read(Position(0), 100).await.unwrap();
    assert!(events.iter().map(|event| event.position.0).eq(1..=10), "{events:?}");
    assert_eq!(store.audit().await.unwrap(), []);
}
