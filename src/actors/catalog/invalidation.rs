//! `invalidate`: drops the cached entities that an event changed.
use super::entities::Entities;
use crate::domain::{Event, EventKind as K};

/// Drops the entries that `event` changed.
pub(super) fn invalidate(entities: &Entities, event: &Event) {
    let fact = &event.fact;
    match fact.kind {
        K::PostUpdated | K::PostDeleted | K::PostRead => {
            if let Some(post) = fact.post {
                entities.invalidate_post(post);
            }
        }
        K::CommentCreated | K::CommentDeleted => {
            if let Some(post) = fact.post {
                entities.invalidate_acts(post);
            }
        }
        K::PostLiked | K::PostLikeCancelled => {
            if let Some(post) = fact.post {
                entities.invalidate_acts(post);
            }
            entities.invalidate_likes(fact.member);
        }
        K::MemberFollowed | K::FollowBegan | K::MemberUnfollowed | K::FollowEnded => {
            entities.invalidate_relations(fact.member);
        }
        K::MemberMuted | K::MemberUnmuted => entities.invalidate_relations(fact.member),
        K::MemberBlocked | K::MemberUnblocked => {
            entities.invalidate_relations(fact.member);
            if let Some(other) = fact.target {
                entities.invalidate_relations(other);
            }
        }
        K::ProfileChanged => entities.invalidate_card(fact.member),
        // A member who is deactivated or restored changes the counters of any number of posts.
        K::MemberDeactivated | K::MemberRestored | K::CountersSettled => {
            entities.invalidate_card(fact.member);
            entities.invalidate_posts();
        }
        K::PostCreated | K::CommentUpdated | K::CommentLiked | K::CommentLikeCancelled | K::CommentRead => {}
        K::MemberSignedUp | K::MemberLoggedIn | K::MemberLoggedOut | K::PasswordChanged => {}
        K::MemberMentioned | K::MentionWithdrawn => {}
        K::PostsPublic | K::PostsForFollowers | K::PostsPrivate => {}
        K::NotificationsRead | K::DailyTop3Changed => {}
        K::FollowRequested | K::FollowRequestWithdrawn => {}
        K::FollowRequestAccepted | K::FollowRequestDeclined | K::FollowerRemoved => {}
    }
}
