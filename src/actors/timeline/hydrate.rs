//! Turns places in a feed into posts as one viewer sees them: at most one query per kind and page.
use super::cache::Cache;
use crate::{
    domain::{MemberCard, MemberId, Post, PostId, Relations, VisiblePost},
    storage::{LikeStore, MemberStore, PostStore, RelationStore, StoreResult, Stores},
};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Likes of one member that are remembered. A member with more costs a query per page.
const LIKES_KEPT: usize = 1_000;

/// What a member likes.
struct Likes {
    posts: FxHashSet<PostId>,
    /// There are no others.
    complete: bool,
}

/// Posts, authors, relations and likes, cached until an event says that they changed.
pub(super) struct Hydrator {
    post_store: Arc<dyn PostStore>,
    like_store: Arc<dyn LikeStore>,
    members: Arc<dyn MemberStore>,
    relation_store: Arc<dyn RelationStore>,
    posts: Cache<PostId, Post>,
    cards: Cache<MemberId, MemberCard>,
    relations: Cache<MemberId, Relations>,
    likes: Cache<MemberId, Likes>,
}

impl Hydrator {
    /// Six tenths of the bytes are for posts, one for authors, two for relations, one for likes.
    pub(super) fn new(stores: &Stores, bytes_max: u64) -> Self {
        Self {
            post_store: stores.posts.clone(),
            like_store: stores.likes.clone(),
            members: stores.members.clone(),
            relation_store: stores.relations.clone(),
            posts: Cache::new(bytes_max / 10 * 6, 1_000, |_, post| {
                (post.content.len() + 300 + 100 * (post.tags.len() + post.mentions.len() + post.images.len())) as u64
            }),
            cards: Cache::new(bytes_max / 10, 200, |_, card| {
                (card.handle.len() + card.display_name.len() + 120) as u64
            }),
            relations: Cache::new(bytes_max / 10 * 2, 2_000, |_, relations| {
                (relations.watched.len() * 8 + relations.blocked.len() * 8 + relations.muted.len() * 24 + 160) as u64
            }),
            likes: Cache::new(bytes_max / 10, 1_000, |_, likes| (likes.posts.len() * 16 + 120) as u64),
        }
    }

    pub(super) fn post_changed(&self, post: PostId) {
        self.posts.changed(&post);
    }

    pub(super) fn posts_changed(&self) {
        self.posts.all_changed();
    }

    /// The events since the caches were filled are not known.
    pub(super) fn everything_changed(&self) {
        self.posts.all_changed();
        self.cards.all_changed();
        self.relations.all_changed();
        self.likes.all_changed();
    }

    pub(super) fn card_changed(&self, member: MemberId) {
        self.cards.changed(&member);
    }

    pub(super) fn ties_changed(&self, member: MemberId) {
        self.relations.changed(&member);
    }

    pub(super) fn likes_changed(&self, member: MemberId) {
        self.likes.changed(&member);
    }

    /// Whom the member follows, blocks and mutes, and who blocks the member.
    pub(super) async fn relations(&self, member: MemberId) -> StoreResult<Arc<Relations>> {
        if let Some(known) = self.relations.get(&member) {
            return Ok(known);
        }
        let loading = self.relations.loading(&member);
        let relations = Arc::new(self.relation_store.relations_of(member).await?);
        self.relations.loaded(loading, member, relations.clone());
        Ok(relations)
    }

    /// Cards in the order asked; those who are not there are left out.
    pub(super) async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<Arc<MemberCard>>> {
        let mut found: Vec<Option<Arc<MemberCard>>> = ids.iter().map(|id| self.cards.get(id)).collect();
        let missing: Vec<_> = ids
            .iter()
            .zip(&found)
            .filter(|(_, card)| card.is_none())
            .map(|(id, _)| (*id, self.cards.loading(id)))
            .collect();
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
            for card in self.members.cards(&wanted).await? {
                let card = Arc::new(card);
                for (id, place) in ids.iter().zip(&mut found).filter(|(id, _)| **id == card.id) {
                    *place = Some(card.clone());
                    if let Some((_, loading)) = missing.iter().find(|(missed, _)| missed == id) {
                        self.cards.loaded(*loading, *id, card.clone());
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Posts in the order asked, as the viewer sees them; those that cannot be seen are left out.
    pub(super) async fn posts(&self, viewer: MemberId, ids: &[PostId]) -> StoreResult<Vec<VisiblePost>> {
        let posts = self.bodies(ids).await?;
        let authors: Vec<MemberId> = posts.iter().map(|post| post.author).collect();
        let authors = self.authors(&authors).await?;
        let liked = self.liked(viewer, &posts).await?;
        let seen = posts.into_iter().zip(authors).zip(liked);
        Ok(seen
            .filter_map(|((post, author), liked)| {
                author.map(|author| VisiblePost { liked, ..VisiblePost::plain(post, author) })
            })
            .collect())
    }

    /// Sees to it that these posts and their authors are in the cache.
    pub(super) async fn load(&self, ids: &[PostId]) -> StoreResult<()> {
        let posts = self.bodies(ids).await?;
        let authors: Vec<MemberId> = posts.iter().map(|post| post.author).collect();
        self.authors(&authors).await?;
        Ok(())
    }

    async fn bodies(&self, ids: &[PostId]) -> StoreResult<Vec<Arc<Post>>> {
        let mut found: Vec<Option<Arc<Post>>> = ids.iter().map(|id| self.posts.get(id)).collect();
        let missing: Vec<_> = ids
            .iter()
            .zip(&found)
            .filter(|(_, post)| post.is_none())
            .map(|(id, _)| (*id, self.posts.loading(id)))
            .collect();
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
            for post in self.post_store.posts(&wanted).await? {
                let post = Arc::new(post);
                if let Some(at) = ids.iter().position(|id| *id == post.id) {
                    found[at] = Some(post.clone());
                }
                if let Some((id, loading)) = missing.iter().find(|(id, _)| *id == post.id) {
                    self.posts.loaded(*loading, *id, post);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The card of each, in the order asked.
    async fn authors(&self, ids: &[MemberId]) -> StoreResult<Vec<Option<Arc<MemberCard>>>> {
        let mut found: Vec<_> = ids.iter().map(|id| self.cards.get(id)).collect();
        if found.iter().any(Option::is_none) {
            let mut missing: Vec<_> =
                ids.iter().zip(&found).filter(|(_, card)| card.is_none()).map(|(id, _)| *id).collect();
            missing.sort_unstable();
            missing.dedup();
            let loaded = self.cards(&missing).await?;
            for (id, place) in ids.iter().zip(&mut found).filter(|(_, card)| card.is_none()) {
                *place = loaded.iter().find(|card| card.id == *id).cloned();
            }
        }
        Ok(found)
    }

    async fn liked(&self, viewer: MemberId, posts: &[Arc<Post>]) -> StoreResult<Vec<bool>> {
        let likes = self.likes_of(viewer).await?;
        if likes.complete || posts.iter().all(|post| likes.posts.contains(&post.id)) {
            return Ok(posts.iter().map(|post| likes.posts.contains(&post.id)).collect());
        }
        let ids: Vec<_> = posts.iter().map(|post| post.id).collect();
        let liked = self.like_store.liked_posts(viewer, &ids).await?;
        Ok(ids.iter().map(|id| liked.contains(id)).collect())
    }

    async fn likes_of(&self, member: MemberId) -> StoreResult<Arc<Likes>> {
        if let Some(known) = self.likes.get(&member) {
            return Ok(known);
        }
        let loading = self.likes.loading(&member);
        let posts = self.like_store.recent_likes(member, LIKES_KEPT).await?;
        let complete = posts.len() < LIKES_KEPT;
        let likes = Arc::new(Likes { posts: posts.into_iter().collect(), complete });
        self.likes.loaded(loading, member, likes.clone());
        Ok(likes)
    }
}
