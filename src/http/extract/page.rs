//! `limit` and `cursor`: the page of a list that a request asks for.
use super::query;
use crate::{
    domain::{FieldError, Reason},
    http::problem::Problem,
};
use axum::{
    extract::FromRequestParts,
    http::{Method, request::Parts},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Items on a page without `limit`.
const LIMIT_DEFAULT: usize = 20;
/// Maximum number of items on a page: bounds the cost of one response.
const LIMIT_MAX: usize = 100;

/// The page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Paging {
    /// The `nextCursor` of the previous page. Opaque.
    pub(in crate::http) cursor: Option<String>,
    /// The maximum number of items on the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub(in crate::http) limit: Limit,
    /// Whether the request is a HEAD: its response has no items, so nothing is recorded as shown.
    #[serde(skip)]
    #[param(ignore)]
    head: bool,
}

impl Paging {
    pub(in crate::http) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    pub(in crate::http) fn limit(&self) -> usize {
        self.limit.0
    }

    /// Whether the request is a HEAD, whose response shows no items.
    pub(in crate::http) fn is_head(&self) -> bool {
        self.head
    }
}

/// A number of items. `Paging` refuses one that is out of range; 0 stands for a text that is no number.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(in crate::http) struct Limit(usize);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl From<String> for Limit {
    fn from(text: String) -> Self {
        Self(text.parse().unwrap_or(0))
    }
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let head = parts.method == Method::HEAD;
        if parts.uri.query().is_none() {
            return Ok(Self { cursor: None, limit: Limit::default(), head });
        }
        let paging = Self { head, ..query::read(&parts.uri)? };
        if (1..=LIMIT_MAX).contains(&paging.limit()) {
            return Ok(paging);
        }
        let reason = Reason::OutOfRange { min: 1, max: LIMIT_MAX as u64 };
        Err(FieldError { field: "limit", reason }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    async fn paging(uri: &str) -> Result<Paging, Problem> {
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        Paging::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_page_has_twenty_items_by_default() {
        assert_eq!(paging("/x").await.unwrap().limit(), 20);
        assert_eq!(paging("/x?other=1").await.unwrap().limit(), 20);
        let paging = paging("/x?limit=100&cursor=abc").await.unwrap();
        assert_eq!((paging.limit(), paging.cursor()), (100, Some("abc")));
    }

    #[tokio::test]
    async fn limits_out_of_range_are_refused() {
        for limit in ["0", "101", "-1", "ten", "", "1e1", "99999999999999999999999"] {
            let refused = paging(&format!("/x?limit={limit}")).await.unwrap_err();
            assert_eq!(refused.code(), "VALIDATION_FAILED", "{limit}");
        }
        assert_eq!(paging("/x?limit=1&limit=2").await.unwrap_err().code(), "VALIDATION_FAILED");
    }
}
