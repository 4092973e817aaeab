//! `/api/posts`: writing, reading, changing, liking.
use super::{
    answer::{self, IfMatch, IfNoneMatch},
    extract::{Auth, Check, Field, Id, Json, Keyed, Paging, body_with},
    problem::Problem,
    views::{LikeView, MemberPage, PostView},
};
use crate::{
    actors::content::Content,
    domain::{ImageId, PostId, PostText, Refusal},
};
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Bytes of a request that writes a post.
const POST_BODY: usize = body_with(PostText::JSON_BYTES_MAX);

/// What a post is to say.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"title": "오늘의 #일기", "content": "한강에서 @minsu_kim 님과 산책했다."})))]
pub(super) struct WritePost {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    title: Field<String>,
    #[serde(default)]
    /// Characters are what a reader counts, each of at most 16 code points. Beside images it may be empty or left out.
    #[schema(value_type = String, required = false, nullable = false, max_length = 5000)]
    content: Field<String>,
    /// The author's own images, made for posts and on no other. A change without them keeps those that are there.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u64>>, max_items = 4)]
    image_ids: Field<Vec<u64>>,
}

impl WritePost {
    /// A new post, which has what it says and nothing else.
    fn checked(self) -> Result<PostText, Problem> {
        let text = self.changed()?;
        if text.images().is_none() && text.needs_image() { Err(Refusal::PostEmpty.into()) } else { Ok(text) }
    }

    /// A change, which leaves a post its images where it says none.
    fn changed(self) -> Result<PostText, Problem> {
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

/// Writes a post.
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
pub(super) async fn create(
    State(content): State<Content>,
    Auth(identity): Auth,
    Keyed { request, key }: Keyed<WritePost, POST_BODY>,
) -> Result<Response, Problem> {
    let draft = content.draft_post(identity.member, request.checked()?).await?;
    // Written before the commit, which keeps it for a repeat.
    let answer = answer::created(format!("/api/posts/{}", draft.post.id), &PostView::from(&draft));
    let receipt = key.map(|key| key.receipt(format!("member:{}", identity.member), &answer));
    let outcome = content.create_post(draft, receipt).await?;
    Ok(answer::settled_tagged(answer, outcome))
}

/// A post. Counts a view, once per member and hour, and never the author's.
#[utoipa::path(
    get, path = "/api/posts/{id}", operation_id = "showPost", tag = "posts",
    responses(
        (status = 200, description = "The post", body = PostView),
        (status = 304, description = "As known"),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn show(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    method: Method,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    // A HEAD shows the post to nobody.
    let seen = match method {
        Method::HEAD => content.visible_post(identity.member, id).await?,
        _ => content.view_post(identity.member, id).await?,
    };
    Ok(known.answer(&PostView::from(&seen)))
}

/// Changes a post. Only its author may. What changes nothing is no edit: `editedAt` stays, and nobody is told.
#[utoipa::path(
    put, path = "/api/posts/{id}", operation_id = "editPost", tag = "posts",
    request_body = WritePost,
    responses(
        (status = 200, description = "The post as it is now", body = PostView),
        (status = 403, description = "`POST_UPDATE_FORBIDDEN`, `IMAGE_FORBIDDEN`"),
        (status = 404, description = "`POST_NOT_FOUND`, `IMAGE_NOT_FOUND`"),
        (status = 422, description = "`POST_CONTENT_EMPTY`, `POST_CONTENT_TOO_LONG`, `POST_TITLE_TOO_LONG`, \
            `TEXT_MALFORMED`, `VALIDATION_FAILED`"),
    )
)]
pub(super) async fn edit(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    expected: IfMatch,
    Json(request): Json<WritePost, POST_BODY>,
) -> Result<Response, Problem> {
    let text = request.changed()?;
    let over = if expected.is_given() {
        let seen = content.visible_post(identity.member, id).await?;
        // Whose it is comes first: nobody else's condition matters.
        if seen.post.author == identity.member {
            expected.check(&PostView::from(&seen))?;
        }
        Some(seen.post)
    } else {
        None
    };
    let seen = content.edit_post(identity.member, id, text, over).await?;
    Ok(answer::changed(&PostView::from(&seen)))
}

/// Deletes a post. Only its author may.
#[utoipa::path(
    delete, path = "/api/posts/{id}", operation_id = "deletePost", tag = "posts",
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`POST_DELETE_FORBIDDEN`"),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn delete(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<StatusCode, Problem> {
    content.delete_post(identity.member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Likes a post. Liking twice is no error.
#[utoipa::path(
    put, path = "/api/posts/{id}/like", operation_id = "likePost", tag = "posts",
    responses(
        (status = 200, description = "Where the like stands", body = LikeView),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn like(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<Response, Problem> {
    let state = content.like_post(identity.member, id, true).await?;
    Ok(answer::ok(&LikeView::from(state)))
}

/// Withdraws a like. Withdrawing none is no error.
#[utoipa::path(
    delete, path = "/api/posts/{id}/like", operation_id = "unlikePost", tag = "posts",
    responses(
        (status = 200, description = "Where the like stands", body = LikeView),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn unlike(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
) -> Result<Response, Problem> {
    let state = content.like_post(identity.member, id, false).await?;
    Ok(answer::ok(&LikeView::from(state)))
}

/// Who likes a post, newest first.
#[utoipa::path(
    get, path = "/api/posts/{id}/likes", operation_id = "listPostLikes", tag = "posts",
    params(Paging),
    responses(
        (status = 200, description = "A page of members", body = MemberPage),
        (status = 404, description = "`POST_NOT_FOUND`"),
    )
)]
pub(super) async fn likes(
    State(content): State<Content>,
    Auth(identity): Auth,
    Id(id): Id<PostId>,
    paging: Paging,
) -> Result<Response, Problem> {
    let page = content.post_likes(identity.member, id, paging.cursor(), paging.limit()).await?;
    Ok(answer::ok(&MemberPage::new(&page.items, page.next.as_deref())))
}
