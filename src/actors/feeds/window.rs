//! The recent posts of every author, in memory: what a home feed is merged from.
use super::merge::{Entry, Head};
use crate::{
    domain::{MemberId, Position, PostId},
    storage::PostRef,
};
use rustc_hash::FxHashMap;
use std::collections::{BinaryHeap, VecDeque};

/// What one post costs here: 16 bytes with its author, 24 in the order of all, and room to grow.
pub(super) const BYTES_PER_POST: usize = 56;

/// Every visible post from `floor` on; older ones are in the database alone.
#[derive(Default)]
pub(super) struct Window {
    authors: FxHashMap<MemberId, VecDeque<Entry>>,
    /// The newest post of each author, apart from the rest so that a look at hundreds of authors stays in the
    /// processor's cache.
    newest: FxHashMap<MemberId, PostId>,
    /// All of them by id. A deleted one stays as a gap until it leaves at the old end.
    all: VecDeque<PostRef>,
    floor: PostId,
    posts_max: usize,
    /// Events up to here are in.
    pub(super) applied: Position,
}

/// What a look into the window found.
pub(super) struct Found {
    /// Newest first.
    pub(super) places: Vec<PostRef>,
    /// Older posts may be in the database, below this one.
    pub(super) floor: Option<PostId>,
}

/// Stands where a deleted post was.
const NOBODY: MemberId = MemberId(0);

impl Window {
    pub(super) fn new(posts_max: usize, applied: Position) -> Self {
        Self { posts_max: posts_max.max(1), applied, ..Self::default() }
    }

    /// Says that posts below this one were not loaded.
    pub(super) fn start_at(&mut self, floor: PostId) {
        self.floor = floor;
    }

    /// Adds older posts, newest first, while the window is built.
    pub(super) fn extend_back(&mut self, places: &[PostRef]) {
        for place in places {
            self.all.push_front(*place);
            let entry = Entry { post: place.post, position: place.position };
            self.authors.entry(place.author).or_default().push_front(entry);
            self.newest.entry(place.author).or_insert(place.post);
        }
    }

    pub(super) fn insert(&mut self, place: PostRef) {
        if place.post < self.floor {
            return;
        }
        // Nearly always at the end; ids and commits differ in order by milliseconds at most.
        let at = match self.all.back() {
            Some(last) if last.post >= place.post => self.all.partition_point(|other| other.post < place.post),
            _ => self.all.len(),
        };
        if self.all.get(at).is_some_and(|other| other.post == place.post) {
            return;
        }
        self.all.insert(at, place);
        let entries = self.authors.entry(place.author).or_default();
        let at = entries.partition_point(|entry| entry.post < place.post);
        entries.insert(at, Entry { post: place.post, position: place.position });
        let newest = self.newest.entry(place.author).or_default();
        *newest = place.post.max(*newest);
        while self.all.len() > self.posts_max {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
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

    pub(super) fn remove(&mut self, author: MemberId, post: PostId) {
        if let Ok(at) = self.all.binary_search_by_key(&post, |place| place.post) {
            self.all[at].author = NOBODY;
        }
        if let Some(entries) = self.authors.get_mut(&author)
            && let Ok(at) = entries.binary_search_by_key(&post, |entry| entry.post)
        {
            entries.remove(at);
            match entries.back() {
                Some(newest) => self.newest.insert(author, newest.post),
                None => self.newest.remove(&author),
            };
        }
    }

    /// The newest posts of these authors before that one, of what had been committed at `pinned`.
    ///
    /// A merge: its cost grows with the number of authors and the page, never with their posts or followers.
    pub(super) fn of_authors(
        &self,
        authors: &[MemberId],
        shows: impl Fn(MemberId) -> bool,
        before: PostId,
        pinned: Position,
        limit: usize,
    ) -> Found {
        let shown = |author: &&MemberId| shows(**author);
        let mut heads: BinaryHeap<Head<'_>> = if before == PostId(u64::MAX) && pinned >= self.applied {
            // Of a first page of n posts, every one is by one of the n authors whose newest posts are newest.
            let newest = |author: &MemberId| Some((*self.newest.get(author)?, *author));
            let mut candidates: Vec<_> = authors.iter().filter(shown).filter_map(newest).collect();
            if candidates.len() > limit {
                candidates.select_nth_unstable_by(limit, |a, b| b.cmp(a));
                candidates.truncate(limit);
            }
            candidates.iter().filter_map(|(_, author)| Head::new(*author, self.authors.get(author)?, before)).collect()
        } else {
            authors
                .iter()
                .filter(shown)
                .filter_map(|author| Head::new(*author, self.authors.get(author)?, before))
                .collect()
        };
        let mut places = Vec::with_capacity(limit);
        while places.len() < limit
            && let Some(mut head) = heads.peek_mut()
        {
            let Entry { post, position } = head.entries[head.at];
            if position <= pinned {
                places.push(PostRef { post, author: head.author, position });
            }
            if head.at == 0 {
                std::collections::binary_heap::PeekMut::pop(head);
            } else {
                head.at -= 1;
                head.post = head.entries[head.at].post;
            }
        }
        self.found(places, limit)
    }

    /// The newest posts of anybody before that one, of what had been committed at `pinned`.
    pub(super) fn newest(
        &self,
        shows: impl Fn(MemberId) -> bool,
        before: PostId,
        pinned: Position,
        limit: usize,
    ) -> Found {
        let end = self.all.partition_point(|place| place.post < before);
        let seen = |place: &&PostRef| place.position <= pinned && place.author != NOBODY && shows(place.author);
        let places = self.all.range(..end).rev().filter(seen).take(limit).copied().collect();
        self.found(places, limit)
    }

    fn found(&self, places: Vec<PostRef>, limit: usize) -> Found {
        let floor = (places.len() < limit && self.floor > PostId(0)).then_some(self.floor);
        Found { places, floor }
    }

    pub(super) fn posts(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(post: u64, author: u64, position: u64) -> PostRef {
        PostRef { post: PostId(post), author: MemberId(author), position: Position(position) }
    }

    fn ids(found: &Found) -> Vec<u64> {
        found.places.iter().map(|place| place.post.0).collect()
    }

    fn window(posts_max: usize) -> Window {
        let mut window = Window::new(posts_max, Position(0));
        for (post, author) in [(10, 1), (20, 2), (30, 1), (40, 3), (50, 2)] {
            window.insert(place(post, author, post));
        }
        window
    }

    /// Everybody's posts are shown.
    const ALL: fn(MemberId) -> bool = |_| true;
    const END: PostId = PostId(u64::MAX);
    const NOW: Position = Position(u64::MAX);

    #[test]
    fn a_merge_is_newest_first() {
        let window = window(100);
        let authors = [MemberId(1), MemberId(2)];
        assert_eq!(ids(&window.of_authors(&authors, ALL, END, NOW, 10)), [50, 30, 20, 10]);
        assert_eq!(ids(&window.of_authors(&authors, ALL, PostId(30), NOW, 1)), [20]);
        assert_eq!(ids(&window.newest(ALL, PostId(50), NOW, 2)), [40, 30]);
    }

    #[test]
    fn what_came_after_the_pin_is_left_to_the_stream() {
        let mut window = window(100);
        window.insert(place(25, 1, 60));
        assert_eq!(ids(&window.of_authors(&[MemberId(1)], ALL, END, Position(55), 10)), [30, 10]);
        assert_eq!(ids(&window.newest(ALL, END, Position(55), 10)), [50, 40, 30, 20, 10]);
        assert_eq!(ids(&window.of_authors(&[MemberId(1)], ALL, END, NOW, 10)), [30, 25, 10]);
    }

    #[test]
    fn what_is_deleted_or_not_to_be_shown_is_not_found() {
        let mut window = window(100);
        window.remove(MemberId(1), PostId(30));
        let shows = |author| author != MemberId(2);
        assert_eq!(ids(&window.newest(shows, END, NOW, 10)), [40, 10]);
        assert_eq!(ids(&window.of_authors(&[MemberId(1), MemberId(2)], shows, END, NOW, 10)), [10]);
        assert_eq!(ids(&window.newest(ALL, END, NOW, 10)), [50, 40, 20, 10]);
    }

    #[test]
    fn a_full_window_says_where_the_database_goes_on() {
        let window = window(3);
        let found = window.newest(ALL, END, NOW, 10);
        assert_eq!((ids(&found), found.floor), (vec![50, 40, 30], Some(PostId(21))));
        let found = window.of_authors(&[MemberId(2)], ALL, END, NOW, 1);
        assert_eq!((ids(&found), found.floor), (vec![50], None));
    }

    #[test]
    fn a_first_page_is_what_a_whole_merge_would_find() {
        let mut window = Window::new(1_000, Position(0));
        for number in 0_u64..500 {
            // Some authors write much and early, others little and late.
            let author = 1 + (number * number * 7 + number / 11) % 37;
            window.insert(place(10 + number * 3, author, number));
            if number % 13 == 0 {
                window.remove(MemberId(author), PostId(10 + number * 3));
            }
        }
        let authors: Vec<_> = (1..=37).step_by(2).map(MemberId).collect();
        for limit in 1..60 {
            let first = window.of_authors(&authors, ALL, END, NOW, limit);
            let merged = window.of_authors(&authors, ALL, PostId(u64::MAX - 1), NOW, limit);
            assert_eq!(ids(&first), ids(&merged), "limit {limit}");
        }
    }

    #[test]
    fn applying_twice_changes_nothing() {
        let mut window = window(100);
        window.insert(place(30, 1, 30));
        assert_eq!(window.posts(), 5);
    }
}
