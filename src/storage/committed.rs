//! `Committed`: what a write made, and the position of the log at which a reader has it.
use crate::domain::Position;

/// The result of a write whose commit is durable.
///
/// `at` is the position of the last event of the command. A command without an event, because it changed nothing or
/// repeats a receipt, has the newest position as of its commit. In both cases a reader that has applied `at` has
/// everything that `value` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed<T> {
    /// The result of the command: the state that it made or found.
    pub value: T,
    /// The position up to which the log covers `value`.
    pub at: Position,
}

impl<T> Committed<T> {
    /// Converts the value; the position stays.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Committed<U> {
        Committed { value: convert(self.value), at: self.at }
    }
}
