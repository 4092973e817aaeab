//! The commands about blocks and mutes. A block ends the follows and follow requests between the two members.
use super::commands::{Changed, count, decline, delete_follow, delete_request, execute, exists, insert};
use crate::{
    domain::{BLOCKS_MAX, EventKind as K, Fact, MUTES_MAX, MemberId, Refusal, Timestamp},
    storage::{
        StoreResult,
        sqlite::{failed, members, signed, writer::Commit},
    },
};

/// The limit of one of the lists that a member keeps.
struct Limit {
    count: &'static str,
    max: usize,
    refusal: Refusal,
}

const BLOCKS: Limit = Limit {
    count: "SELECT count(*) FROM blocks WHERE member_id = ?",
    max: BLOCKS_MAX,
    refusal: Refusal::BlockLimit { max: BLOCKS_MAX },
};
const MUTES: Limit = Limit {
    count: "SELECT count(*) FROM mutes WHERE member_id = ?",
    max: MUTES_MAX,
    refusal: Refusal::MuteLimit { max: MUTES_MAX },
};

/// Refuses `MemberNotFound` if the other member is not active, and the limit's refusal if the list is full.
async fn check_other_and_limit(
    commit: &mut Commit,
    limit: &Limit,
    member: MemberId,
    other: MemberId,
) -> StoreResult<()> {
    if !members::is_active(&mut commit.connection, other).await? {
        return Err(Refusal::MemberNotFound.into());
    }
    if count(commit, limit.count, member).await? >= limit.max { Err(limit.refusal.clone().into()) } else { Ok(()) }
}

pub(super) async fn block(commit: &mut Commit, id: u64, member: MemberId, other: MemberId) -> Changed {
    if exists(commit, "SELECT 1 FROM blocks WHERE member_id = ? AND blocked_id = ?", member, other).await? {
        return Ok(false);
    }
    check_other_and_limit(commit, &BLOCKS, member, other).await?;
    insert(commit, "INSERT INTO blocks (id, member_id, blocked_id) VALUES (?, ?, ?)", id, member, other).await?;
    commit.emit(Fact::new(K::MemberBlocked, member).to(other));
    for (follower, followee) in [(member, other), (other, member)] {
        if delete_follow(commit, follower, followee).await? {
            commit.emit(Fact::new(K::FollowEnded, follower).to(followee));
        }
    }
    if delete_request(commit, member, other).await? {
        commit.emit(Fact::new(K::FollowRequestWithdrawn, member).to(other));
    }
    decline(commit, member, other).await?;
    Ok(true)
}

pub(super) async fn unblock(commit: &mut Commit, member: MemberId, other: MemberId) -> Changed {
    let deleted = execute(commit, "DELETE FROM blocks WHERE member_id = ? AND blocked_id = ?", member, other).await?;
    if deleted {
        commit.emit(Fact::new(K::MemberUnblocked, member).to(other));
    }
    Ok(deleted)
}

/// The arguments of `mute`.
pub(super) struct Mute {
    pub(super) id: u64,
    pub(super) member: MemberId,
    pub(super) other: MemberId,
    pub(super) until: Option<Timestamp>,
    pub(super) now: Timestamp,
}

pub(super) async fn mute(commit: &mut Commit, mute: Mute) -> Changed {
    let Mute { id, member, other, until, now } = mute;
    let already = exists(commit, "SELECT 1 FROM mutes WHERE member_id = ? AND muted_id = ?", member, other).await?;
    if !already {
        // Expired mutes do not count towards the limit.
        let expired = "DELETE FROM mutes WHERE member_id = ? AND expires_at < ?";
        let query = sqlx::query(expired).bind(signed(member.0)).bind(now.0);
        query.execute(&mut commit.connection).await.map_err(failed)?;
        check_other_and_limit(commit, &MUTES, member, other).await?;
    }
    let upsert = "INSERT INTO mutes (id, member_id, muted_id, expires_at) VALUES (?, ?, ?, ?) \
        ON CONFLICT (member_id, muted_id) DO UPDATE SET expires_at = excluded.expires_at \
        WHERE expires_at IS NOT excluded.expires_at";
    let query = sqlx::query(upsert).bind(signed(id)).bind(signed(member.0)).bind(signed(other.0));
    let query = query.bind(until.map(|until| until.0));
    let changed = query.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
    if changed {
        commit.emit(Fact::new(K::MemberMuted, member).to(other));
    }
    Ok(changed)
}

pub(super) async fn unmute(commit: &mut Commit, member: MemberId, other: MemberId) -> Changed {
    let deleted = execute(commit, "DELETE FROM mutes WHERE member_id = ? AND muted_id = ?", member, other).await?;
    if deleted {
        commit.emit(Fact::new(K::MemberUnmuted, member).to(other));
    }
    Ok(deleted)
}
