//! `Viewer`: a member for whom something is read, and the visibility rule applied to that member.
use super::{Visibility, authors::Authors};
use crate::domain::{
    MemberId, PostAudience, PostFacts, Relations, Standing, Surface, Timestamp, VisibilityFacts, is_member_visible,
    is_post_visible, standing,
};
use std::sync::{Arc, PoisonError};

/// A member for whom something is read. Made for each request and each step of a stream, so that its relations are
/// never stale.
#[derive(Clone)]
pub struct Viewer {
    relations: Arc<Relations>,
    visibility: Visibility,
}

impl Viewer {
    pub(super) fn new(relations: Arc<Relations>, visibility: Visibility) -> Self {
        Self { relations, visibility }
    }

    /// The id of the viewer.
    pub fn member(&self) -> MemberId {
        self.relations.member
    }

    /// The viewer's follows, blocks in both directions, and mutes.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// Whether `other` is visible to the viewer: profile, lists, comments, likes, notifications.
    pub fn sees(&self, other: MemberId, surface: Surface) -> bool {
        self.with_check(surface, |check| check.sees(other))
    }

    /// The viewer's standing with `author`: which audiences of the author's posts include the viewer.
    pub fn standing(&self, author: MemberId, surface: Surface) -> Standing {
        self.with_check(surface, |check| check.standing(author))
    }

    /// Whether a post is visible to the viewer, with the comments and likes on it.
    pub fn sees_post(&self, post: PostFacts, surface: Surface) -> bool {
        self.with_check(surface, |check| check.sees_post(post))
    }

    /// Calls `decide` with the rule, to decide about many members under one lock. `decide` must not block.
    ///
    /// Lock order: `Shared::authors` first, then, inside `decide`, the window of the feeds. The projection's writer
    /// holds one of the two at a time.
    pub(in crate::actors) fn with_check<T>(
        &self,
        surface: Surface,
        decide: impl FnOnce(&VisibilityCheck<'_>) -> T,
    ) -> T {
        let authors = self.visibility.shared.authors.read().unwrap_or_else(PoisonError::into_inner);
        decide(&VisibilityCheck::new(&self.relations, &authors, surface))
    }
}

/// The visibility rule for one viewer on one surface, while the authors are locked.
pub(in crate::actors) struct VisibilityCheck<'a> {
    relations: &'a Relations,
    authors: &'a Authors,
    surface: Surface,
    now: Timestamp,
    /// No author is deactivated or non-public, and the viewer has no block or mute: every member is visible, and every
    /// public post.
    hides_nobody: bool,
}

impl<'a> VisibilityCheck<'a> {
    fn new(relations: &'a Relations, authors: &'a Authors, surface: Surface) -> Self {
        let hides_nobody = authors.hides_nobody() && relations.hides_nobody();
        Self { relations, authors, surface, now: Timestamp::now(), hides_nobody }
    }

    /// The id of the viewer.
    pub(in crate::actors) fn viewer(&self) -> MemberId {
        self.relations.member
    }

    /// Whether a post is visible to the viewer.
    pub(in crate::actors) fn sees_post(&self, post: PostFacts) -> bool {
        self.hides_nobody && post.audience == PostAudience::Public
            || is_post_visible(self.facts(post.author), post, self.surface)
    }

    /// The viewer's standing with `author`.
    pub(in crate::actors) fn standing(&self, author: MemberId) -> Standing {
        standing(self.facts(author), self.surface)
    }

    /// Does the same as `standing` for one of the viewer's `home_authors`. Faster, because the viewer is known to follow
    /// this author.
    pub(in crate::actors) fn standing_at_home(&self, author: MemberId) -> Standing {
        match self.hides_nobody {
            true if author == self.relations.member => Standing::Author,
            true => Standing::Follower,
            false => self.standing(author),
        }
    }

    /// Whether `other` is visible to the viewer.
    pub(in crate::actors) fn sees(&self, other: MemberId) -> bool {
        self.hides_nobody || is_member_visible(self.facts(other), self.surface)
    }

    fn facts(&self, author: MemberId) -> VisibilityFacts {
        VisibilityFacts {
            author_deactivated: self.authors.is_deactivated(author),
            privacy: self.authors.privacy_of(author),
            ..self.relations.facts_about(author, self.now)
        }
    }
}
