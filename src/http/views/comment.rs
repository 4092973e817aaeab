//! Comments, with their first replies or without. Deleted comments with visible replies are tombstones.
use super::{CardView, Time};
use crate::domain::VisibleComment;
use serde::Serialize;
use utoipa::ToSchema;

/// A comment as the caller sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Comment, examples(json!({
    "id": 7288591360000128_u64, "postId": 7288591360000064_u64, "parentId": null, "depth": 0, "content": "좋아요!",
    "author": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
    "likeCount": 0, "replyCount": 0, "liked": false, "deleted": false,
    "createdAt": "2026-11-24T03:00:00.000Z", "editedAt": null,
})))]
pub(in crate::http) struct CommentView<'a> {
    id: u64,
    post_id: u64,
    /// The comment that this one replies to.
    #[schema(required = true)]
    parent_id: Option<u64>,
    /// 0 for a comment on the post, 1 for a reply, 2 for a reply to a reply.
    #[schema(maximum = 2)]
    depth: u8,
    /// Empty if `deleted`.
    content: &'a str,
    /// Null if `deleted`.
    #[schema(required = true)]
    author: Option<CardView<'a>>,
    like_count: u64,
    reply_count: u64,
    /// Whether the caller likes the comment.
    liked: bool,
    /// Whether the comment was deleted. It is kept without text and author while it has visible replies.
    deleted: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    edited_at: Option<Time>,
    /// The first replies. Only in the list of a post's comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion, value_type = Vec<CommentView>, required = false)]
    replies: Option<Vec<CommentView<'a>>>,
}

impl<'a> From<&'a VisibleComment> for CommentView<'a> {
    fn from(visible: &'a VisibleComment) -> Self {
        let comment = &visible.comment;
        Self {
            id: comment.id.0,
            post_id: comment.post.0,
            parent_id: comment.parent.map(|parent| parent.0),
            depth: comment.depth,
            content: if comment.deleted { "" } else { &comment.content },
            author: visible.author.as_deref().filter(|_| !comment.deleted).map(CardView::from),
            like_count: comment.like_count,
            reply_count: comment.reply_count,
            liked: visible.liked,
            deleted: comment.deleted,
            created_at: Time(comment.created_at),
            edited_at: comment.edited_at.map(Time),
            replies: None,
        }
    }
}

impl<'a> CommentView<'a> {
    fn with_replies(visible: &'a VisibleComment) -> Self {
        Self { replies: Some(visible.replies.iter().map(Self::from).collect()), ..Self::from(visible) }
    }
}

/// A page of comments.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CommentPage, examples(json!({"items": [], "nextCursor": null})))]
pub(in crate::http) struct CommentPage<'a> {
    items: Vec<CommentView<'a>>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

impl<'a> CommentPage<'a> {
    /// Comments without their replies.
    pub(in crate::http) fn flat(items: &'a [VisibleComment], next_cursor: Option<&'a str>) -> Self {
        Self { items: items.iter().map(CommentView::from).collect(), next_cursor }
    }

    /// Comments with their first replies.
    pub(in crate::http) fn threads(items: &'a [VisibleComment], next_cursor: Option<&'a str>) -> Self {
        Self { items: items.iter().map(CommentView::with_replies).collect(), next_cursor }
    }
}
