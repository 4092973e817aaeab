//! Views: each member counts once an hour, and authors never count on their own posts.
use super::{Sqlite, failed, json_ids, number};
use crate::{
    domain::{EventKind, Fact, MemberId, PostId},
    storage::{StoreResult, View},
};
use futures::FutureExt;
use sqlx::Row;

impl Sqlite {
    pub(super) async fn count(&self, views: Vec<View>) -> StoreResult<()> {
        let rows: Vec<_> = views.iter().map(|view| (view.post, view.viewer, view.hour)).collect();
        let rows = serde_json::to_string(&rows).map_err(failed)?;
        self.writer
            .write(move |commit| {
                async move {
                    let insert = "INSERT INTO post_views (post_id, member_id, hour) \
                        SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE EXISTS \
                        (SELECT 1 FROM posts WHERE id = value->>0 AND author_id <> value->>1 AND deleted_at IS NULL) \
                        ON CONFLICT DO NOTHING RETURNING post_id, member_id";
                    let query = sqlx::query(insert).bind(rows);
                    let counted = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
                    if counted.is_empty() {
                        return Ok(());
                    }
                    let update = "UPDATE posts SET view_count = view_count + added.views \
                        FROM (SELECT value AS post, count(*) AS views FROM json_each(?) GROUP BY value) added \
                        WHERE posts.id = added.post";
                    let posts = json_ids(counted.iter().map(|row| number(row.get(0))));
                    sqlx::query(update).bind(posts).execute(&mut commit.connection).await.map_err(failed)?;
                    for row in counted {
                        let (post, viewer) = (PostId(number(row.get(0))), MemberId(number(row.get(1))));
                        commit.emit(Fact::new(EventKind::PostRead, viewer).on_post(post));
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}
