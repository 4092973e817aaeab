//! Takes events in: one activity each, what they tell, and what they take back.
use super::{Database, commit::Commit, failed, number, open, read, signed};
use crate::{
    domain::{
        Event, MemberId, NOTIFICATIONS_MAX, Notification, NotificationKind, Position, Retraction, is_activity,
        message_key,
    },
    storage::{
        StoreResult,
        sqlite::writer::{Bulk, Query, with_fact},
    },
};
use sqlx::{Row, SqliteConnection};
use std::{collections::BTreeSet, sync::LazyLock};

impl Database {
    pub(super) async fn take_in(&self, batch: &[Event]) -> StoreResult<()> {
        let mut commit = Commit::begin(&self.writer).await?;
        let connection = commit.connection();
        let known = open::position(connection).await?;
        let new: Vec<Event> = batch.iter().filter(|event| event.position > known).copied().collect();
        let Some(last) = new.last() else { return commit.abandon().await };
        note(connection, &new).await?;
        let buried = has_dead_letters(connection).await?;
        let mut told = BTreeSet::new();
        for event in &new {
            told.extend(tell(connection, event).await?);
            take_back(connection, event, buried).await?;
        }
        for member in told {
            keep_newest(connection, member).await?;
        }
        open::move_on(connection, last.position).await?;
        commit.finish().await
    }
}

/// Stores the activities of these events, each key once.
pub(super) async fn note(connection: &mut SqliteConnection, events: &[Event]) -> StoreResult<()> {
    let acts: Vec<_> = events.iter().filter(|event| is_activity(event.fact.kind)).collect();
    if acts.is_empty() {
        return Ok(());
    }
    ACTIVITIES.run(connection, &acts, |query, event| bind(query, event)).await
}

static ACTIVITIES: LazyLock<Bulk> = LazyLock::new(|| {
    let insert = "INSERT INTO activities (id, message_key, kind, member_id, post_id, comment_id, target_id, at_ns)";
    Bulk::new(insert, 8, "ON CONFLICT DO NOTHING")
});

fn bind(query: Query, event: &Event) -> Query {
    let query = query.bind(signed(event.position.0)).bind(message_key(event));
    with_fact(query, &event.fact).bind(event.at_ns)
}

/// Stores what an event tells somebody, and says whom.
pub(super) async fn tell(connection: &mut SqliteConnection, event: &Event) -> StoreResult<Option<MemberId>> {
    let Some(notification) = Notification::of(event) else { return Ok(None) };
    if notification.kind == NotificationKind::Follow {
        let before = read::one(connection, Position(notification.id.0.saturating_sub(1))).await?;
        if before.is_some_and(|before| notification.is_answered_by(&before)) {
            return Ok(None);
        }
    }
    let insert = "INSERT INTO notifications (id, member_id, kind, actor_id, post_id, comment_id, at) \
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let query = sqlx::query(insert)
        .bind(signed(notification.id.0))
        .bind(signed(notification.to.0))
        .bind(notification.kind.code())
        .bind(signed(notification.actor.0))
        .bind(notification.post.map(|id| signed(id.0)))
        .bind(notification.comment.map(|id| signed(id.0)))
        .bind(notification.at.0);
    query.execute(connection).await.map_err(failed)?;
    Ok(Some(notification.to))
}

/// Removes what an event takes back, and sees to it that a buried event does not tell it later.
pub(super) async fn take_back(connection: &mut SqliteConnection, event: &Event, buried: bool) -> StoreResult<()> {
    for retraction in Retraction::of(event) {
        delete(connection, &retraction, event.position).await?;
        if buried {
            withdraw(connection, &retraction, event).await?;
        }
    }
    Ok(())
}

async fn delete(connection: &mut SqliteConnection, retraction: &Retraction, before: Position) -> StoreResult<()> {
    use NotificationKind::{LikeComment, LikePost, Mention};
    /// One of the ways to find what is taken back: by what an index begins with.
    macro_rules! delete {
        ($which:literal) => {
            concat!("DELETE FROM notifications WHERE id < ? AND ", $which)
        };
    }
    let id = |id: u64| Some(signed(id));
    let code = |kind: NotificationKind| Some(i64::from(kind.code()));
    let (statement, values): (&'static str, Vec<Option<i64>>) = match *retraction {
        Retraction::Post(post) => (delete!("post_id = ?"), vec![id(post.0)]),
        Retraction::Comment(comment) => (delete!("comment_id = ?"), vec![id(comment.0)]),
        Retraction::PostLike(post, actor) => {
            (delete!("post_id = ? AND kind = ? AND actor_id = ?"), vec![id(post.0), code(LikePost), id(actor.0)])
        }
        Retraction::CommentLike(comment, actor) => (
            delete!("comment_id = ? AND kind = ? AND actor_id = ?"),
            vec![id(comment.0), code(LikeComment), id(actor.0)],
        ),
        Retraction::Mention(post, comment, named) => (
            delete!("post_id = ? AND kind = ? AND comment_id IS ? AND member_id = ?"),
            vec![id(post.0), code(Mention), comment.map(|comment| signed(comment.0)), id(named.0)],
        ),
        Retraction::Between(kind, to, actor) => (
            delete!("member_id = ? AND actor_id = ? AND kind = ? AND kind >= 6"),
            vec![id(to.0), id(actor.0), code(kind)],
        ),
    };
    let mut query = sqlx::query(statement).bind(signed(before.0));
    for value in values {
        query = query.bind(value);
    }
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}

async fn has_dead_letters(connection: &mut SqliteConnection) -> StoreResult<bool> {
    let row = sqlx::query("SELECT EXISTS (SELECT 1 FROM dead_letters)").fetch_one(connection).await.map_err(failed)?;
    Ok(row.get(0))
}

/// Marks the buried events that would tell what this one takes back. Letters are few, so they are looked through.
async fn withdraw(connection: &mut SqliteConnection, retraction: &Retraction, by: &Event) -> StoreResult<()> {
    let select = concat!(
        "SELECT ",
        super::event_columns!("id"),
        " FROM dead_letters WHERE id < ? AND withdrawn = 0 AND (post_id IS ? OR post_id IS NULL)"
    );
    let query = sqlx::query(select).bind(signed(by.position.0)).bind(by.fact.post.map(|post| signed(post.0)));
    for row in query.fetch_all(&mut *connection).await.map_err(failed)? {
        let buried = super::event(&row).map_err(failed)?;
        if Notification::of(&buried).is_some_and(|notification| retraction.takes(&notification)) {
            let update = sqlx::query("UPDATE dead_letters SET withdrawn = 1 WHERE id = ?");
            let update = update.bind(signed(buried.position.0));
            update.execute(&mut *connection).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Lets the oldest go where a member has more than may be kept.
pub(super) async fn keep_newest(connection: &mut SqliteConnection, member: MemberId) -> StoreResult<()> {
    let select = "SELECT id FROM notifications WHERE member_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?";
    let query = sqlx::query(select).bind(signed(member.0)).bind(signed(NOTIFICATIONS_MAX as u64));
    let Some(row) = query.fetch_optional(&mut *connection).await.map_err(failed)? else { return Ok(()) };
    let delete = "DELETE FROM notifications WHERE member_id = ? AND id <= ?";
    let query = sqlx::query(delete).bind(signed(member.0)).bind(signed(number(row.get(0))));
    query.execute(connection).await.map_err(failed)?;
    Ok(())
}
