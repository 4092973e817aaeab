//! `Entities`: the cached posts, cards, relations and likes, and the queries that load the missing ones: at most one
//! per kind of entity and page.
use super::{cache::Cache, hidden_counts::HiddenCounts};
use crate::{
    domain::{Deadline, MemberCard, MemberId, Post, PostFacts, PostId, Relations, VisiblePost},
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
    pub(super) hidden_counts: HiddenCounts,
}

impl Entities {
    /// Makes empty caches: half of `bytes_max` for posts, a tenth each for their participants, cards and likes, two
    /// tenths for relations.
    pub(super) fn new(stores: &Stores, bytes_max: u64) -> Self {
        Self {
            post_store: stores.posts.clone(),
            like_store: stores.likes.clone(),
            member_store: stores.members.clone(),
            relation_store: stores.relations.clone(),
            posts: Cache::new(bytes_max / 10 * 5, 1_000, |_, post| {
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
            hidden_counts: HiddenCounts::new(stores, bytes_max / 10),
        }
    }

    pub(super) fn invalidate_post(&self, post: PostId) {
        self.posts.invalidate(&post);
    }

    /// Drops a post whose likes or comments changed, with their participants.
    pub(super) fn invalidate_acts(&self, post: PostId) {
        self.posts.invalidate(&post);
        self.hidden_counts.invalidate_post(post);
    }

    pub(super) fn invalidate_posts(&self) {
        self.posts.invalidate_all();
        self.hidden_counts.invalidate_all();
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
        self.invalidate_posts();
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
        Ok(self.load_cards(ids).await?.into_iter().flatten().collect())
    }

    /// Returns those of `ids` that name no active member. Asks the store about those without a cached card. At most
    /// 10,000 ids.
    pub(super) async fn inactive_members(
        &self,
        ids: &[MemberId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<MemberId>> {
        let missing: Vec<MemberId> = ids.iter().copied().filter(|id| self.cards.get(id).is_none()).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        self.member_store.inactive_members(&missing, until).await
    }

    /// Returns the facts of the posts `ids` for a viewer, unordered, without unknown ids: from cached posts, and of the others from
    /// the store, which reads no text. At most 10,000 ids.
    pub(super) async fn post_facts(
        &self,
        viewer: MemberId,
        ids: &[PostId],
        until: Option<&Deadline>,
    ) -> StoreResult<Vec<(PostId, PostFacts)>> {
        let mut facts = Vec::with_capacity(ids.len());
        let mut missing = Vec::new();
        for id in ids {
            match self.posts.get(id) {
                Some(post) => facts.push((post.id, post.facts_for(viewer))),
                None => missing.push(*id),
            }
        }
        if !missing.is_empty() {
            facts.extend(self.post_store.post_facts(viewer, &missing, until).await?);
        }
        Ok(facts)
    }

    /// Returns the posts `ids` in the same order, without unknown ids, each with its author's card and whether `liker`
    /// likes it.
    pub(super) async fn posts(&self, liker: MemberId, ids: &[PostId]) -> StoreResult<Vec<VisiblePost>> {
        let posts = self.load_posts(ids).await?;
        let authors: Vec<MemberId> = posts.iter().map(|post| post.author).collect();
        let authors = self.load_cards(&authors).await?;
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
        self.load_cards(&authors).await?;
        Ok(())
    }

    /// Returns the posts `ids` in the same order, without unknown ids, from the cache or the store.
    async fn load_posts(&self, ids: &[PostId]) -> StoreResult<Vec<Arc<Post>>> {
        let load = |ids: Vec<PostId>| async move {
            let posts = self.post_store.posts(&ids).await?;
            Ok(posts.into_iter().map(|post| (post.id, Arc::new(post))).collect())
        };
        Ok(self.posts.get_or_load(ids, load).await?.into_iter().flatten().collect())
    }

    /// Returns the card of each id, in the same order; `None` for an unknown id.
    async fn load_cards(&self, ids: &[MemberId]) -> StoreResult<Vec<Option<Arc<MemberCard>>>> {
        let load = |ids: Vec<MemberId>| async move {
            let cards = self.member_store.cards(&ids).await?;
            Ok(cards.into_iter().map(|card| (card.id, Arc::new(card))).collect())
        };
        self.cards.get_or_load(ids, load).await
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
