//! `/api/timeline`: the most popular and most commented posts, and the top three of a day.
use super::{
    AppState,
    contract::RankingWindow,
    etag::IfNoneMatch,
    extract::{Auth, Paging, Query},
    problem::Problem,
    views::{FeedView, PostJsonCache, Top3View},
};
use crate::{
    actors::ranking::{RankedFeed, Ranking},
    domain::{FieldError, Identity, RankedBy, RankingPeriod, Reason},
};
use axum::{
    extract::{FromRef, State},
    response::Response,
};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

/// Characters of a date: `2026-11-25`.
const DATE_LENGTH: usize = 10;

/// The time window of a ranking.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WindowQuery {
    /// The window in which views, likes and comments count; `day` by default. `day` is the current hour and the 24 full
    /// hours before it, `week` the current hour and the 168 before it, `all` is all time.
    #[param(value_type = Option<RankingWindow>)]
    window: Option<String>,
}

impl WindowQuery {
    fn checked(&self) -> Result<RankingPeriod, FieldError> {
        let window = self.window.as_deref().map_or(Some(RankingPeriod::default()), RankingPeriod::named);
        window.ok_or(FieldError { field: "window", reason: Reason::UnknownValue })
    }
}

/// The handles that every ranking needs.
pub(super) struct RankingRoutes {
    ranking: Ranking,
    post_json: PostJsonCache,
}

impl FromRef<AppState> for RankingRoutes {
    fn from_ref(state: &AppState) -> Self {
        Self { ranking: FromRef::from_ref(state), post_json: FromRef::from_ref(state) }
    }
}

impl RankingRoutes {
    /// Responds with a page of a ranking.
    async fn respond(
        &self,
        caller: Identity,
        feed: RankedFeed,
        paging: &Paging,
        if_none_match: &IfNoneMatch,
    ) -> Result<Response, Problem> {
        let page = self.ranking.page(caller.member, feed, paging.cursor(), paging.limit()).await?;
        let view = FeedView::from(&page);
        let version = self.post_json.page(&view.without_stream());
        Ok(if_none_match.respond_json(self.post_json.page(&view), &version))
    }
}

/// Lists the posts with the most views and likes, best first.
///
/// Later pages show the ranking as it was when the first page was read.
#[utoipa::path(
    get, path = "/api/timeline/posts/most-popular", operation_id = "mostPopular", tag = "timeline",
    params(WindowQuery, Paging),
    responses(
        (status = 200, description = "A page of posts, best first", body = FeedView),
        (status = 304, description = "The client's version is current"),
    )
)]
pub(super) async fn most_popular(
    State(routes): State<RankingRoutes>,
    Auth(identity): Auth,
    Query(window): Query<WindowQuery>,
    paging: Paging,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    routes
        .respond(identity, RankedFeed { by: RankedBy::Popularity, period: window.checked()? }, &paging, &if_none_match)
        .await
}

/// Lists the posts with the most comments, best first.
///
/// Later pages show the ranking as it was when the first page was read.
#[utoipa::path(
    get, path = "/api/timeline/posts/most-commented", operation_id = "mostCommented", tag = "timeline",
    params(WindowQuery, Paging),
    responses(
        (status = 200, description = "A page of posts, best first", body = FeedView),
        (status = 304, description = "The client's version is current"),
    )
)]
pub(super) async fn most_commented(
    State(routes): State<RankingRoutes>,
    Auth(identity): Auth,
    Query(window): Query<WindowQuery>,
    paging: Paging,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    routes
        .respond(identity, RankedFeed { by: RankedBy::Comments, period: window.checked()? }, &paging, &if_none_match)
        .await
}

/// The day of a top three.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DateQuery {
    /// `YYYY-MM-DD` in the server's configured time zone; today by default.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<String>,
}

impl DateQuery {
    fn checked(&self) -> Result<Option<Date>, FieldError> {
        let invalid = || FieldError { field: "date", reason: Reason::InvalidFormat };
        let parse = |text: &String| {
            let date = text.parse::<Date>().ok().filter(|_| text.len() == DATE_LENGTH);
            date.ok_or_else(invalid)
        };
        self.date.as_ref().map(parse).transpose()
    }
}

/// Returns the three posts with the highest score of a day.
///
/// The scores are final five minutes after the end of the day. Posts that are deleted or hidden from the caller are
/// replaced by the next best.
#[utoipa::path(
    get, path = "/api/timeline/daily-top3", operation_id = "dailyTop3", tag = "timeline",
    params(DateQuery),
    responses(
        (status = 200, description = "The top three posts", body = Top3View),
        (status = 304, description = "The client's version is current"),
        (status = 422, description = "`VALIDATION_FAILED`: the date is invalid or in the future"),
    )
)]
pub(super) async fn daily_top3(
    State(ranking): State<Ranking>,
    Auth(identity): Auth,
    Query(query): Query<DateQuery>,
    if_none_match: IfNoneMatch,
) -> Result<Response, Problem> {
    let top = ranking.top3(identity.member, query.checked()?).await?;
    Ok(if_none_match.respond(&Top3View::from(&top)))
}
