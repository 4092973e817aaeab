//! Comments, from outside.
use super::{Content, Message, done};
use crate::{
    actors::{Error, Page, page, timeline::Viewer},
    domain::{
        Comment, CommentId, CommentText, FIRST_REPLIES, LikeState, MemberId, Outcome, PostId, Receipt, Refusal,
        Surface, Timestamp, VisibleComment,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
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
    ) -> Result<VisibleComment, Error> {
        let viewer = self.timeline.viewer(author).await?;
        self.timeline.posts(&viewer, &[post], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound)?;
        let depth = match parent {
            Some(id) => {
                let above = self.comments.comment_by_id(id).await?;
                let seen = |above: &Comment| !above.deleted && viewer.sees(above.author, Surface::Direct);
                let above = above.filter(seen).ok_or(Refusal::ParentNotFound)?;
                if above.post != post {
                    // Another post that the author may not see is no other post at all.
                    let other = self.timeline.posts(&viewer, &[above.post], Surface::Direct).await?;
                    let refusal = if other.is_empty() { Refusal::ParentNotFound } else { Refusal::ParentOnAnotherPost };
                    return Err(refusal.into());
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
            below_count: 0,
            mentions: self.mentioned(author, &text).await?,
            deleted: false,
            created_at: Timestamp::now(),
            edited_at: None,
        };
        Ok(VisibleComment { comment, author: Some(self.card(author).await?), liked: false, replies: Vec::new() })
    }

    /// Stores a draft.
    pub async fn comment(&self, draft: VisibleComment, receipt: Option<Receipt>) -> Result<Outcome<()>, Error> {
        let comment = draft.comment;
        let author = comment.author;
        let outcome = self.slots.of(author).ask(|reply| Message::Comment { comment, receipt, reply }).await?;
        self.timeline.wrote(author);
        Ok(done(outcome))
    }

    /// Top-level comments of a post, oldest first, each with its first replies. Refuses `PostNotFound`.
    pub async fn comments(
        &self,
        viewer_id: MemberId,
        post: PostId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.timeline.posts(&viewer, &[post], Surface::Direct).await?.pop().ok_or(Refusal::PostNotFound)?;
        let list = |place| CommentOrder::OfPost(post, place);
        let mut found = self.list(&viewer, (ListKind::Comments, post.0), list, 0, cursor, limit).await?;
        let parents: Vec<CommentId> =
            found.items.iter().filter(|seen| seen.comment.below_count > 0).map(|seen| seen.comment.id).collect();
        let replies = self.comments.first_replies(&parents, FIRST_REPLIES).await?;
        for reply in self.seen(&viewer, replies).await? {
            let parent = found.items.iter_mut().find(|seen| Some(seen.comment.id) == reply.comment.parent);
            parent.into_iter().for_each(|parent| parent.replies.push(reply.clone()));
        }
        Ok(found)
    }

    /// Direct replies, oldest first. Refuses `CommentNotFound`.
    pub async fn replies(
        &self,
        viewer_id: MemberId,
        id: CommentId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.one(&viewer, id).await?;
        let list = |place| CommentOrder::RepliesTo(id, place);
        self.list(&viewer, (ListKind::Replies, id.0), list, 0, cursor, limit).await
    }

    /// What a member commented, newest first. Refuses `MemberNotFound`.
    pub async fn comments_of(
        &self,
        viewer_id: MemberId,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.card(member).await.ok().filter(|_| viewer.sees(member, Surface::Direct)).ok_or(Refusal::MemberNotFound)?;
        let list = |place| CommentOrder::OfMember(member, place);
        let mut page = self.list(&viewer, (ListKind::MemberComments, member.0), list, u64::MAX, cursor, limit).await?;
        // What hangs on a post that the viewer may not see is not seen either.
        let mut posts: Vec<PostId> = page.items.iter().map(|seen| seen.comment.post).collect();
        posts.sort_unstable();
        posts.dedup();
        let posts = self.timeline.posts(&viewer, &posts, Surface::Direct).await?;
        page.items.retain(|seen| posts.iter().any(|on| on.post.id == seen.comment.post));
        Ok(page)
    }

    /// One comment. Refuses `CommentNotFound`.
    pub async fn comment_by_id(&self, viewer_id: MemberId, id: CommentId) -> Result<VisibleComment, Error> {
        let viewer = self.timeline.viewer(viewer_id).await?;
        self.one(&viewer, id).await
    }

    async fn one(&self, viewer: &Viewer, id: CommentId) -> Result<VisibleComment, Error> {
        let comment = self.comments.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        let on = self.timeline.posts(viewer, &[comment.post], Surface::Direct).await?;
        let comments = if on.is_empty() { Vec::new() } else { vec![comment] };
        self.seen(viewer, comments).await?.pop().ok_or(Refusal::CommentNotFound.into())
    }

    /// Whom a text names, once each.
    async fn mentioned(&self, author: MemberId, text: &CommentText) -> Result<Vec<MemberId>, Error> {
        let (_, mentions) = self.markup(author, text.as_str()).await?;
        let mut members: Vec<MemberId> = mentions.iter().map(|mention| mention.member).collect();
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    /// Changes the text; where `over` says what is to be changed, that alone: refuses `PreconditionFailed` if it has
    /// been changed since. Refuses `CommentNotFound`, `CommentUpdateForbidden`.
    pub async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        over: Option<Comment>,
    ) -> Result<VisibleComment, Error> {
        let viewer = self.timeline.viewer(author).await?;
        self.one(&viewer, id).await?;
        let mentions = self.mentioned(author, &text).await?;
        let over = over.map(Box::new);
        self.slots.of(author).ask(|reply| Message::EditComment { author, id, text, mentions, over, reply }).await?;
        self.comment_by_id(author, id).await
    }

    /// Refuses `CommentNotFound`, `CommentDeleteForbidden`.
    pub async fn delete_comment(&self, author: MemberId, id: CommentId) -> Result<(), Error> {
        // One's own comment can always be taken away; of others', only what is seen is said to be somebody's.
        let known = self.comments.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        if known.author != author {
            let viewer = self.timeline.viewer(author).await?;
            self.one(&viewer, id).await?;
        }
        self.slots.of(author).ask(|reply| Message::DeleteComment { author, id, reply }).await?;
        self.timeline.wrote(author);
        Ok(())
    }

    /// Sets or withdraws a like; refuses `CommentNotFound`.
    pub async fn like_comment(&self, member: MemberId, id: CommentId, like: bool) -> Result<LikeState, Error> {
        let viewer = self.timeline.viewer(member).await?;
        self.one(&viewer, id).await?;
        let at = self.ids.next();
        let state = self.slots.of(member).ask(|reply| Message::LikeComment { at, member, id, like, reply }).await?;
        self.timeline.wrote(member);
        if viewer.relations().blocked.is_empty() {
            return Ok(state);
        }
        // The count is what this member sees of it.
        Ok(LikeState { like_count: self.one(&viewer, id).await?.comment.like_count, ..state })
    }

    async fn list(
        &self,
        viewer: &Viewer,
        (kind, scope): (ListKind, u64),
        order: impl FnOnce(CommentId) -> CommentOrder,
        first: u64,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let place = cursor.map(|text| decode_list_cursor(text, kind, scope)).transpose()?;
        let comments =
            self.comments.comments(order(CommentId(place.map_or(first, |[place, _]| place))), limit + 1).await?;
        let next = |last: &Comment| encode_list_cursor(kind, scope, [last.id.0, 0]);
        let Page { items, next } = page(comments, limit, next, |comment| comment);
        Ok(Page { items: self.seen(viewer, items).await?, next })
    }

    /// Comments as the viewer sees them: authors, likes and what blocks take off the counts in one query each. One by
    /// somebody whom the viewer does not see is a tombstone where there is more below, and left out elsewhere.
    pub(in crate::actors) async fn seen(
        &self,
        viewer: &Viewer,
        mut comments: Vec<Comment>,
    ) -> Result<Vec<VisibleComment>, Error> {
        if comments.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<CommentId> = comments.iter().map(|comment| comment.id).collect();
        let apart = &viewer.relations().blocked;
        if !apart.is_empty() {
            for hidden in self.comments.comment_counts_by(&ids, apart).await? {
                for comment in comments.iter_mut().filter(|comment| comment.id == hidden.comment) {
                    comment.like_count = comment.like_count.saturating_sub(hidden.likes);
                    comment.reply_count = comment.reply_count.saturating_sub(hidden.replies);
                    comment.below_count = comment.below_count.saturating_sub(hidden.below);
                }
            }
            for comment in &mut comments {
                if !comment.deleted && !viewer.sees(comment.author, Surface::Direct) {
                    (comment.deleted, comment.content) = (true, String::new());
                    (comment.like_count, comment.edited_at) = (0, None);
                }
            }
            comments.retain(|comment| !comment.deleted || comment.below_count > 0);
        }
        let mut authors: Vec<MemberId> =
            comments.iter().filter(|comment| !comment.deleted).map(|comment| comment.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let cards = self.timeline.cards(&authors).await?;
        let liked = self.likes.liked_comments(viewer.member(), &ids).await?;
        let seen = comments.into_iter().map(|comment| {
            let author = cards.iter().find(|card| !comment.deleted && card.id == comment.author).map(Arc::clone);
            let liked = liked.contains(&comment.id);
            VisibleComment { comment, author, liked, replies: Vec::new() }
        });
        Ok(seen.collect())
    }
}
