//! Search: what a text is cut into, what a query means, and which part of a text it found.
mod highlight;
mod particles;
mod query;
mod runs;
mod spacing;
mod tokens;

pub use highlight::highlight;
pub use query::{CLAUSES_MAX, Clause, Phrase, QUERY_LENGTH_MAX, Query};
pub use tokens::{TOKENIZER_VERSION, Token, syllables, tokenize};

/// What is searched for. The numbers are kept in indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SearchKind {
    Post = 0,
    Comment = 1,
    Member = 2,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// The best match, and of equals the newest.
    #[default]
    Relevance,
    /// The newest.
    Recent,
}

/// A place in a list of results: results with a smaller score, or the same and a smaller id, come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchKey {
    /// How well it matches; 0 throughout where the newest comes first.
    pub score: u64,
    /// Of the post, comment or member.
    pub id: u64,
}
