//! `/api/timeline`: ranked feeds and the best of a day.
use super::{
    answer::IfNoneMatch,
    contract::RankingWindow,
    extract::{Auth, Paging, Query},
    problem::Problem,
    views::{FeedView, Rendered, Top3View},
};
use crate::{
    actors::ranking::{RankedFeed, Ranking},
    domain::{FieldError, Identity, RankedBy, Reason, Window},
};
use axum::{extract::State, response::Response};
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

/// Letters of a date: `2026-11-25`.
const DATE_LENGTH: usize = 10;

/// Of which time views, likes and comments count.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WindowQuery {
    /// `day` by default. A day is the last 24 whole hours and the one that runs, a week the last 168.
    #[param(value_type = Option<RankingWindow>)]
    window: Option<String>,
}

impl WindowQuery {
    fn checked(&self) -> Result<Window, FieldError> {
        let window = self.window.as_deref().map_or(Some(Window::default()), Window::named);
        window.ok_or(FieldError { field: "window", reason: Reason::UnknownValue })
    }
}

async fn page(
    (ranking, rendered): (Ranking, Rendered),
    caller: Identity,
    feed: RankedFeed,
    paging: &Paging,
    known: &IfNoneMatch,
) -> Result<Response, Problem> {
    let page = ranking.page(caller.member, feed, paging.cursor(), paging.limit()).await?;
    let view = FeedView::from(&page);
    Ok(known.answer_written(rendered.page(&view), &rendered.page(&view.without_stream())))
}

/// The posts that are viewed and liked most. A page's cursor leads through the ranking as it was when the first page was
/// read, whatever happens meanwhile.
#[utoipa::path(
    get, path = "/api/timeline/posts/most-popular", operation_id = "mostPopular", tag = "timeline",
    params(WindowQuery, Paging),
    responses(
        (status = 200, description = "A page of posts, best first", body = FeedView),
        (status = 304, description = "As known"),
    )
)]
pub(super) async fn most_popular(
    State(ranking): State<Ranking>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    Query(window): Query<WindowQuery>,
    paging: Paging,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let feed = RankedFeed { by: RankedBy::Popularity, window: window.checked()? };
    page((ranking, rendered), identity, feed, &paging, &known).await
}

/// The posts that are commented most.
#[utoipa::path(
    get, path = "/api/timeline/posts/most-commented", operation_id = "mostCommented", tag = "timeline",
    params(WindowQuery, Paging),
    responses(
        (status = 200, description = "A page of posts, best first", body = FeedView),
        (status = 304, description = "As known"),
    )
)]
pub(super) async fn most_commented(
    State(ranking): State<Ranking>,
    State(rendered): State<Rendered>,
    Auth(identity): Auth,
    Query(window): Query<WindowQuery>,
    paging: Paging,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let feed = RankedFeed { by: RankedBy::Comments, window: window.checked()? };
    page((ranking, rendered), identity, feed, &paging, &known).await
}

/// Which day.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DateQuery {
    /// `YYYY-MM-DD` in the server's time zone for days; today by default.
    #[param(value_type = Option<String>, format = Date)]
    date: Option<String>,
}

impl DateQuery {
    fn checked(&self) -> Result<Option<Date>, FieldError> {
        let invalid = || FieldError { field: "date", reason: Reason::InvalidFormat };
        let one = |text: &String| {
            let date = text.parse::<Date>().ok().filter(|_| text.len() == DATE_LENGTH);
            date.ok_or_else(invalid)
        };
        self.date.as_ref().map(one).transpose()
    }
}

/// The three best posts of a day. The scores stand from five minutes after the day's end on; posts that are deleted or
/// hidden give way to the next.
#[utoipa::path(
    get, path = "/api/timeline/daily-top3", operation_id = "dailyTop3", tag = "timeline",
    params(DateQuery),
    responses(
        (status = 200, description = "The best posts", body = Top3View),
        (status = 304, description = "As known"),
        (status = 422, description = "`VALIDATION_FAILED`: no date, or one that has not been yet"),
    )
)]
pub(super) async fn daily_top3(
    State(ranking): State<Ranking>,
    Auth(identity): Auth,
    Query(query): Query<DateQuery>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let top = ranking.top3(identity.member, query.checked()?).await?;
    Ok(known.answer(&Top3View::from(&top)))
}
