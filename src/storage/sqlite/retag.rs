//! The tags of stored posts, found anew where the rules for tags have changed since they were stored.
use super::{failed, posts::retag};
use crate::{
    domain::{PostId, markup},
    storage::StoreResult,
};
use sqlx::{Row, SqlitePool};

/// Posts that are looked at in one commit.
const STEP: i64 = 1_000;

/// Brings all tags to the rules of this version, once. A start that is cut off begins again; what is done stays done.
/// Mentions stay: whoever was named then was told then.
pub(super) async fn bring_up_to_date(pool: &SqlitePool) -> StoreResult<()> {
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

/// The posts after that one; the last of them, if there are any.
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
        retag(&mut transaction, PostId(super::number(id)), &tags).await?;
        *changed += 1;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(rows.last().map(|row| row.get(0)))
}
