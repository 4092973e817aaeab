//! `/api/posts`: create, show, edit, delete and like posts.
use super::{
    etag::{IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Id, Json, KeyedJson, Paging, body_with},
    problem::Problem,
    response,
    views::{LikeView, MemberPage, PostView},
};
use crate::{
    actors::{Committed, content::Content},
    domain::{ImageId, PostId, PostText, Refusal},
};
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Maximum number of bytes of a request that creates or edits a post.
const POST_BODY: usize = body_with(PostText::JSON_BYTES_MAX);

/// The title, content and images of a post.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"title": "오늘의 #일기", "content": "한강에서 @minsu_kim 님과 산책했다."})))]
pub(super) struct WritePost {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    title: Field<String>,
    /// Length in user-perceived characters (grapheme clusters) of at most 16 code points each. Can be empty or absent
    /// if `imageIds` names images.
    #[serde(default)]
    #[schema(value_type = String, required = false, nullable = false, max_length = 5000)]
    content: Field<String>,
    /// Images that the caller uploaded for posts and that are on no other post. An edit without this field keeps the
    /// post's images.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u64>>, max_items = 4)]
    image_ids: Field<Vec<u64>>,
}

impl WritePost {
    /// The text of a new post, which needs content or images.
    fn checked(self) -> Result<PostText, Problem> {
        let text = self.checked_edit()?;
        if text.images().is_none() && text.needs_image() { Err(Refusal::PostEmpty.into()) } else { Ok(text) }
    }

    /// The text of an edit. Without `imageIds` the edit keeps the post's images.
    fn checked_edit(self) -> Result<PostText, Problem> {
        let mut check = Check::default();
        let title = check.optional("title", self.title);
        let images = check.optional("imageIds", self.image_ids);
        let content = match &images {
            Some(ids) if !ids.is_empty() => Some(check.optional("content", self.content).unwrap_or_default()),
            _ => check.required("content", self.content),
        };
        let text = PostText::with_optional_content(title.as_deref(), &check.pass(content)?)?;
        match images {
            Some(ids) => Ok(text.with_images(ids.into_iter().map(ImageId).collect())?),
            None => Ok(text),
        }
    }
}

/// Creates a post.
#[utoipa::path(
    post, path = "/api/posts", operation_id = "createPost", tag = "posts",
    request_body = WritePost,
    responses(
        (status = 201, description = "The post", body = PostView, headers(("Location" = String))),
        (status = 403, description = "`IMAGE_FORBIDDEN`"),
        (status = 404, description = "`IMAGE_NOT_FOUND`"),
        (status = 422, description = "`POST_CONTENT_EMPTY`, `POST_CONTENT_TOO_LONG`, `POST_TITLE_TOO_LONG`, \
            `TEXT_MALFORMED`, `VALIDATION_FAILED`, `IDEMPOTENCY_KEY_REUSED`"),
    )
)]
pub(super) async fn create_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    KeyedJson { request, key }: KeyedJson<WritePost, POST_BODY>,
) -> Result<Committed<Response>, Problem> {
    let draft = content.draft_post(identity.member, request.checked()?).await?;
    // Prepared before the commit, which stores it with the idempotency key.
    let answer = response::created(format!("/api/posts/{}", draft.post.id), &PostView::from(&draft));
    let receipt = key.map(|key| key.receipt(format!("member:{}", identity.member), &answer));
    let created = content.create_post(draft, receipt).await?;
    Ok(created.map(|outcome| response::created_or_repeated_with_etag(answer, outcome)))
}

/// Returns a post and counts a view.
///
/// Each member counts once per hour; the author does not count.
#[utoipa::path(
    get, path = "/api/posts/{id}", operation_id = "showPost", tag = "posts",
    responses(
        (status = 200, description = "The post", body = PostView),
        (status = 304, description = "The client's version is current"),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn show_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    method: Method,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    // The response to HEAD shows no post, so it counts no view.
    let post = match method {
        Method::HEAD => content.visible_post(identity.member, id).await?,
        _ => content.view_post(identity.member, id).await?,
    };
    Ok(if_none_match.respond(&PostView::from(&post)))
}

/// Edits a post. Only the author can edit it.
///
/// An edit without changes has no effect: `editedAt` stays, and no event is sent.
#[utoipa::path(
    put, path = "/api/posts/{id}", operation_id = "editPost", tag = "posts",
    request_body = WritePost,
    responses(
        (status = 200, description = "The edited post", body = PostView),
        (status = 403, description = "`POST_UPDATE_FORBIDDEN`, `IMAGE_FORBIDDEN`"),
        (status = 404, description = "`POST_NOT_FOUND`, `IMAGE_NOT_FOUND`"),
        (status = 422, description = "`POST_CONTENT_EMPTY`, `POST_CONTENT_TOO_LONG`, `POST_TITLE_TOO_LONG`, \
            `TEXT_MALFORMED`, `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn edit_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    if_match: IfMatch,
    Json(request): Json<WritePost, POST_BODY>,
) -> Result<Committed<Response>, Problem> {
    let text = request.checked_edit()?;
    let expected = if if_match.is_given() {
        let current = content.visible_post(identity.member, id).await?;
        // Any other member gets `POST_UPDATE_FORBIDDEN` below, even if the condition does not match.
        if current.post.author == identity.member {
            if_match.check(&PostView::from(&current))?;
        }
        Some(current.post)
    } else {
        None
    };
    let edited = content.edit_post(identity.member, id, text, expected).await?;
    Ok(edited.map(|post| response::ok_with_etag(&PostView::from(&post))))
}

/// Deletes a post. Only the author can delete it.
#[utoipa::path(
    delete, path = "/api/posts/{id}", operation_id = "deletePost", tag = "posts",
    responses(
        (status = 204, description = "The post was deleted"),
        (status = 403, description = "`POST_DELETE_FORBIDDEN`"),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn delete_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<Committed<StatusCode>, Problem> {
    Ok(response::no_content(content.delete_post(identity.member, id).await?))
}

/// Likes a post. Has no effect if the caller likes it already.
#[utoipa::path(
    put, path = "/api/posts/{id}/like", operation_id = "likePost", tag = "posts",
    responses(
        (status = 200, description = "The like and the number of likes", body = LikeView),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn like_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<Committed<Response>, Problem> {
    let liked = content.like_post(identity.member, id, true).await?;
    Ok(liked.map(|state| response::ok(&LikeView::from(state))))
}

/// Removes the caller's like from a post. Has no effect if there is none.
#[utoipa::path(
    delete, path = "/api/posts/{id}/like", operation_id = "unlikePost", tag = "posts",
    responses(
        (status = 200, description = "The like and the number of likes", body = LikeView),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn unlike_post(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<Committed<Response>, Problem> {
    let unliked = content.like_post(identity.member, id, false).await?;
    Ok(unliked.map(|state| response::ok(&LikeView::from(state))))
}

/// Lists the members who like a post, latest like first.
#[utoipa::path(
    get, path = "/api/posts/{id}/likes", operation_id = "listPostLikes", tag = "posts",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn list_post_likes(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.post_likes(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(response::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}
