//! Comments, from outside.
use super::{Content, Message, done};
use crate::{
    actors::{Error, Page, page},
    domain::{
        Comment, CommentId, CommentText, FIRST_REPLIES, LikeState, MemberId, Outcome, PostId, Receipt, Refusal,
        SeenComment, Timestamp,
        cursor::{ListKind, decode_place, encode_place},
        depth_below,
    },
    storage::CommentOrder,
};
use std::sync::Arc;

impl Content {
    /// A comment as it will be. Refuses `PostNotFound`, `ParentNotFound`, `ParentOnAnotherPost`, `TooDeep`.
    pub async fn draft_comment(
        &self,
        author: MemberId,
        post: PostId,
        parent: Option<CommentId>,
        text: CommentText,
    ) -> Result<SeenComment, Error> {
        self.timeline.post(author, post).await?.ok_or(Refusal::PostNotFound)?;
        let depth = match parent {
            Some(id) => {
                let above = self.store.comment_by_id(id).await?.filter(|above| !above.deleted);
                let above = above.ok_or(Refusal::ParentNotFound)?;
                if above.post != post {
                    return Err(Refusal::ParentOnAnotherPost.into());
                }
                depth_below(above.depth)?
            }
            None => 0,
        };
        let comment = Comment {
            id: CommentId(self.ids.next()),
            post,
            parent,
            depth,
            author,
            content: text.as_str().to_owned(),
            like_count: 0,
            reply_count: 0,
            deleted: false,
            created_at: Timestamp::now(),
            edited_at: None,
        };
        Ok(SeenComment { comment, author: Some(self.card(author).await?), liked: false, replies: Vec::new() })
    }

    /// Stores a draft.
    pub async fn comment(&self, draft: SeenComment, receipt: Option<Receipt>) -> Result<Outcome<()>, Error> {
        let comment = draft.comment;
        let author = comment.author;
        let outcome = self.slots.of(author).ask(|reply| Message::Comment { comment, receipt, reply }).await?;
        self.timeline.wrote(author);
        Ok(done(outcome))
    }

    /// Top-level comments of a post, oldest first, each with its first replies. Refuses `PostNotFound`.
    pub async fn comments(
        &self,
        viewer: MemberId,
        post: PostId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<SeenComment>, Error> {
        self.timeline.post(viewer, post).await?.ok_or(Refusal::PostNotFound)?;
        let list = |place| CommentOrder::OfPost(post, place);
        let mut found = self.list(viewer, (ListKind::Comments, post.0), list, 0, cursor, limit).await?;
        let parents: Vec<CommentId> =
            found.items.iter().filter(|seen| seen.comment.reply_count > 0).map(|seen| seen.comment.id).collect();
        let replies = self.store.first_replies(&parents, FIRST_REPLIES).await?;
        for reply in self.seen(viewer, replies).await? {
            let parent = found.items.iter_mut().find(|seen| Some(seen.comment.id) == reply.comment.parent);
            parent.into_iter().for_each(|parent| parent.replies.push(reply.clone()));
        }
        Ok(found)
    }

    /// Direct replies, oldest first. Refuses `CommentNotFound`.
    pub async fn replies(
        &self,
        viewer: MemberId,
        id: CommentId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<SeenComment>, Error> {
        self.store.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        let list = |place| CommentOrder::RepliesTo(id, place);
        self.list(viewer, (ListKind::Replies, id.0), list, 0, cursor, limit).await
    }

    /// What a member commented, newest first. Refuses `MemberNotFound`.
    pub async fn comments_of(
        &self,
        viewer: MemberId,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<SeenComment>, Error> {
        self.card(member).await?;
        let list = |place| CommentOrder::OfMember(member, place);
        self.list(viewer, (ListKind::MemberComments, member.0), list, u64::MAX, cursor, limit).await
    }

    /// One comment. Refuses `CommentNotFound`.
    pub async fn comment_by_id(&self, viewer: MemberId, id: CommentId) -> Result<SeenComment, Error> {
        let comment = self.store.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        self.seen(viewer, vec![comment]).await?.pop().ok_or(Refusal::CommentNotFound.into())
    }

    /// Changes the text; refuses `CommentNotFound`, `CommentUpdateForbidden`.
    pub async fn edit_comment(&self, author: MemberId, id: CommentId, text: CommentText) -> Result<SeenComment, Error> {
        self.slots.of(author).ask(|reply| Message::EditComment { author, id, text, reply }).await?;
        self.comment_by_id(author, id).await
    }

    /// Refuses `CommentNotFound`, `CommentDeleteForbidden`.
    pub async fn delete_comment(&self, author: MemberId, id: CommentId) -> Result<(), Error> {
        self.slots.of(author).ask(|reply| Message::DeleteComment { author, id, reply }).await?;
        self.timeline.wrote(author);
        Ok(())
    }

    /// Sets or withdraws a like; refuses `CommentNotFound`.
    pub async fn like_comment(&self, member: MemberId, id: CommentId, like: bool) -> Result<LikeState, Error> {
        let at = self.ids.next();
        self.slots.of(member).ask(|reply| Message::LikeComment { at, member, id, like, reply }).await
    }

    async fn list(
        &self,
        viewer: MemberId,
        (kind, scope): (ListKind, u64),
        order: impl FnOnce(CommentId) -> CommentOrder,
        first: u64,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<SeenComment>, Error> {
        let place = cursor.map(|text| decode_place(text, kind, scope)).transpose()?;
        let comments =
            self.store.comments(order(CommentId(place.map_or(first, |[place, _]| place))), limit + 1).await?;
        let next = |last: &Comment| encode_place(kind, scope, [last.id.0, 0]);
        let Page { items, next } = page(comments, limit, next, |comment| comment);
        Ok(Page { items: self.seen(viewer, items).await?, next })
    }

    /// Comments as the viewer sees them: authors and likes in one query each.
    pub(in crate::actors) async fn seen(
        &self,
        viewer: MemberId,
        comments: Vec<Comment>,
    ) -> Result<Vec<SeenComment>, Error> {
        if comments.is_empty() {
            return Ok(Vec::new());
        }
        let mut authors: Vec<MemberId> =
            comments.iter().filter(|comment| !comment.deleted).map(|comment| comment.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let cards = self.timeline.cards(&authors).await?;
        let ids: Vec<CommentId> = comments.iter().map(|comment| comment.id).collect();
        let liked = self.store.liked_comments(viewer, &ids).await?;
        let seen = comments.into_iter().map(|comment| {
            let author = cards.iter().find(|card| !comment.deleted && card.id == comment.author).map(Arc::clone);
            let liked = liked.contains(&comment.id);
            SeenComment { comment, author, liked, replies: Vec::new() }
        });
        Ok(seen.collect())
    }
}
