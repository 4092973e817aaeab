//! `PostWindow`: the newest posts of every author in memory, from which home feeds are merged.
use super::merge::{Entry, Head};
use crate::{
    domain::{MemberId, Position, PostId},
    storage::PostRef,
};
use rustc_hash::FxHashMap;
use std::collections::{BinaryHeap, VecDeque};

/// Bytes per post: 16 in its author's list, 24 in the list of all posts, and spare capacity.
pub(super) const BYTES_PER_POST: usize = 56;

/// Every post that is not deleted, from `floor` on; older posts are only in the database.
#[derive(Default)]
pub(in crate::actors) struct PostWindow {
    authors: FxHashMap<MemberId, VecDeque<Entry>>,
    /// The newest post of each author, apart from the other posts so that reading it for hundreds of authors stays in
    /// the processor's cache.
    newest: FxHashMap<MemberId, PostId>,
    /// All posts by id. A deleted post stays as an entry by [`NOBODY`] until it is evicted at the old end.
    all: VecDeque<PostRef>,
    floor: PostId,
    posts_max: usize,
    /// Events up to here are applied.
    applied: Position,
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

impl PostWindow {
    pub(super) fn new(posts_max: usize, applied: Position) -> Self {
        Self { posts_max: posts_max.max(1), applied, ..Self::default() }
    }

    /// Sets the floor: posts below it were not loaded.
    pub(super) fn set_floor(&mut self, floor: PostId) {
        self.floor = floor;
    }

    /// Adds older posts, newest first, while the window is built.
    pub(super) fn extend_back(&mut self, posts: &[PostRef]) {
        for post in posts {
            self.all.push_front(*post);
            let entry = Entry { post: post.post, position: post.position };
            self.authors.entry(post.author).or_default().push_front(entry);
            self.newest.entry(post.author).or_insert(post.post);
        }
    }

    /// Adds a post, unless it is known or below the floor, and evicts the oldest posts beyond `posts_max`.
    pub(super) fn insert(&mut self, new: PostRef) {
        if new.post < self.floor {
            return;
        }
        // Nearly always at the end: the order of ids and that of commits differ by milliseconds at most.
        let at = match self.all.back() {
            Some(last) if last.post >= new.post => self.all.partition_point(|other| other.post < new.post),
            _ => self.all.len(),
        };
        if self.all.get(at).is_some_and(|other| other.post == new.post) {
            return;
        }
        self.all.insert(at, new);
        let entries = self.authors.entry(new.author).or_default();
        let at = entries.partition_point(|entry| entry.post < new.post);
        entries.insert(at, Entry { post: new.post, position: new.position });
        let newest = self.newest.entry(new.author).or_default();
        *newest = new.post.max(*newest);
        while self.all.len() > self.posts_max {
            self.evict_oldest();
        }
    }

    fn evict_oldest(&mut self) {
        let Some(oldest) = self.all.pop_front() else { return };
        self.floor = PostId(oldest.post.0 + 1);
        if let Some(entries) = self.authors.get_mut(&oldest.author) {
            if entries.front().is_some_and(|entry| entry.post == oldest.post) {
                entries.pop_front();
            }
            if entries.is_empty() {
                self.authors.remove(&oldest.author);
                self.newest.remove(&oldest.author);
            }
        }
    }

    /// Removes a deleted post.
    pub(super) fn remove(&mut self, author: MemberId, post: PostId) {
        if let Ok(at) = self.all.binary_search_by_key(&post, |entry| entry.post) {
            self.all[at].author = NOBODY;
        }
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

    /// Returns the newest posts by those of `authors` whom the viewer sees, below `before` and committed up to
    /// `pinned`.
    ///
    /// Merges the authors' lists: the cost grows with the number of authors and the limit, never with the number of
    /// their posts or followers.
    pub(super) fn newest_by_authors(
        &self,
        authors: &[MemberId],
        sees: impl Fn(MemberId) -> bool,
        before: PostId,
        pinned: Position,
        limit: usize,
    ) -> WindowScan {
        let visible = |author: &&MemberId| sees(**author);
        let mut heads: BinaryHeap<Head<'_>> = if before == PostId(u64::MAX) && pinned >= self.applied {
            // Each of the n posts of a first page is by one of the n authors who posted last.
            let newest = |author: &MemberId| Some((*self.newest.get(author)?, *author));
            let mut candidates: Vec<_> = authors.iter().filter(visible).filter_map(newest).collect();
            if candidates.len() > limit {
                candidates.select_nth_unstable_by(limit, |a, b| b.cmp(a));
                candidates.truncate(limit);
            }
            candidates.iter().filter_map(|(_, author)| Head::new(*author, self.authors.get(author)?, before)).collect()
        } else {
            authors
                .iter()
                .filter(visible)
                .filter_map(|author| Head::new(*author, self.authors.get(author)?, before))
                .collect()
        };
        let mut posts = Vec::with_capacity(limit);
        while posts.len() < limit
            && let Some(mut head) = heads.peek_mut()
        {
            let Entry { post, position } = head.entries[head.index];
            if position <= pinned {
                posts.push(PostRef { post, author: head.author, position });
            }
            if head.index == 0 {
                std::collections::binary_heap::PeekMut::pop(head);
            } else {
                head.index -= 1;
                head.post = head.entries[head.index].post;
            }
        }
        self.finish_scan(posts, limit)
    }

    /// Returns the newest posts by anybody whom the viewer sees, below `before` and committed up to `pinned`.
    pub(super) fn newest_by_anybody(
        &self,
        sees: impl Fn(MemberId) -> bool,
        before: PostId,
        pinned: Position,
        limit: usize,
    ) -> WindowScan {
        let end = self.all.partition_point(|entry| entry.post < before);
        let visible = |entry: &&PostRef| entry.position <= pinned && entry.author != NOBODY && sees(entry.author);
        let posts = self.all.range(..end).rev().filter(visible).take(limit).copied().collect();
        self.finish_scan(posts, limit)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post_ref(post: u64, author: u64, position: u64) -> PostRef {
        PostRef { post: PostId(post), author: MemberId(author), position: Position(position) }
    }

    fn ids(scan: &WindowScan) -> Vec<u64> {
        scan.posts.iter().map(|entry| entry.post.0).collect()
    }

    fn window(posts_max: usize) -> PostWindow {
        let mut window = PostWindow::new(posts_max, Position(0));
        for (post, author) in [(10, 1), (20, 2), (30, 1), (40, 3), (50, 2)] {
            window.insert(post_ref(post, author, post));
        }
        window
    }

    /// Sees every author.
    const ALL: fn(MemberId) -> bool = |_| true;
    const END: PostId = PostId(u64::MAX);
    const NOW: Position = Position(u64::MAX);

    #[test]
    fn a_merge_is_newest_first() {
        let window = window(100);
        let authors = [MemberId(1), MemberId(2)];
        assert_eq!(ids(&window.newest_by_authors(&authors, ALL, END, NOW, 10)), [50, 30, 20, 10]);
        assert_eq!(ids(&window.newest_by_authors(&authors, ALL, PostId(30), NOW, 1)), [20]);
        assert_eq!(ids(&window.newest_by_anybody(ALL, PostId(50), NOW, 2)), [40, 30]);
    }

    #[test]
    fn a_post_after_the_pin_is_excluded() {
        let mut window = window(100);
        window.insert(post_ref(25, 1, 60));
        assert_eq!(ids(&window.newest_by_authors(&[MemberId(1)], ALL, END, Position(55), 10)), [30, 10]);
        assert_eq!(ids(&window.newest_by_anybody(ALL, END, Position(55), 10)), [50, 40, 30, 20, 10]);
        assert_eq!(ids(&window.newest_by_authors(&[MemberId(1)], ALL, END, NOW, 10)), [30, 25, 10]);
    }

    #[test]
    fn deleted_and_hidden_posts_are_excluded() {
        let mut window = window(100);
        window.remove(MemberId(1), PostId(30));
        let sees = |author| author != MemberId(2);
        assert_eq!(ids(&window.newest_by_anybody(sees, END, NOW, 10)), [40, 10]);
        assert_eq!(ids(&window.newest_by_authors(&[MemberId(1), MemberId(2)], sees, END, NOW, 10)), [10]);
        assert_eq!(ids(&window.newest_by_anybody(ALL, END, NOW, 10)), [50, 40, 20, 10]);
    }

    #[test]
    fn an_author_without_posts_takes_no_memory() {
        let mut window = window(100);
        window.remove(MemberId(3), PostId(40));
        assert!(!window.authors.contains_key(&MemberId(3)) && !window.newest.contains_key(&MemberId(3)));
        assert_eq!((window.authors.len(), window.newest.len()), (2, 2));
    }

    #[test]
    fn a_full_window_returns_the_floor_of_an_unfilled_page() {
        let window = window(3);
        let found = window.newest_by_anybody(ALL, END, NOW, 10);
        assert_eq!((ids(&found), found.floor), (vec![50, 40, 30], Some(PostId(21))));
        let found = window.newest_by_authors(&[MemberId(2)], ALL, END, NOW, 1);
        assert_eq!((ids(&found), found.floor), (vec![50], None));
    }

    #[test]
    fn a_first_page_equals_a_full_merge() {
        let mut window = PostWindow::new(1_000, Position(0));
        for number in 0_u64..500 {
            // Some authors write many posts early, others few posts late.
            let author = 1 + (number * number * 7 + number / 11) % 37;
            window.insert(post_ref(10 + number * 3, author, number));
            if number % 13 == 0 {
                window.remove(MemberId(author), PostId(10 + number * 3));
            }
        }
        let authors: Vec<_> = (1..=37).step_by(2).map(MemberId).collect();
        for limit in 1..60 {
            let first = window.newest_by_authors(&authors, ALL, END, NOW, limit);
            let merged = window.newest_by_authors(&authors, ALL, PostId(u64::MAX - 1), NOW, limit);
            assert_eq!(ids(&first), ids(&merged), "limit {limit}");
        }
    }

    #[test]
    fn a_post_that_is_inserted_twice_is_kept_once() {
        let mut window = window(100);
        window.insert(post_ref(30, 1, 30));
        assert_eq!(window.post_count(), 5);
    }
}
