//! The `create_post` commands of one commit, which share their statements.
use super::{
    Commit,
    job::{NotRun, durable_outcome},
    panics::catch_panic,
};
use crate::{
    domain::{Post, Receipt},
    storage::{
        StoreResult,
        sqlite::{
            failed,
            posts::{self, CreatedPost, NewPost},
        },
    },
};
use tokio::sync::oneshot;

/// A post that waits for its commit, the outcome of its last run, and its caller.
pub(crate) struct BatchedPost {
    post: Post,
    receipt: Option<Receipt>,
    outcome: Option<CreatedPost>,
    reply: oneshot::Sender<CreatedPost>,
}

impl BatchedPost {
    pub(crate) fn new(post: Post, receipt: Option<Receipt>, reply: oneshot::Sender<CreatedPost>) -> Self {
        Self { post, receipt, outcome: None, reply }
    }

    /// Answers the caller.
    pub(super) fn answer(self, durable: StoreResult<()>) {
        let answer = durable_outcome(self.outcome, durable);
        // The caller may have stopped waiting; the commit stands.
        let _ = self.reply.send(answer);
    }
}

/// Stores the posts of a commit. If the store fails for them together, each one runs in a savepoint of its own, so that
/// a post that cannot be stored fails alone.
pub(super) async fn create(commit: &mut Commit, batch: &mut [&mut BatchedPost]) {
    let outcomes = match attempt(commit, batch).await {
        Ok(outcomes) => outcomes,
        Err(error) if batch.len() > 1 => {
            tracing::warn!(error = &error as &dyn std::error::Error, posts = batch.len(), "storing posts one by one");
            let mut outcomes = Vec::with_capacity(batch.len());
            for post in batch.iter() {
                outcomes.push(attempt_alone(commit, post).await);
            }
            outcomes
        }
        Err(error) => {
            commit.note_panic(&error);
            vec![Err(error)]
        }
    };
    for (post, outcome) in batch.iter_mut().zip(outcomes) {
        post.outcome = Some(outcome);
    }
}

/// Stores posts in one savepoint. A refusal is the outcome of one post.
async fn attempt(commit: &mut Commit, batch: &[&mut BatchedPost]) -> StoreResult<Vec<CreatedPost>> {
    let items: Vec<_> = batch.iter().map(|item| NewPost { post: &item.post, receipt: item.receipt.as_ref() }).collect();
    let savepoint = commit.open_savepoint().await?;
    let outcomes = catch_panic(posts::create_posts(commit, &items)).await;
    commit.close_savepoint(savepoint, outcomes).await
}

async fn attempt_alone(commit: &mut Commit, post: &&mut BatchedPost) -> CreatedPost {
    match attempt(commit, std::slice::from_ref(post)).await {
        Ok(mut outcomes) => outcomes.pop().unwrap_or_else(|| Err(failed(NotRun))),
        Err(error) => {
            commit.note_panic(&error);
            Err(error)
        }
    }
}
