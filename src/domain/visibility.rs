//! The visibility rule: decides whether a member or a post is visible to a viewer.
//!
//! Every feed, thread, count, list, search, notification, stream and replay calls `is_member_visible` or
//! `is_post_visible`, so a post that is hidden in one view is hidden in every view.
use super::Privacy;

/// The surface on which something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Shown without being asked for by name: home, recent, ranked and tag feeds, streams, notifications. Hides muted
    /// authors.
    Feed,
    /// Asked for by name: a post, a member's posts, a thread, a search. Shows muted authors.
    Direct,
}

/// The facts that the visibility rule decides by: the viewer's relations to an author, and the author's decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VisibilityFacts {
    /// The post or comment itself was deleted. Stores exclude deleted rows, so readers of rows leave it false.
    pub deleted: bool,
    /// Its author has deactivated the account.
    pub author_deactivated: bool,
    /// The viewer is the author.
    pub own: bool,
    /// One of the two has blocked the other.
    pub blocked: bool,
    /// The viewer has muted the author.
    pub muted: bool,
    /// The viewer follows the author.
    pub follows: bool,
    /// The author's privacy: the audience of the author's posts.
    pub privacy: Privacy,
}

/// Returns whether the author is visible to the viewer: in profiles, lists, comments, likes and notifications.
pub fn is_member_visible(facts: VisibilityFacts, surface: Surface) -> bool {
    let exists = !facts.deleted && !facts.author_deactivated;
    exists && (facts.own || !facts.blocked && (surface == Surface::Direct || !facts.muted))
}

/// Returns whether the author's posts are visible to the viewer, with their comments, likes and images.
pub fn is_post_visible(facts: VisibilityFacts, surface: Surface) -> bool {
    let admitted = match facts.privacy {
        Privacy::Public => true,
        Privacy::Followers => facts.own || facts.follows,
        Privacy::Private => facts.own,
    };
    admitted && is_member_visible(facts, surface)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Surface; 2] = [Surface::Feed, Surface::Direct];

    #[test]
    fn a_deleted_post_and_a_deactivated_author_are_hidden_from_everybody() {
        for (deleted, author_deactivated) in [(true, false), (false, true), (true, true)] {
            for own in [false, true] {
                let facts =
                    VisibilityFacts { deleted, author_deactivated, own, follows: true, ..VisibilityFacts::default() };
                assert!(
                    BOTH.iter().all(|surface| !is_member_visible(facts, *surface) && !is_post_visible(facts, *surface))
                );
            }
        }
        assert!(BOTH.iter().all(|surface| is_post_visible(VisibilityFacts::default(), *surface)));
    }

    #[test]
    fn a_block_hides_on_every_surface_and_a_mute_in_feeds_only() {
        let blocked = VisibilityFacts { blocked: true, follows: true, ..VisibilityFacts::default() };
        assert!(
            BOTH.iter().all(|surface| !is_member_visible(blocked, *surface) && !is_post_visible(blocked, *surface))
        );
        let muted = VisibilityFacts { muted: true, ..VisibilityFacts::default() };
        assert!(!is_post_visible(muted, Surface::Feed) && is_post_visible(muted, Surface::Direct));
    }

    #[test]
    fn privacy_hides_the_posts_but_not_their_author() {
        for (privacy, follows, own, visible) in [
            (Privacy::Followers, false, false, false),
            (Privacy::Followers, true, false, true),
            (Privacy::Followers, false, true, true),
            (Privacy::Private, true, false, false),
            (Privacy::Private, false, true, true),
        ] {
            let facts = VisibilityFacts { privacy, follows, own, ..VisibilityFacts::default() };
            assert_eq!(is_post_visible(facts, Surface::Direct), visible, "{facts:?}");
            assert!(is_member_visible(facts, Surface::Direct));
        }
    }
}
