//! `/api/timeline`: feeds, newest first. The live stream is in `stream/`.
use super::{
    Handles, answer,
    extract::{Auth, Id, Paging, Segment},
    problem::Problem,
    views::{FeedView, Rendered},
};
use crate::{
    actors::{
        feeds::{Feed, Feeds},
        streams::Streams,
    },
    domain::{Identity, MemberId, markup::tag_named},
};
use axum::{
    extract::{FromRef, State},
    response::Response,
};

/// The handles that every feed route needs.
#[derive(Clone)]
pub(super) struct FeedRoutes {
    feeds: Feeds,
    streams: Streams,
    rendered: Rendered,
}

impl FromRef<Handles> for FeedRoutes {
    fn from_ref(handles: &Handles) -> Self {
        Self {
            feeds: Feeds::from_ref(handles),
            streams: Streams::from_ref(handles),
            rendered: Rendered::from_ref(handles),
        }
    }
}

impl FeedRoutes {
    /// Answers with one page, and notes that the caller's client shows its posts.
    async fn answer(&self, caller: Identity, feed: Feed, paging: &Paging) -> Result<Response, Problem> {
        let page = self.feeds.page(caller.member, feed, paging.cursor(), paging.limit()).await?;
        if paging.is_read() {
            self.streams.note_on_screen(caller.member, page.items.iter().map(|visible| visible.post.id));
        }
        Ok(answer::ok_written(self.rendered.page(&FeedView::from(&page))))
    }
}

/// The home feed: posts of those the caller follows, and the caller's own.
#[utoipa::path(
    get, path = "/api/timeline/posts/followings", operation_id = "homeFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn home(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.answer(identity, Feed::Home, &paging).await
}

/// Everybody's posts.
#[utoipa::path(
    get, path = "/api/timeline/posts/recent", operation_id = "recentFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn recent(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.answer(identity, Feed::Recent, &paging).await
}

/// The caller's posts.
#[utoipa::path(
    get, path = "/api/timeline/posts/mine", operation_id = "myFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn mine(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.answer(identity, Feed::Mine, &paging).await
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
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.answer(identity, Feed::Author(id), &paging).await
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
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    Segment(tag): Segment,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.answer(identity, Feed::Tag(tag_named("tag", &tag)?), &paging).await
}
