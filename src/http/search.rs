//! `/api/search`: full-text search for posts, comments and members.
use super::{
    contract::SearchSort,
    extract::{Auth, Paging, Query},
    problem::Problem,
    response,
    views::{FoundCommentPage, FoundMemberPage, FoundPostPage},
};
use crate::{
    actors::search::{Author, CommentSearch, PostSearch, Search},
    domain::{FieldError, MemberId, PostId, Reason, SearchOrder, Timestamp, markup::tag_named},
};
use axum::{extract::State, http::HeaderValue, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

/// The parameters of a search for posts.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PostQuery {
    /// The query, at most 256 characters. A post must match every term: `word`, `"a phrase"`, `-without`, `prefix*`.
    /// Optional if another parameter selects posts.
    #[param(max_length = 256)]
    q: Option<String>,
    /// The author's id or `@handle`.
    author: Option<String>,
    /// A tag, with or without `#`. Case and Unicode form do not matter. A text that cannot be a tag gets a 422.
    #[param(max_length = 801)]
    tag: Option<String>,
    /// Only posts created at or after this time: RFC 3339, or a date (UTC).
    from: Option<String>,
    /// Only posts created before this time: RFC 3339, or a date (UTC), whose whole day is included.
    to: Option<String>,
    /// The order of results; `relevance` by default.
    #[param(value_type = Option<SearchSort>)]
    sort: Option<String>,
    /// The `X-Write-Token` of a write. The search waits up to two seconds until the write is searchable; if it still is
    /// not, the response has `X-Search-Behind: true`.
    #[serde(rename = "consistentWith")]
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

impl PostQuery {
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
            from: self.from.map(|text| timestamp("from", &text, false)).transpose()?,
            to: self.to.map(|text| timestamp("to", &text, true)).transpose()?,
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

/// Parses a timestamp, or a date as its start or its end in UTC.
fn timestamp(field: &'static str, text: &str, end: bool) -> Result<Timestamp, Problem> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(timestamp.as_millisecond()));
    }
    let invalid = || wrong(field, Reason::InvalidFormat);
    // jiff would also parse a local time without a zone as a date.
    if text.len() != "2026-11-25".len() {
        return Err(invalid());
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| invalid())?;
    let date = if end { date.tomorrow().map_err(|_| invalid())? } else { date };
    let midnight = jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| invalid())?;
    Ok(Timestamp(midnight.as_millisecond()))
}

/// Waits until the write of `token` is searchable; returns whether it still is not.
async fn is_behind(search: &Search, token: Option<&str>) -> Result<bool, Problem> {
    match token {
        Some(token) => Ok(!search.wait_until_searchable(token).await?),
        None => Ok(false),
    }
}

/// Sets `X-Search-Behind` if the index does not contain the awaited write.
fn with_behind(mut response: Response, behind: bool) -> Response {
    if behind {
        response.headers_mut().insert("x-search-behind", HeaderValue::from_static("true"));
    }
    response
}

/// Searches posts by text, author, tag and time.
#[utoipa::path(
    get, path = "/api/search/posts", operation_id = "searchPosts", tag = "search",
    params(PostQuery, Paging),
    responses((
        status = 200, description = "A page of posts with highlights", body = FoundPostPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not searchable yet"))
    ))
)]
pub(super) async fn search_posts(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(mut query): Query<PostQuery>,
    paging: Paging,
) -> Result<Response, Problem> {
    let token = query.consistent_with.take();
    let query = query.checked()?;
    let behind = is_behind(&search, token.as_deref()).await?;
    let page = search.posts(identity.member, query, paging.cursor(), paging.limit()).await?;
    Ok(with_behind(response::ok(&FoundPostPage::from(&page)), behind))
}

/// The parameters of a search for comments.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentQuery {
    /// The query, at most 256 characters, as in the search for posts. Optional if `postId` is given.
    q: Option<String>,
    /// Only comments on this post.
    #[param(rename = "postId", value_type = Option<u64>)]
    post_id: Option<String>,
    /// As in the search for posts.
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

/// Searches comments by text, best match first.
#[utoipa::path(
    get, path = "/api/search/comments", operation_id = "searchComments", tag = "search",
    params(CommentQuery, Paging),
    responses((
        status = 200, description = "A page of comments with highlights", body = FoundCommentPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not searchable yet"))
    ))
)]
pub(super) async fn search_comments(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(query): Query<CommentQuery>,
    paging: Paging,
) -> Result<Response, Problem> {
    let post = query.post_id.map(|id| id.parse().map(PostId)).transpose();
    let post = post.map_err(|_| wrong("postId", Reason::InvalidFormat))?;
    let behind = is_behind(&search, query.consistent_with.as_deref()).await?;
    let query = CommentSearch { text: query.q.unwrap_or_default(), post };
    let page = search.comments(identity.member, query, paging.cursor(), paging.limit()).await?;
    Ok(with_behind(response::ok(&FoundCommentPage::from(&page)), behind))
}

/// The parameters of a search for members.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberQuery {
    /// The query, at most 256 characters, as in the search for posts. The last word also matches as a prefix.
    q: Option<String>,
    /// As in the search for posts.
    #[param(rename = "consistentWith")]
    consistent_with: Option<String>,
}

/// Searches members by handle, display name and bio.
#[utoipa::path(
    get, path = "/api/search/members", operation_id = "searchMembers", tag = "search",
    params(MemberQuery, Paging),
    responses((
        status = 200, description = "A page of members with highlights", body = FoundMemberPage,
        headers(("X-Search-Behind" = Option<String>, description = "`true`: the write of `consistentWith` is not searchable yet"))
    ))
)]
pub(super) async fn search_members(
    State(search): State<Search>,
    Auth(identity): Auth,
    Query(query): Query<MemberQuery>,
    paging: Paging,
) -> Result<Response, Problem> {
    let behind = is_behind(&search, query.consistent_with.as_deref()).await?;
    let text = query.q.unwrap_or_default();
    let page = search.members(identity.member, &text, paging.cursor(), paging.limit()).await?;
    Ok(with_behind(response::ok(&FoundMemberPage::from(&page)), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day() {
        let at = |text: &str, end| timestamp("from", text, end).map(|time| time.to_string()).ok();
        assert_eq!(at("2026-11-25", false).as_deref(), Some("2026-11-25T00:00:00.000Z"));
        assert_eq!(at("2026-11-25", true).as_deref(), Some("2026-11-26T00:00:00.000Z"));
        assert_eq!(at("2026-11-25T09:00:00+09:00", true).as_deref(), Some("2026-11-25T00:00:00.000Z"));
        for wrong in ["", "yesterday", "2026-13-01", "1", "9999-12-31x"] {
            assert_eq!(at(wrong, false), None, "{wrong}");
        }
    }
}
