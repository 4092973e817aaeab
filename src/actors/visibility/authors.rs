//! `Authors`: the decisions of authors that hold for every viewer, deactivation and the privacy of posts.
use crate::domain::{EventKind, MemberId, Privacy};
use rustc_hash::{FxHashMap, FxHashSet};

/// The authors who are deactivated or whose posts are not public.
#[derive(Default)]
pub(in crate::actors) struct Authors {
    deactivated: FxHashSet<MemberId>,
    non_public: FxHashMap<MemberId, Privacy>,
}

/// A change of one author's decision.
#[derive(Clone, Copy)]
pub(super) enum Decision {
    Deactivated,
    Restored,
    Privacy(Privacy),
}

impl Decision {
    /// Returns the decision that an event of this kind records.
    pub(super) fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::MemberDeactivated => Some(Self::Deactivated),
            EventKind::MemberRestored => Some(Self::Restored),
            EventKind::PostsPublic => Some(Self::Privacy(Privacy::Public)),
            EventKind::PostsForFollowers => Some(Self::Privacy(Privacy::Followers)),
            EventKind::PostsPrivate => Some(Self::Privacy(Privacy::Private)),
            _ => None,
        }
    }
}

impl Authors {
    pub(super) fn new(
        deactivated: impl IntoIterator<Item = MemberId>,
        non_public: impl IntoIterator<Item = (MemberId, Privacy)>,
    ) -> Self {
        Self { deactivated: deactivated.into_iter().collect(), non_public: non_public.into_iter().collect() }
    }

    /// Applies a decision; applying it again changes nothing.
    pub(super) fn apply(&mut self, author: MemberId, decision: Decision) {
        match decision {
            Decision::Deactivated => {
                self.deactivated.insert(author);
            }
            Decision::Restored => {
                self.deactivated.remove(&author);
            }
            Decision::Privacy(Privacy::Public) => {
                self.non_public.remove(&author);
            }
            Decision::Privacy(privacy) => {
                self.non_public.insert(author, privacy);
            }
        }
    }

    /// Returns the deactivated members, among them those who are purged by now.
    pub(super) fn deactivated(&self) -> Vec<MemberId> {
        self.deactivated.iter().copied().collect()
    }

    /// Forgets purged members: their posts are deleted, and no member gets their ids again.
    pub(super) fn forget(&mut self, purged: &[MemberId]) {
        for member in purged {
            self.deactivated.remove(member);
            self.non_public.remove(member);
        }
    }

    /// Whether every author is active and public.
    pub(super) fn hides_nobody(&self) -> bool {
        self.deactivated.is_empty() && self.non_public.is_empty()
    }

    pub(super) fn is_deactivated(&self, author: MemberId) -> bool {
        self.deactivated.contains(&author)
    }

    pub(super) fn privacy_of(&self, author: MemberId) -> Privacy {
        self.non_public.get(&author).copied().unwrap_or_default()
    }
}
