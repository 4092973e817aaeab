//! `PostWindow`: the newest posts of every author in memory, from which home feeds are merged.
use super::{
    merge::{Entry, Head},
    restricted::RestrictedPosts,
};
use crate::{
    domain::{MemberId, Position, PostAudience, PostFacts, PostId, Standing},
    storage::PostRef,
};
use rustc_hash::FxHashMap;
use std::collections::{BinaryHeap, VecDeque, binary_heap::PeekMut};

/// Bytes per post: 16 in its author's list, 24 in the list of all posts, and spare capacity.
pub(super) const BYTES_PER_POST: usize = 56;

/// Every post that is not deleted, from `floor` on; older posts are only in the database.
#[derive(Default)]
pub(in crate::actors) struct PostWindow {
    /// The public and followers-only posts of each author: every home feed with the author shows all of them.
    authors: FxHashMap<MemberId, VecDeque<Entry>>,
    /// The newest post of each list in `authors`, apart from the other posts so that reading it for hundreds of authors
    /// stays in the processor's cache.
    newest: FxHashMap<MemberId, PostId>,
    /// The posts for the mentioned, and for their author alone.
    restricted: RestrictedPosts,
    /// All posts by id. A deleted post stays as an entry by [`NOBODY`] until it is evicted at the old end.
    all: VecDeque<WindowPost>,
    floor: PostId,
    /// Maximum number of posts, plus the entries in `restricted`.
    posts_max: usize,
    /// Events up to here are applied.
    applied: Position,
}

/// A post in the list of all posts.
#[derive(Clone, Copy)]
struct WindowPost {
    entry: Entry,
    author: MemberId,
}

/// The posts that a scan of the window looks for.
#[derive(Clone, Copy)]
pub(super) struct Range {
    /// Posts below this one.
    pub(super) before: PostId,
    /// Posts that were committed up to here.
    pub(super) pinned: Position,
    /// Maximum number of posts.
    pub(super) limit: usize,
}

/// The posts that one scan of the window found.
pub(super) struct WindowScan {
    /// Newest first.
    pub(super) posts: Vec<PostRef>,
    /// The window's floor if the page is not full and the database may have posts below it; `None` otherwise.
    pub(super) floor: Option<PostId>,
}

/// The author in the entry of a deleted post; no member has this id.
const NOBODY: MemberId = MemberId(0);

/// Returns whether every follower of the author sees the post, so that it belongs into the author's list.
fn is_shared(audience: PostAudience) -> bool {
    matches!(audience, PostAudience::Public | PostAudience::Followers)
}

impl PostWindow {
    pub(super) fn new(posts_max: usize, applied: Position) -> Self {
        Self { posts_max: posts_max.max(1), applied, ..Self::default() }
    }

    /// Sets the floor: posts below it were not loaded.
    pub(super) fn set_floor(&mut self, floor: PostId) {
        self.floor = floor;
    }

    /// Adds older posts, newest first, while the window is built; `mentions` are those in posts for the mentioned.
    /// Returns false if posts were evicted, because the window is full.
    pub(super) fn extend_back(&mut self, posts: &[PostRef], mentions: &[(PostId, MemberId)]) -> bool {
        for post in posts {
            let (entry, author) = (Entry::of(post), post.author);
            self.all.push_front(WindowPost { entry, author });
            if is_shared(post.audience) {
                self.authors.entry(author).or_default().push_front(entry);
                self.newest.entry(author).or_insert(post.post);
            } else {
                self.restricted.insert(author, entry);
            }
        }
        for (post, member) in mentions {
            self.restricted.admit(*post, *member);
        }
        !self.evict_surplus()
    }

    /// Adds a post, unless it is known or below the floor, and evicts the oldest posts beyond `posts_max`.
    pub(super) fn insert(&mut self, new: PostRef) {
        if new.post < self.floor {
            return;
        }
        // Nearly always at the end: the order of ids and that of commits differ by milliseconds at most.
        let at = match self.all.back() {
            Some(last) if last.entry.post >= new.post => self.all.partition_point(|other| other.entry.post < new.post),
            _ => self.all.len(),
        };
        if self.all.get(at).is_some_and(|other| other.entry.post == new.post) {
            return;
        }
        let (entry, author) = (Entry::of(&new), new.author);
        self.all.insert(at, WindowPost { entry, author });
        if is_shared(new.audience) {
            let entries = self.authors.entry(author).or_default();
            let at = entries.partition_point(|other| other.post < new.post);
            entries.insert(at, entry);
            let newest = self.newest.entry(author).or_default();
            *newest = new.post.max(*newest);
        } else {
            self.restricted.insert(author, entry);
        }
        self.evict_surplus();
    }

    /// Notes that a post for the mentioned mentions this member. Does nothing for an unknown post.
    pub(super) fn admit(&mut self, post: PostId, member: MemberId) {
        self.restricted.admit(post, member);
        self.evict_surplus();
    }

    /// Notes that a post for the mentioned no longer mentions this member.
    pub(super) fn withdraw(&mut self, post: PostId, member: MemberId) {
        self.restricted.withdraw(post, member);
    }

    /// Evicts the oldest posts beyond `posts_max`. Returns whether there were any.
    fn evict_surplus(&mut self) -> bool {
        let mut evicted = false;
        while self.size() > self.posts_max && !self.all.is_empty() {
            self.evict_oldest();
            evicted = true;
        }
        evicted
    }

    fn evict_oldest(&mut self) {
        let Some(WindowPost { entry: oldest, author }) = self.all.pop_front() else { return };
        self.floor = PostId(oldest.post.0 + 1);
        self.restricted.remove(oldest.post);
        if let Some(entries) = self.authors.get_mut(&author) {
            if entries.front().is_some_and(|entry| entry.post == oldest.post) {
                entries.pop_front();
            }
            if entries.is_empty() {
                self.authors.remove(&author);
                self.newest.remove(&author);
            }
        }
    }

    /// Removes a deleted post.
    pub(super) fn remove(&mut self, author: MemberId, post: PostId) {
        if let Ok(at) = self.all.binary_search_by_key(&post, |other| other.entry.post) {
            self.all[at].author = NOBODY;
        }
        self.restricted.remove(post);
        if let Some(entries) = self.authors.get_mut(&author)
            && let Ok(at) = entries.binary_search_by_key(&post, |entry| entry.post)
        {
            entries.remove(at);
            if let Some(newest) = entries.back() {
                self.newest.insert(author, newest.post);
            } else {
                self.authors.remove(&author);
                self.newest.remove(&author);
            }
        }
    }

    /// Returns the newest posts in the range by `authors`, which are in ascending order, as far as they include the
    /// viewer. `standing` is the viewer's standing with an author.
    ///
    /// Merges the authors' lists and the viewer's own of restricted posts: the cost grows with the number of authors and
    /// the limit. It grows with the number of posts only for an author whom the viewer does not follow, whose
    /// followers-only posts are skipped.
    pub(super) fn newest_by_authors(
        &self,
        viewer: MemberId,
        authors: &[MemberId],
        standing: impl Fn(MemberId) -> Standing,
        range: Range,
    ) -> WindowScan {
        let Range { before, pinned, limit } = range;
        let is_first = before == PostId(u64::MAX) && pinned >= self.applied;
        let mut heads = BinaryHeap::new();
        let mut candidates = Vec::new();
        for author in authors {
            match standing(*author) {
                Standing::Hidden => {}
                Standing::Follower | Standing::Author if is_first => {
                    candidates.extend(self.newest.get(author).map(|newest| (*newest, *author)));
                }
                standing => heads.extend(self.head(*author, standing, before)),
            }
        }
        // Each of the n posts of a first page is by one of the n authors who posted last, if each list is visible whole.
        if candidates.len() > limit {
            candidates.select_nth_unstable_by(limit, |a, b| b.cmp(a));
            candidates.truncate(limit);
        }
        heads.extend(candidates.iter().filter_map(|(_, author)| self.head(*author, standing(*author), before)));
        for (author, entries) in self.restricted.for_viewer(viewer) {
            if authors.binary_search(&author).is_ok() {
                heads.extend(Head::new(author, standing(author), entries, before));
            }
        }
        self.finish_scan(merge(heads, pinned, limit), limit)
    }

    fn head(&self, author: MemberId, standing: Standing, before: PostId) -> Option<Head<'_>> {
        Head::new(author, standing, self.authors.get(&author)?, before)
    }

    /// Returns the newest posts in the range by anybody that the viewer sees.
    pub(super) fn newest_by_anybody(
        &self,
        viewer: MemberId,
        sees: impl Fn(PostFacts) -> bool,
        range: Range,
    ) -> WindowScan {
        let end = self.all.partition_point(|post| post.entry.post < range.before);
        let facts = |post: &WindowPost| {
            let audience = post.entry.audience();
            let mentions_viewer =
                audience == PostAudience::Mentioned && self.restricted.admits(post.entry.post, viewer);
            PostFacts { author: post.author, audience, mentions_viewer }
        };
        let visible =
            |post: &&WindowPost| post.entry.position() <= range.pinned && post.author != NOBODY && sees(facts(post));
        let posts = self.all.range(..end).rev().filter(visible).take(range.limit);
        self.finish_scan(posts.map(|post| post.entry.post_ref(post.author)).collect(), range.limit)
    }

    /// Returns the found posts, with the floor unless the page is full or the window has every post.
    fn finish_scan(&self, posts: Vec<PostRef>, limit: usize) -> WindowScan {
        let page_is_full = posts.len() >= limit;
        let has_every_post = self.floor == PostId(0);
        let floor = if page_is_full || has_every_post { None } else { Some(self.floor) };
        WindowScan { posts, floor }
    }

    /// Notes that the events up to `position` are applied.
    pub(super) fn set_applied(&mut self, position: Position) {
        self.applied = position;
    }

    /// Returns the number of posts in memory, including deleted ones that are not evicted yet.
    pub(super) fn post_count(&self) -> usize {
        self.all.len()
    }

    /// Returns the number of authors with posts, as each of the two indexes has it.
    #[cfg(test)]
    pub(super) fn author_counts(&self) -> [usize; 2] {
        [self.authors.len(), self.newest.len()]
    }

    /// Returns the number of posts as `posts_max` counts them: a restricted post counts for each of its viewers too.
    pub(super) fn size(&self) -> usize {
        self.all.len() + self.restricted.entries()
    }
}

/// Merges the lists of heads, newest first: at most `limit` posts that are committed up to `pinned`. The lists of
/// restricted posts hold only those that are for the viewer.
fn merge(mut heads: BinaryHeap<Head<'_>>, pinned: Position, limit: usize) -> Vec<PostRef> {
    let mut posts = Vec::with_capacity(limit);
    while posts.len() < limit
        && let Some(mut head) = heads.peek_mut()
    {
        let entry = head.entry();
        if entry.position() <= pinned && entry.audience().includes(head.standing, true) {
            posts.push(entry.post_ref(head.author));
        }
        if !head.advance() {
            PeekMut::pop(head);
        }
    }
    posts
}
