//! Many members, follows and posts at once: for seeding, with the same events and counters as one by one.
use super::{commit::Commit, failed, json_ids, members::profile_columns, number, publish};
use crate::{
    domain::{EventKind, Fact},
    storage::{Import, ImportedLike, StoreResult},
};
use sqlx::Row;
use std::collections::HashSet;

pub(super) async fn import(commit: &mut Commit, batch: Import) -> StoreResult<()> {
    let Import { members, follows, posts, likes } = batch;
    let rows: Vec<_> = members
        .iter()
        .map(|new| {
            let keys = (new.email.key(), new.handle.key());
            let as_given = (new.email.as_str(), new.handle.as_str());
            (new.id, as_given, keys, &new.password_hash, new.created_at.0, profile_columns(&new.profile))
        })
        .collect();
    if !rows.is_empty() {
        execute(commit, MEMBERS, &rows).await?;
        for new in &members {
            commit.emit(Fact::new(EventKind::MemberSignedUp, new.id));
        }
    }
    let rows: Vec<_> = follows.iter().map(|follow| (follow.id, follow.follower, follow.followee)).collect();
    if !rows.is_empty() {
        execute(commit, FOLLOWS, &rows).await?;
        execute(commit, FOLLOWERS, &rows).await?;
        execute(commit, FOLLOWINGS, &rows).await?;
        for follow in &follows {
            commit.emit(Fact::new(EventKind::MemberFollowed, follow.follower).to(follow.followee));
        }
    }
    if !posts.is_empty() {
        let mut placed = Vec::with_capacity(posts.len());
        for post in &posts {
            let fact = Fact::new(EventKind::PostCreated, post.author).on_post(post.id);
            placed.push((post, commit.emit(fact)));
            commit.emit_mentions(fact, &[], &publish::mentioned(post));
        }
        publish::insert(commit, &placed).await?;
    }
    if !likes.is_empty() {
        let rows: Vec<_> = likes.iter().map(|like| (like.id, like.post, like.member)).collect();
        let rows = serde_json::to_string(&rows).map_err(failed)?;
        let query = sqlx::query(LIKES).bind(rows);
        let liked = query.fetch_all(&mut commit.connection).await.map_err(failed)?;
        let liked: HashSet<u64> = liked.iter().map(|row| number(row.get(0))).collect();
        let liked: Vec<&ImportedLike> = likes.iter().filter(|like| liked.contains(&like.id)).collect();
        let query = sqlx::query(LIKE_COUNTS).bind(json_ids(liked.iter().map(|like| like.post.0)));
        query.execute(&mut commit.connection).await.map_err(failed)?;
        for like in liked {
            commit.emit(Fact::new(EventKind::PostLiked, like.member).on_post(like.post).to(like.author));
        }
    }
    Ok(())
}

const MEMBERS: &str = "INSERT INTO members (id, email, handle, email_key, handle_key, password_hash, created_at, \
    member_name, display_name, bio, location, website_url, birth_date, gender, language_code, country_code, timezone) \
    SELECT value->>0, value->>'$[1][0]', value->>'$[1][1]', value->>'$[2][0]', value->>'$[2][1]', value->>3, value->>4, \
    value->>'$[5][0]', value->>'$[5][1]', value->>'$[5][2]', value->>'$[5][3]', value->>'$[5][4]', value->>'$[5][5]', \
    value->>'$[5][6]', value->>'$[5][7]', value->>'$[5][8]', value->>'$[5][9]' FROM json_each(?)";
const FOLLOWS: &str = "INSERT INTO follows (id, follower_id, followee_id) \
    SELECT value->>0, value->>1, value->>2 FROM json_each(?)";
/// Each side counts the other only while that one is here.
const FOLLOWERS: &str = "UPDATE members SET follower_count = follower_count + added.n FROM \
    (SELECT value->>2 AS id, count(*) AS n FROM json_each(?) JOIN members f ON f.id = value->>1 \
    AND f.deactivated_at IS NULL GROUP BY 1) added WHERE members.id = added.id";
const FOLLOWINGS: &str = "UPDATE members SET following_count = following_count + added.n FROM \
    (SELECT value->>1 AS id, count(*) AS n FROM json_each(?) JOIN members f ON f.id = value->>2 \
    AND f.deactivated_at IS NULL GROUP BY 1) added WHERE members.id = added.id";

const LIKES: &str = "INSERT INTO post_likes (id, post_id, member_id) \
    SELECT value->>0, value->>1, value->>2 FROM json_each(?) WHERE true ON CONFLICT DO NOTHING RETURNING id";
const LIKE_COUNTS: &str = "UPDATE posts SET like_count = like_count + added.n \
    FROM (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) added WHERE posts.id = added.id";

async fn execute(commit: &mut Commit, statement: &'static str, rows: &impl serde::Serialize) -> StoreResult<()> {
    let rows = serde_json::to_string(rows).map_err(failed)?;
    sqlx::query(statement).bind(rows).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}
