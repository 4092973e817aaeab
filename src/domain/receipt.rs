//! Receipts: stored answers of requests with an `Idempotency-Key`, so that a repeated request has no second effect.
use super::Timestamp;

/// Hours that a receipt is kept.
pub const RECEIPT_HOURS: u64 = 24;

/// A client's `Idempotency-Key`, the request it was used for, and the answer to repeat.
///
/// The answer is rendered before the write, so that both are stored in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The owner of the key: two members may use the same key.
    pub scope: String,
    /// 1 to 64 visible characters.
    pub key: String,
    /// Hash of method, path and body. The same key with another fingerprint is refused.
    pub fingerprint: [u8; 32],
    /// The answer of this request and of every repeat.
    pub answer: Answer,
    /// When the request was made.
    pub at: Timestamp,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Location` header: the address of the new resource.
    pub location: String,
    /// The body, JSON.
    pub body: String,
}

/// The outcome of a write that may be a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The write was done now.
    Done,
    /// The write was done by an earlier request, which got this answer.
    Repeated(Answer),
}
