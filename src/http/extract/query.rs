//! The query of a request.
use crate::{
    domain::Reason,
    http::problem::{Malformed, Problem},
};
use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

/// The query, as far as the handler knows it. What it does not know is ignored; what it knows may be there once.
pub(in crate::http) struct Query<T>(pub(in crate::http) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.uri).map(Self)
    }
}

/// The known parameters. Refuses one that is there twice by its name: which of them is meant?
pub(super) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    axum::extract::Query::try_from_uri(uri).map(|query| query.0).map_err(|rejection| {
        // The names of what it knows are in what serde says, and nowhere else.
        let said = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
        match repeated(uri.query().unwrap_or_default()).find(|name| said.contains(&format!("duplicate field `{name}`")))
        {
            Some(name) => Problem::unknown_fields(vec![(name, Reason::Repeated)]),
            None => Problem::malformed(Malformed::Query),
        }
    })
}

/// The names that are in a query more than once.
fn repeated(query: &str) -> impl Iterator<Item = String> {
    let names: Vec<_> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect();
    (1..names.len())
        .filter(|at| names[..*at].contains(&names[*at]))
        .map(|at| names[at].clone())
        .collect::<Vec<_>>()
        .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default, rename_all = "camelCase")]
    struct Known {
        first_one: Option<String>,
        number: Option<u32>,
    }

    fn asked(query: &'static str) -> Result<Known, &'static str> {
        let read = read::<Known>(&Uri::try_from(format!("/x?{query}")).unwrap());
        read.map_err(|problem| problem.code())
    }

    #[test]
    fn what_is_known_may_be_there_once() {
        assert_eq!(asked("number=1&other=1&other=2"), Ok(Known { number: Some(1), first_one: None }));
        for twice in ["number=1&number=2", "firstOne=a&firstOne=a", "other=1&other=2&first%4Fne=a&firstOne=b"] {
            assert_eq!(asked(twice), Err("VALIDATION_FAILED"), "{twice}");
        }
        assert_eq!(asked("number=x"), Err("MALFORMED_REQUEST"));
    }
}
