//! Query parameters: unknown ones are ignored, repeated known ones are refused by name.
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

/// The query parameters that the handler knows. Unknown parameters are ignored; a known one may occur once.
pub(in crate::http) struct Query<T>(pub(in crate::http) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.uri).map(Self)
    }
}

/// Parses the known parameters. Refuses a repeated one with `REPEATED`, since either value could be meant.
pub(super) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let rejection = match axum::extract::Query::try_from_uri(uri) {
        Ok(query) => return Ok(query.0),
        Err(rejection) => rejection,
    };
    // Only serde's message contains the name of the repeated field.
    let message = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let name = name.into_owned();
        if names.contains(&name) && message.contains(&format!("duplicate field `{name}`")) {
            return Err(Problem::fields_named_by_client(vec![(name, Reason::Repeated)]));
        }
        names.push(name);
    }
    Err(Problem::malformed(Malformed::Query))
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

    fn parsed(query: &'static str) -> Result<Known, &'static str> {
        let read = read::<Known>(&Uri::try_from(format!("/x?{query}")).unwrap());
        read.map_err(|problem| problem.code())
    }

    #[test]
    fn a_known_parameter_may_occur_once() {
        assert_eq!(parsed("number=1&other=1&other=2"), Ok(Known { number: Some(1), first_one: None }));
        for twice in ["number=1&number=2", "firstOne=a&firstOne=a", "other=1&other=2&first%4Fne=a&firstOne=b"] {
            assert_eq!(parsed(twice), Err("VALIDATION_FAILED"), "{twice}");
        }
        assert_eq!(parsed("number=x"), Err("MALFORMED_REQUEST"));
    }
}
