//! `/api/timeline`: feeds of posts, newest first. Ranked feeds are in `rankings.rs`, the live stream is in `stream/`.
use super::{
    AppState,
    extract::{Auth, Id, Paging, Segment},
    problem::Problem,
    response,
    views::{FeedView, PostJsonCache},
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

/// The handles that every feed needs.
pub(super) struct FeedRoutes {
    feeds: Feeds,
    streams: Streams,
    post_json: PostJsonCache,
}

impl FromRef<AppState> for FeedRoutes {
    fn from_ref(state: &AppState) -> Self {
        Self { feeds: FromRef::from_ref(state), streams: FromRef::from_ref(state), post_json: FromRef::from_ref(state) }
    }
}

impl FeedRoutes {
    /// Responds with a page of a feed and notes that its posts are on the caller's screen.
    async fn respond(&self, caller: Identity, feed: Feed, paging: &Paging) -> Result<Response, Problem> {
        let page = self.feeds.page(caller.member, feed, paging.cursor(), paging.limit()).await?;
        if !paging.is_head() {
            self.streams.note_on_screen(caller.member, page.items.iter().map(|visible| visible.post.id));
        }
        Ok(response::ok_json(self.post_json.page(&FeedView::from(&page))))
    }
}

/// Lists the home feed: posts of members whom the caller follows, and the caller's own, newest first.
#[utoipa::path(
    get, path = "/api/timeline/posts/followings", operation_id = "homeFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn home_feed(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.respond(identity, Feed::Home, &paging).await
}

/// Lists the posts of all members, newest first.
#[utoipa::path(
    get, path = "/api/timeline/posts/recent", operation_id = "recentFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn recent_feed(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.respond(identity, Feed::Recent, &paging).await
}

/// Lists the caller's own posts, newest first.
#[utoipa::path(
    get, path = "/api/timeline/posts/mine", operation_id = "myFeed", tag = "timeline",
    params(Paging),
    responses((status = 200, description = "A page of posts", body = FeedView))
)]
pub(super) async fn my_feed(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.respond(identity, Feed::Mine, &paging).await
}

/// Lists the posts of a member, newest first.
#[utoipa::path(
    get, path = "/api/timeline/members/{id}/posts", operation_id = "memberFeed", tag = "timeline",
    params(Paging),
    responses(
        (status = 200, description = "A page of posts", body = FeedView),
        (status = 404, description = "`MEMBER_NOT_FOUND`"),
    )
)]
pub(super) async fn member_feed(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    Id(id): Id<MemberId>,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.respond(identity, Feed::Author(id), &paging).await
}

/// Lists the posts with a tag, newest first.
#[utoipa::path(
    get, path = "/api/timeline/tags/{tag}/posts", operation_id = "tagFeed", tag = "timeline",
    params(Paging),
    responses(
        (status = 200, description = "A page of posts", body = FeedView),
        (status = 422, description = "`VALIDATION_FAILED`: the text cannot be a tag"),
    )
)]
pub(super) async fn tag_feed(
    State(routes): State<FeedRoutes>,
    Auth(identity): Auth,
    Segment(tag): Segment,
    paging: Paging,
) -> Result<Response, Problem> {
    routes.respond(identity, Feed::Tag(tag_named("tag", &tag)?), &paging).await
}
