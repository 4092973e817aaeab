//! The embedded profile as the conformance suite opens it and tampers with it.
use crate::{
    config::Config,
    domain::{BLOCKS_MAX, FOLLOW_REQUESTS_MAX, MUTES_MAX, MemberId},
    storage::{
        DEAD_LETTERS_MAX, Stores,
        conformance::{Backend, FullList, Tampering},
    },
};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqliteConnectOptions};
use std::{path::Path, sync::Arc};

/// Makes an empty deployment in a folder of its own.
pub(in crate::storage) fn backend() -> Backend {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let opened = folder.clone();
    let shared = folder.clone();
    Backend {
        open: Box::new(move || {
            let config = Config::for_tests(opened.path());
            async move { Stores::open(&config).await }.boxed_local()
        }),
        open_shared: Box::new(move || {
            let config = Config::for_tests(shared.path());
            async move { Stores::open_shared(&config).await }.boxed_local()
        }),
        tamper: Box::new(move |tampering| {
            let folder = folder.clone();
            async move { tamper(folder.path(), tampering).await }.boxed_local()
        }),
        another: backend,
    }
}

async fn tamper(data_dir: &Path, tampering: Tampering) {
    match tampering {
        Tampering::SpoilCounter(counter) => {
            let (_, statement) = SPOILED.iter().find(|(name, _)| *name == counter).unwrap();
            run(data_dir, "dailyfeed.db", (*statement).to_owned()).await;
        }
        Tampering::UndeleteComments => {
            let update = "UPDATE comments SET deleted_at = NULL WHERE depth = 0";
            run(data_dir, "dailyfeed.db", update.to_owned()).await;
        }
        Tampering::RejectActivity(position) => {
            let trigger = format!(
                "CREATE TRIGGER poison BEFORE INSERT ON activities WHEN new.id = {} \
                BEGIN SELECT RAISE(ABORT, 'poison'); END",
                position.0
            );
            run(data_dir, "activity.db", trigger).await;
        }
        Tampering::AcceptActivities => run(data_dir, "activity.db", "DROP TRIGGER poison".to_owned()).await,
        Tampering::FillList(list, member) => run(data_dir, "dailyfeed.db", fill(list, member)).await,
        Tampering::FillDeadLetters => {
            let insert = format!(
                "INSERT INTO dead_letters (id, message_key, at_ns, kind, member_id, payload, cause, attempts, first_at, \
                last_at, next_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
                SELECT 1000000 + i, 'filler-' || i, 0, 1, 1, '{{}}', 'test', 1, 0, 0, 0 FROM n",
                DEAD_LETTERS_MAX - 1
            );
            run(data_dir, "activity.db", insert).await;
        }
    }
}

/// Returns a statement that adds the other members in the order of their ids to a list, up to one below its limit.
fn fill(list: FullList, member: MemberId) -> String {
    let (table, columns, row, max) = match list {
        FullList::FollowRequests => {
            ("follow_requests", "id, requester_id, target_id", "id, id, ?", FOLLOW_REQUESTS_MAX)
        }
        FullList::Blocks => ("blocks", "id, member_id, blocked_id", "id, ?, id", BLOCKS_MAX),
        FullList::Mutes => ("mutes", "id, member_id, muted_id", "id, ?, id", MUTES_MAX),
    };
    let row = row.replace('?', &member.0.to_string());
    let others = format!("FROM members WHERE id <> {} ORDER BY id LIMIT {}", member.0, max - 1);
    format!("INSERT INTO {table} ({columns}) SELECT {row} {others}")
}

/// Each counter, and a statement that makes one of its rows wrong.
const SPOILED: [(&str, &str); 9] = [
    ("members.follower_count", "UPDATE members SET follower_count = follower_count + 1 WHERE follower_count = 0"),
    ("members.following_count", "UPDATE members SET following_count = 0 WHERE following_count > 0"),
    ("members.post_count", "UPDATE members SET post_count = post_count + 1 WHERE post_count > 0"),
    ("posts.view_count", "UPDATE posts SET view_count = view_count + 1"),
    ("posts.like_count", "UPDATE posts SET like_count = 7"),
    ("posts.comment_count", "UPDATE posts SET comment_count = comment_count + 1"),
    ("comments.like_count", "UPDATE comments SET like_count = 0 WHERE like_count > 0"),
    ("comments.reply_count", "UPDATE comments SET reply_count = 0 WHERE depth = 0"),
    ("comments.below_count", "UPDATE comments SET below_count = below_count + 1 WHERE depth = 2"),
];

async fn run(data_dir: &Path, file: &str, statement: String) {
    let options = SqliteConnectOptions::new().filename(data_dir.join(file));
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
}
