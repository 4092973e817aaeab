//! The merge of many authors' posts: `window.rs` keeps one `Head` per author in a heap, which orders them by post id.
use crate::domain::{MemberId, Position, PostId};
use std::{cmp::Ordering, collections::VecDeque};

/// One post in its author's list.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) post: PostId,
    pub(super) position: Position,
}

/// The next post of one author in the merge, ordered by post id.
pub(super) struct Head<'w> {
    pub(super) post: PostId,
    pub(super) author: MemberId,
    /// The author's posts, oldest first.
    pub(super) entries: &'w VecDeque<Entry>,
    /// Index of `post` in `entries`.
    pub(super) index: usize,
}

impl<'w> Head<'w> {
    /// Returns the author's newest post below `before`; `None` if there is none.
    pub(super) fn new(author: MemberId, entries: &'w VecDeque<Entry>, before: PostId) -> Option<Self> {
        let newest = entries.back()?;
        let end =
            if newest.post < before { entries.len() } else { entries.partition_point(|entry| entry.post < before) };
        let index = end.checked_sub(1)?;
        Some(Self { post: entries[index].post, author, entries, index })
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.post.cmp(&other.post)
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.post == other.post
    }
}

impl Eq for Head<'_> {}
