//! `/api/comments`, and the comments of a post or of a member: create, show, edit, delete, like, list.
use super::{
    etag::{IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Id, Json, KeyedJson, Paging, body_with},
    problem::Problem,
    response,
    views::{CommentPage, CommentView, LikeView},
};
use crate::{
    actors::{Committed, content::Content},
    domain::{CommentId, CommentText, MemberId, PostId},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// Maximum number of bytes of a request that creates or edits a comment.
const COMMENT_BODY: usize = body_with(CommentText::JSON_BYTES_MAX);

/// A new comment, or a reply if it has a parent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"content": "좋아요!", "parentId": null})))]
pub(super) struct WriteComment {
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1000, required = true)]
    content: Field<String>,
    /// The comment to reply to. It must be on the same post.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    parent_id: Field<u64>,
}

/// Creates a comment on a post, or a reply to one of its comments.
#[utoipa::path(
    post, path = "/api/posts/{id}/comments", operation_id = "createComment", tag = "comments",
    request_body = WriteComment,
    responses(
        (status = 201, description = "The comment", body = CommentView, headers(("Location" = String))),
        (status = 404, description = "`POST_NOT_FOUND`, `PARENT_COMMENT_NOT_FOUND`"),
        (status = 422, description = "`COMMENT_CONTENT_EMPTY`, `COMMENT_CONTENT_TOO_LONG`, \
            `PARENT_COMMENT_POST_MISMATCH`, `COMMENT_DEPTH_LIMIT_EXCEEDS`, `TEXT_MALFORMED`, `VALIDATION_FAILED`, \
            `IDEMPOTENCY_KEY_REUSED`"),
    )
)]
pub(super) async fn create_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(post): Id<PostId>,
    KeyedJson { request, key }: KeyedJson<WriteComment, COMMENT_BODY>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let text = check.required("content", request.content);
    let parent = check.optional("parentId", request.parent_id).map(CommentId);
    let text = CommentText::new(&check.pass(text)?)?;
    let draft = content.draft_comment(identity.member, post, parent, text).await?;
    // Prepared before the commit, which stores it with the idempotency key.
    let answer = response::created(format!("/api/comments/{}", draft.comment.id), &CommentView::from(&draft));
    let receipt = key.map(|key| key.receipt(format!("member:{}", identity.member), &answer));
    let created = content.create_comment(draft, receipt).await?;
    Ok(created.map(|outcome| response::created_or_repeated_with_etag(answer, outcome)))
}

/// Lists the comments of a post, oldest first, each with its first replies.
#[utoipa::path(
    get, path = "/api/posts/{id}/comments", operation_id = "listComments", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of comments", body = CommentPage),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn list_comments(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(post): Id<PostId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.comments(identity.member, post, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&CommentPage::threads(&page.items, page.next.as_deref())))
}

/// Returns a comment.
#[utoipa::path(
    get, path = "/api/comments/{id}", operation_id = "showComment", tag = "comments",
    responses(
        (status = 200, description = "The comment", body = CommentView),
        (status = 304, description = "The client's version is current"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn show_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let comment = content.comment_by_id(identity.member, id).await?;
    Ok(if_none_match.respond(&CommentView::from(&comment)))
}

/// The new text of a comment.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"content": "정말 좋아요!"})))]
pub(super) struct EditComment {
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1000, required = true)]
    content: Field<String>,
}

/// Edits a comment. Only the author can edit it.
///
/// An edit without changes has no effect.
#[utoipa::path(
    put, path = "/api/comments/{id}", operation_id = "editComment", tag = "comments",
    request_body = EditComment,
    responses(
        (status = 200, description = "The edited comment", body = CommentView),
        (status = 403, description = "`COMMENT_MODIFICATION_FORBIDDEN`"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
        (status = 422, description = "`COMMENT_CONTENT_EMPTY`, `COMMENT_CONTENT_TOO_LONG`, `TEXT_MALFORMED`, \
            `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn edit_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    if_match: IfMatch,
    Json(request): Json<EditComment, COMMENT_BODY>,
) -> Result<Committed<Response>, Problem> {
    let mut check = Check::default();
    let text = check.required("content", request.content);
    let text = CommentText::new(&check.pass(text)?)?;
    let expected = if if_match.is_given() {
        let current = content.comment_by_id(identity.member, id).await?;
        // Any other member gets `COMMENT_MODIFICATION_FORBIDDEN` below, even if the condition does not match.
        if current.comment.author == identity.member {
            if_match.check(&CommentView::from(&current))?;
        }
        Some(current.comment)
    } else {
        None
    };
    let edited = content.edit_comment(identity.member, id, text, expected).await?;
    Ok(edited.map(|comment| response::ok_with_etag(&CommentView::from(&comment))))
}

/// Deletes a comment. Only the author can delete it.
///
/// A comment with replies remains without text and author (`deleted: true`).
#[utoipa::path(
    delete, path = "/api/comments/{id}", operation_id = "deleteComment", tag = "comments",
    responses(
        (status = 204, description = "The comment was deleted"),
        (status = 403, description = "`COMMENT_DELETION_FORBIDDEN`"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn delete_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(content.delete_comment(identity.member, id).await?))
}

/// Lists the replies to a comment, oldest first.
#[utoipa::path(
    get, path = "/api/comments/{id}/replies", operation_id = "listReplies", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of replies", body = CommentPage),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn list_replies(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.replies(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&CommentPage::flat(&page.items, page.next.as_deref())))
}

/// Lists a member's comments, newest first.
#[utoipa::path(
    get, path = "/api/members/{id}/comments", operation_id = "listMemberComments", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of comments", body = CommentPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn list_member_comments(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.comments_of(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&CommentPage::flat(&page.items, page.next.as_deref())))
}

/// Likes a comment. Has no effect if the caller likes it already.
#[utoipa::path(
    put, path = "/api/comments/{id}/like", operation_id = "likeComment", tag = "comments",
    responses(
        (status = 200, description = "The like and the number of likes", body = LikeView),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn like_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<Committed<Response>, Problem> {
    let liked = content.like_comment(identity.member, id, true).await?;
    Ok(liked.map(|state| response::ok(&LikeView::from(state))))
}

/// Removes the caller's like from a comment. Has no effect if there is none.
#[utoipa::path(
    delete, path = "/api/comments/{id}/like", operation_id = "unlikeComment", tag = "comments",
    responses(
        (status = 200, description = "The like and the number of likes", body = LikeView),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn unlike_comment(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<Committed<Response>, Problem> {
    let unliked = content.like_comment(identity.member, id, false).await?;
    Ok(unliked.map(|state| response::ok(&LikeView::from(state))))
}
