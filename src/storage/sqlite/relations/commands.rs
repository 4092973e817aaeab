//! The commands on relations: `follow` and `change_relation`, with those about follows and follow requests.
use super::blocks_and_mutes::{Mute, block, mute, unblock, unmute};
use crate::{
    domain::{EventKind as K, FOLLOW_REQUESTS_MAX, FOLLOWINGS_MAX, Fact, MemberId, Refusal, RelationChange, Timestamp},
    storage::{
        Followed, StoreResult,
        sqlite::{failed, number, signed, writer::Commit},
    },
};
use futures::{FutureExt, future::BoxFuture};
use sqlx::{Row, sqlite::SqliteRow};

/// Whether the command changed anything.
pub(super) type Changed = StoreResult<bool>;

/// Executes a statement about two members and returns whether it changed a row.
pub(super) async fn execute(
    commit: &mut Commit,
    statement: &'static str,
    one: MemberId,
    other: MemberId,
) -> StoreResult<bool> {
    let query = sqlx::query(statement).bind(signed(one.0)).bind(signed(other.0));
    Ok(query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0)
}

/// Returns whether a statement about two members finds a row.
pub(super) async fn exists(
    commit: &mut Commit,
    select: &'static str,
    one: MemberId,
    other: MemberId,
) -> StoreResult<bool> {
    let query = sqlx::query(select).bind(signed(one.0)).bind(signed(other.0));
    Ok(query.fetch_optional(&mut commit.connection).await.map_err(failed)?.is_some())
}

/// Runs a statement that counts rows of one member.
pub(super) async fn count(commit: &mut Commit, select: &'static str, member: MemberId) -> StoreResult<usize> {
    let query = sqlx::query(select).bind(signed(member.0));
    let row = query.fetch_one(&mut commit.connection).await.map_err(failed)?;
    Ok(usize::try_from(row.get::<i64, _>(0)).unwrap_or(usize::MAX))
}

/// Inserts a row about two members.
pub(super) async fn insert(
    commit: &mut Commit,
    statement: &'static str,
    id: u64,
    one: MemberId,
    other: MemberId,
) -> StoreResult<()> {
    let query = sqlx::query(statement).bind(signed(id)).bind(signed(one.0)).bind(signed(other.0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

/// Adds `by` to the counters that count a follow, by the flags of its row `follower_counted, followee_counted`.
async fn count_follow(
    commit: &mut Commit,
    follower: MemberId,
    followee: MemberId,
    flags: &SqliteRow,
    by: i64,
) -> StoreResult<()> {
    let update = "UPDATE members SET following_count = following_count + CASE WHEN id = ?1 THEN ?3 ELSE 0 END, \
        follower_count = follower_count + CASE WHEN id = ?2 THEN ?4 ELSE 0 END WHERE id IN (?1, ?2)";
    let query = sqlx::query(update).bind(signed(follower.0)).bind(signed(followee.0));
    let query = query.bind(by * flags.get::<i64, _>(1)).bind(by * flags.get::<i64, _>(0));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

async fn follows(commit: &mut Commit, follower: MemberId, followee: MemberId) -> StoreResult<bool> {
    exists(commit, "SELECT 1 FROM follows WHERE follower_id = ? AND followee_id = ?", follower, followee).await
}

/// Deletes a follow and subtracts it from the counters that count it. The caller emits the event.
pub(super) async fn delete_follow(commit: &mut Commit, follower: MemberId, followee: MemberId) -> StoreResult<bool> {
    let delete = "DELETE FROM follows WHERE follower_id = ? AND followee_id = ? \
        RETURNING follower_counted, followee_counted";
    let query = sqlx::query(delete).bind(signed(follower.0)).bind(signed(followee.0));
    let deleted = query.fetch_optional(&mut commit.connection).await.map_err(failed)?;
    if let Some(flags) = &deleted {
        count_follow(commit, follower, followee, flags, -1).await?;
    }
    Ok(deleted.is_some())
}

pub(super) async fn delete_request(commit: &mut Commit, requester: MemberId, target: MemberId) -> StoreResult<bool> {
    execute(commit, "DELETE FROM follow_requests WHERE requester_id = ? AND target_id = ?", requester, target).await
}

/// Inserts a follow and adds it to the counters; each side is counted only if it is active. The caller emits the event.
async fn insert_follow(commit: &mut Commit, id: u64, follower: MemberId, followee: MemberId) -> StoreResult<()> {
    let insert = "INSERT INTO follows (id, follower_id, followee_id, follower_counted, followee_counted) \
        VALUES (?1, ?2, ?3, EXISTS (SELECT 1 FROM members WHERE id = ?2 AND deactivated_at IS NULL), \
        EXISTS (SELECT 1 FROM members WHERE id = ?3 AND deactivated_at IS NULL)) \
        RETURNING follower_counted, followee_counted";
    let query = sqlx::query(insert).bind(signed(id)).bind(signed(follower.0)).bind(signed(followee.0));
    let flags = query.fetch_one(&mut commit.connection).await.map_err(failed)?;
    count_follow(commit, follower, followee, &flags, 1).await
}

pub(super) async fn follow(
    commit: &mut Commit,
    id: u64,
    follower: MemberId,
    followee: MemberId,
) -> StoreResult<Followed> {
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
    let requested = "SELECT 1 FROM follow_requests WHERE requester_id = ? AND target_id = ?";
    if exists(commit, requested, follower, followee).await? {
        if row.get(0) {
            return Ok(Followed::Requested);
        }
        // The posts became public, and the steps that accept the requests have not reached this one.
        accept(commit, id, followee, follower).await?;
        return Ok(Followed::Now);
    }
    // Counts rows, because `following_count` excludes deactivated members, who may be restored. Counts requests too, so
    // that no accepted request exceeds the limit.
    let select = "SELECT (SELECT count(*) FROM follows WHERE follower_id = ?1) + \
        (SELECT count(*) FROM follow_requests WHERE requester_id = ?1)";
    if count(commit, select, follower).await? >= FOLLOWINGS_MAX {
        return Err(Refusal::FollowLimit { max: FOLLOWINGS_MAX }.into());
    }
    if !row.get::<bool, _>(0) {
        insert_follow(commit, id, follower, followee).await?;
        commit.emit(Fact::new(K::MemberFollowed, follower).to(followee));
        return Ok(Followed::Now);
    }
    let select = "SELECT count(*) FROM follow_requests WHERE target_id = ?";
    if count(commit, select, followee).await? >= FOLLOW_REQUESTS_MAX {
        return Err(Refusal::FollowRequestsFull { max: FOLLOW_REQUESTS_MAX }.into());
    }
    let request = "INSERT INTO follow_requests (id, requester_id, target_id) VALUES (?, ?, ?)";
    insert(commit, request, id, follower, followee).await?;
    commit.emit(Fact::new(K::FollowRequested, follower).to(followee));
    Ok(Followed::Requested)
}

async fn unfollow(commit: &mut Commit, follower: MemberId, followee: MemberId) -> Changed {
    let kind = if delete_follow(commit, follower, followee).await? {
        K::MemberUnfollowed
    } else if delete_request(commit, follower, followee).await? {
        K::FollowRequestWithdrawn
    } else {
        return Ok(false);
    };
    commit.emit(Fact::new(kind, follower).to(followee));
    Ok(true)
}

async fn accept(commit: &mut Commit, id: u64, member: MemberId, requester: MemberId) -> Changed {
    if !delete_request(commit, requester, member).await? {
        let already = follows(commit, requester, member).await?;
        return if already { Ok(false) } else { Err(Refusal::FollowRequestNotFound.into()) };
    }
    insert_follow(commit, id, requester, member).await?;
    commit.emit(Fact::new(K::FollowRequestAccepted, member).to(requester));
    commit.emit(Fact::new(K::FollowBegan, requester).to(member));
    Ok(true)
}

/// Accepts the oldest pending follow requests of a member whose posts are public, at most `max`. Returns their number.
pub(crate) async fn accept_oldest(commit: &mut Commit, member: MemberId, max: usize) -> StoreResult<usize> {
    let select = "SELECT id, requester_id FROM follow_requests WHERE target_id = ? ORDER BY id LIMIT ?";
    let query = sqlx::query(select).bind(signed(member.0)).bind(signed(max as u64));
    let requests = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
    for row in &requests {
        // The follow gets the id of its request, so that followers are listed by the time of their requests.
        accept(commit, number(row.get(0)), member, MemberId(number(row.get(1)))).await?;
    }
    Ok(requests.len())
}

pub(super) async fn decline(commit: &mut Commit, member: MemberId, requester: MemberId) -> Changed {
    let deleted = delete_request(commit, requester, member).await?;
    if deleted {
        commit.emit(Fact::new(K::FollowRequestDeclined, member).to(requester));
    }
    Ok(deleted)
}

async fn remove_follower(commit: &mut Commit, member: MemberId, follower: MemberId) -> Changed {
    if !delete_follow(commit, follower, member).await? {
        return Ok(false);
    }
    commit.emit(Fact::new(K::FollowerRemoved, member).to(follower));
    commit.emit(Fact::new(K::FollowEnded, follower).to(member));
    Ok(true)
}

pub(super) fn change_relation(
    commit: &mut Commit,
    change: RelationChange,
    member: MemberId,
    other: MemberId,
    now: Timestamp,
) -> BoxFuture<'_, Changed> {
    match change {
        RelationChange::Unfollow => unfollow(commit, member, other).boxed(),
        RelationChange::Accept { id } => accept(commit, id, member, other).boxed(),
        RelationChange::Decline => decline(commit, member, other).boxed(),
        RelationChange::RemoveFollower => remove_follower(commit, member, other).boxed(),
        RelationChange::Block { id } => block(commit, id, member, other).boxed(),
        RelationChange::Unblock => unblock(commit, member, other).boxed(),
        RelationChange::Mute { id, until } => mute(commit, Mute { id, member, other, until, now }).boxed(),
        RelationChange::Unmute => unmute(commit, member, other).boxed(),
    }
}
