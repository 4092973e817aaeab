//! The catalog: cards, posts, relations and likes of members, cached until an event changes them.
//!
//! A room is a module of the projection with its state and its handle. The rooms depend on each other in one direction:
//! catalog <- visibility <- feeds, notifications <- streams <- projection. The catalog depends only on storage, and on
//! `lanes.rs` for counts that cost much.
mod cache;
mod entities;
mod hidden_counts;
mod invalidation;
mod single_flight;
#[cfg(test)]
pub(super) mod test_support;
#[cfg(test)]
mod tests;

use crate::{
    actors::error::Error,
    config::Config,
    domain::{Comment, Deadline, Event, Member, MemberCard, MemberId, PostFacts, PostId, Relations, VisiblePost},
    storage::{BlockedCounts, StoreResult, Stores},
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

    /// Returns the facts of the posts `ids` for a viewer, unordered, without unknown ids and without loading a text. Applies no
    /// visibility rule: `Visibility::visible_posts` does. At most 10,000 ids.
    pub(super) async fn post_facts(
        &self,
        viewer: MemberId,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostFacts)>> {
        self.entities.post_facts(viewer, ids, until).await
    }

    /// Returns those of `ids` that name no active member, without loading cards. At most 10,000 ids.
    pub(super) async fn inactive_members(
        &self,
        ids: &[MemberId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<MemberId>> {
        self.entities.inactive_members(ids, until).await
    }

    /// Sets the part of the posts' counts that is hidden from the member with these relations. Refuses what the lane
    /// of counts refuses.
    pub(super) async fn hide_counts(&self, relations: &Relations, posts: &mut [VisiblePost]) -> Result<(), Error> {
        self.entities.hidden_counts.hide_in_posts(relations, posts).await
    }

    /// Returns the part of the comments' counts that is hidden from the member with these relations, without comments
    /// that have none. Refuses what the lane of counts refuses.
    pub(super) async fn hidden_comment_counts(
        &self,
        relations: &Relations,
        comments: &[Comment],
    ) -> Result<Vec<BlockedCounts>, Error> {
        self.entities.hidden_counts.of_comments(relations, comments).await
    }

    /// Returns the followers and followings of `member` that are hidden from the member with these relations. Refuses
    /// what the lane of counts refuses.
    pub(super) async fn hidden_follow_counts(&self, relations: &Relations, member: &Member) -> Result<[u64; 2], Error> {
        self.entities.hidden_counts.of_member(relations, member).await
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
