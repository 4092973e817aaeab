//! Retags stored posts at the start after the rules for tags changed.
use crate::{
    domain::{PostId, markup},
    storage::{
        StoreResult,
        sqlite::{failed, number, posts::set_tags},
    },
};
use sqlx::{Row, SqlitePool};

/// Posts in one commit.
const STEP: i64 = 1_000;

/// Finds the tags of every post by the rules of `MARKUP_VERSION`, once. An interrupted start repeats it; the finished
/// commits stand. Leaves mentions as they are: their members were notified when the post was stored.
pub(crate) async fn retag_posts(pool: &SqlitePool) -> StoreResult<()> {
    let known = sqlx::query("SELECT value FROM meta WHERE name = 'markup'").fetch_optional(pool).await;
    let version = i64::from(markup::MARKUP_VERSION);
    if known.map_err(failed)?.is_some_and(|row| row.get::<i64, _>(0) == version) {
        return Ok(());
    }
    let (mut after, mut changed) = (0, 0);
    while let Some(last) = step(pool, after, &mut changed).await? {
        after = last;
    }
    if changed > 0 {
        tracing::info!(posts = changed, "extracted tags again");
    }
    let set =
        "INSERT INTO meta (name, value) VALUES ('markup', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(set).bind(version).execute(pool).await.map_err(failed)?;
    Ok(())
}

/// Retags the next posts and returns the id of the last one.
async fn step(pool: &SqlitePool, after: i64, changed: &mut u64) -> StoreResult<Option<i64>> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let select = "SELECT id, content, tags FROM posts WHERE id > ? \
        AND (tags <> '[]' OR instr(content, '#') > 0 OR instr(content, '＃') > 0) ORDER BY id LIMIT ?";
    let rows = sqlx::query(select).bind(after).bind(STEP).fetch_all(&mut *transaction).await.map_err(failed)?;
    for row in &rows {
        let tags = markup::find(row.get(1)).tags;
        let json = serde_json::to_string(&tags).map_err(failed)?;
        if json == row.get::<&str, _>(2) {
            continue;
        }
        let id: i64 = row.get(0);
        let update = sqlx::query("UPDATE posts SET tags = ? WHERE id = ?").bind(json).bind(id);
        update.execute(&mut *transaction).await.map_err(failed)?;
        set_tags(&mut transaction, PostId(number(id)), &tags).await?;
        *changed += 1;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(rows.last().map(|row| row.get(0)))
}
