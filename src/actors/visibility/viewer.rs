//! Who looks, and what the viewer may see: everything that is shown to a member passes here.
use super::projection::Projection;
use crate::domain::{MemberId, Privacy, Relations, Standing, Surface, Timestamp, may_see, may_see_post};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, PoisonError};

/// What authors have decided that holds for everybody: who has left, and whose posts are not for all.
#[derive(Default)]
pub(super) struct Authors {
    pub(super) deactivated: FxHashSet<MemberId>,
    pub(super) non_public: FxHashMap<MemberId, Privacy>,
}

impl Authors {
    pub(super) fn deactivate(&mut self, author: MemberId) {
        self.deactivated.insert(author);
    }

    pub(super) fn restore(&mut self, author: MemberId) {
        self.deactivated.remove(&author);
    }

    pub(super) fn privacy_changed(&mut self, author: MemberId, privacy: Privacy) {
        match privacy {
            Privacy::Public => self.non_public.remove(&author),
            _ => self.non_public.insert(author, privacy),
        };
    }
}

/// A member who looks at something. Made for each request and each step of a stream, so that it is never stale.
#[derive(Clone)]
pub struct Viewer {
    relations: Arc<Relations>,
    projection: Arc<Projection>,
}

impl Viewer {
    pub(super) fn new(relations: Arc<Relations>, projection: Arc<Projection>) -> Self {
        Self { relations, projection }
    }

    /// Who looks.
    pub fn member(&self) -> MemberId {
        self.relations.member
    }

    /// Whom the viewer follows, blocks and mutes.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// Whether the viewer may see that this member exists: profile, lists, comments, likes, notifications.
    pub fn sees(&self, other: MemberId, surface: Surface) -> bool {
        self.with_sight(surface, |sight| sight.member(other))
    }

    /// Whether the viewer may see posts of this author, and what hangs on them.
    pub fn sees_posts_of(&self, author: MemberId, surface: Surface) -> bool {
        self.with_sight(surface, |sight| sight.post(author))
    }

    /// Decides many at once under one lock. Nothing in `look` may wait. Lock order: `authors`, then in `look` the
    /// window; the projection's writer holds one of them at a time.
    pub(super) fn with_sight<T>(&self, surface: Surface, look: impl FnOnce(&Sight<'_>) -> T) -> T {
        let authors = self.projection.authors.read().unwrap_or_else(PoisonError::into_inner);
        look(&Sight::new(&self.relations, &authors, surface))
    }
}

/// A viewer's viewer, for as long as the authors hold still.
pub(super) struct Sight<'a> {
    relations: &'a Relations,
    authors: &'a Authors,
    surface: Surface,
    now: Timestamp,
    /// Nobody is gone, non_public, blocked or muted: there is nothing to ask.
    everything: bool,
}

impl<'a> Sight<'a> {
    pub(super) fn new(relations: &'a Relations, authors: &'a Authors, surface: Surface) -> Self {
        let everything = authors.deactivated.is_empty() && authors.non_public.is_empty() && relations.hides_nobody();
        Self { relations, authors, surface, now: Timestamp::now(), everything }
    }

    pub(super) fn post(&self, author: MemberId) -> bool {
        self.everything || may_see_post(self.standing(author), self.surface)
    }

    pub(super) fn member(&self, other: MemberId) -> bool {
        self.everything || may_see(self.standing(other), self.surface)
    }

    fn standing(&self, author: MemberId) -> Standing {
        Standing {
            author_deactivated: self.authors.deactivated.contains(&author),
            privacy: self.authors.non_public.get(&author).copied().unwrap_or_default(),
            ..self.relations.to(author, self.now)
        }
    }
}
