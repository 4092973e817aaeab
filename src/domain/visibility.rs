//! The visibility rule: decides whether a member or a post is visible to a viewer.
//!
//! Every feed, thread, count, list, search, notification, stream and replay calls `is_member_visible` or
//! `is_post_visible`, so a post that is hidden in one view is hidden in every view. A post is visible if the privacy of
//! its author and the audience of the post both admit the viewer.
use super::{PostFacts, Privacy};

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
    /// The author's privacy: the widest audience of the author's posts.
    pub privacy: Privacy,
}

/// A viewer's standing with an author: decides which audiences of the author's posts include the viewer. In ascending
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// No post of the author is visible: the author's privacy, a block, a mute or a deactivation hides them all.
    Hidden,
    /// The viewer does not follow the author.
    Stranger,
    /// The viewer follows the author.
    Follower,
    /// The viewer is the author.
    Author,
}

/// Returns whether the author is visible to the viewer: in profiles, lists, comments, likes and notifications.
pub fn is_member_visible(facts: VisibilityFacts, surface: Surface) -> bool {
    let exists = !facts.deleted && !facts.author_deactivated;
    exists && (facts.own || !facts.blocked && (surface == Surface::Direct || !facts.muted))
}

/// Returns the viewer's standing with the author, as far as posts are concerned.
pub fn standing(facts: VisibilityFacts, surface: Surface) -> Standing {
    let admitted = match facts.privacy {
        Privacy::Public => true,
        Privacy::Followers => facts.own || facts.follows,
        Privacy::Private => facts.own,
    };
    match facts {
        _ if !admitted || !is_member_visible(facts, surface) => Standing::Hidden,
        VisibilityFacts { own: true, .. } => Standing::Author,
        VisibilityFacts { follows: true, .. } => Standing::Follower,
        _ => Standing::Stranger,
    }
}

/// Returns whether a post of the author is visible to the viewer, with its comments, likes and images.
pub fn is_post_visible(facts: VisibilityFacts, post: PostFacts, surface: Surface) -> bool {
    post.visible_to(standing(facts, surface))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MemberId, PostAudience};

    /// A public post.
    const POST: PostFacts = PostFacts { author: MemberId(7), audience: PostAudience::Public, mentions_viewer: false };
    const BOTH: [Surface; 2] = [Surface::Feed, Surface::Direct];

    #[test]
    fn a_deleted_post_and_a_deactivated_author_are_hidden_from_everybody() {
        for (deleted, author_deactivated) in [(true, false), (false, true), (true, true)] {
            for own in [false, true] {
                let facts =
                    VisibilityFacts { deleted, author_deactivated, own, follows: true, ..VisibilityFacts::default() };
                assert!(
                    BOTH.iter()
                        .all(|surface| !is_member_visible(facts, *surface) && !is_post_visible(facts, POST, *surface))
                );
            }
        }
        assert!(BOTH.iter().all(|surface| is_post_visible(VisibilityFacts::default(), POST, *surface)));
    }

    #[test]
    fn a_block_hides_on_every_surface_and_a_mute_in_feeds_only() {
        let blocked = VisibilityFacts { blocked: true, follows: true, ..VisibilityFacts::default() };
        assert!(
            BOTH.iter()
                .all(|surface| !is_member_visible(blocked, *surface) && !is_post_visible(blocked, POST, *surface))
        );
        let muted = VisibilityFacts { muted: true, ..VisibilityFacts::default() };
        assert!(!is_post_visible(muted, POST, Surface::Feed) && is_post_visible(muted, POST, Surface::Direct));
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
            assert_eq!(is_post_visible(facts, POST, Surface::Direct), visible, "{facts:?}");
            assert!(is_member_visible(facts, Surface::Direct));
        }
    }

    /// The viewers of the table below.
    const VIEWERS: [(&str, bool, bool, bool); 5] = [
        // name, follows, mentioned, own
        ("stranger", false, false, false),
        ("follower", true, false, false),
        ("mentioned stranger", false, true, false),
        ("mentioned follower", true, true, false),
        ("author", false, false, true),
    ];

    /// For each audience and privacy, the viewers who see the post, in the order of `VIEWERS`.
    const TABLE: [(PostAudience, Privacy, [bool; 5]); 12] = [
        (PostAudience::Public, Privacy::Public, [true, true, true, true, true]),
        (PostAudience::Public, Privacy::Followers, [false, true, false, true, true]),
        (PostAudience::Public, Privacy::Private, [false, false, false, false, true]),
        (PostAudience::Followers, Privacy::Public, [false, true, false, true, true]),
        (PostAudience::Followers, Privacy::Followers, [false, true, false, true, true]),
        (PostAudience::Followers, Privacy::Private, [false, false, false, false, true]),
        (PostAudience::Mentioned, Privacy::Public, [false, false, true, true, true]),
        (PostAudience::Mentioned, Privacy::Followers, [false, false, false, true, true]),
        (PostAudience::Mentioned, Privacy::Private, [false, false, false, false, true]),
        (PostAudience::Own, Privacy::Public, [false, false, false, false, true]),
        (PostAudience::Own, Privacy::Followers, [false, false, false, false, true]),
        (PostAudience::Own, Privacy::Private, [false, false, false, false, true]),
    ];

    #[test]
    fn privacy_and_audience_must_both_admit_the_viewer() {
        for (audience, privacy, expected) in TABLE {
            for ((name, follows, mentions_viewer, own), visible) in VIEWERS.into_iter().zip(expected) {
                let facts = VisibilityFacts { privacy, follows, own, ..VisibilityFacts::default() };
                let post = PostFacts { audience, mentions_viewer, ..POST };
                for surface in BOTH {
                    let seen = is_post_visible(facts, post, surface);
                    assert_eq!(seen, visible, "{audience:?} post of a {privacy:?} author, by the {name}");
                    let blocked = VisibilityFacts { blocked: true, ..facts };
                    assert_eq!(is_post_visible(blocked, post, surface), visible && own, "{audience:?}, blocked");
                }
                let muted = VisibilityFacts { muted: true, ..facts };
                assert_eq!(is_post_visible(muted, post, Surface::Direct), visible, "{audience:?}, muted");
                assert_eq!(is_post_visible(muted, post, Surface::Feed), visible && own, "{audience:?}, muted");
                let deactivated = VisibilityFacts { author_deactivated: true, ..facts };
                assert!(!is_post_visible(deactivated, post, Surface::Direct), "{audience:?}, deactivated");
            }
        }
    }
}
