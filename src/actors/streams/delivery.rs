//! Delivery: loads the posts that streams show next, then offers each event to the streams of its audience.
use super::Shared;
use crate::domain::{Event, EventKind as K};

/// Offers applied events to the streams of their audience.
pub(super) async fn deliver(shared: &Shared, events: &[Event]) {
    preload(shared, events).await;
    for event in events {
        offer(shared, event);
    }
    if let Some(last) = events.last() {
        shared.hub.set_offered_to(last.position);
    }
}

/// Loads the posts and days that streams show next, once: otherwise each of thousands of streams would query the store.
async fn preload(shared: &Shared, events: &[Event]) {
    let posts = shared.hub.awaited_posts(events);
    if !posts.is_empty() {
        // On an error the streams query the store themselves.
        let _ = shared.catalog.preload(&posts).await;
    }
    for event in events.iter().filter(|event| event.fact.kind == K::DailyTop3Changed) {
        if let Ok(Some(day)) = shared.ranking.top3_changed_at(event.position).await {
            shared.recent_days.add(event.position, day);
        }
    }
}

/// Offers an event, and has the streams of a follower watch or no longer watch the author.
fn offer(shared: &Shared, event: &Event) {
    let fact = &event.fact;
    shared.hub.offer(event);
    match (fact.kind, fact.target) {
        (K::MemberFollowed | K::FollowBegan, Some(author)) => shared.hub.follow(fact.member, author),
        (K::MemberUnfollowed | K::FollowEnded, Some(author)) => shared.hub.unfollow(fact.member, author),
        _ => {}
    }
}
