//! What has to be counted again before the next generation.
use crate::domain::{Event, EventKind, MemberId, PostId};
use rustc_hash::FxHashSet;

/// Posts that may be marked, 16 bytes each. With more, everything is loaded again: that takes less than so many
/// look-ups.
pub(super) const MARKS_MAX: usize = 100_000;

/// Events say that something changed, never by how much: the database is asked, so that an event that is handled twice
/// changes nothing.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) posts: FxHashSet<PostId>,
    /// Who has left or come back: everything that they touched counts differently.
    pub(super) members: FxHashSet<MemberId>,
    /// The order may have changed without any of these.
    pub(super) stirred: bool,
    overflowed: bool,
}

impl Marks {
    pub(super) fn note(&mut self, event: &Event) {
        use EventKind as K;
        let fact = &event.fact;
        match fact.kind {
            K::PostLiked | K::PostLikeCancelled | K::PostRead | K::CommentCreated | K::CommentDeleted => {
                self.add(fact.post);
            }
            K::PostDeleted => self.add(fact.post),
            K::MemberDeactivated | K::MemberRestored => {
                self.members.insert(fact.member);
                self.overflowed |= self.members.len() > MARKS_MAX;
            }
            K::PostCreated | K::PostsPublic | K::PostsForFollowers | K::PostsPrivate => self.stirred = true,
            _ => {}
        }
    }

    pub(super) fn add(&mut self, posts: impl IntoIterator<Item = PostId>) {
        if !self.overflowed {
            self.posts.extend(posts);
            self.overflowed = self.posts.len() > MARKS_MAX;
        }
    }

    pub(super) fn any(&self) -> bool {
        self.stirred || !self.posts.is_empty() || !self.members.is_empty()
    }

    /// There are too many: everything has to be loaded again.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Fact, Position};

    fn note(marks: &mut Marks, fact: Fact) {
        marks.note(&Event { position: Position(1), at_ns: 0, fact });
    }

    #[test]
    fn what_is_liked_viewed_or_commented_is_counted_again() {
        let mut marks = Marks::default();
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
            note(&mut marks, Fact::new(kind, MemberId(9)).on_post(PostId(post)));
        }
        let mut posts: Vec<u64> = marks.posts.iter().map(|post| post.0).collect();
        posts.sort_unstable();
        assert_eq!(posts, [1, 2, 3, 4, 5, 6]);
        assert!(!marks.stirred && marks.members.is_empty());
    }

    #[test]
    fn some_events_change_the_order_alone_and_most_nothing() {
        let mut marks = Marks::default();
        note(&mut marks, Fact::new(EventKind::MemberFollowed, MemberId(1)).to(MemberId(2)));
        note(&mut marks, Fact::new(EventKind::DailyTop3Changed, MemberId(0)));
        assert!(!marks.any());
        note(&mut marks, Fact::new(EventKind::PostsPrivate, MemberId(1)));
        assert!(marks.any() && marks.posts.is_empty());
        note(&mut marks, Fact::new(EventKind::MemberDeactivated, MemberId(1)));
        assert_eq!(marks.members.len(), 1);
    }

    #[test]
    fn too_many_marks_are_not_kept() {
        let mut marks = Marks::default();
        marks.add((0..=MARKS_MAX as u64).map(PostId));
        assert!(marks.overflowed());
        marks.add([PostId(u64::MAX)]);
        assert_eq!(marks.posts.len(), MARKS_MAX + 1);
    }
}
