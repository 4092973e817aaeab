//! Why a configuration is refused: every message names the key and where it was found.
use super::origin::Origin;

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that is not TOML. What stands there is not repeated: it may be a secret.
    #[error("{path} is not valid TOML: line {line}: {message}")]
    NotToml {
        /// Which one.
        path: String,
        /// Where, from 1 on.
        line: usize,
        /// Why.
        message: String,
    },
    /// A key that there is not.
    #[error("unknown key {key} ({origin}), expected {expected}")]
    Unknown {
        /// The key.
        key: String,
        /// Where it was found.
        origin: Origin,
        /// The keys that there are.
        expected: String,
    },
    /// A value that does not fit its key.
    #[error("{key} is {value} ({origin}), expected {expected}")]
    Bad {
        /// The key.
        key: String,
        /// What was given, as TOML; masked where it is a secret.
        value: String,
        /// Where it was found.
        origin: Origin,
        /// What would fit.
        expected: String,
    },
    /// A variable that is not UTF-8. What it says is not repeated: it may be a secret.
    #[error("{name} is not UTF-8")]
    NotText {
        /// Which one.
        name: String,
    },
    /// A key that was given directly and by a file.
    #[error("{key} is set ({first}) and so is {key}_file ({second}), expected one of them")]
    Twice {
        /// The key.
        key: String,
        /// Who set the value.
        first: Origin,
        /// Who named the file.
        second: Origin,
    },
    /// Values and fields do not match: a mistake in the program.
    #[error("values and fields do not match: {0}")]
    Program(String),
}

/// A value that a rule refuses, before it is known where it came from.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) key: String,
    pub(super) expected: String,
}

impl Fault {
    pub(super) fn new(key: &str, expected: impl Into<String>) -> Self {
        Self { key: key.to_owned(), expected: expected.into() }
    }
}
