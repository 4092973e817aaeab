//! `ViewStore` over the table `post_views`: one row for each post, viewer and hour, and none for a post's author.
use super::{Sqlite, failed, json_ids, number, writer::Commit};
use crate::{
    domain::{EventKind, Fact, MemberId, PostId},
    storage::{Committed, StoreResult, View, ViewStore},
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

#[async_trait]
impl ViewStore for Sqlite {
    async fn count_views(&self, views: Vec<View>) -> StoreResult<Committed<()>> {
        let views: Vec<_> = views.iter().map(|view| (view.post, view.viewer, view.hour)).collect();
        let views = serde_json::to_string(&views).map_err(failed)?;
        self.writer.write(move |commit| count_views(commit, views.clone()).boxed()).await
    }
}
