//! Migrations that convert rows, on a database that has some.
use super::{Sqlite, open};
use crate::{
    config::Config,
    domain::{CommentId, MemberId, PostId},
    storage::{CommentStore, DepartureStore, HousekeepingStore, MemberStore, PostStore},
};

/// Two members who follow each other, like and comment the same post; member 2 is deactivated and not counted.
const ROWS: &str = "
    INSERT INTO members (id, email, email_key, handle, handle_key, password_hash, member_name, created_at,
        follower_count, following_count, post_count, deactivated_at) VALUES
        (1, 'a', 'a', 'a', 'a', '', 'a', 0, 0, 0, 1, NULL), (2, 'b', 'b', 'b', 'b', '', 'b', 0, 1, 1, 0, 7);
    INSERT INTO follows (id, follower_id, followee_id) VALUES (3, 1, 2), (4, 2, 1);
    INSERT INTO posts (id, author_id, position, content, created_at, like_count, comment_count)
        VALUES (5, 1, 1, 'post', 0, 1, 2);
    INSERT INTO post_likes (id, post_id, member_id) VALUES (6, 5, 1), (7, 5, 2);
    INSERT INTO comments (id, post_id, parent_id, depth, author_id, content, created_at, deleted_at,
        author_deactivated, like_count, reply_count, below_count) VALUES
        (8, 5, NULL, 0, 1, 'stays', 0, NULL, 0, 1, 0, 0), (9, 5, 8, 1, 2, 'hidden', 0, NULL, 1, 0, 1, 1),
        (10, 5, 9, 2, 1, 'below', 0, NULL, 0, 0, 0, 0), (11, 5, 8, 1, 2, '', 0, 3, 1, 0, 0, 0);
    UPDATE comments SET below_count = 1 WHERE id = 8;
    INSERT INTO comment_likes (id, comment_id, member_id) VALUES (12, 8, 1), (13, 8, 2)";

#[tokio::test]
async fn rows_of_deactivated_members_are_not_counted_after_the_migration() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let pool = open::pool(open::options(&config).create_if_missing(true), 1).await.unwrap();
    let mut before = sqlx::migrate!("migrations/sqlite");
    before.migrations.to_mut().retain(|migration| migration.version < 10);
    before.run(&pool).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&pool).await.unwrap();
    pool.close().await;

    let store = Sqlite::open(&config).await.unwrap();
    assert_eq!(store.audit().await.unwrap(), []);
    assert_eq!(store.open_departures().await.unwrap(), 0);
    let hidden = store.comment_by_id(CommentId(9)).await.unwrap().unwrap();
    assert!(hidden.deleted && hidden.content.is_empty() && hidden.below_count == 1);
    store.restore(MemberId(2)).await.unwrap();
    assert_eq!(store.audit().await.unwrap(), []);
    let counts = store.posts(&[PostId(5)]).await.unwrap()[0].counts;
    assert_eq!((counts.likes, counts.comments), (2, 3));
    let shown = store.comment_by_id(CommentId(8)).await.unwrap().unwrap();
    assert_eq!((shown.like_count, shown.reply_count, shown.below_count), (2, 1, 2));
}
