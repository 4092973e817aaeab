//! The `create_post` commands of one commit, which share their statements.
use super::{Commit, Completion};
use crate::{
    domain::{Outcome, Post, Receipt},
    storage::{Committed, StoreResult, sqlite::posts},
};
use futures::FutureExt;
use tokio::sync::oneshot;

/// A post that waits for its commit.
pub(crate) struct BatchedPost {
    pub(crate) post: Post,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) reply: oneshot::Sender<StoreResult<Committed<Outcome>>>,
}

/// Stores the posts of a commit. A refusal concerns one post; an error of the store fails all of them.
pub(super) async fn create(commit: &mut Commit, batch: Vec<BatchedPost>) -> Completion {
    let mut items = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    for BatchedPost { post, receipt, reply } in batch {
        items.push((post, receipt));
        replies.push(reply);
    }
    let stored = commit.attempt(move |commit| posts::create_posts(commit, items).boxed()).await;
    Box::new(move |durable| {
        let answers: Vec<_> = match (stored, durable) {
            (Ok(answers), Ok(())) => answers,
            (Err(error), _) | (_, Err(error)) => replies.iter().map(|_| Err(error.clone())).collect(),
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // The caller may have stopped waiting; the commit stands.
            let _ = reply.send(answer);
        }
    })
}
