//! Follows, follow requests, blocks and mutes, changed. What one of them ends goes in the same commit.
use super::{Sqlite, commit::Commit, failed, number, signed};
use crate::{
    domain::{
        BLOCKS_MAX, EventKind as K, FOLLOW_REQUESTS_MAX, FOLLOWINGS_MAX, Fact, MUTES_MAX, MemberId, Position, Refusal,
        RelationChange, Timestamp,
    },
    storage::{Followed, StoreResult},
};
use futures::{FutureExt, future::BoxFuture};
use sqlx::Row;

/// What most of these commands answer: where it happened, or that it was so already.
type Change = StoreResult<Option<Position>>;

/// Runs a statement about two members; says whether it changed anything.
async fn change(commit: &mut Commit, statement: &'static str, one: MemberId, other: MemberId) -> StoreResult<bool> {
    let query = sqlx::query(statement).bind(signed(one.0)).bind(signed(other.0));
    Ok(query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Whether a statement about two members finds anything.
async fn holds(commit: &mut Commit, select: &'static str, one: MemberId, other: MemberId) -> StoreResult<bool> {
    let query = sqlx::query(select).bind(signed(one.0)).bind(signed(other.0));
    Ok(query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some())
}

/// How many rows a member has.
async fn many(commit: &mut Commit, select: &'static str, member: MemberId) -> StoreResult<usize> {
    let query = sqlx::query(select).bind(signed(member.0));
    let row = query.fetch_one(&mut commit.connection).await.map_err(failed)?;
    Ok(usize::try_from(row.get::<i64, _>(0)).unwrap_or(usize::MAX))
}

async fn insert(
    commit: &mut Commit,
    statement: &'static str,
    id: u64,
    one: MemberId,
    other: MemberId,
) -> StoreResult<bool> {
    let query = sqlx::query(statement).bind(signed(id)).bind(signed(one.0)).bind(signed(other.0));
    Ok(query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Adds to both counters of one follow. Each counts the other side only while that one is here.
async fn count_follow(commit: &mut Commit, follower: MemberId, followee: MemberId, by: i64) -> StoreResult<()> {
    let update = "UPDATE members SET \
        following_count = following_count + CASE WHEN id = ?1 AND EXISTS \
            (SELECT 1 FROM members WHERE id = ?2 AND deactivated_at IS NULL) THEN ?3 ELSE 0 END, \
        follower_count = follower_count + CASE WHEN id = ?2 AND EXISTS \
            (SELECT 1 FROM members WHERE id = ?1 AND deactivated_at IS NULL) THEN ?3 ELSE 0 END \
        WHERE id IN (?1, ?2)";
    let query = sqlx::query(update).bind(signed(follower.0)).bind(signed(followee.0)).bind(by);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

async fn follows(commit: &mut Commit, follower: MemberId, followee: MemberId) -> StoreResult<bool> {
    holds(commit, "SELECT 1 FROM follows WHERE follower_id = ? AND followee_id = ?", follower, followee).await
}

/// Removes a follow with its counts; the event is the caller's.
async fn drop_follow(commit: &mut Commit, follower: MemberId, followee: MemberId) -> StoreResult<bool> {
    let delete = "DELETE FROM follows WHERE follower_id = ? AND followee_id = ?";
    let dropped = change(commit, delete, follower, followee).await?;
    if dropped {
        count_follow(commit, follower, followee, -1).await?;
    }
    Ok(dropped)
}

async fn drop_request(commit: &mut Commit, requester: MemberId, target: MemberId) -> StoreResult<bool> {
    change(commit, "DELETE FROM follow_requests WHERE requester_id = ? AND target_id = ?", requester, target).await
}

async fn add_follow(commit: &mut Commit, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Position> {
    insert(commit, "INSERT INTO follows (id, follower_id, followee_id) VALUES (?, ?, ?)", id, follower, followee)
        .await?;
    count_follow(commit, follower, followee, 1).await?;
    Ok(commit.emit(Fact::new(K::MemberFollowed, follower).to(followee)))
}

async fn follow(commit: &mut Commit, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<Followed> {
    let select = "SELECT m.privacy > 0, EXISTS (SELECT 1 FROM blocks WHERE member_id = ?2 AND blocked_id = ?1), \
        EXISTS (SELECT 1 FROM blocks WHERE member_id = ?1 AND blocked_id = ?2) FROM members m \
        WHERE m.id = ?2 AND m.deactivated_at IS NULL \
        AND EXISTS (SELECT 1 FROM members WHERE id = ?1 AND deactivated_at IS NULL)";
    let query = sqlx::query(select).bind(signed(follower.0)).bind(signed(followee.0));
    let row = query.fetch_optional(&mut commit.connection).await.map_err(failed)?;
    let row = row.filter(|row| !row.get::<bool, _>(1)).ok_or(Refusal::MemberNotFound)?;
    if row.get(2) {
        return Err(Refusal::FollowBlocked.into());
    }
    if follows(commit, follower, followee).await? {
        return Ok(Followed::Already);
    }
    let asked = "SELECT 1 FROM follow_requests WHERE requester_id = ? AND target_id = ?";
    if holds(commit, asked, follower, followee).await? {
        return Ok(Followed::Requested);
    }
    // Rows and not `following_count`, which leaves out those who have left and may come back; requests too, so that
    // none of them is accepted beyond the limit.
    let count = "SELECT (SELECT count(*) FROM follows WHERE follower_id = ?1) + \
        (SELECT count(*) FROM follow_requests WHERE requester_id = ?1)";
    if many(commit, count, follower).await? >= FOLLOWINGS_MAX {
        return Err(Refusal::FollowLimit { max: FOLLOWINGS_MAX }.into());
    }
    if !row.get::<bool, _>(0) {
        return Ok(Followed::Now(add_follow(commit, id, follower, followee).await?));
    }
    let count = "SELECT count(*) FROM follow_requests WHERE target_id = ?";
    if many(commit, count, followee).await? >= FOLLOW_REQUESTS_MAX {
        return Err(Refusal::FollowRequestsFull { max: FOLLOW_REQUESTS_MAX }.into());
    }
    let ask = "INSERT INTO follow_requests (id, requester_id, target_id) VALUES (?, ?, ?)";
    insert(commit, ask, id, follower, followee).await?;
    commit.emit(Fact::new(K::FollowRequested, follower).to(followee));
    Ok(Followed::Requested)
}

async fn unfollow(commit: &mut Commit, follower: MemberId, followee: MemberId) -> Change {
    let kind = if drop_follow(commit, follower, followee).await? {
        K::MemberUnfollowed
    } else if drop_request(commit, follower, followee).await? {
        K::FollowRequestWithdrawn
    } else {
        return Ok(None);
    };
    Ok(Some(commit.emit(Fact::new(kind, follower).to(followee))))
}

async fn accept(commit: &mut Commit, id: u64, member: MemberId, requester: MemberId) -> Change {
    if !drop_request(commit, requester, member).await? {
        let already = follows(commit, requester, member).await?;
        return if already { Ok(None) } else { Err(Refusal::FollowRequestNotFound.into()) };
    }
    commit.emit(Fact::new(K::FollowRequestAccepted, member).to(requester));
    add_follow(commit, id, requester, member).await.map(Some)
}

/// Makes everybody who has asked a follower: there is nothing left to approve.
pub(super) async fn accept_all(commit: &mut Commit, member: MemberId) -> StoreResult<()> {
    let select = "SELECT id, requester_id FROM follow_requests WHERE target_id = ? ORDER BY id";
    let query = sqlx::query(select).bind(signed(member.0));
    for row in query.fetch_all(&mut commit.connection).await.map_err(failed)? {
        // The request's id is the follow's: both order the same list by when it was asked.
        accept(commit, number(row.get(0)), member, MemberId(number(row.get(1)))).await?;
    }
    Ok(())
}

async fn decline(commit: &mut Commit, member: MemberId, requester: MemberId) -> Change {
    let dropped = drop_request(commit, requester, member).await?;
    Ok(dropped.then(|| commit.emit(Fact::new(K::FollowRequestDeclined, member).to(requester))))
}

async fn remove_follower(commit: &mut Commit, member: MemberId, follower: MemberId) -> Change {
    if !drop_follow(commit, follower, member).await? {
        return Ok(None);
    }
    commit.emit(Fact::new(K::FollowerRemoved, member).to(follower));
    Ok(Some(commit.emit(Fact::new(K::FollowEnded, follower).to(member))))
}

/// A new row in one of the lists that a member keeps, within its limit. Refuses a member who is not there.
async fn note(
    commit: &mut Commit,
    (count, max, limit): (&'static str, usize, Refusal),
    member: MemberId,
    other: MemberId,
) -> StoreResult<()> {
    if !holds(commit, "SELECT 1 FROM members WHERE id = ?2 AND deactivated_at IS NULL AND ?1 > 0", member, other)
        .await?
    {
        return Err(Refusal::MemberNotFound.into());
    }
    if many(commit, count, member).await? >= max { Err(limit.into()) } else { Ok(()) }
}

async fn block(commit: &mut Commit, id: u64, member: MemberId, other: MemberId) -> Change {
    if holds(commit, "SELECT 1 FROM blocks WHERE member_id = ? AND blocked_id = ?", member, other).await? {
        return Ok(None);
    }
    let count = "SELECT count(*) FROM blocks WHERE member_id = ?";
    note(commit, (count, BLOCKS_MAX, Refusal::BlockLimit { max: BLOCKS_MAX }), member, other).await?;
    insert(commit, "INSERT INTO blocks (id, member_id, blocked_id) VALUES (?, ?, ?)", id, member, other).await?;
    let position = commit.emit(Fact::new(K::MemberBlocked, member).to(other));
    for (follower, followee) in [(member, other), (other, member)] {
        if drop_follow(commit, follower, followee).await? {
            commit.emit(Fact::new(K::FollowEnded, follower).to(followee));
        }
    }
    if drop_request(commit, member, other).await? {
        commit.emit(Fact::new(K::FollowRequestWithdrawn, member).to(other));
    }
    decline(commit, member, other).await?;
    Ok(Some(position))
}

async fn unblock(commit: &mut Commit, member: MemberId, other: MemberId) -> Change {
    let gone = change(commit, "DELETE FROM blocks WHERE member_id = ? AND blocked_id = ?", member, other).await?;
    Ok(gone.then(|| commit.emit(Fact::new(K::MemberUnblocked, member).to(other))))
}

async fn mute(commit: &mut Commit, id: u64, member: MemberId, other: MemberId, until: Option<Timestamp>) -> Change {
    let already = holds(commit, "SELECT 1 FROM mutes WHERE member_id = ? AND muted_id = ?", member, other).await?;
    if !already {
        // Mutes that have ended make room.
        let ended = "DELETE FROM mutes WHERE member_id = ?1 AND ?2 > 0 AND expires_at < unixepoch() * 1000";
        change(commit, ended, member, other).await?;
        let count = "SELECT count(*) FROM mutes WHERE member_id = ?";
        note(commit, (count, MUTES_MAX, Refusal::MuteLimit { max: MUTES_MAX }), member, other).await?;
    }
    let upsert = "INSERT INTO mutes (id, member_id, muted_id, expires_at) VALUES (?, ?, ?, ?) \
        ON CONFLICT (member_id, muted_id) DO UPDATE SET expires_at = excluded.expires_at \
        WHERE expires_at IS NOT excluded.expires_at";
    let query = sqlx::query(upsert).bind(signed(id)).bind(signed(member.0)).bind(signed(other.0));
    let query = query.bind(until.map(|until| until.0));
    let changed = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
    Ok(changed.then(|| commit.emit(Fact::new(K::MemberMuted, member).to(other))))
}

async fn unmute(commit: &mut Commit, member: MemberId, other: MemberId) -> Change {
    let gone = change(commit, "DELETE FROM mutes WHERE member_id = ? AND muted_id = ?", member, other).await?;
    Ok(gone.then(|| commit.emit(Fact::new(K::MemberUnmuted, member).to(other))))
}

fn carry_out(change: RelationChange, commit: &mut Commit, member: MemberId, other: MemberId) -> BoxFuture<'_, Change> {
    match change {
        RelationChange::Unfollow => unfollow(commit, member, other).boxed(),
        RelationChange::Accept(id) => accept(commit, id, member, other).boxed(),
        RelationChange::Decline => decline(commit, member, other).boxed(),
        RelationChange::RemoveFollower => remove_follower(commit, member, other).boxed(),
        RelationChange::Block(id) => block(commit, id, member, other).boxed(),
        RelationChange::Unblock => unblock(commit, member, other).boxed(),
        RelationChange::Mute(id, until) => mute(commit, id, member, other, until).boxed(),
        RelationChange::Unmute => unmute(commit, member, other).boxed(),
    }
}

impl Sqlite {
    pub(super) async fn changed_relation(&self, change: RelationChange, member: MemberId, other: MemberId) -> Change {
        self.writer.write(move |commit| carry_out(change, commit, member, other)).await
    }

    pub(super) async fn wish_to_follow(
        &self,
        id: u64,
        follower: MemberId,
        followee: MemberId,
    ) -> StoreResult<Followed> {
        self.writer.write(move |commit| follow(commit, id, follower, followee).boxed()).await
    }
}
