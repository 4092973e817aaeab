//! The embedded profile as the conformance suite opens it and tampers with it.
use crate::{
    config::Config,
    storage::{
        Stores,
        conformance::{Backend, Tampering},
    },
};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqliteConnectOptions};
use std::{path::Path, sync::Arc};

/// Makes an empty deployment in a folder of its own.
pub(in crate::storage) fn backend() -> Backend {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let opened = folder.clone();
    Backend {
        open: Box::new(move || {
            let config = Config::for_tests(opened.path());
            async move { Stores::open(&config).await }.boxed_local()
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
    }
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
