//! Comments in three levels, with tombstones for those that have gone from above others.
use super::{Sqlite, commit::Commit, failed, json_ids, number, posts, receipts, signed};
use crate::{
    domain::{
        Comment, CommentId, CommentText, EventKind, Fact, MemberId, Outcome, Position, PostId, Receipt, Refusal,
        Timestamp,
    },
    storage::{CommentOrder, StoreResult},
};
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

/// A comment that is neither deleted nor by somebody who has left, on a post that can be seen. Somebody who has left
/// sees none.
pub(super) struct Living {
    pub(super) post: PostId,
    pub(super) author: MemberId,
    /// Who was told of it: the author of what it answers.
    told: MemberId,
    mentions: Vec<MemberId>,
    depth: u8,
}

pub(super) async fn living(
    connection: &mut SqliteConnection,
    by: MemberId,
    id: CommentId,
) -> StoreResult<Option<Living>> {
    let select = "SELECT c.post_id, c.author_id, c.depth, coalesce((SELECT author_id FROM comments \
        WHERE id = c.parent_id), p.author_id), c.mentions FROM comments c JOIN posts p ON p.id = c.post_id \
        JOIN members m ON m.id = p.author_id WHERE c.id = ? AND c.deleted_at IS NULL AND c.author_deactivated = 0 \
        AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ? AND deactivated_at IS NULL)";
    let row =
        sqlx::query(select).bind(signed(id.0)).bind(signed(by.0)).fetch_optional(connection).await.map_err(failed)?;
    let living = |row: SqliteRow| {
        Ok(Living {
            post: PostId(number(row.get(0))),
            author: MemberId(number(row.get(1))),
            depth: row.get(2),
            told: MemberId(number(row.get(3))),
            mentions: ids_of(row.get(4)).map_err(failed)?,
        })
    };
    row.map(living).transpose()
}

/// Adds to the counters that one comment on this place is counted in.
async fn count(connection: &mut SqliteConnection, id: CommentId, post: PostId, by: i64) -> StoreResult<()> {
    let update = "UPDATE posts SET comment_count = comment_count + ? WHERE id = ?";
    let update = sqlx::query(update).bind(by).bind(signed(post.0));
    update.execute(&mut *connection).await.map_err(failed)?;
    let update = "UPDATE comments SET below_count = below_count + ?1, reply_count = reply_count + \
        CASE WHEN id = (SELECT parent_id FROM comments WHERE id = ?2) THEN ?1 ELSE 0 END \
        WHERE id IN (SELECT parent_id FROM comments WHERE id = ?2 UNION ALL SELECT p.parent_id FROM comments c \
        JOIN comments p ON p.id = c.parent_id WHERE c.id = ?2)";
    sqlx::query(update).bind(by).bind(signed(id.0)).execute(connection).await.map_err(failed)?;
    Ok(())
}

pub(super) fn comment(row: &SqliteRow) -> sqlx::Result<Comment> {
    let deleted = row.try_get::<Option<i64>, _>("deleted_at")?.is_some() || row.try_get("author_deactivated")?;
    Ok(Comment {
        id: CommentId(number(row.try_get("id")?)),
        post: PostId(number(row.try_get("post_id")?)),
        parent: row.try_get::<Option<i64>, _>("parent_id")?.map(|id| CommentId(number(id))),
        depth: row.try_get("depth")?,
        author: MemberId(number(row.try_get("author_id")?)),
        content: if deleted { String::new() } else { row.try_get("content")? },
        like_count: number(row.try_get("like_count")?),
        reply_count: number(row.try_get("reply_count")?),
        below_count: number(row.try_get("below_count")?),
        mentions: ids_of(row.try_get("mentions")?)?,
        deleted,
        created_at: Timestamp(row.try_get("created_at")?),
        edited_at: row.try_get::<Option<i64>, _>("edited_at")?.map(Timestamp),
    })
}

/// A comment as it is stored.
async fn stored(connection: &mut SqliteConnection, id: CommentId) -> StoreResult<Comment> {
    let row = sqlx::query("SELECT * FROM comments WHERE id = ?").bind(signed(id.0)).fetch_one(connection).await;
    comment(&row.map_err(failed)?).map_err(failed)
}

fn ids_of(json: &str) -> sqlx::Result<Vec<MemberId>> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

async fn insert(commit: &mut Commit, new: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
    if let Some(receipt) = &receipt {
        if let Some(answer) = receipts::find(&mut commit.connection, receipt).await? {
            return Ok(Outcome::Repeated(answer));
        }
        receipts::insert(&mut commit.connection, receipt).await?;
    }
    let mut told = posts::author_of(&mut commit.connection, new.author, new.post).await?;
    if let Some(parent) = new.parent {
        let parent = living(&mut commit.connection, new.author, parent).await?.ok_or(Refusal::ParentNotFound)?;
        if parent.post != new.post {
            return Err(Refusal::ParentOnAnotherPost.into());
        }
        debug_assert_eq!(parent.depth + 1, new.depth);
        told = parent.author;
    }
    let insert = "INSERT INTO comments (id, post_id, parent_id, depth, author_id, content, created_at, mentions) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let insert = sqlx::query(insert)
        .bind(signed(new.id.0))
        .bind(signed(new.post.0))
        .bind(new.parent.map(|parent| signed(parent.0)))
        .bind(new.depth)
        .bind(signed(new.author.0))
        .bind(&new.content)
        .bind(new.created_at.0)
        .bind(json_ids(new.mentions.iter().map(|id| id.0)));
    insert.execute(&mut commit.connection).await.map_err(failed)?;
    count(&mut commit.connection, new.id, new.post, 1).await?;
    let about = Fact::new(EventKind::CommentCreated, new.author).on_post(new.post).on_comment(new.id);
    let position = commit.emit(about.to(told));
    // Who is told of the comment need not be told that it names them.
    let mentions: Vec<MemberId> = new.mentions.into_iter().filter(|member| *member != told).collect();
    commit.emit_mentions(about, &[], &mentions);
    Ok(Outcome::Done(position))
}

/// Refuses `PreconditionFailed` where the comment is not as somebody has seen it.
async fn unchanged(connection: &mut SqliteConnection, id: CommentId, seen: &Comment) -> StoreResult<()> {
    let query = sqlx::query("SELECT * FROM comments WHERE id = ?").bind(signed(id.0));
    let now = comment(&query.fetch_one(connection).await.map_err(failed)?).map_err(failed)?;
    if now.has_same_content(seen) { Ok(()) } else { Err(Refusal::PreconditionFailed.into()) }
}

impl Sqlite {
    pub(super) async fn add_comment(&self, new: Comment, receipt: Option<Receipt>) -> StoreResult<Outcome<Position>> {
        self.writer.write(move |commit| insert(commit, new, receipt).boxed()).await
    }

    pub(super) async fn change_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        mentions: Vec<MemberId>,
        over: Option<Comment>,
        at: Timestamp,
    ) -> StoreResult<Comment> {
        self.writer
            .write(move |commit| {
                async move {
                    let on = living(&mut commit.connection, author, id).await?.ok_or(Refusal::CommentNotFound)?;
                    if on.author != author {
                        return Err(Refusal::CommentUpdateForbidden.into());
                    }
                    if let Some(over) = over {
                        unchanged(&mut commit.connection, id, &over).await?;
                    }
                    let was = stored(&mut commit.connection, id).await?;
                    // An edit that changes nothing is none.
                    if was.content == text.as_str() {
                        return Ok(was);
                    }
                    let update =
                        "UPDATE comments SET content = ?, edited_at = ?, mentions = ? WHERE id = ? RETURNING *";
                    let update = sqlx::query(update)
                        .bind(text.as_str())
                        .bind(at.0)
                        .bind(json_ids(mentions.iter().map(|id| id.0)))
                        .bind(signed(id.0));
                    let row = update.fetch_one(&mut commit.connection).await.map_err(failed)?;
                    let about = Fact::new(EventKind::CommentUpdated, author).on_post(on.post).on_comment(id);
                    commit.emit(about);
                    commit.emit_mentions(about, &on.mentions, &mentions);
                    comment(&row).map_err(failed)
                }
                .boxed()
            })
            .await
    }

    /// Its text goes at once; its row stays, and is a tombstone as long as something visible is below.
    pub(super) async fn remove_comment(&self, author: MemberId, id: CommentId, at: Timestamp) -> StoreResult<()> {
        self.writer
            .write(move |commit| {
                async move {
                    let on = living(&mut commit.connection, author, id).await?.ok_or(Refusal::CommentNotFound)?;
                    if on.author != author {
                        return Err(Refusal::CommentDeleteForbidden.into());
                    }
                    let delete = "UPDATE comments SET deleted_at = ?, content = '' WHERE id = ?";
                    let delete = sqlx::query(delete).bind(at.0).bind(signed(id.0));
                    delete.execute(&mut commit.connection).await.map_err(failed)?;
                    count(&mut commit.connection, id, on.post, -1).await?;
                    let about = Fact::new(EventKind::CommentDeleted, author).on_post(on.post).on_comment(id);
                    commit.emit(about.to(on.told));
                    commit.emit_mentions(about, &on.mentions, &[]);
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    pub(super) async fn one_comment(&self, id: CommentId) -> StoreResult<Option<Comment>> {
        let select = "SELECT c.* FROM comments c JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
            WHERE c.id = ? AND p.deleted_at IS NULL AND m.deactivated_at IS NULL \
            AND (c.deleted_at IS NULL AND c.author_deactivated = 0 OR c.below_count > 0)";
        let query = sqlx::query(select).bind(signed(id.0));
        let row = query.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| comment(&row)).transpose().map_err(failed)
    }

    pub(super) async fn several_comments(&self, ids: &[CommentId]) -> StoreResult<Vec<Comment>> {
        let select = "SELECT c.* FROM json_each(?) j JOIN comments c ON c.id = j.value JOIN posts p ON p.id = c.post_id \
            JOIN members m ON m.id = p.author_id WHERE p.deleted_at IS NULL AND m.deactivated_at IS NULL \
            AND (c.deleted_at IS NULL AND c.author_deactivated = 0 OR c.below_count > 0)";
        let query = sqlx::query(select).bind(json_ids(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(comment).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn page_of_comments(&self, order: CommentOrder, limit: usize) -> StoreResult<Vec<Comment>> {
        let (select, of, place) = match order {
            CommentOrder::OfPost(post, after) => (
                "SELECT * FROM comments WHERE post_id = ? AND parent_id IS NULL AND id > ? \
                AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) ORDER BY id LIMIT ?",
                post.0,
                after,
            ),
            CommentOrder::RepliesTo(parent, after) => (
                "SELECT * FROM comments WHERE parent_id = ? AND id > ? \
                AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) ORDER BY id LIMIT ?",
                parent.0,
                after,
            ),
            CommentOrder::OfMember(member, before) => (
                "SELECT c.* FROM comments c JOIN posts p ON p.id = c.post_id JOIN members m ON m.id = p.author_id \
                WHERE c.author_id = ? AND c.id < ? AND c.deleted_at IS NULL AND c.author_deactivated = 0 \
                AND p.deleted_at IS NULL AND m.deactivated_at IS NULL ORDER BY c.id DESC LIMIT ?",
                member.0,
                before,
            ),
        };
        let query = sqlx::query(select).bind(signed(of)).bind(signed(place.0)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(comment).collect::<sqlx::Result<_>>().map_err(failed)
    }

    pub(super) async fn replies_below(&self, parents: &[CommentId], each: usize) -> StoreResult<Vec<Comment>> {
        let select = "SELECT c.* FROM json_each(?) j JOIN comments c ON c.id IN (SELECT id FROM comments \
            WHERE parent_id = j.value AND (deleted_at IS NULL AND author_deactivated = 0 OR below_count > 0) \
            ORDER BY id LIMIT ?) ORDER BY c.id";
        let query = sqlx::query(select).bind(json_ids(parents.iter().map(|id| id.0))).bind(signed(each as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(comment).collect::<sqlx::Result<_>>().map_err(failed)
    }
}
