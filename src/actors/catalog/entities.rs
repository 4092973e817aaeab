//! `Entities`: the cached posts, cards, relations and likes, and the queries that load the missing ones: at most one
//! per kind of entity and page.
use super::cache::Cache;
use crate::{
    domain::{MemberCard, MemberId, Post, PostId, Relations, VisiblePost},
    storage::{LikeStore, MemberStore, PostStore, RelationStore, StoreResult, Stores},
};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Newest likes of one member that are cached. For a member with more likes, a page can cost a further query.
const LIKES_KEPT: usize = 1_000;

/// The newest posts that one member likes.
struct Likes {
    posts: FxHashSet<PostId>,
    /// `posts` holds every like of the member.
    complete: bool,
}

/// Posts, cards, relations and likes, each cached until an event invalidates it.
pub(super) struct Entities {
    post_store: Arc<dyn PostStore>,
    like_store: Arc<dyn LikeStore>,
    member_store: Arc<dyn MemberStore>,
    relation_store: Arc<dyn RelationStore>,
    posts: Cache<PostId, Post>,
    cards: Cache<MemberId, MemberCard>,
    relations: Cache<MemberId, Relations>,
    likes: Cache<MemberId, Likes>,
}

impl Entities {
    /// Makes empty caches: six tenths of `bytes_max` for posts, one for cards, two for relations, one for likes.
    pub(super) fn new(stores: &Stores, bytes_max: u64) -> Self {
        Self {
            post_store: stores.posts.clone(),
            like_store: stores.likes.clone(),
            member_store: stores.members.clone(),
            relation_store: stores.relations.clone(),
            posts: Cache::new(bytes_max / 10 * 6, 1_000, |_, post| {
                let descriptions = post.images.iter().filter_map(|picture| picture.description.as_ref());
                let descriptions: usize = descriptions.map(|text| text.as_str().len()).sum();
                let lists = post.tags.len() + post.mentions.len() + post.images.len();
                (post.content.len() + descriptions + 300 + 100 * lists) as u64
            }),
            cards: Cache::new(bytes_max / 10, 200, |_, card| {
                (card.handle.len() + card.display_name.len() + 120) as u64
            }),
            relations: Cache::new(bytes_max / 10 * 2, 2_000, |_, relations| {
                (relations.home_authors.len() * 8 + relations.blocked.len() * 8 + relations.muted.len() * 24 + 160)
                    as u64
            }),
            likes: Cache::new(bytes_max / 10, 1_000, |_, likes| (likes.posts.len() * 16 + 120) as u64),
        }
    }

    pub(super) fn invalidate_post(&self, post: PostId) {
        self.posts.invalidate(&post);
    }

    pub(super) fn invalidate_posts(&self) {
        self.posts.invalidate_all();
    }

    pub(super) fn invalidate_card(&self, member: MemberId) {
        self.cards.invalidate(&member);
    }

    pub(super) fn invalidate_relations(&self, member: MemberId) {
        self.relations.invalidate(&member);
    }

    pub(super) fn invalidate_likes(&self, member: MemberId) {
        self.likes.invalidate(&member);
    }

    pub(super) fn invalidate_all(&self) {
        self.posts.invalidate_all();
        self.cards.invalidate_all();
        self.relations.invalidate_all();
        self.likes.invalidate_all();
    }

    /// Returns the relations of one member: follows, blocks in both directions, mutes.
    pub(super) async fn relations(&self, member: MemberId) -> StoreResult<Arc<Relations>> {
        if let Some(cached) = self.relations.get(&member) {
            return Ok(cached);
        }
        let load = self.relations.begin_load(&member);
        let relations = Arc::new(self.relation_store.relations_of(member).await?);
        self.relations.finish_load(load, member, relations.clone());
        Ok(relations)
    }

    /// Returns the cards of `ids` in the same order, without unknown ids.
    pub(super) async fn cards(&self, ids: &[MemberId]) -> StoreResult<Vec<Arc<MemberCard>>> {
        let mut found: Vec<Option<Arc<MemberCard>>> = ids.iter().map(|id| self.cards.get(id)).collect();
        let missing: Vec<_> = ids
            .iter()
            .zip(&found)
            .filter(|(_, card)| card.is_none())
            .map(|(id, _)| (*id, self.cards.begin_load(id)))
            .collect();
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
            for card in self.member_store.cards(&wanted).await? {
                let card = Arc::new(card);
                for (id, entry) in ids.iter().zip(&mut found).filter(|(id, _)| **id == card.id) {
                    *entry = Some(card.clone());
                    if let Some((_, load)) = missing.iter().find(|(missed, _)| missed == id) {
                        self.cards.finish_load(*load, *id, card.clone());
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns the posts `ids` in the same order, without unknown ids, each with its author's card and whether `liker`
    /// likes it.
    pub(super) async fn posts(&self, liker: MemberId, ids: &[PostId]) -> StoreResult<Vec<VisiblePost>> {
        let posts = self.load_posts(ids).await?;
        let authors: Vec<MemberId> = posts.iter().map(|post| post.author).collect();
        let authors = self.author_cards(&authors).await?;
        let liked = self.liked(liker, &posts).await?;
        let hydrated = posts.into_iter().zip(authors).zip(liked);
        Ok(hydrated
            .filter_map(|((post, author), liked)| {
                author.map(|author| VisiblePost { liked, ..VisiblePost::plain(post, author) })
            })
            .collect())
    }

    /// Loads the posts `ids` and their authors' cards into the caches.
    pub(super) async fn preload(&self, ids: &[PostId]) -> StoreResult<()> {
        let posts = self.load_posts(ids).await?;
        let authors: Vec<MemberId> = posts.iter().map(|post| post.author).collect();
        self.author_cards(&authors).await?;
        Ok(())
    }

    /// Returns the posts `ids` in the same order, without unknown ids, from the cache or the store.
    async fn load_posts(&self, ids: &[PostId]) -> StoreResult<Vec<Arc<Post>>> {
        let mut found: Vec<Option<Arc<Post>>> = ids.iter().map(|id| self.posts.get(id)).collect();
        let missing: Vec<_> = ids
            .iter()
            .zip(&found)
            .filter(|(_, post)| post.is_none())
            .map(|(id, _)| (*id, self.posts.begin_load(id)))
            .collect();
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
            for post in self.post_store.posts(&wanted).await? {
                let post = Arc::new(post);
                if let Some(index) = ids.iter().position(|id| *id == post.id) {
                    found[index] = Some(post.clone());
                }
                if let Some((id, load)) = missing.iter().find(|(id, _)| *id == post.id) {
                    self.posts.finish_load(*load, *id, post);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns the card of each id, in the same order; `None` for an unknown id.
    async fn author_cards(&self, ids: &[MemberId]) -> StoreResult<Vec<Option<Arc<MemberCard>>>> {
        let mut found: Vec<_> = ids.iter().map(|id| self.cards.get(id)).collect();
        if found.iter().any(Option::is_none) {
            let mut missing: Vec<_> =
                ids.iter().zip(&found).filter(|(_, card)| card.is_none()).map(|(id, _)| *id).collect();
            missing.sort_unstable();
            missing.dedup();
            let loaded = self.cards(&missing).await?;
            for (id, entry) in ids.iter().zip(&mut found).filter(|(_, card)| card.is_none()) {
                *entry = loaded.iter().find(|card| card.id == *id).cloned();
            }
        }
        Ok(found)
    }

    /// Returns whether `liker` likes each of `posts`.
    async fn liked(&self, liker: MemberId, posts: &[Arc<Post>]) -> StoreResult<Vec<bool>> {
        let likes = self.newest_likes(liker).await?;
        if likes.complete || posts.iter().all(|post| likes.posts.contains(&post.id)) {
            return Ok(posts.iter().map(|post| likes.posts.contains(&post.id)).collect());
        }
        let ids: Vec<_> = posts.iter().map(|post| post.id).collect();
        let liked = self.like_store.liked_posts(liker, &ids).await?;
        Ok(ids.iter().map(|id| liked.contains(id)).collect())
    }

    /// Returns the [`LIKES_KEPT`] newest likes of the member.
    async fn newest_likes(&self, member: MemberId) -> StoreResult<Arc<Likes>> {
        if let Some(cached) = self.likes.get(&member) {
            return Ok(cached);
        }
        let load = self.likes.begin_load(&member);
        let posts = self.like_store.recent_likes(member, LIKES_KEPT).await?;
        let complete = posts.len() < LIKES_KEPT;
        let likes = Arc::new(Likes { posts: posts.into_iter().collect(), complete });
        self.likes.finish_load(load, member, likes.clone());
        Ok(likes)
    }
}
