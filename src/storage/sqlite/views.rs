//! `ViewStore` over the table `post_views`: one row for each post, viewer and hour, and none for a post's author.
//! Folded rows are counted in `posts.views_base`.
use super::{Sqlite, failed, json_ids, number, writer::Commit};
use crate::{
    domain::{EventKind, Fact, MemberId, PostId},
    storage::{Committed, StoreResult, VIEWS_FOLDED_MAX, View, ViewStore},
};
use async_trait::async_trait;
use futures::FutureExt;
use sqlx::Row;

const INSERT: &str = "INSERT INTO post_views (post_id, member_id, hour) \
    SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE EXISTS \
    (SELECT 1 FROM posts WHERE id = value->>0 AND author_id <> value->>1 AND deleted_at IS NULL) \
    ON CONFLICT DO NOTHING RETURNING post_id, member_id";
const ADD: &str = "UPDATE posts SET view_count = view_count + added.views \
    FROM (SELECT value AS post, count(*) AS views FROM json_each(?) GROUP BY value) added WHERE posts.id = added.post";
const OLDEST: &str = "SELECT min(hour) FROM post_views";
const FOLD: &str = "DELETE FROM post_views WHERE (post_id, hour, member_id) IN (SELECT post_id, hour, member_id \
    FROM post_views INDEXED BY post_views_of_hour WHERE hour < ?1 LIMIT ?2) RETURNING post_id";
const ADD_TO_BASE: &str = "UPDATE posts SET views_base = views_base + folded.views \
    FROM (SELECT value AS post, count(*) AS views FROM json_each(?) GROUP BY value) folded \
    WHERE posts.id = folded.post";

/// Maximum number of rows that are folded in one step. They are of as many posts, so a step takes the writer some 10
/// ms.
const FOLD_STEP: i64 = 200;

/// `views` is a JSON array of `[post, viewer, hour]`.
async fn count_views(commit: &mut Commit, views: String) -> StoreResult<()> {
    let counted = sqlx::query(INSERT).bind(views).fetch_all(&mut commit.connection).await.map_err(failed)?;
    if counted.is_empty() {
        return Ok(());
    }
    let posts = json_ids(counted.iter().map(|row| number(row.get(0))));
    sqlx::query(ADD).bind(posts).execute(&mut commit.connection).await.map_err(failed)?;
    for row in counted {
        let (post, viewer) = (PostId(number(row.get(0))), MemberId(number(row.get(1))));
        commit.emit(Fact::new(EventKind::PostRead, viewer).on_post(post));
    }
    Ok(())
}

/// Folds the next rows before an hour, and returns their number.
async fn fold_step(commit: &mut Commit, before_hour: i64) -> StoreResult<u64> {
    let query = sqlx::query(FOLD).bind(before_hour).bind(FOLD_STEP);
    let rows = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    if !rows.is_empty() {
        let posts = json_ids(rows.iter().map(|row| number(row.get(0))));
        sqlx::query(ADD_TO_BASE).bind(posts).execute(&mut commit.connection).await.map_err(failed)?;
    }
    Ok(rows.len() as u64)
}

#[async_trait]
impl ViewStore for Sqlite {
    async fn count_views(&self, views: Vec<View>) -> StoreResult<Committed<()>> {
        let views: Vec<_> = views.iter().map(|view| (view.post, view.viewer, view.hour)).collect();
        let views = serde_json::to_string(&views).map_err(failed)?;
        self.writer.write(move |commit| count_views(commit, views.clone()).boxed()).await
    }

    async fn oldest_view(&self) -> StoreResult<Option<i64>> {
        let row = sqlx::query(OLDEST).fetch_one(&self.read_pool).await.map_err(failed)?;
        Ok(row.get(0))
    }

    async fn fold_views(&self, before_hour: i64) -> StoreResult<u64> {
        let mut folded = 0;
        while folded < VIEWS_FOLDED_MAX {
            match self.writer.write(move |commit| fold_step(commit, before_hour).boxed()).await?.value {
                0 => break,
                rows => folded += rows,
            }
        }
        Ok(folded)
    }
}
