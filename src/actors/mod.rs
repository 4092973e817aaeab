//! Who does what. Each folder is one domain: its handle in `mod.rs`, its loop in `actor.rs`.
pub mod activity;
pub mod content;
mod health;
mod housekeeping;
pub mod images;
mod lanes;
mod mailbox;
#[doc(hidden)]
pub mod measured;
pub mod members;
mod pauses;
pub mod ranking;
mod reached;
mod reader;
mod runtime;
pub mod search;
pub mod sessions;
mod slots;
#[cfg(test)]
mod supervision;
mod supervisor;
mod system;
pub mod timeline;
mod views;

pub use supervisor::Supervisor;
pub use system::{ActorRow, System};

use crate::{
    config::Config,
    domain::{IdGenerator, Refusal},
    storage::{StoreError, Stores},
};
use mailbox::Bounds;
use std::{sync::Arc, time::Duration};

/// Why an actor gave no answer. Says nothing about HTTP.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule said no.
    #[error(transparent)]
    Refused(Refusal),
    /// The mailbox is full: try again in a moment.
    #[error("too many requests are waiting for {0}")]
    Busy(&'static str),
    /// The answer did not come in time. What was asked for may still happen.
    #[error("{0} did not answer in time")]
    Late(&'static str),
    /// The actor failed and is being started again.
    #[error("{0} is restarting")]
    Restarting(&'static str),
    /// A part of the server is down and is tried again; everything else goes on.
    #[error("{0} is down")]
    Down(&'static str),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            StoreError::Busy { backend } => Self::Busy(backend),
            StoreError::Late { backend } => Self::Late(backend),
            error => Self::Store(error),
        }
    }
}

/// Where an actor puts its answer. A refusal is an answer, not a failure of the actor.
type Reply<T> = ractor::RpcReplyPort<Result<T, Error>>;

/// One page of a list, and where the next one begins; none after the last.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "said above")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// Everything that the outside may talk to. Cheap to clone.
#[derive(Clone)]
#[expect(missing_docs, reason = "the domains are documented at their modules")]
pub struct Actors {
    pub members: members::Members,
    pub sessions: sessions::Sessions,
    pub content: content::Content,
    pub images: images::Images,
    pub timeline: timeline::Timeline,
    pub search: search::Search,
    pub ranking: ranking::Ranking,
    pub activity: activity::Activity,
    pub system: System,
}

/// Why the tree could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A store could not be read.
    #[error("a store could not be read")]
    Store(#[from] StoreError),
    /// An actor could not be started.
    #[error("an actor could not be started")]
    Spawn(#[from] ractor::SpawnErr),
    /// What an actor needs at its start could not be made ready.
    #[error("an actor could not be made ready")]
    Actor(#[from] Error),
}

impl Actors {
    /// Starts every domain under one supervisor: first those that others ask. Parts that everything else goes on without
    /// may be down when this returns.
    #[expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")]
    pub async fn start(stores: Stores, config: &Config) -> Result<(Self, Supervisor), StartError> {
        let system = System::default();
        let bounds = Bounds {
            queue_max: config.actors.queue_max,
            patience: Duration::from_millis(config.actors.answer_timeout_ms),
        };
        let supervisor = Supervisor::start(system.clone(), bounds).await?;
        let ids = Arc::new(IdGenerator::new(0, stores.upkeep.largest_id().await?));
        let timeline = timeline::Timeline::start(&supervisor, &stores, config).await?;
        let views = views::Views::start(&supervisor, stores.views.clone()).await;
        let hasher = sessions::Hasher::new(config.authentication.hash_threads);
        let members =
            members::Members::start(&supervisor, &stores, ids.clone(), hasher.clone(), timeline.clone()).await?;
        let content = content::Content::start(&supervisor, &stores, ids.clone(), timeline.clone(), views).await?;
        let images = images::Images::start(&supervisor, &stores, ids.clone(), timeline.clone(), config).await;
        let sessions = sessions::Sessions::start(&supervisor, &stores, ids, hasher, timeline.clone(), config).await?;
        let search = search::Search::start(&supervisor, &stores, timeline.clone(), content.clone(), config).await;
        let ranking = ranking::Ranking::start(&supervisor, &stores, timeline.clone(), config).await;
        let activity = activity::Activity::start(&supervisor, &stores, timeline.clone(), config).await;
        let readers = (timeline.clone(), ranking.clone(), activity.clone(), search.clone());
        housekeeping::start(&supervisor, &stores, readers, sessions.clone(), config).await;
        system.started();
        Ok((Self { members, sessions, content, images, timeline, search, ranking, activity, system }, supervisor))
    }
}

/// A page out of one item more than it holds: that there is one says that there is a next page.
fn page<T, U>(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String, shown: impl Fn(T) -> U) -> Page<U> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Page { items: items.into_iter().map(shown).collect(), next }
}
