//! [`ConfigError`]: the reason why a configuration is refused. Every message names the key and its origin.
use super::origin::Origin;

/// The reason why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// The error of the file system.
        #[source]
        source: std::io::Error,
    },
    /// A file is not TOML. The message does not repeat its content, which may be a secret.
    #[error("{path} is not valid TOML: line {line}: {message}")]
    NotToml {
        /// The file.
        path: String,
        /// The line of the error, from 1 on.
        line: usize,
        /// The message of the parser.
        message: String,
    },
    /// A key does not exist.
    #[error("unknown key {key} ({origin}), expected {expected}")]
    Unknown {
        /// The key.
        key: String,
        /// The file or variable that sets it.
        origin: Origin,
        /// The keys that exist.
        expected: String,
    },
    /// The value of a key is not valid.
    #[error("{key} is {value} ({origin}), expected {expected}")]
    Bad {
        /// The key.
        key: String,
        /// The given value as TOML; secrets are masked.
        value: String,
        /// The file or variable that sets it.
        origin: Origin,
        /// A description of valid values.
        expected: String,
    },
    /// An environment variable is not UTF-8. The message does not repeat its value, which may be a secret.
    #[error("the value of {name} is not valid UTF-8")]
    NotText {
        /// The name of the variable.
        name: String,
    },
    /// A key is set both directly and by its `_file` twin.
    #[error("both {key} ({first}) and {key}_file ({second}) are set, expected one of them")]
    Twice {
        /// The key.
        key: String,
        /// The origin of the value.
        first: Origin,
        /// The origin of the file's path.
        second: Origin,
    },
    /// The merged values do not deserialize into [`Config`](super::Config): a bug of the program.
    #[error("configuration values do not match the fields of the program: {0}")]
    Program(String),
}

/// A value that a check refuses, before [`Layers::blame`](super::layers::Layers::blame) adds the value and its origin.
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
