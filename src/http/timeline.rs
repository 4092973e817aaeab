//! `/api/timeline`: feeds, newest first. The live stream is in `stream/`.
use super::{
    answer,
    extract::{Auth, Id, Paging, Segment},
    problem::Problem,
    views::{FeedView, Rendered},
};
use crate::{
    actors::timeline::{Feed, Timeline},
    domain::{Identity, MemberId, markup::tag_named},
};
use axum::{extract::State, response::Response};

async fn page(
    (timeline, rendered): (Timeline, Rendered),
    caller: Identity,
    feed: Feed,
    paging: &Paging,
) -> Result<Response, Problem> {
    let page = timeline.feed(caller.member, feed, paging.cursor(), paging.limit()).await?;
    if paging.is_read() {
        timeline.showed(caller.member, &page);
    }
    Ok(answer::ok_written(rendered.page(&FeedView::from(&page))))
}

/// The home feed: posts of those the caller follows, and the caller's own.
#[utoipa::path(
    get, path = "/api/timeline/posts/followings", operation_id = "homeFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn home(
    State(timeline): State<Timeline>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    page((timeline, rendered), identity, Feed::Home, &paging).await
}

/// Everybody's posts.
#[utoipa::path(
    get, path = "/api/timeline/posts/recent", operation_id = "recentFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn recent(
    State(timeline): State<Timeline>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    page((timeline, rendered), identity, Feed::Recent, &paging).await
}

/// The caller's posts.
#[utoipa::path(
    get, path = "/api/timeline/posts/mine", operation_id = "myFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn mine(
    State(timeline): State<Timeline>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    page((timeline, rendered), identity, Feed::Mine, &paging).await
}

/// A member's posts.
#[utoipa::path(
    get, path = "/api/timeline/members/{id}/posts", operation_id = "memberFeed", tag = "timeline",
    params(Paging),
    responses(
        (status = 200, description = "A page of posts", body = FeedView),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn of_member(
    State(timeline): State<Timeline>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    page((timeline, rendered), identity, Feed::Author(id), &paging).await
}

/// Posts with a tag: with or without its sign, in any spelling.
#[utoipa::path(
    get, path = "/api/timeline/tags/{tag}/posts", operation_id = "tagFeed", tag = "timeline",
    params(Paging),
    responses(
        (status = 200, description = "A page of posts", body = FeedView),
        (status = 422, description = "`VALIDATION_FAILED`: what could be no tag"),
    )
)]
pub(super) async fn of_tag(
    State(timeline): State<Timeline>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    Segment(tag): Segment,
    paging: Paging,
) -> Result<Response, Problem> {
    page((timeline, rendered), identity, Feed::Tag(tag_named("tag", &tag)?), &paging).await
}
