//! The merge of many authors' posts: `window.rs` keeps one `Head` per author in a heap, which orders them by post id.
use crate::{
    domain::{MemberId, Position, PostAudience, PostId, Standing},
    storage::PostRef,
};
use std::{cmp::Ordering, collections::VecDeque};

/// Bits of `Entry::packed` that hold the audience.
const AUDIENCE_BITS: u32 = 2;

/// One post in a list of the window: 16 bytes, because the window holds millions.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) post: PostId,
    /// The position, and below it the code of the audience. Positions stay far below 2^62.
    packed: u64,
}

impl Entry {
    pub(super) fn of(post: &PostRef) -> Self {
        let packed = post.position.0 << AUDIENCE_BITS | u64::from(post.audience.code());
        Self { post: post.post, packed }
    }

    pub(super) fn position(self) -> Position {
        Position(self.packed >> AUDIENCE_BITS)
    }

    pub(super) fn audience(self) -> PostAudience {
        // All codes that fit into the bits are known; any other one would be for nobody.
        PostAudience::from_code((self.packed & 3) as u8).unwrap_or(PostAudience::Own)
    }

    pub(super) fn post_ref(self, author: MemberId) -> PostRef {
        PostRef { post: self.post, author, position: self.position(), audience: self.audience() }
    }
}

/// The next post of one author in the merge, ordered by post id.
pub(super) struct Head<'w> {
    pub(super) post: PostId,
    pub(super) author: MemberId,
    /// The viewer's standing with the author.
    pub(super) standing: Standing,
    /// The author's posts, oldest first.
    entries: &'w VecDeque<Entry>,
    /// Index of `post` in `entries`.
    index: usize,
}

impl<'w> Head<'w> {
    /// Returns the author's newest post below `before`; `None` if there is none.
    pub(super) fn new(
        author: MemberId,
        standing: Standing,
        entries: &'w VecDeque<Entry>,
        before: PostId,
    ) -> Option<Self> {
        let newest = entries.back()?;
        let end =
            if newest.post < before { entries.len() } else { entries.partition_point(|entry| entry.post < before) };
        let index = end.checked_sub(1)?;
        Some(Self { post: entries[index].post, author, standing, entries, index })
    }

    /// Returns the next post.
    pub(super) fn entry(&self) -> Entry {
        self.entries[self.index]
    }

    /// Moves to the author's next older post. Returns false if there is none.
    pub(super) fn advance(&mut self) -> bool {
        if self.index == 0 {
            return false;
        }
        self.index -= 1;
        self.post = self.entries[self.index].post;
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_position_and_audience_in_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
        for audience in PostAudience::ALL {
            let post = PostRef { post: PostId(u64::MAX), author: MemberId(7), position: Position(1 << 53), audience };
            assert_eq!(Entry::of(&post).post_ref(MemberId(7)), post);
        }
    }
}
