//! The commands on comments: `create_comment`, `edit_comment`, `delete_comment`.
use super::{comment, existing_comment, statements::STORED};
use crate::{
    domain::{
        Comment, CommentId, CommentText, EventKind, Fact, MemberId, Outcome, PostId, Receipt, Refusal, Timestamp,
    },
    storage::{
        StoreResult,
        sqlite::{
            failed, json_ids, posts, signed,
            writer::{Commit, receipts},
        },
    },
};
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

const INSERT: &str = "INSERT INTO comments (id, post_id, parent_id, depth, author_id, content, created_at, mentions) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "UPDATE comments SET content = ?, edited_at = ?, mentions = ? WHERE id = ?";
/// Adds `?1` to `below_count` of the comments above comment `?2`, and to `reply_count` of its parent.
const COUNT_ABOVE: &str = "UPDATE comments SET below_count = below_count + ?1, reply_count = reply_count + \
    CASE WHEN id = (SELECT parent_id FROM comments WHERE id = ?2) THEN ?1 ELSE 0 END \
    WHERE id IN (SELECT parent_id FROM comments WHERE id = ?2 UNION ALL SELECT p.parent_id FROM comments c \
    JOIN comments p ON p.id = c.parent_id WHERE c.id = ?2)";

/// Adds `by` to the counters that count the comment: of its post, its parent and the parent's parent.
async fn add_to_counters(connection: &mut SqliteConnection, id: CommentId, post: PostId, by: i64) -> StoreResult<()> {
    let update =
        sqlx::query("UPDATE posts SET comment_count = comment_count + ? WHERE id = ?").bind(by).bind(signed(post.0));
    update.execute(&mut *connection).await.map_err(failed)?;
    sqlx::query(COUNT_ABOVE).bind(by).bind(signed(id.0)).execute(connection).await.map_err(failed)?;
    Ok(())
}

pub(super) async fn create_comment(
    commit: &mut Commit,
    new: Comment,
    receipt: Option<Receipt>,
) -> StoreResult<Outcome> {
    if let Some(answer) = receipts::find_or_insert(&mut commit.connection, receipt.as_ref()).await? {
        return Ok(Outcome::Repeated(answer));
    }
    let mut notified = posts::author_of(&mut commit.connection, new.author, new.post).await?;
    if let Some(parent) = new.parent {
        let parent =
            existing_comment(&mut commit.connection, new.author, parent).await?.ok_or(Refusal::ParentNotFound)?;
        if parent.post != new.post {
            return Err(Refusal::ParentOnAnotherPost.into());
        }
        debug_assert_eq!(parent.depth + 1, new.depth);
        notified = parent.author;
    }
    let insert = sqlx::query(INSERT)
        .bind(signed(new.id.0))
        .bind(signed(new.post.0))
        .bind(new.parent.map(|parent| signed(parent.0)))
        .bind(new.depth)
        .bind(signed(new.author.0))
        .bind(&new.content)
        .bind(new.created_at.0)
        .bind(json_ids(new.mentions.iter().map(|id| id.0)));
    insert.execute(&mut commit.connection).await.map_err(failed)?;
    add_to_counters(&mut commit.connection, new.id, new.post, 1).await?;
    let fact = Fact::new(EventKind::CommentCreated, new.author).on_post(new.post).on_comment(new.id);
    commit.emit(fact.to(notified));
    // `CommentCreated` already notifies its target, who needs no mention.
    let mentions: Vec<MemberId> = new.mentions.into_iter().filter(|member| *member != notified).collect();
    commit.emit_mentions(fact, &[], &mentions);
    Ok(Outcome::Done)
}

/// The arguments of `edit_comment`.
#[derive(Clone)]
pub(super) struct Edit {
    pub(super) author: MemberId,
    pub(super) id: CommentId,
    pub(super) text: CommentText,
    pub(super) mentions: Vec<MemberId>,
    /// The version that the client read.
    pub(super) expected: Option<Comment>,
    pub(super) at: Timestamp,
}

pub(super) async fn edit_comment(commit: &mut Commit, edit: Edit) -> StoreResult<Comment> {
    let Edit { author, id, text, mentions, expected, at } = edit;
    let on = existing_comment(&mut commit.connection, author, id).await?.ok_or(Refusal::CommentNotFound)?;
    if on.author != author {
        return Err(Refusal::CommentUpdateForbidden.into());
    }
    let before = stored(&mut commit.connection, id).await?;
    if expected.is_some_and(|expected| !before.has_same_content(&expected)) {
        return Err(Refusal::PreconditionFailed.into());
    }
    if before.content == text.as_str() {
        return Ok(before);
    }
    let update = sqlx::query(UPDATE)
        .bind(text.as_str())
        .bind(at.0)
        .bind(json_ids(mentions.iter().map(|id| id.0)))
        .bind(signed(id.0));
    update.execute(&mut commit.connection).await.map_err(failed)?;
    let fact = Fact::new(EventKind::CommentUpdated, author).on_post(on.post).on_comment(id);
    commit.emit(fact);
    commit.emit_mentions(fact, &on.mentions, &mentions);
    stored(&mut commit.connection, id).await
}

/// Removes the text at once. The row stays: it is a tombstone while a visible comment is below it.
pub(super) async fn delete_comment(
    commit: &mut Commit,
    author: MemberId,
    id: CommentId,
    at: Timestamp,
) -> StoreResult<()> {
    let on = existing_comment(&mut commit.connection, author, id).await?.ok_or(Refusal::CommentNotFound)?;
    if on.author != author {
        return Err(Refusal::CommentDeleteForbidden.into());
    }
    let delete = sqlx::query("UPDATE comments SET deleted_at = ?, content = '' WHERE id = ? RETURNING counted");
    let delete = delete.bind(at.0).bind(signed(id.0));
    let row = delete.fetch_one(&mut commit.connection).await.map_err(failed)?;
    // It is not counted if its author was restored and the counters follow in steps.
    if row.get(0) {
        add_to_counters(&mut commit.connection, id, on.post, -1).await?;
    }
    let fact = Fact::new(EventKind::CommentDeleted, author).on_post(on.post).on_comment(id);
    commit.emit(fact.to(on.notified));
    commit.emit_mentions(fact, &on.mentions, &[]);
    Ok(())
}

/// Returns a stored comment.
async fn stored(connection: &mut SqliteConnection, id: CommentId) -> StoreResult<Comment> {
    let select = sqlx::query(AssertSqlSafe(STORED.as_str())).bind(signed(id.0));
    comment(&select.fetch_one(connection).await.map_err(failed)?).map_err(failed)
}
