//! Imports of many members, follows, posts and likes, with the events and counters of single commands.
use crate::{
    domain::{EventKind, Fact, Post},
    storage::{
        Import, ImportedFollow, ImportedLike, NewMember, StoreResult,
        sqlite::{failed, json_ids, members::profile_columns, number, posts, writer::Commit},
    },
};
use sqlx::Row;
use std::{collections::HashSet, sync::Arc};

/// Takes rows of `[id, [email, handle], [email key, handle key], password hash, time, [profile]]`.
const MEMBERS: &str = "INSERT INTO members (id, email, handle, email_key, handle_key, password_hash, created_at, \
    member_name, display_name, bio, location, website_url, birth_date, gender, language_code, country_code, timezone) \
    SELECT value->>0, value->>'$[1][0]', value->>'$[1][1]', value->>'$[2][0]', value->>'$[2][1]', value->>3, value->>4, \
    value->>'$[5][0]', value->>'$[5][1]', value->>'$[5][2]', value->>'$[5][3]', value->>'$[5][4]', value->>'$[5][5]', \
    value->>'$[5][6]', value->>'$[5][7]', value->>'$[5][8]', value->>'$[5][9]' FROM json_each(?)";
/// A counter counts the other member only while that member is active.
const FOLLOWS: &str = "INSERT INTO follows (id, follower_id, followee_id, follower_counted, followee_counted) \
    SELECT value->>0, value->>1, value->>2, \
    EXISTS (SELECT 1 FROM members WHERE id = value->>1 AND deactivated_at IS NULL), \
    EXISTS (SELECT 1 FROM members WHERE id = value->>2 AND deactivated_at IS NULL) FROM json_each(?)";
const FOLLOWERS: &str = "UPDATE members SET follower_count = follower_count + added.n FROM \
    (SELECT value->>2 AS id, count(*) AS n FROM json_each(?) JOIN members f ON f.id = value->>1 \
    AND f.deactivated_at IS NULL GROUP BY 1) added WHERE members.id = added.id";
const FOLLOWINGS: &str = "UPDATE members SET following_count = following_count + added.n FROM \
    (SELECT value->>1 AS id, count(*) AS n FROM json_each(?) JOIN members f ON f.id = value->>2 \
    AND f.deactivated_at IS NULL GROUP BY 1) added WHERE members.id = added.id";

const LIKES: &str = "INSERT INTO post_likes (id, post_id, member_id, counted) \
    SELECT value->>0, value->>1, value->>2, \
    EXISTS (SELECT 1 FROM members WHERE id = value->>2 AND deactivated_at IS NULL) FROM json_each(?) WHERE true \
    ON CONFLICT DO NOTHING RETURNING id, post_id, member_id, counted";
const LIKE_COUNTS: &str = "UPDATE posts SET like_count = like_count + added.n \
    FROM (SELECT value AS id, count(*) AS n FROM json_each(?) GROUP BY value) added WHERE posts.id = added.id";

pub(super) async fn import(commit: &mut Commit, batch: Arc<Import>) -> StoreResult<()> {
    let Import { members, follows, posts, likes } = &*batch;
    if !members.is_empty() {
        import_members(commit, members).await?;
    }
    if !follows.is_empty() {
        import_follows(commit, follows).await?;
    }
    if !posts.is_empty() {
        import_posts(commit, posts).await?;
    }
    if !likes.is_empty() {
        import_likes(commit, likes).await?;
    }
    Ok(())
}

async fn import_members(commit: &mut Commit, members: &[NewMember]) -> StoreResult<()> {
    let rows: Vec<_> = members
        .iter()
        .map(|new| {
            let as_given = (new.email.as_str(), new.handle.as_str());
            let keys = (new.email.key(), new.handle.key());
            (new.id, as_given, keys, &new.password_hash, new.created_at.0, profile_columns(&new.profile))
        })
        .collect();
    execute(commit, MEMBERS, &rows).await?;
    for new in members {
        commit.emit(Fact::new(EventKind::MemberSignedUp, new.id));
    }
    Ok(())
}

async fn import_follows(commit: &mut Commit, follows: &[ImportedFollow]) -> StoreResult<()> {
    let rows: Vec<_> = follows.iter().map(|follow| (follow.id, follow.follower, follow.followee)).collect();
    for statement in [FOLLOWS, FOLLOWERS, FOLLOWINGS] {
        execute(commit, statement, &rows).await?;
    }
    for follow in follows {
        commit.emit(Fact::new(EventKind::MemberFollowed, follow.follower).to(follow.followee));
    }
    Ok(())
}

async fn import_posts(commit: &mut Commit, posts: &[Post]) -> StoreResult<()> {
    let mut rows = Vec::with_capacity(posts.len());
    for post in posts {
        let fact = Fact::new(EventKind::PostCreated, post.author).about_post(post.id, post.audience);
        let position = commit.emit(fact);
        rows.push(posts::PlacedPost { post, images: post.images.clone(), position });
        commit.emit_mentions(fact, &[], &posts::mentioned(&post.mentions));
    }
    posts::insert(commit, &rows).await
}

async fn import_likes(commit: &mut Commit, likes: &[ImportedLike]) -> StoreResult<()> {
    let rows: Vec<_> = likes.iter().map(|like| (like.id, like.post, like.member)).collect();
    let rows = serde_json::to_string(&rows).map_err(failed)?;
    let inserted = sqlx::query(LIKES).bind(rows).fetch_all(&mut commit.connection).await.map_err(failed)?;
    // By all three, because two likes of a batch can have the same id, of which the second is skipped.
    let counted = inserted.iter().filter(|row| row.get(3)).map(|row| number(row.get(1)));
    let counted = json_ids(counted);
    let mut inserted: HashSet<[u64; 3]> =
        inserted.iter().map(|row| [0, 1, 2].map(|column| number(row.get(column)))).collect();
    let mut likes: Vec<&ImportedLike> = likes.iter().collect();
    likes.retain(|like| inserted.remove(&[like.id, like.post.0, like.member.0]));
    let query = sqlx::query(LIKE_COUNTS).bind(counted);
    query.execute(&mut commit.connection).await.map_err(failed)?;
    for like in likes {
        commit.emit(Fact::new(EventKind::PostLiked, like.member).on_post(like.post).to(like.author));
    }
    Ok(())
}

/// Runs a statement whose one parameter is the rows as JSON.
async fn execute(commit: &mut Commit, statement: &'static str, rows: &impl serde::Serialize) -> StoreResult<()> {
    let rows = serde_json::to_string(rows).map_err(failed)?;
    sqlx::query(statement).bind(rows).execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}
