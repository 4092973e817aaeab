//! The visibility rule: decides whether a viewer may see a member or a post.
//!
//! Every feed, thread, count, list, search, notification, stream and replay calls `may_see` or `may_see_post`, so a post
//! that is hidden in one view is hidden in every view.
use super::Privacy;

/// Where something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Not asked for by name: home, recent, ranked and tag feeds, streams, notifications. Hides muted authors.
    Feed,
    /// Asked for: a post, a member's posts, a thread, a search.
    Direct,
}

/// How the viewer and an author stand, and what the author has decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The thing itself was deleted.
    pub deleted: bool,
    /// Its author has left.
    pub author_deactivated: bool,
    /// The viewer is the author.
    pub own: bool,
    /// One of the two has blocked the other.
    pub blocked: bool,
    /// The viewer has muted the author.
    pub muted: bool,
    /// The viewer follows the author.
    pub follows: bool,
    /// Who may see the author's posts.
    pub privacy: Privacy,
}

/// Whether the viewer may see that the author exists: profile, lists, comments, likes.
pub fn may_see(standing: Standing, surface: Surface) -> bool {
    let there = !standing.deleted && !standing.author_deactivated;
    there && (standing.own || !standing.blocked && (surface == Surface::Direct || !standing.muted))
}

/// Whether the viewer may see a post of the author, and what hangs on it.
pub fn may_see_post(standing: Standing, surface: Surface) -> bool {
    let admitted = match standing.privacy {
        Privacy::Public => true,
        Privacy::Followers => standing.own || standing.follows,
        Privacy::Private => standing.own,
    };
    admitted && may_see(standing, surface)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Surface; 2] = [Surface::Feed, Surface::Direct];

    #[test]
    fn what_is_gone_is_seen_by_nobody() {
        for (deleted, author_deactivated) in [(true, false), (false, true), (true, true)] {
            for own in [false, true] {
                let standing = Standing { deleted, author_deactivated, own, follows: true, ..Standing::default() };
                assert!(BOTH.iter().all(|surface| !may_see(standing, *surface) && !may_see_post(standing, *surface)));
            }
        }
        assert!(BOTH.iter().all(|surface| may_see_post(Standing::default(), *surface)));
    }

    #[test]
    fn a_block_hides_everything_and_a_mute_what_is_served() {
        let blocked = Standing { blocked: true, follows: true, ..Standing::default() };
        assert!(BOTH.iter().all(|surface| !may_see(blocked, *surface) && !may_see_post(blocked, *surface)));
        let muted = Standing { muted: true, ..Standing::default() };
        assert!(!may_see_post(muted, Surface::Feed) && may_see_post(muted, Surface::Direct));
    }

    #[test]
    fn privacy_hides_posts_and_not_their_author() {
        for (privacy, follows, own, seen) in [
            (Privacy::Followers, false, false, false),
            (Privacy::Followers, true, false, true),
            (Privacy::Followers, false, true, true),
            (Privacy::Private, true, false, false),
            (Privacy::Private, false, true, true),
        ] {
            let standing = Standing { privacy, follows, own, ..Standing::default() };
            assert_eq!(may_see_post(standing, Surface::Direct), seen, "{standing:?}");
            assert!(may_see(standing, Surface::Direct));
        }
    }
}
