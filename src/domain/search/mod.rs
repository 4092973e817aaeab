//! Search: the tokens of a text, the meaning of a query, and highlights of hits. Knows no index.
//!
//! `runs.rs` cuts a text into runs of one script; `tokens.rs` makes the tokens of an index from them, and `query.rs`
//! the phrases of a query, with the variants of Korean words from `particles.rs` and `spacing.rs`. `highlight.rs` marks
//! the phrases of a query in a text.
mod highlight;
mod particles;
mod query;
mod runs;
mod spacing;
mod tokens;

pub use highlight::highlight;
pub use query::{CLAUSES_MAX, Clause, Phrase, QUERY_LENGTH_MAX, Query};
pub use tokens::{TOKENIZER_VERSION, Token, syllables, tokenize};

/// The kind of documents that a search finds. Indexes store the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SearchKind {
    Post = 0,
    Comment = 1,
    Member = 2,
}

/// The order of the hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchOrder {
    /// Best match first, newest first among equals.
    #[default]
    Relevance,
    /// Newest first.
    Recent,
}

/// The sort key of a hit: hits are listed by descending key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchKey {
    /// Score of the match; always 0 in [`SearchOrder::Recent`].
    pub score: u64,
    /// Id of the post, comment or member.
    pub id: u64,
}
