//! `HiddenCounts`: the part of the counts of posts, comments and profiles that is hidden from one viewer, because
//! members whom the viewer blocks or who block the viewer contribute it. Their number is not bounded; the cost of a page
//! is.
//!
//! The viewer's blocks are in memory, so the cheaper of two ways is taken (`docs/adr/0028-bounded-reads.md`): read what
//! everybody did and look each member up in the blocks, or seek what each blocked member did. For a post with few likes
//! and comments the first way needs no query at all after the first viewer: its participants are cached.
use super::cache::Cache;
use crate::{
    actors::{
        error::Error,
        lanes::{Lane, LaneLimits},
    },
    domain::{Comment, Deadline, Member, MemberId, PostCounts, PostId, Relations, VisiblePost},
    storage::{BlockedCounts, CommentStore, CountBy, PostParticipants, PostStore, RelationStore, StoreResult, Stores},
};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::{hash::BuildHasher, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Number of likes and comments up to which a post or comment has few of them: everybody's are read, 25,600 rows for a
/// page of 100 posts.
const FEW_MAX: u64 = 256;
/// Rows read for the comments of one page in that way; the comments beyond them are counted like popular ones.
const FEW_ROWS_MAX: u64 = 20_000;
/// Rows or seeks that the popular posts or comments of one page, or one profile, cost on an ordinary connection. More
/// of them run in the lane.
pub(super) const ORDINARY_MAX: u64 = 5_000;
/// The time for which the hidden counts of a popular post that were counted in the lane are shown again.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// Bytes of such counts; the least used are evicted. About 40,000 pairs of viewer and post.
const COUNTED_BYTES_MAX: u64 = 4 << 20;

/// The hidden counts of one popular post for one viewer.
struct Counted {
    counts: PostCounts,
    at: Instant,
    /// Hash of the blocks for which they were counted: a block or its end has them counted again.
    blocks: u64,
}

/// See the module.
pub(super) struct HiddenCounts {
    posts: Arc<dyn PostStore>,
    comments: Arc<dyn CommentStore>,
    relations: Arc<dyn RelationStore>,
    /// Of posts with few likes and comments; invalidated like the posts.
    participants: Cache<PostId, PostParticipants>,
    counted: Cache<(MemberId, PostId), Counted>,
    lane: Lane,
}

impl HiddenCounts {
    /// Makes empty caches, of at most `bytes_max` bytes for participants.
    pub(super) fn new(stores: &Stores, bytes_max: u64) -> Self {
        Self {
            posts: stores.posts.clone(),
            comments: stores.comments.clone(),
            relations: stores.relations.clone(),
            participants: Cache::new(bytes_max, 300, |_, of_post| {
                ((of_post.likers.len() + of_post.commenters.len()) * 8 + 150) as u64
            }),
            counted: Cache::new(COUNTED_BYTES_MAX, 100, |_, _| 100),
            lane: Lane::new("counts", LaneLimits::default()),
        }
    }

    pub(super) fn invalidate_post(&self, post: PostId) {
        self.participants.invalidate(&post);
    }

    pub(super) fn invalidate_all(&self) {
        self.participants.invalidate_all();
        self.counted.invalidate_all();
    }

    /// Sets the hidden counts of posts. Refuses what the lane refuses.
    pub(super) async fn hide_in_posts(&self, relations: &Relations, posts: &mut [VisiblePost]) -> Result<(), Error> {
        let blocked = &relations.blocked;
        if blocked.is_empty() {
            return Ok(());
        }
        let (mut few, mut popular) = (Vec::new(), Vec::new());
        for visible in &*posts {
            let post = Popular { id: visible.post.id, acts: visible.post.counts.likes + visible.post.counts.comments };
            match post.acts {
                0 => {}
                1..=FEW_MAX => few.push(post.id),
                _ => popular.push(post),
            }
        }
        let mut hidden = self.of_posts_with_few(blocked, &few).await?;
        if !popular.is_empty() {
            hidden.extend(self.of_popular_posts(relations, &popular).await?);
        }
        for visible in posts {
            if let Some(counts) = hidden.get(&visible.post.id) {
                visible.hidden_counts = *counts;
            }
        }
        Ok(())
    }

    async fn of_posts_with_few(
        &self,
        blocked: &[MemberId],
        ids: &[PostId],
    ) -> StoreResult<FxHashMap<PostId, PostCounts>> {
        let load = |ids: Vec<PostId>| async move {
            let loaded = self.posts.participants(&ids, None).await?;
            Ok(loaded.into_iter().map(|(id, of_post)| (id, Arc::new(of_post))).collect())
        };
        let participants = self.participants.get_or_load(ids, load).await?;
        let counts =
            ids.iter().zip(participants).filter_map(|(id, of_post)| Some((*id, counts_of(&*of_post?, blocked))));
        Ok(counts.collect())
    }

    async fn of_popular_posts(
        &self,
        relations: &Relations,
        posts: &[Popular],
    ) -> Result<FxHashMap<PostId, PostCounts>, Error> {
        let blocked = &relations.blocked;
        if (posts.len() * blocked.len()) as u64 <= ORDINARY_MAX {
            let ids: Vec<PostId> = posts.iter().map(|post| post.id).collect();
            return Ok(self.posts.counts_by(&ids, blocked, None).await?.into_iter().collect());
        }
        let blocks = FxBuildHasher.hash_one(blocked);
        let is_recent = |counted: &Counted| counted.blocks == blocks && counted.at.elapsed() < COUNTED_FOR;
        let mut hidden = FxHashMap::default();
        let mut due = Vec::new();
        for post in posts {
            match self.counted.get(&(relations.member, post.id)).filter(|counted| is_recent(counted)) {
                Some(counted) => {
                    hidden.insert(post.id, counted.counts);
                }
                None => due.push(post),
            }
        }
        if due.is_empty() {
            return Ok(hidden);
        }
        let count = async |until: Deadline| {
            for post in due {
                let counts = self.count_popular(post, blocked, &until).await?;
                // Kept as soon as it is counted, so that a later request continues where this one ends.
                let key = (relations.member, post.id);
                let load = self.counted.begin_load(&key);
                self.counted.finish_load(load, key, Arc::new(Counted { counts, at: Instant::now(), blocks }));
                hidden.insert(post.id, counts);
            }
            Ok::<_, Error>(hidden)
        };
        self.lane.run(relations.member, count).await
    }

    async fn count_popular(&self, post: &Popular, blocked: &[MemberId], until: &Deadline) -> StoreResult<PostCounts> {
        if post.acts <= blocked.len() as u64 {
            let participants = self.posts.participants(&[post.id], Some(until)).await?;
            return Ok(participants.first().map(|(_, of_post)| counts_of(of_post, blocked)).unwrap_or_default());
        }
        let counts = self.posts.counts_by(&[post.id], blocked, Some(until)).await?;
        Ok(counts.first().map(|(_, counts)| *counts).unwrap_or_default())
    }

    /// Returns the hidden counts of comments, without comments that have none. Refuses what the lane refuses.
    pub(super) async fn of_comments(
        &self,
        relations: &Relations,
        comments: &[Comment],
    ) -> Result<Vec<BlockedCounts>, Error> {
        let blocked = &relations.blocked;
        if blocked.is_empty() {
            return Ok(Vec::new());
        }
        let (mut few, mut popular) = (Vec::new(), Vec::new());
        let (mut few_rows, mut popular_rows) = (0, 0);
        let mut posts: Vec<PostId> = Vec::new();
        for comment in comments {
            let acts = comment.like_count + comment.below_count;
            if acts == 0 {
                continue;
            }
            if acts <= FEW_MAX && few_rows + acts <= FEW_ROWS_MAX {
                few.push(comment.id);
                few_rows += acts;
            } else {
                popular.push(comment.id);
                popular_rows += acts;
                posts.push(comment.post);
            }
        }
        let mut hidden = Vec::new();
        if !few.is_empty() {
            hidden = self.comments.comment_counts_by(&few, blocked, CountBy::Acts, None).await?;
        }
        if !popular.is_empty() {
            posts.sort_unstable();
            posts.dedup();
            let seeks = (popular.len() + 2 * posts.len()) * blocked.len();
            let count = async |how, until: Option<&Deadline>| {
                self.comments.comment_counts_by(&popular, blocked, how, until).await
            };
            hidden.extend(self.cheaper(relations.member, popular_rows, seeks, count).await?);
        }
        Ok(hidden)
    }

    /// Returns the numbers of hidden followers and followings of a member. Refuses what the lane refuses.
    pub(super) async fn of_member(&self, relations: &Relations, member: &Member) -> Result<[u64; 2], Error> {
        let blocked = &relations.blocked;
        let follows = member.counts.followers + member.counts.followings;
        if blocked.is_empty() || follows == 0 {
            return Ok([0, 0]);
        }
        let count =
            async |how, until: Option<&Deadline>| self.relations.follow_counts_by(member.id, blocked, how, until).await;
        self.cheaper(relations.member, follows, 2 * blocked.len(), count).await
    }

    /// Counts by the cheaper of the two ways, `rows` or `seeks`: on an ordinary connection if that is cheap, and in the
    /// lane otherwise.
    async fn cheaper<T>(
        &self,
        viewer: MemberId,
        rows: u64,
        seeks: usize,
        count: impl AsyncFnOnce(CountBy, Option<&Deadline>) -> StoreResult<T>,
    ) -> Result<T, Error> {
        let how = if rows <= seeks as u64 { CountBy::Acts } else { CountBy::Members };
        if rows.min(seeks as u64) <= ORDINARY_MAX {
            return Ok(count(how, None).await?);
        }
        self.lane.run(viewer, async |until| Ok(count(how, Some(&until)).await?)).await
    }
}

/// A post with more than [`FEW_MAX`] likes and comments.
struct Popular {
    id: PostId,
    /// Number of likes and comments.
    acts: u64,
}

/// Returns the part of a post's counts that the blocked members contribute. `blocked` is in ascending order.
fn counts_of(participants: &PostParticipants, blocked: &[MemberId]) -> PostCounts {
    let number =
        |members: &[MemberId]| members.iter().filter(|member| blocked.binary_search(member).is_ok()).count() as u64;
    PostCounts { views: 0, likes: number(&participants.likers), comments: number(&participants.commenters) }
}
