//! The methods of [`Content`] that draft, create, edit, delete, like and show comments. Lists: `comment_lists.rs`.
use super::{Content, commands::ContentCommand};
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{
        Comment, CommentId, CommentText, LikeState, MemberId, Outcome, PostId, Receipt, Refusal, Surface, Timestamp,
        VisibleComment, depth_below,
    },
    storage::Committed,
};

impl Content {
    /// Drafts a comment: its id, time, depth, mentions and author are known before it is stored. Refuses
    /// `PostNotFound`, `ParentNotFound`, `ParentOnAnotherPost`, `TooDeep`.
    pub async fn draft_comment(
        &self,
        author: MemberId,
        post: PostId,
        parent: Option<CommentId>,
        text: CommentText,
    ) -> Result<VisibleComment, Error> {
        let viewer = self.visibility.viewer(author).await?;
        self.visibility.check_post(&viewer, post).await?;
        let depth = match parent {
            Some(parent) => self.depth_of_reply(&viewer, post, parent).await?,
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
            mentions: self.mentioned_members(author, &text).await?,
            deleted: false,
            created_at: Timestamp::now(),
            edited_at: None,
        };
        Ok(VisibleComment { comment, author: Some(self.member_card(author).await?), liked: false, replies: Vec::new() })
    }

    /// Returns the depth of a reply to `parent` on `post`. Refuses `ParentNotFound`, `ParentOnAnotherPost`, `TooDeep`.
    async fn depth_of_reply(&self, viewer: &Viewer, post: PostId, parent: CommentId) -> Result<u8, Error> {
        let Some(parent) = self.stores.comments.comment_by_id(parent).await? else {
            return Err(Refusal::ParentNotFound.into());
        };
        if parent.deleted || !viewer.sees(parent.author, Surface::Direct) {
            return Err(Refusal::ParentNotFound.into());
        }
        if parent.post != post {
            // The refusal must not reveal that a hidden post has this comment.
            let other = self.visibility.visible_posts(viewer, &[parent.post], Surface::Direct, None).await?;
            let refusal = if other.is_empty() { Refusal::ParentNotFound } else { Refusal::ParentOnAnotherPost };
            return Err(refusal.into());
        }
        Ok(depth_below(parent.depth)?)
    }

    /// Stores a draft. Refuses `IdempotencyKeyReused`, `PostNotFound`, `ParentNotFound`, `ParentOnAnotherPost`.
    pub async fn create_comment(
        &self,
        draft: VisibleComment,
        receipt: Option<Receipt>,
    ) -> Result<Committed<Outcome>, Error> {
        let comment = draft.comment;
        let author = comment.author;
        let create = |reply| ContentCommand::CreateComment { comment, receipt, reply };
        let created = self.slots.mailbox_of(author).ask(create).await?;
        self.visibility.note_write(author, created.at);
        Ok(created)
    }

    /// Returns one comment. Refuses `CommentNotFound`.
    pub async fn comment_by_id(&self, viewer_id: MemberId, id: CommentId) -> Result<VisibleComment, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.visible_comment(&viewer, id).await
    }

    /// Returns one comment as the viewer sees it. Refuses `CommentNotFound`, also for a comment on a hidden post.
    pub(super) async fn visible_comment(&self, viewer: &Viewer, id: CommentId) -> Result<VisibleComment, Error> {
        let comment = self.stores.comments.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        let post = self.visibility.visible_posts(viewer, &[comment.post], Surface::Direct, None).await?;
        if post.is_empty() {
            return Err(Refusal::CommentNotFound.into());
        }
        self.visible_comments(viewer, vec![comment]).await?.pop().ok_or(Refusal::CommentNotFound.into())
    }

    /// Returns the members that a text mentions, each once.
    async fn mentioned_members(&self, author: MemberId, text: &CommentText) -> Result<Vec<MemberId>, Error> {
        let found = self.markup(author, text.as_str()).await?;
        let mut members: Vec<MemberId> = found.mentions.iter().map(|mention| mention.member).collect();
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    /// Changes the text of a comment. Refuses `CommentNotFound`, `CommentUpdateForbidden`, and `PreconditionFailed` for
    /// a comment that differs from `expected`.
    pub async fn edit_comment(
        &self,
        author: MemberId,
        id: CommentId,
        text: CommentText,
        expected: Option<Comment>,
    ) -> Result<Committed<VisibleComment>, Error> {
        let viewer = self.visibility.viewer(author).await?;
        self.visible_comment(&viewer, id).await?;
        let mentions = self.mentioned_members(author, &text).await?;
        let expected = expected.map(Box::new);
        let edit = |reply| ContentCommand::EditComment { author, id, text, mentions, expected, reply };
        let Committed { at, .. } = self.slots.mailbox_of(author).ask(edit).await?;
        self.visibility.note_write(author, at);
        Ok(Committed { value: self.comment_by_id(author, id).await?, at })
    }

    /// Deletes a comment. Refuses `CommentNotFound`, `CommentDeleteForbidden`.
    pub async fn delete_comment(&self, author: MemberId, id: CommentId) -> Result<Committed<()>, Error> {
        // An author can delete even a hidden comment. A hidden comment by another member is refused as not found.
        let known = self.stores.comments.comment_by_id(id).await?.ok_or(Refusal::CommentNotFound)?;
        if known.author != author {
            let viewer = self.visibility.viewer(author).await?;
            self.visible_comment(&viewer, id).await?;
        }
        let delete = |reply| ContentCommand::DeleteComment { author, id, reply };
        let deleted = self.slots.mailbox_of(author).ask(delete).await?;
        self.visibility.note_write(author, deleted.at);
        Ok(deleted)
    }

    /// Sets or withdraws a like, and returns the number of likes that is visible to the member. Refuses
    /// `CommentNotFound`.
    pub async fn like_comment(
        &self,
        member: MemberId,
        id: CommentId,
        like: bool,
    ) -> Result<Committed<LikeState>, Error> {
        let viewer = self.visibility.viewer(member).await?;
        self.visible_comment(&viewer, id).await?;
        let key = self.ids.next();
        let like = |reply| ContentCommand::LikeComment { key, member, id, like, reply };
        let liked = self.slots.mailbox_of(member).ask(like).await?;
        self.visibility.note_write(member, liked.at);
        if viewer.relations().blocked.is_empty() {
            return Ok(liked);
        }
        // The store counts the likes of blocked members too.
        let visible = self.visible_comment(&viewer, id).await?;
        Ok(liked.map(|state| LikeState { like_count: visible.comment.like_count, ..state }))
    }

    /// Returns comments as the viewer sees them, in the same order, with one query each for authors, likes and the
    /// counts of blocked members, which are subtracted.
    ///
    /// A comment whose author is blocked becomes a tombstone if visible comments are below it, and is left out
    /// otherwise.
    pub(in crate::actors) async fn visible_comments(
        &self,
        viewer: &Viewer,
        mut comments: Vec<Comment>,
    ) -> Result<Vec<VisibleComment>, Error> {
        if comments.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<CommentId> = comments.iter().map(|comment| comment.id).collect();
        let relations = viewer.relations();
        if !relations.blocked.is_empty() {
            for hidden in self.catalog.hidden_comment_counts(relations, &comments).await? {
                for comment in comments.iter_mut().filter(|comment| comment.id == hidden.comment) {
                    comment.like_count = comment.like_count.saturating_sub(hidden.likes);
                    comment.reply_count = comment.reply_count.saturating_sub(hidden.replies);
                    comment.below_count = comment.below_count.saturating_sub(hidden.below);
                }
            }
            for comment in &mut comments {
                if !comment.deleted && !viewer.sees(comment.author, Surface::Direct) {
                    comment.deleted = true;
                    comment.content = String::new();
                    comment.like_count = 0;
                    comment.edited_at = None;
                }
            }
            comments.retain(|comment| !comment.deleted || comment.below_count > 0);
        }
        let mut authors: Vec<MemberId> =
            comments.iter().filter(|comment| !comment.deleted).map(|comment| comment.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let cards = self.catalog.cards(&authors).await?;
        let liked = self.stores.likes.liked_comments(viewer.member(), &ids).await?;
        let visible = comments.into_iter().map(|comment| {
            let author = cards.iter().find(|card| !comment.deleted && card.id == comment.author).cloned();
            let liked = liked.contains(&comment.id);
            VisibleComment { comment, author, liked, replies: Vec::new() }
        });
        Ok(visible.collect())
    }
}
