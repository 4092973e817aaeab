//! The pieces of a merge over many authors' posts.
use crate::domain::{MemberId, Position, PostId};
use std::{cmp::Ordering, collections::VecDeque};

/// One post in its author's list.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) post: PostId,
    pub(super) position: Position,
}

/// How far the merge has come with one author.
pub(super) struct Head<'w> {
    pub(super) post: PostId,
    pub(super) author: MemberId,
    pub(super) entries: &'w VecDeque<Entry>,
    pub(super) at: usize,
}

impl<'w> Head<'w> {
    pub(super) fn new(author: MemberId, entries: &'w VecDeque<Entry>, before: PostId) -> Option<Self> {
        let newest = entries.back()?;
        let end =
            if newest.post < before { entries.len() } else { entries.partition_point(|entry| entry.post < before) };
        let at = end.checked_sub(1)?;
        Some(Self { post: entries[at].post, author, entries, at })
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
