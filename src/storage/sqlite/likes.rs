//! Likes: one per member and thing, by constraint; the counter changes with the row.
use super::{Sqlite, commit::Commit, failed, json_ids, members_read, number, posts, signed};
use crate::{
    domain::{CommentId, EventKind, Fact, LikeState, MemberCard, MemberId, PostId, Refusal},
    storage::{Listed, StoreResult},
};
use futures::FutureExt;
use sqlx::Row;

/// The statements for one kind of thing that can be liked.
struct Statements {
    insert: &'static str,
    delete: &'static str,
    add: &'static str,
    count: &'static str,
}

const POST: Statements = Statements {
    insert: "INSERT INTO post_likes (id, post_id, member_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    delete: "DELETE FROM post_likes WHERE post_id = ?2 AND member_id = ?3 AND ?1 > 0",
    add: "UPDATE posts SET like_count = like_count + ? WHERE id = ? RETURNING like_count",
    count: "SELECT like_count FROM posts WHERE id = ?",
};

const COMMENT: Statements = Statements {
    insert: "INSERT INTO comment_likes (id, comment_id, member_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    delete: "DELETE FROM comment_likes WHERE comment_id = ?2 AND member_id = ?3 AND ?1 > 0",
    add: "UPDATE comments SET like_count = like_count + ? WHERE id = ? RETURNING like_count",
    count: "SELECT like_count FROM comments WHERE id = ?",
};

/// Sets or withdraws a like. Says whether that changed anything, and the count.
async fn set(
    commit: &mut Commit,
    statements: &Statements,
    id: u64,
    thing: u64,
    member: MemberId,
    like: bool,
) -> StoreResult<(bool, u64)> {
    let change = if like { statements.insert } else { statements.delete };
    let change = sqlx::query(change).bind(signed(id)).bind(signed(thing)).bind(signed(member.0));
    let changed = change.execute(&mut commit.connection).await.map_err(failed)?.rows_affected() > 0;
    let count = if changed {
        sqlx::query(statements.add).bind(if like { 1_i64 } else { -1 }).bind(signed(thing))
    } else {
        sqlx::query(statements.count).bind(signed(thing))
    };
    let row = count.fetch_one(&mut commit.connection).await.map_err(failed)?;
    Ok((changed, number(row.get(0))))
}

impl Sqlite {
    pub(super) async fn set_post_like(
        &self,
        id: u64,
        member: MemberId,
        post: PostId,
        like: bool,
    ) -> StoreResult<LikeState> {
        self.writer
            .write(move |commit| {
                async move {
                    let author = posts::author_of(&mut commit.connection, member, post).await?;
                    let (changed, like_count) = set(commit, &POST, id, post.0, member, like).await?;
                    if changed {
                        let kind = if like { EventKind::PostLiked } else { EventKind::PostLikeCancelled };
                        commit.emit(Fact::new(kind, member).on_post(post).to(author));
                    }
                    Ok(LikeState { liked: like, like_count })
                }
                .boxed()
            })
            .await
    }

    pub(super) async fn set_comment_like(
        &self,
        id: u64,
        member: MemberId,
        comment: CommentId,
        like: bool,
    ) -> StoreResult<LikeState> {
        self.writer
            .write(move |commit| {
                async move {
                    let on = super::comments::living(&mut commit.connection, member, comment).await?;
                    let on = on.ok_or(Refusal::CommentNotFound)?;
                    let (changed, like_count) = set(commit, &COMMENT, id, comment.0, member, like).await?;
                    if changed {
                        let kind = if like { EventKind::CommentLiked } else { EventKind::CommentLikeCancelled };
                        commit.emit(Fact::new(kind, member).on_post(on.post).on_comment(comment).to(on.author));
                    }
                    Ok(LikeState { liked: like, like_count })
                }
                .boxed()
            })
            .await
    }

    pub(super) async fn likers(&self, post: PostId, before: u64, limit: usize) -> StoreResult<Vec<Listed<MemberCard>>> {
        let select = "SELECT l.id AS place, m.id, m.handle, m.display_name, m.member_name, m.avatar_id, m.avatar_key \
            FROM post_likes l JOIN members m ON m.id = l.member_id WHERE l.post_id = ? AND l.id < ? AND m.deactivated_at IS NULL \
            ORDER BY l.id DESC LIMIT ?";
        let query = sqlx::query(select).bind(signed(post.0)).bind(signed(before)).bind(signed(limit as u64));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(members_read::listed_card).collect())
    }

    pub(super) async fn liked(
        &self,
        select: &'static str,
        member: MemberId,
        ids: impl Iterator<Item = u64>,
    ) -> StoreResult<Vec<u64>> {
        let query = sqlx::query(select).bind(signed(member.0)).bind(json_ids(ids));
        let rows = query.fetch_all(&self.readers).await.map_err(failed)?;
        Ok(rows.iter().map(|row| number(row.get(0))).collect())
    }
}
