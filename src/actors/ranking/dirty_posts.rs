//! `DirtyPosts`: the posts whose counts must be read from the database again before the next rebuild of the rankings.
use crate::domain::{Event, EventKind, MemberId, PostId};
use rustc_hash::FxHashSet;

/// Maximum number of dirty posts, and of dirty members, 16 bytes each. With more of them the tables are loaded anew,
/// which takes less time than that many look-ups.
pub(super) const DIRTY_MAX: usize = 100_000;

/// Collects from events *that* a post's counts changed, never by how much. The counts are read from the database, so
/// an event that is handled twice changes nothing.
#[derive(Default)]
pub(super) struct DirtyPosts {
    pub(super) posts: FxHashSet<PostId>,
    /// Members who were deactivated or restored, whose counters have followed, or whose privacy changed. Every post
    /// that they wrote, liked or commented on is dirty.
    pub(super) members: FxHashSet<MemberId>,
    /// A rebuild is needed although no count changed: the order of a ranking can have changed, as after a new post.
    rebuild_required: bool,
    overflowed: bool,
}

impl DirtyPosts {
    /// Marks the posts and members whose counts this event changed.
    pub(super) fn mark(&mut self, event: &Event) {
        use EventKind as K;
        let fact = &event.fact;
        match fact.kind {
            K::PostLiked
            | K::PostLikeCancelled
            | K::PostRead
            | K::CommentCreated
            | K::CommentDeleted
            | K::PostDeleted => self.add(fact.post),
            // A change of privacy also changes whether the posts are for everybody.
            K::MemberDeactivated
            | K::MemberRestored
            | K::CountersSettled
            | K::PostsPublic
            | K::PostsForFollowers
            | K::PostsPrivate => {
                self.members.insert(fact.member);
                self.overflowed |= self.members.len() > DIRTY_MAX;
            }
            K::PostCreated => self.require_rebuild(),
            _ => {}
        }
    }

    /// Adds posts, unless there are too many already.
    pub(super) fn add(&mut self, posts: impl IntoIterator<Item = PostId>) {
        if !self.overflowed {
            self.posts.extend(posts);
            self.overflowed = self.posts.len() > DIRTY_MAX;
        }
    }

    /// Has the next rebuild build the rankings even if no post is dirty.
    pub(super) fn require_rebuild(&mut self) {
        self.rebuild_required = true;
    }

    /// Returns true if a rebuild would find no change.
    pub(super) fn is_empty(&self) -> bool {
        !self.rebuild_required && self.posts.is_empty() && self.members.is_empty()
    }

    /// Returns true if more than [`DIRTY_MAX`] posts or members were marked: the tables must be loaded anew.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fact, Position};

    fn mark(dirty: &mut DirtyPosts, fact: Fact) {
        dirty.mark(&Event { position: Position(1), at_ns: 0, fact });
    }

    #[test]
    fn likes_views_and_comments_make_a_post_dirty() {
        let mut dirty = DirtyPosts::default();
        for (post, kind) in [
            (1, EventKind::PostLiked),
            (2, EventKind::PostLikeCancelled),
            (3, EventKind::PostRead),
            (4, EventKind::CommentCreated),
            (5, EventKind::CommentDeleted),
            (6, EventKind::PostDeleted),
            (7, EventKind::PostUpdated),
            (8, EventKind::CommentLiked),
        ] {
            mark(&mut dirty, Fact::new(kind, MemberId(9)).on_post(PostId(post)));
        }
        let mut posts: Vec<u64> = dirty.posts.iter().map(|post| post.0).collect();
        posts.sort_unstable();
        assert_eq!(posts, [1, 2, 3, 4, 5, 6]);
        assert!(!dirty.rebuild_required && dirty.members.is_empty());
    }

    #[test]
    fn some_events_change_only_the_order_and_most_change_nothing() {
        let mut dirty = DirtyPosts::default();
        mark(&mut dirty, Fact::new(EventKind::MemberFollowed, MemberId(1)).to(MemberId(2)));
        mark(&mut dirty, Fact::new(EventKind::DailyTop3Changed, MemberId(0)));
        assert!(dirty.is_empty());
        mark(&mut dirty, Fact::new(EventKind::PostCreated, MemberId(1)).on_post(PostId(7)));
        assert!(!dirty.is_empty() && dirty.posts.is_empty() && dirty.members.is_empty());
        for (member, kind) in [
            EventKind::MemberDeactivated,
            EventKind::MemberRestored,
            EventKind::CountersSettled,
            EventKind::PostsPublic,
            EventKind::PostsForFollowers,
            EventKind::PostsPrivate,
        ]
        .into_iter()
        .enumerate()
        {
            mark(&mut dirty, Fact::new(kind, MemberId(member as u64)));
            assert_eq!(dirty.members.len(), member + 1);
        }
    }

    #[test]
    fn no_posts_are_added_after_an_overflow() {
        let mut dirty = DirtyPosts::default();
        dirty.add((0..=DIRTY_MAX as u64).map(PostId));
        assert!(dirty.overflowed());
        dirty.add([PostId(u64::MAX)]);
        assert_eq!(dirty.posts.len(), DIRTY_MAX + 1);
    }
}
