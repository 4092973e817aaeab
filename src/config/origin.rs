//! [`Origin`]: the default, file or variable that a value comes from. [`shown`]: a value with its secrets masked.
use std::fmt::{Display, Formatter, Result};
use toml::Value;

/// Replaces a secret.
const MASK: &str = "***";

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The default of the key.
    Default,
    /// A TOML file, by its path.
    File(String),
    /// An environment variable, by its name.
    Environment(String),
    /// The content of a file that a `_file` twin names.
    Twin {
        /// The file.
        path: String,
        /// The origin of the twin.
        by: Box<Origin>,
    },
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Twin { path, by } => write!(f, "file {path} by {by}"),
        }
    }
}

/// How much of a value may be shown, decided by the last part of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// `secret`, `password`: never shown.
    Secret,
    /// `url`, `urls`, `replica_urls`: shown without possible credentials.
    Url,
}

pub(super) fn kind(key: &str) -> Kind {
    match key.rsplit('.').next().unwrap_or_default() {
        "secret" | "password" => Kind::Secret,
        "url" | "urls" | "replica_urls" => Kind::Url,
        _ => Kind::Plain,
    }
}

/// Returns the value as TOML with its secrets masked.
pub(super) fn shown(key: &str, value: &Value) -> String {
    masked(kind(key), value).to_string()
}

fn masked(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Plain, value) => value.clone(),
        (_, Value::String(text)) if text.is_empty() => value.clone(),
        (Kind::Url, Value::String(text)) => Value::String(without_credentials(text)),
        (kind, Value::Array(items)) => Value::Array(items.iter().map(|item| masked(kind, item)).collect()),
        (_, _) => Value::String(MASK.to_owned()),
    }
}

/// Keeps scheme, hosts and path; masks user, password and query. Does not parse the URL: the standard has no URL with a
/// list of hosts, and a password may contain any character.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return MASK.to_owned() };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (format!("{MASK}@"), rest),
        None => (String::new(), rest),
    };
    let (rest, query) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, format!("?{MASK}")),
        None => (rest, String::new()),
    };
    format!("{scheme}://{user}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(key: &str, value: &str) -> String {
        shown(key, &Value::String(value.to_owned()))
    }

    #[test]
    fn secrets_are_never_shown_and_addresses_lose_their_credentials() {
        assert_eq!(text("internal.secret", "s3cret"), "\"***\"");
        assert_eq!(text("smtp.password", "s3cret"), "\"***\"");
        assert_eq!(text("http.listen", "127.0.0.1:1"), "\"127.0.0.1:1\"");
        assert_eq!(text("mysql.url", "mysql://me:pa:ss@word/@db:3306/feed"), "\"mysql://***@db:3306/feed\"");
        assert_eq!(text("mongodb.url", "mongodb://a:1,b:2/feed?password=x"), "\"mongodb://a:1,b:2/feed?***\"");
        assert_eq!(text("redis.url", "redis://cache:6379"), "\"redis://cache:6379\"");
        assert_eq!(text("redis.url", "s3cret"), "\"***\"");
        let urls = Value::Array(vec![Value::String("mysql://u:p@a".to_owned()), Value::String("mysql://b".to_owned())]);
        assert_eq!(shown("mysql.replica_urls", &urls), r#"["mysql://***@a", "mysql://b"]"#);
    }

    #[test]
    fn an_unset_secret_is_shown_as_unset() {
        assert_eq!(text("internal.secret", ""), "\"\"");
        assert_eq!(shown("internal.secret", &Value::Integer(7)), "\"***\"");
    }

    #[test]
    fn an_origin_names_file_and_variable() {
        let by = Box::new(Origin::Environment("DAILYFEED_MYSQL__URL_FILE".to_owned()));
        let twin = Origin::Twin { path: "/run/secrets/url".to_owned(), by };
        assert_eq!(twin.to_string(), "file /run/secrets/url by environment DAILYFEED_MYSQL__URL_FILE");
    }
}
