//! The methods of [`Content`] that list comments: on a post, below a comment, by a member.
use super::Content;
use crate::{
    actors::{
        error::Error,
        page::{Page, STEP_MAX, page, steps},
        visibility::Viewer,
    },
    domain::{
        Comment, CommentId, FIRST_REPLIES, MemberId, PostId, Refusal, Surface, VisibleComment,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::CommentRange,
};
use std::cmp::Reverse;

/// A list of comments that belongs to a post. Its cursors hold the id of the last comment.
#[derive(Clone, Copy)]
enum CommentList {
    OfPost(PostId),
    RepliesTo(CommentId),
}

impl CommentList {
    fn kind(self) -> ListKind {
        match self {
            Self::OfPost(_) => ListKind::Comments,
            Self::RepliesTo(_) => ListKind::Replies,
        }
    }

    /// Returns the id that a cursor of the list is bound to.
    fn scope(self) -> u64 {
        match self {
            Self::OfPost(PostId(id)) | Self::RepliesTo(CommentId(id)) => id,
        }
    }

    /// Returns the range of the page after the comment `last`, or of the first page.
    fn range(self, last: Option<u64>) -> CommentRange {
        let after = CommentId(last.unwrap_or(0));
        match self {
            Self::OfPost(post) => CommentRange::OfPost { post, after },
            Self::RepliesTo(parent) => CommentRange::RepliesTo { parent, after },
        }
    }
}

/// A page of a member's comments before it is hydrated.
struct Listed {
    /// Newest first.
    items: Vec<CommentId>,
    /// The next page lists comments below this one; `None` if there are none. It is the last visible comment, or, if
    /// nothing but comments on hidden posts was found within the limit of [`steps`], the last one that was read.
    next: Option<CommentId>,
}

impl Content {
    /// Lists the top-level comments of a post, oldest first, each with its first replies. Refuses `PostNotFound`,
    /// `CursorInvalid`.
    pub async fn comments(
        &self,
        viewer_id: MemberId,
        post: PostId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.visibility.check_post(&viewer, post).await?;
        let mut found = self.list_page(&viewer, CommentList::OfPost(post), cursor, limit).await?;
        let with_replies = found.items.iter().filter(|item| item.comment.below_count > 0);
        let parents: Vec<CommentId> = with_replies.map(|item| item.comment.id).collect();
        let replies = self.stores.comments.first_replies(&parents, FIRST_REPLIES).await?;
        for reply in self.visible_comments(&viewer, replies).await? {
            if let Some(parent) = found.items.iter_mut().find(|item| Some(item.comment.id) == reply.comment.parent) {
                parent.replies.push(reply);
            }
        }
        Ok(found)
    }

    /// Lists the direct replies to a comment, oldest first. Refuses `CommentNotFound`, `CursorInvalid`.
    pub async fn replies(
        &self,
        viewer_id: MemberId,
        id: CommentId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        self.visible_comment(&viewer, id).await?;
        self.list_page(&viewer, CommentList::RepliesTo(id), cursor, limit).await
    }

    /// Lists the comments of a member, newest first. Comments on hidden posts decide neither about the pages nor about
    /// their cursors. Refuses `MemberNotFound`, `CursorInvalid`.
    pub async fn comments_of(
        &self,
        viewer_id: MemberId,
        member: MemberId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let viewer = self.visibility.viewer(viewer_id).await?;
        if !viewer.sees(member, Surface::Direct) {
            return Err(Refusal::MemberNotFound.into());
        }
        self.member_card(member).await?;
        let (kind, scope) = (ListKind::MemberComments, member.0);
        let before = match cursor {
            Some(text) => decode_list_cursor(text, kind, scope)?[0],
            None => u64::MAX,
        };
        let listed = self.visible_comments_by(&viewer, member, CommentId(before), limit).await?;
        let mut comments = self.stores.comments.comments_by_id(&listed.items).await?;
        // A comment can become a tombstone after it was listed.
        comments.retain(|comment| !comment.deleted);
        comments.sort_unstable_by_key(|comment| Reverse(comment.id));
        let next = listed.next.map(|last| encode_list_cursor(kind, scope, [last.0, 0]));
        Ok(Page { items: self.visible_comments(&viewer, comments).await?, next })
    }

    /// Finds up to `limit` comments of a member below `before` on posts that the viewer sees, newest first. Reads until
    /// one more is found, or [`steps`] end.
    async fn visible_comments_by(
        &self,
        viewer: &Viewer,
        author: MemberId,
        mut before: CommentId,
        limit: usize,
    ) -> Result<Listed, Error> {
        let mut items = Vec::new();
        for step in steps(limit + 1, STEP_MAX) {
            let found = self.stores.comments.comments_by(viewer.member(), author, before, step).await?;
            before = found.last().map_or(before, |last| last.comment);
            let is_end = found.len() < step;
            viewer.with_check(Surface::Direct, |check| {
                let visible = found.iter().filter(|listed| check.sees_post(listed.post));
                items.extend(visible.map(|listed| listed.comment));
            });
            if is_end || items.len() > limit {
                let has_next = items.len() > limit;
                items.truncate(limit);
                let next = if has_next { items.last().copied() } else { None };
                return Ok(Listed { items, next });
            }
        }
        let next = items.last().copied().or(Some(before));
        Ok(Listed { items, next })
    }

    /// Returns one page of a list as the viewer sees it, with the cursor of the next page. Refuses `CursorInvalid`.
    async fn list_page(
        &self,
        viewer: &Viewer,
        list: CommentList,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<VisibleComment>, Error> {
        let (kind, scope) = (list.kind(), list.scope());
        let last = match cursor {
            Some(text) => Some(decode_list_cursor(text, kind, scope)?[0]),
            None => None,
        };
        let comments = self.stores.comments.comments(list.range(last), limit + 1).await?;
        let next = |last: &Comment| encode_list_cursor(kind, scope, [last.id.0, 0]);
        let Page { items, next } = page(comments, limit, next, |comment| comment);
        Ok(Page { items: self.visible_comments(viewer, items).await?, next })
    }
}
