//! The catalog: cards, posts, relations and likes of members, cached until an event changes them.
//!
//! A room is a module of the projection with its state and its handle. The rooms depend on each other in one direction:
//! catalog <- visibility <- feeds, notifications <- streams <- projection. The catalog depends only on storage.
mod cache;
mod entities;
mod invalidation;

use crate::{
    config::Config,
    domain::{Event, MemberCard, MemberId, PostId, Relations, VisiblePost},
    storage::{StoreResult, Stores},
};
use entities::Entities;
use std::sync::Arc;

/// Handle of the entity cache. Cheap to clone; reads skip every mailbox.
#[derive(Clone)]
pub(super) struct Catalog {
    entities: Arc<Entities>,
}

impl Catalog {
    /// Makes an empty catalog of at most `timeline.cache_bytes_max` bytes.
    pub(super) fn new(stores: &Stores, config: &Config) -> Self {
        Self { entities: Arc::new(Entities::new(stores, config.timeline.cache_bytes_max as u64)) }
    }

    /// Returns the cards of `ids` in the same order, without unknown ids.
    pub(super) async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<Arc<MemberCard>>> {
        self.entities.cards(ids).await
    }

    /// Returns the relations of one member: follows, blocks in both directions, mutes.
    pub(super) async fn relations(&self, member: MemberId) -> StoreResult<Arc<Relations>> {
        self.entities.relations(member).await
    }

    /// Returns the posts `ids` in the same order, without unknown ids, each with its author's card and whether `liker`
    /// likes it. At most one query per kind of entity. Applies no visibility rule: `Visibility::posts` does.
    pub(super) async fn posts(&self, liker: MemberId, ids: &[PostId]) -> StoreResult<Vec<VisiblePost>> {
        self.entities.posts(liker, ids).await
    }

    /// Loads the posts `ids` and their authors' cards into the cache.
    pub(super) async fn preload(&self, ids: &[PostId]) -> StoreResult<()> {
        self.entities.preload(ids).await
    }

    /// Drops every entry that one of these events changed.
    pub(super) fn invalidate(&self, events: &[Event]) {
        events.iter().for_each(|event| invalidation::invalidate(&self.entities, event));
    }

    /// Drops every entry, because the events since the entries were loaded are unknown.
    pub(super) fn clear(&self) {
        self.entities.invalidate_all();
    }
}
