//! The tree of actors. Each folder is one domain: `mod.rs` has its handle, through which `http` and the other domains
//! call it, `commands.rs` its commands or `actor.rs` its actor. The files beside the folders are shared by all domains.
pub mod activity;
mod backoff;
#[doc(hidden)]
pub mod bench_api;
mod catalog;
mod command_actor;
pub mod content;
mod error;
pub mod feeds;
#[cfg(test)]
mod for_tests;
mod health;
mod housekeeping;
pub mod images;
mod lanes;
mod lease;
mod mailbox;
pub mod members;
pub mod notifications;
mod page;
mod projection;
pub mod ranking;
mod reader;
mod root;
mod runtime;
pub mod search;
pub mod sessions;
mod slots;
pub mod streams;
mod supervisor;
#[cfg(test)]
mod supervisor_tests;
mod system;
#[cfg(test)]
mod two_process_tests;
mod views;
pub mod visibility;
mod wait_until;

pub use error::{Error, StartError};
pub use page::Page;
pub use supervisor::Supervisor;
pub use system::{ActorRow, System};

pub use crate::storage::Committed;

use crate::{config::Config, domain::IdGenerator, storage::Stores};
use mailbox::Bounds;
use std::{sync::Arc, time::Duration};

/// The handles of all domains, which `http` calls. Cheap to clone.
#[derive(Clone)]
#[expect(missing_docs, reason = "the domains are documented at their modules")]
pub struct Actors {
    pub members: members::Members,
    pub sessions: sessions::Sessions,
    pub content: content::Content,
    pub images: images::Images,
    pub visibility: visibility::Visibility,
    pub feeds: feeds::Feeds,
    pub streams: streams::Streams,
    pub notifications: notifications::Notifications,
    pub search: search::Search,
    pub ranking: ranking::Ranking,
    pub activity: activity::Activity,
    #[cfg(test)]
    projection: projection::Projection,
    pub system: System,
}

impl Actors {
    /// Starts every domain under one supervisor, each one after those that it depends on.
    ///
    /// Every core actor runs when this returns; a part may still be down, and is retried.
    #[expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")]
    pub async fn start(stores: Stores, config: &Config) -> Result<(Self, Supervisor), StartError> {
        let system = System::default();
        let bounds = Bounds {
            queue_max: config.actors.queue_max,
            answer_timeout: Duration::from_millis(config.actors.answer_timeout_ms),
        };
        let supervisor = Supervisor::start(system.clone(), bounds).await?;
        supervisor.watch_writer(stores.writer.clone());
        let node = stores.leases.node().await?;
        let ids = Arc::new(IdGenerator::new(node, stores.housekeeping.largest_id().await?));
        let projection = projection::Projection::start(&supervisor, &stores, config).await?;
        let projection::Rooms { catalog, visibility, feeds, streams } = projection.rooms();
        let views = views::Views::start(&supervisor, stores.views.clone()).await;
        let hasher = sessions::Hasher::new(config.authentication.hash_threads);
        let members = members::Members::start(
            &supervisor,
            &stores,
            ids.clone(),
            hasher.clone(),
            catalog.clone(),
            visibility.clone(),
        )
        .await?;
        let content = content::Content::start(
            &supervisor,
            &stores,
            ids.clone(),
            catalog.clone(),
            visibility.clone(),
            streams.clone(),
            views,
        )
        .await?;
        let images = images::Images::start(&supervisor, &stores, ids.clone(), visibility.clone(), config).await;
        let sessions = sessions::Sessions::start(&supervisor, &stores, ids, hasher, visibility.clone(), config).await?;
        let search = search::Search::start(&supervisor, &stores, visibility.clone(), content.clone(), config).await;
        let ranking = ranking::Ranking::start(&supervisor, &stores, visibility.clone(), streams.clone(), config).await;
        let activity = activity::Activity::start(&supervisor, &stores, visibility.clone(), config).await;
        let notifications = notifications::Notifications::new(&stores, catalog, visibility.clone(), activity.clone());
        let readers = housekeeping::Readers {
            projection: projection.clone(),
            ranking: ranking.clone(),
            activity: activity.clone(),
            search: search.clone(),
        };
        housekeeping::start(&supervisor, &stores, readers, sessions.clone(), config).await;
        system.set_started();
        let actors = Self {
            members,
            sessions,
            content,
            images,
            visibility,
            feeds,
            streams,
            notifications,
            search,
            ranking,
            activity,
            #[cfg(test)]
            projection,
            system,
        };
        Ok((actors, supervisor))
    }

    /// Makes the projection stand still until `until` is sent or dropped.
    #[cfg(test)]
    pub(crate) async fn stall_projection(&self, until: tokio::sync::oneshot::Receiver<()>) -> Result<(), Error> {
        self.projection.stall(until).await
    }
}
