//! May this member see that thing? The one place where it is decided.
//!
//! Every feed, thread, count, list, search, notification, stream and replay asks here, so that what is hidden in one
//! view is hidden in all of them.
use super::Privacy;

/// Where the thing would be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Something the viewer did not ask for by name: home, recent, ranked and tag feeds, streams, notifications.
    Served,
    /// Something the viewer asked for: a post, a member's posts, a thread, a search.
    AskedFor,
}

/// How the viewer and an author stand, and what the author has decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The thing itself was deleted.
    pub deleted: bool,
    /// Its author has left.
    pub author_gone: bool,
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
pub fn may_see(standing: Standing, place: Place) -> bool {
    let there = !standing.deleted && !standing.author_gone;
    there && (standing.own || !standing.blocked && (place == Place::AskedFor || !standing.muted))
}

/// Whether the viewer may see a post of the author, and what hangs on it.
pub fn may_see_post(standing: Standing, place: Place) -> bool {
    let admitted = match standing.privacy {
        Privacy::Public => true,
        Privacy::Followers => standing.own || standing.follows,
        Privacy::Private => standing.own,
    };
    admitted && may_see(standing, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Place; 2] = [Place::Served, Place::AskedFor];

    #[test]
    fn what_is_gone_is_seen_by_nobody() {
        for (deleted, author_gone) in [(true, false), (false, true), (true, true)] {
            for own in [false, true] {
                let standing = Standing { deleted, author_gone, own, follows: true, ..Standing::default() };
                assert!(BOTH.iter().all(|place| !may_see(standing, *place) && !may_see_post(standing, *place)));
            }
        }
        assert!(BOTH.iter().all(|place| may_see_post(Standing::default(), *place)));
    }

    #[test]
    fn a_block_hides_everything_and_a_mute_what_is_served() {
        let blocked = Standing { blocked: true, follows: true, ..Standing::default() };
        assert!(BOTH.iter().all(|place| !may_see(blocked, *place) && !may_see_post(blocked, *place)));
        let muted = Standing { muted: true, ..Standing::default() };
        assert!(!may_see_post(muted, Place::Served) && may_see_post(muted, Place::AskedFor));
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
            assert_eq!(may_see_post(standing, Place::AskedFor), seen, "{standing:?}");
            assert!(may_see(standing, Place::AskedFor));
        }
    }
}
