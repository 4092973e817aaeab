//! Deletes the notifications that an event retracts: one SQL statement per kind of `domain::Retraction`.
use super::{dead_letters::withdraw, failed};
use crate::{
    domain::{Event, NotificationKind, Position, Retraction},
    storage::{StoreResult, sqlite::signed},
};
use sqlx::SqliteConnection;

// Each statement deletes notifications that are older than the event, and begins with the columns of an index. `IS`
// also finds NULL; `kind >= 6` is the condition of the partial index on notifications between two members.
const ABOUT_POST: &str = "DELETE FROM notifications WHERE id < ? AND post_id = ?";
const ABOUT_COMMENT: &str = "DELETE FROM notifications WHERE id < ? AND comment_id = ?";
const POST_LIKE: &str = "DELETE FROM notifications WHERE id < ? AND post_id = ? AND kind = ? AND actor_id = ?";
const COMMENT_LIKE: &str = "DELETE FROM notifications WHERE id < ? AND comment_id = ? AND kind = ? AND actor_id = ?";
const MENTION: &str =
    "DELETE FROM notifications WHERE id < ? AND post_id = ? AND kind = ? AND comment_id IS ? AND member_id = ?";
const BETWEEN: &str =
    "DELETE FROM notifications WHERE id < ? AND member_id = ? AND actor_id = ? AND kind = ? AND kind >= 6";

/// Deletes the notifications that `event` retracts. If there are dead letters, also marks the dead letters that
/// would make such a notification when they are redriven.
pub(super) async fn retract(
    connection: &mut SqliteConnection,
    event: &Event,
    has_dead_letters: bool,
) -> StoreResult<()> {
    for retraction in Retraction::of(event) {
        delete(connection, &retraction, event.position).await?;
        if has_dead_letters {
            withdraw(connection, &retraction, event).await?;
        }
    }
    Ok(())
}

async fn delete(connection: &mut SqliteConnection, retraction: &Retraction, before: Position) -> StoreResult<()> {
    let delete = |statement: &'static str| sqlx::query(statement).bind(signed(before.0));
    let query = match *retraction {
        Retraction::AboutPost(post) => delete(ABOUT_POST).bind(signed(post.0)),
        Retraction::AboutComment(comment) => delete(ABOUT_COMMENT).bind(signed(comment.0)),
        Retraction::PostLike { post, actor } => {
            delete(POST_LIKE).bind(signed(post.0)).bind(NotificationKind::LikePost.code()).bind(signed(actor.0))
        }
        Retraction::CommentLike { comment, actor } => delete(COMMENT_LIKE)
            .bind(signed(comment.0))
            .bind(NotificationKind::LikeComment.code())
            .bind(signed(actor.0)),
        Retraction::Mention { post, comment, to } => delete(MENTION)
            .bind(signed(post.0))
            .bind(NotificationKind::Mention.code())
            .bind(comment.map(|comment| signed(comment.0)))
            .bind(signed(to.0)),
        Retraction::Between { kind, to, actor } => {
            delete(BETWEEN).bind(signed(to.0)).bind(signed(actor.0)).bind(kind.code())
        }
    };
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}
