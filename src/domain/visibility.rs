//! May this member see that thing? The one place where it is decided.
//!
//! Every feed, thread, count, list, stream and replay asks here, so that what is hidden in one
//! view is hidden in all of them.

/// What the decision depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The thing itself was deleted.
    pub deleted: bool,
    /// Its author has left.
    pub author_deactivated: bool,
}

/// Whether a thing of this standing may be shown.
pub fn may_see(standing: Standing) -> bool {
    !standing.deleted && !standing.author_deactivated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_seen_by_nobody() {
        for (deleted, author_deactivated) in [(true, false), (false, true), (true, true)] {
            assert!(!may_see(Standing { deleted, author_deactivated }));
        }
        assert!(may_see(Standing::default()));
    }
}
