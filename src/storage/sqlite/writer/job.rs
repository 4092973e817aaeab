//! `Job`: a command in the queue of the writer, with the caller that waits for it.
use super::{BatchedPost, Commit};
use crate::storage::{Committed, StoreResult, sqlite::failed};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// A command that waits for a commit.
pub(crate) enum Job {
    /// Any command; it costs one savepoint and its own statements.
    Single(Box<dyn Command>),
    /// A `create_post`; those of one commit share their statements.
    CreatePost(Box<BatchedPost>),
}

impl Job {
    /// Answers the caller: with the outcome of the last run if that is durable, or with the error of its commit.
    pub(super) fn answer(self, durable: StoreResult<()>) {
        match self {
            Self::Single(command) => command.answer(durable),
            Self::CreatePost(post) => post.answer(durable),
        }
    }
}

/// A command of any kind.
pub(crate) trait Command: Send {
    /// Runs in a savepoint of the commit and keeps the outcome. A further run replaces the outcome.
    fn run<'c>(&'c mut self, commit: &'c mut Commit) -> BoxFuture<'c, ()>;
    /// Answers the caller.
    fn answer(self: Box<Self>, durable: StoreResult<()>);
}

/// A command, the outcome of its last run, and its caller.
pub(super) struct Pending<F, T> {
    command: F,
    outcome: Option<StoreResult<Committed<T>>>,
    reply: oneshot::Sender<StoreResult<Committed<T>>>,
}

impl<F, T> Pending<F, T> {
    pub(super) fn new(command: F, reply: oneshot::Sender<StoreResult<Committed<T>>>) -> Self {
        Self { command, outcome: None, reply }
    }
}

impl<T, F> Command for Pending<F, T>
where
    T: Send,
    F: for<'c> Fn(&'c mut Commit) -> BoxFuture<'c, StoreResult<T>> + Send + Sync,
{
    fn run<'c>(&'c mut self, commit: &'c mut Commit) -> BoxFuture<'c, ()> {
        Box::pin(async move {
            let answer = commit.attempt(&self.command).await;
            // The last event of the command, or the newest so far if it emitted none.
            let at = commit.head();
            self.outcome = Some(answer.map(|value| Committed { value, at }));
        })
    }

    fn answer(self: Box<Self>, durable: StoreResult<()>) {
        let answer = durable_outcome(self.outcome, durable);
        // The caller may have stopped waiting; the commit stands.
        let _ = self.reply.send(answer);
    }
}

/// Returns the answer of a command: the error of its commit, or its own outcome. A refusal in a commit that failed does
/// not count, because it may rest on changes of other commands that were rolled back.
pub(super) fn durable_outcome<T>(outcome: Option<StoreResult<T>>, durable: StoreResult<()>) -> StoreResult<T> {
    durable?;
    outcome.unwrap_or_else(|| Err(failed(NotRun)))
}

/// The error of a command that a durable commit did not run, which no commit does.
#[derive(Debug, thiserror::Error)]
#[error("the command did not run")]
pub(super) struct NotRun;
