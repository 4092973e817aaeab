//! `/api/comments` and the comments of a post or a member.
use super::{
    answer::{self, IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Id, Json, Keyed, Paging, body_with},
    problem::Problem,
    views::{CommentPage, CommentView, LikeView},
};
use crate::{
    actors::content::Content,
    domain::{CommentId, CommentText, MemberId, PostId},
};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

/// Bytes of a request that writes a comment.
const COMMENT_BODY: usize = body_with(CommentText::JSON_BYTES_MAX);

/// A comment, or a reply where it has a parent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"content": "좋아요!", "parentId": null})))]
pub(super) struct WriteComment {
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1000, required = true)]
    content: Field<String>,
    /// The comment to reply to, on the same post.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    parent_id: Field<u64>,
}

/// Comments on a post, or replies to one of its comments.
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
pub(super) async fn create(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(post): Id<PostId>,
    Keyed { request, key }: Keyed<WriteComment, COMMENT_BODY>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let text = check.required("content", request.content);
    let parent = check.optional("parentId", request.parent_id).map(CommentId);
    let text = CommentText::new(&check.pass(text)?)?;
    let draft = content.draft_comment(identity.member, post, parent, text).await?;
    // Written before the commit, which keeps it for a repeat.
    let answer = answer::created(format!("/api/comments/{}", draft.comment.id), &CommentView::from(&draft));
    let receipt = key.map(|key| key.receipt(format!("member:{}", identity.member), &answer));
    let outcome = content.create_comment(draft, receipt).await?;
    Ok(answer::settled_tagged(answer, outcome))
}

/// The comments of a post, oldest first, each with its first replies.
#[utoipa::path(
    get, path = "/api/posts/{id}/comments", operation_id = "listComments", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of comments", body = CommentPage),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn list(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(post): Id<PostId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.comments(identity.member, post, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&CommentPage::threads(&page.items, page.next.as_deref())))
}

/// A comment.
#[utoipa::path(
    get, path = "/api/comments/{id}", operation_id = "showComment", tag = "comments",
    responses(
        (status = 200, description = "The comment", body = CommentView),
        (status = 304, description = "As known"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn show(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let seen = content.comment_by_id(identity.member, id).await?;
    Ok(known.answer(&CommentView::from(&seen)))
}

/// The new text of a comment.
#[derive(Default, Deserialize, ToSchema)]
#[schema(examples(json!({"content": "정말 좋아요!"})))]
pub(super) struct EditComment {
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1000, required = true)]
    content: Field<String>,
}

/// Changes a comment. Only its author may. What changes nothing is no edit.
#[utoipa::path(
    put, path = "/api/comments/{id}", operation_id = "editComment", tag = "comments",
    request_body = EditComment,
    responses(
        (status = 200, description = "The comment as it is now", body = CommentView),
        (status = 403, description = "`COMMENT_MODIFICATION_FORBIDDEN`"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
        (status = 422, description = "`COMMENT_CONTENT_EMPTY`, `COMMENT_CONTENT_TOO_LONG`, `TEXT_MALFORMED`, \
            `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn edit(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    expected: IfMatch,
    Json(request): Json<EditComment, COMMENT_BODY>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let text = check.required("content", request.content);
    let text = CommentText::new(&check.pass(text)?)?;
    let over = if expected.is_given() {
        let seen = content.comment_by_id(identity.member, id).await?;
        // Whose it is comes first: nobody else's condition matters.
        if seen.comment.author == identity.member {
            expected.check(&CommentView::from(&seen))?;
        }
        Some(seen.comment)
    } else {
        None
    };
    let seen = content.edit_comment(identity.member, id, text, over).await?;
    Ok(answer::changed(&CommentView::from(&seen)))
}

/// Deletes a comment. Only its author may. One with replies stays as a tombstone.
#[utoipa::path(
    delete, path = "/api/comments/{id}", operation_id = "deleteComment", tag = "comments",
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`COMMENT_DELETION_FORBIDDEN`"),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn delete(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<StatusCode, Problem> {
    content.delete_comment(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The replies to a comment, oldest first.
#[utoipa::path(
    get, path = "/api/comments/{id}/replies", operation_id = "listReplies", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of replies", body = CommentPage),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn replies(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.replies(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&CommentPage::flat(&page.items, page.next.as_deref())))
}

/// What a member has commented, newest first.
#[utoipa::path(
    get, path = "/api/members/{id}/comments", operation_id = "listMemberComments", tag = "comments",
    params(Paging),
    responses(
        (status = 200, description = "A page of comments", body = CommentPage),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn of_member(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.comments_of(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&CommentPage::flat(&page.items, page.next.as_deref())))
}

/// Likes a comment. Liking twice is no error.
#[utoipa::path(
    put, path = "/api/comments/{id}/like", operation_id = "likeComment", tag = "comments",
    responses(
        (status = 200, description = "Where the like stands", body = LikeView),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn like(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<Response, Problem> {
    let state = content.like_comment(identity.member, id, true).await?;
    Ok(answer::ok(&LikeView::from(state)))
}

/// Withdraws a like. Withdrawing none is no error.
#[utoipa::path(
    delete, path = "/api/comments/{id}/like", operation_id = "unlikeComment", tag = "comments",
    responses(
        (status = 200, description = "Where the like stands", body = LikeView),
        (status = 404, description = "`COMMENT_NOT_FOUND`"),
    )
)]
pub(super) async fn unlike(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<CommentId>,
) -> Result<Response, Problem> {
    let state = content.like_comment(identity.member, id, false).await?;
    Ok(answer::ok(&LikeView::from(state)))
}
