//! `/api/search`: posts, comments and members by what they say.
use super::{
    answer,
    contract::SearchSort,
    extract::{Auth, Paging, Query},
    problem::Problem,
    views::{FoundCommentPage, FoundMemberPage, FoundPostPage},
};
use crate::{
    actors::search::{Author, CommentSearch, PostSearch, Search},
    domain::{FieldError, MemberId, PostId, Reason, SearchOrder, Timestamp, markup::tag_named},
};
use axum::{extract::State, http::HeaderValue, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which posts.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichPosts {
    /// Words that must all be there, at most 256 characters: `word`, `"a phrase"`, `-without`, `begin*`. May be left
    /// out where another parameter says which posts.
    #[param(max_length = 256)]
    q: Option<String>,
    /// A member's id, or `@handle`.
    author: Option<String>,
    /// With or without its sign, in any spelling; what could be no tag is a 422.
    #[param(max_length = 801)]
    tag: Option<String>,
    /// Written then or later: RFC 3339, or a date (UTC).
    from: Option<String>,
    /// Written before that: RFC 3339, or up to the end of a date (UTC).
    to: Option<String>,
    /// `relevance` by default.
    #[param(value_type = Option<SearchSort>)]
    sort: Option<String>,
    /// `X-Write-Token` of a write: waits, two seconds at most, until it can be found. If that is not enough, the answer
    /// has `X-Search-Behind: true`.
    #[serde(rename = "consistentWith")]
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

impl WhichPosts {
    fn checked(self) -> Result<PostSearch, Problem> {
        let order = match self.sort.as_deref() {
            None | Some("relevance") => SearchOrder::Relevance,
            Some("recent") => SearchOrder::Recent,
            Some(_) => return Err(wrong("sort", Reason::UnknownValue)),
        };
        Ok(PostSearch {
            text: self.q.unwrap_or_default(),
            author: self.author.as_deref().map(author).transpose()?,
            tag: self.tag.filter(|tag| !tag.is_empty()).map(|tag| tag_named("tag", &tag)).transpose()?,
            from: self.from.map(|text| moment("from", &text, false)).transpose()?,
            to: self.to.map(|text| moment("to", &text, true)).transpose()?,
            order,
        })
    }
}

fn wrong(field: &'static str, reason: Reason) -> Problem {
    FieldError { field, reason }.into()
}

fn author(text: &str) -> Result<Author, Problem> {
    match text.strip_prefix(['@', '＠']) {
        Some(handle) => Ok(Author::Handle(handle.to_owned())),
        None => {
            let id = text.parse().map_err(|_| wrong("author", Reason::InvalidFormat))?;
            Ok(Author::Id(MemberId(id)))
        }
    }
}

/// A moment, or the first or last of a day in UTC.
fn moment(field: &'static str, text: &str, end: bool) -> Result<Timestamp, Problem> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(moment.as_millisecond()));
    }
    let invalid = || wrong(field, Reason::InvalidFormat);
    // A day, not a time of it without a zone.
    let day = Some(text).filter(|text| text.len() == "2026-11-25".len()).ok_or_else(invalid)?;
    let date: jiff::civil::Date = day.parse().map_err(|_| invalid())?;
    let date = if end { date.tomorrow().map_err(|_| invalid())? } else { date };
    let midnight = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| invalid())?;
    Ok(Timestamp(midnight.as_millisecond()))
}

/// Waits for a write, where the caller names one; whether it is still missing.
async fn behind(search: &Search, token: Option<&str>) -> Result<bool, Problem> {
    match token {
        Some(token) => Ok(!search.wait_until_searchable(token).await?),
        None => Ok(false),
    }
}

fn marked(mut answer: Response, behind: bool) -> Response {
    if behind {
        answer.headers_mut().insert("x-search-behind", HeaderValue::from_static("true"));
    }
    answer
}

/// Posts by what they say, who wrote them, their tag and their time.
#[utoipa::path(
    get, path = "/api/search/posts", operation_id = "searchPosts", tag = "search",
    params(WhichPosts, Paging),
    responses((
        status = 200, description = "A page of posts, and where in them it was found", body = FoundPostPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not in it"))
    ))
)]
pub(super) async fn posts(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(mut which): Query<WhichPosts>,
    paging: Paging,
) -> Result<Response, Problem> {
    let token = which.consistent_with.take();
    let which = which.checked()?;
    let behind = behind(&search, token.as_deref()).await?;
    let page = search.posts(identity.member, which, paging.cursor(), paging.limit()).await?;
    Ok(marked(answer::ok(&FoundPostPage::from(&page)), behind))
}

/// Which comments.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhichComments {
    /// As in the search for posts. May be left out where a post is given.
    q: Option<String>,
    /// On this post alone.
    #[param(rename = "postId", value_type = Option<u64>)]
    post_id: Option<String>,
    /// As in the search for posts.
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

/// Comments by what they say, the best match first.
#[utoipa::path(
    get, path = "/api/search/comments", operation_id = "searchComments", tag = "search",
    params(WhichComments, Paging),
    responses((
        status = 200, description = "A page of comments, and where in them it was found", body = FoundCommentPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not in it"))
    ))
)]
pub(super) async fn comments(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(which): Query<WhichComments>,
    paging: Paging,
) -> Result<Response, Problem> {
    let post = which.post_id.map(|id| id.parse().map(PostId)).transpose();
    let post = post.map_err(|_| wrong("postId", Reason::InvalidFormat))?;
    let behind = behind(&search, which.consistent_with.as_deref()).await?;
    let which = CommentSearch { text: which.q.unwrap_or_default(), post };
    let page = search.comments(identity.member, which, paging.cursor(), paging.limit()).await?;
    Ok(marked(answer::ok(&FoundCommentPage::from(&page)), behind))
}

/// Which members.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhichMembers {
    /// As in the search for posts; the last word may be the beginning of one.
    q: Option<String>,
    /// As in the search for posts.
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

/// Members by handle, name, or what they say of themselves.
#[utoipa::path(
    get, path = "/api/search/members", operation_id = "searchMembers", tag = "search",
    params(WhichMembers, Paging),
    responses((
        status = 200, description = "A page of members, and where in them it was found", body = FoundMemberPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not in it"))
    ))
)]
pub(super) async fn members(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(which): Query<WhichMembers>,
    paging: Paging,
) -> Result<Response, Problem> {
    let behind = behind(&search, which.consistent_with.as_deref()).await?;
    let text = which.q.unwrap_or_default();
    let page = search.members(identity.member, &text, paging.cursor(), paging.limit()).await?;
    Ok(marked(answer::ok(&FoundMemberPage::from(&page)), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day() {
        let at = |text: &str, end| moment("from", text, end).map(|moment| moment.to_string()).ok();
        assert_eq!(at("2026-11-25", false).as_deref(), Some("2026-11-25T00:00:00.000Z"));
        assert_eq!(at("2026-11-25", true).as_deref(), Some("2026-11-26T00:00:00.000Z"));
        assert_eq!(at("2026-11-25T09:00:00+09:00", true).as_deref(), Some("2026-11-25T00:00:00.000Z"));
        for wrong in ["", "yesterday", "2026-13-01", "1", "9999-12-31x"] {
            assert_eq!(at(wrong, false), None, "{wrong}");
        }
    }
}
