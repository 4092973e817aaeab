//! Receipts: what makes a repeated request harmless.
use super::Timestamp;

/// How long an answer is kept for a repeat.
pub const KEPT_HOURS: u64 = 24;

/// A client's `Idempotency-Key` with what it was used for and the answer to give again.
///
/// The answer is known before the effect, so both are stored in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose key: two members may use the same one.
    pub scope: String,
    /// 1 to 64 visible characters.
    pub key: String,
    /// A hash of method, path and body: the same key with another one is refused.
    pub fingerprint: [u8; 32],
    /// What to answer, now and at every repeat.
    pub answer: Answer,
    /// When the request was made.
    pub at: Timestamp,
}

/// An answer as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Where the new thing is.
    pub location: String,
    /// JSON.
    pub body: String,
}

/// What became of a write that may be a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was done now.
    Done(T),
    /// It had been done before; this was the answer.
    Repeated(Answer),
}
