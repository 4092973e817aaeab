//! The suite that every backend must pass, written only against the storage traits.
//!
//! Each test takes the [`Backend`] that it runs on and is listed in the `conformance!` of its file, where the compiler
//! refuses a missing one as dead code. A further backend adds a factory in its own folder and a module in that macro.

/// Runs the listed tests of a file on every backend.
macro_rules! conformance {
    ($($test:ident,)+) => {
        mod embedded {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(&crate::storage::embedded_backend()).await;
                }
            )+
        }
    };
}

mod acceptances;
mod activity;
mod audiences;
mod comments;
mod committed;
mod counters;
mod daily_top3;
mod deactivation;
mod departure_sizes;
mod departures;
mod departures_hidden;
mod fixtures;
mod follows;
mod housekeeping;
mod images;
mod log;
mod markers;
mod members;
mod posts;
mod preconditions;
mod random_commands;
mod ranking;
mod relations;
mod search;
mod search_hidden;
mod sessions;
mod tokens;
mod two_writers;
mod two_writers_accounts;
mod two_writers_limits;
mod two_writers_relations;
mod views;

use super::{NewMember, StoreResult, Stores};
use crate::domain::{IdGenerator, MemberId, Position, Post, PostId, markup};
use futures::future::LocalBoxFuture;
use std::sync::LazyLock;

static IDS: LazyLock<IdGenerator> = LazyLock::new(|| IdGenerator::new(1, 0));

/// One deployment of a backend, empty at first. Dropping it removes its data, so it must outlive the stores.
pub(in crate::storage) struct Backend {
    /// Opens stores over the deployment's data, and the same data again after a restart.
    pub(in crate::storage) open: Box<dyn Fn() -> LocalBoxFuture<'static, StoreResult<Stores>>>,
    /// Opens further stores over the deployment's data, beside those that `open_shared` opened before.
    pub(in crate::storage) open_shared: Box<dyn Fn() -> LocalBoxFuture<'static, StoreResult<Stores>>>,
    /// Changes the data without the stores' knowledge.
    pub(in crate::storage) tamper: Box<dyn Fn(Tampering) -> LocalBoxFuture<'static, ()>>,
    /// Makes another empty deployment.
    pub(in crate::storage) another: fn() -> Self,
}

/// A change that no store makes.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) enum Tampering {
    /// Makes one row of a counter wrong; the name is that of `Drift::counter`.
    SpoilCounter(&'static str),
    /// Clears the deletion of every top-level comment, but restores no text.
    UndeleteComments,
    /// Makes the activity store reject the event at this position.
    RejectActivity(Position),
    /// Ends `RejectActivity`.
    AcceptActivities,
    /// Makes the list of a member one shorter than its limit, with other members of the deployment.
    FillList(FullList, MemberId),
    /// Adds dead letters until one more is allowed. Leaves the position as it is.
    FillDeadLetters,
}

/// A list with a limit.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) enum FullList {
    /// The follow requests to a member.
    FollowRequests,
    /// The members whom a member blocks.
    Blocks,
    /// The members whom a member mutes.
    Mutes,
}

impl Backend {
    /// Opens the deployment. Panics if that fails.
    async fn stores(&self) -> Stores {
        (self.open)().await.unwrap()
    }

    /// Opens the deployment twice, as two processes would. Panics if that fails.
    async fn two_stores(&self) -> [Stores; 2] {
        [(self.open_shared)().await.unwrap(), (self.open_shared)().await.unwrap()]
    }

    /// Closes the stores and opens the same data again.
    async fn reopen(&self, stores: Stores) -> Stores {
        drop(stores);
        loop {
            match (self.open)().await {
                Ok(again) => return again,
                // A backend may close its files a moment after its last handle is dropped.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

fn id() -> u64 {
    IDS.next()
}

fn newcomer(handle: &str) -> NewMember {
    NewMember::for_tests(id(), handle)
}

async fn member(stores: &Stores, handle: &str) -> MemberId {
    let new = newcomer(handle);
    let id = new.id;
    stores.members.sign_up(new, None).await.unwrap();
    id
}

fn draft(author: MemberId, content: &str) -> Post {
    let tags = markup::find(content).tags;
    Post { content: content.to_owned(), tags, ..Post::for_tests(id(), author) }
}

async fn post(stores: &Stores, author: MemberId, content: &str) -> PostId {
    let post = draft(author, content);
    let id = post.id;
    stores.posts.create_post(post, None).await.unwrap();
    id
}
