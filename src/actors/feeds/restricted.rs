//! `RestrictedPosts`: the posts of the window that are only for the members whom they mention, or only for their author,
//! listed for each of these members.
//!
//! A list for each viewer: a home feed walks past no post that its viewer may not see, however many there are.
use super::merge::Entry;
use crate::domain::{MemberId, PostId};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// The posts of each author that one viewer may see, oldest first.
type ByAuthor = FxHashMap<MemberId, VecDeque<Entry>>;

/// The restricted posts, by viewer. The window bounds the number of entries.
#[derive(Default)]
pub(super) struct RestrictedPosts {
    by_viewer: FxHashMap<MemberId, ByAuthor>,
    posts: FxHashMap<PostId, Restricted>,
    /// Number of entries in all lists.
    entries: usize,
}

/// One restricted post.
struct Restricted {
    author: MemberId,
    entry: Entry,
    /// The author, then the members whom the post mentions.
    viewers: Vec<MemberId>,
}

impl RestrictedPosts {
    /// Adds a post for its author. Further viewers are added by `admit`.
    pub(super) fn insert(&mut self, author: MemberId, entry: Entry) {
        self.posts.entry(entry.post).or_insert(Restricted { author, entry, viewers: Vec::new() });
        self.admit(entry.post, author);
    }

    /// Adds a viewer to a post. Does nothing for an unknown post or a viewer that it has.
    pub(super) fn admit(&mut self, post: PostId, viewer: MemberId) {
        let Some(restricted) = self.posts.get_mut(&post) else { return };
        if restricted.viewers.contains(&viewer) {
            return;
        }
        restricted.viewers.push(viewer);
        let list = self.by_viewer.entry(viewer).or_default().entry(restricted.author).or_default();
        list.insert(list.partition_point(|other| other.post < post), restricted.entry);
        self.entries += 1;
    }

    /// Removes a mentioned viewer from a post. Does nothing for an unknown post or viewer.
    pub(super) fn withdraw(&mut self, post: PostId, viewer: MemberId) {
        let Some(restricted) = self.posts.get_mut(&post) else { return };
        let author = restricted.author;
        if let Some(at) = restricted.viewers.iter().position(|other| *other == viewer) {
            restricted.viewers.swap_remove(at);
            self.unlist(post, author, viewer);
        }
    }

    /// Removes a post for all its viewers: it was deleted or evicted. Does nothing for an unknown post.
    pub(super) fn remove(&mut self, post: PostId) {
        let Some(Restricted { author, viewers, .. }) = self.posts.remove(&post) else { return };
        for viewer in viewers {
            self.unlist(post, author, viewer);
        }
    }

    fn unlist(&mut self, post: PostId, author: MemberId, viewer: MemberId) {
        let Some(by_author) = self.by_viewer.get_mut(&viewer) else { return };
        if let Some(list) = by_author.get_mut(&author)
            && let Ok(at) = list.binary_search_by_key(&post, |entry| entry.post)
        {
            list.remove(at);
            self.entries -= 1;
            if list.is_empty() {
                by_author.remove(&author);
            }
        }
        if by_author.is_empty() {
            self.by_viewer.remove(&viewer);
        }
    }

    /// Returns the restricted posts that this member may see, by author.
    pub(super) fn for_viewer(&self, viewer: MemberId) -> impl Iterator<Item = (MemberId, &VecDeque<Entry>)> {
        self.by_viewer.get(&viewer).into_iter().flatten().map(|(author, list)| (*author, list))
    }

    /// Returns whether the post is for this member.
    pub(super) fn admits(&self, post: PostId, member: MemberId) -> bool {
        self.posts.get(&post).is_some_and(|restricted| restricted.viewers.contains(&member))
    }

    /// Returns the number of entries in all lists.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Position, PostAudience},
        storage::PostRef,
    };

    const AUTHOR: MemberId = MemberId(1);

    fn posts(of: &RestrictedPosts, viewer: u64) -> Vec<u64> {
        of.for_viewer(MemberId(viewer)).flat_map(|(_, list)| list).map(|entry| entry.post.0).collect()
    }

    #[test]
    fn each_viewer_has_the_posts_that_admit_it() {
        let mut restricted = RestrictedPosts::default();
        for post in [20, 10, 30] {
            let post = PostRef {
                post: PostId(post),
                author: AUTHOR,
                position: Position(post),
                audience: PostAudience::Mentioned,
            };
            restricted.insert(AUTHOR, Entry::of(&post));
            restricted.insert(AUTHOR, Entry::of(&post));
        }
        for (post, viewer) in [(30, 2), (10, 2), (10, 2), (10, 3), (40, 3)] {
            restricted.admit(PostId(post), MemberId(viewer));
        }
        assert_eq!((posts(&restricted, 1), posts(&restricted, 2)), (vec![10, 20, 30], vec![10, 30]));
        assert_eq!((posts(&restricted, 3), restricted.entries()), (vec![10], 6));
        assert!(restricted.admits(PostId(10), MemberId(3)) && !restricted.admits(PostId(20), MemberId(3)));

        restricted.withdraw(PostId(10), MemberId(2));
        restricted.withdraw(PostId(10), MemberId(2));
        assert_eq!((posts(&restricted, 2), posts(&restricted, 3)), (vec![30], vec![10]));
        restricted.remove(PostId(10));
        restricted.remove(PostId(30));
        assert_eq!((posts(&restricted, 1), posts(&restricted, 2), posts(&restricted, 3)), (vec![20], vec![], vec![]));
        restricted.remove(PostId(20));
        assert!(restricted.entries() == 0 && restricted.by_viewer.is_empty() && restricted.posts.is_empty());
    }
}
