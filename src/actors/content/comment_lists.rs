//! The methods of [`Content`] that list comments: on a post, below a comment, by a member.
use super::Content;
use crate::{
    actors::{
        error::Error,
        page::{Page, page},
        visibility::Viewer,
    },
    domain::{
        Comment, CommentId, FIRST_REPLIES, MemberId, PostId, Refusal, Surface, VisibleComment,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::CommentRange,
};

/// A list of comments. Its cursors hold the id of the last comment.
#[derive(Clone, Copy)]
enum CommentList {
    OfPost(PostId),
    RepliesTo(CommentId),
    OfMember(MemberId),
}

impl CommentList {
    fn kind(self) -> ListKind {
        match self {
            Self::OfPost(_) => ListKind::Comments,
            Self::RepliesTo(_) => ListKind::Replies,
            Self::OfMember(_) => ListKind::MemberComments,
        }
    }

    /// Returns the id that a cursor of the list is bound to.
    fn scope(self) -> u64 {
        match self {
            Self::OfPost(PostId(id)) | Self::RepliesTo(CommentId(id)) | Self::OfMember(MemberId(id)) => id,
        }
    }

    /// Returns the range of the page after the comment `last`, or of the first page.
    fn range(self, last: Option<u64>) -> CommentRange {
        let after = CommentId(last.unwrap_or(0));
        let before = CommentId(last.unwrap_or(u64::MAX));
        match self {
            Self::OfPost(post) => CommentRange::OfPost { post, after },
            Self::RepliesTo(parent) => CommentRange::RepliesTo { parent, after },
            Self::OfMember(member) => CommentRange::OfMember { member, before },
        }
    }
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

    /// Lists the comments of a member, newest first, without those on hidden posts. Refuses `MemberNotFound`,
    /// `CursorInvalid`.
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
        let mut page = self.list_page(&viewer, CommentList::OfMember(member), cursor, limit).await?;
        let mut posts: Vec<PostId> = page.items.iter().map(|item| item.comment.post).collect();
        posts.sort_unstable();
        posts.dedup();
        let posts = self.visibility.visible_posts(&viewer, &posts, Surface::Direct, None).await?;
        page.items.retain(|item| posts.contains(&item.comment.post));
        Ok(page)
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
