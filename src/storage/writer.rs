//! The state of the task that commits the commands of a backend, for the supervisor of the actors.

/// The state of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterStatus {
    /// Panics since the start. Each one was rolled back.
    pub panics: u64,
    /// Whether the writer still takes commands. Once it does not, every command is answered `Unavailable`.
    pub is_running: bool,
}
