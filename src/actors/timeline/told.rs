//! What an event means to one stream: nothing, or one or more things to tell its client.
use super::{projection::Projection, viewer::Viewer};
use crate::{
    actors::Error,
    domain::{Event, EventKind as K, MemberId, Place, PostCounts, PostId, SeenPost},
};
use std::sync::{Arc, PoisonError};

/// Posts of one author that a stream takes back when they may not be seen any more: the newest. Older ones have long
/// left the screen, and are not there when the feed is read again.
const TAKEN_BACK_MAX: usize = 100;

/// What a stream tells its client.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The stream is open; its id is where it stands.
    Ready,
    /// A post was written.
    Created(SeenPost),
    /// A post was changed.
    Updated(SeenPost),
    /// A post was deleted.
    Deleted(PostId),
    /// A post that this stream may have shown may no longer be seen by its member.
    Hidden(PostId),
    /// What is counted about a post has changed.
    Counts(PostId, PostCounts),
    /// The cursor leads nowhere: read the feed again, this stream goes on from now.
    Reset {
        /// `unknown`, `expired` or `too_far`.
        reason: &'static str,
    },
}

impl Projection {
    /// What each of these events means to the viewer's stream, in their order. A post that is gone by now is told of
    /// by its deletion alone.
    pub(super) async fn told(&self, viewer: &Viewer, events: &[Event]) -> Result<Vec<(Event, Vec<LiveEvent>)>, Error> {
        let shown: Vec<PostId> =
            events.iter().filter(|event| shows(event.fact.kind)).filter_map(|event| event.fact.post).collect();
        let posts = self.posts(viewer, &shown, Place::Served).await?;
        let mut told = Vec::new();
        for event in events {
            let lives = self.meaning(viewer, event, &posts);
            if !lives.is_empty() {
                told.push((*event, lives));
            }
        }
        Ok(told)
    }

    fn meaning(&self, viewer: &Viewer, event: &Event, posts: &[SeenPost]) -> Vec<LiveEvent> {
        let fact = &event.fact;
        let seen = || posts.iter().find(|seen| Some(seen.post.id) == fact.post).cloned();
        let own = fact.member == viewer.member();
        match fact.kind {
            K::PostCreated => seen().map(LiveEvent::Created).into_iter().collect(),
            K::PostUpdated => seen().map(LiveEvent::Updated).into_iter().collect(),
            K::PostDeleted => fact.post.map(LiveEvent::Deleted).into_iter().collect(),
            K::MemberDeactivated | K::PostsForFollowers | K::PostsPrivate if !own => {
                self.taken_back(viewer, event, fact.member)
            }
            K::MemberUnfollowed | K::FollowEnded | K::MemberMuted if own => {
                fact.target.map(|author| self.taken_back(viewer, event, author)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// The author's newest posts up to the event, where the viewer may not see them any more.
    fn taken_back(&self, viewer: &Viewer, event: &Event, author: MemberId) -> Vec<LiveEvent> {
        if viewer.sees_posts_of(author, Place::Served) {
            return Vec::new();
        }
        let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
        let all = PostId(u64::MAX - 1);
        let found = window.of_authors(&[author], |_| true, all, event.position, TAKEN_BACK_MAX);
        found.places.iter().map(|place| LiveEvent::Hidden(place.post)).collect()
    }

    /// The counts of these posts as the viewer sees them.
    pub(super) async fn counts(self: &Arc<Self>, member: MemberId, ids: &[PostId]) -> Result<Vec<LiveEvent>, Error> {
        let viewer = self.viewer(member).await?;
        let posts = self.posts(&viewer, ids, Place::AskedFor).await?;
        Ok(posts.iter().map(|seen| LiveEvent::Counts(seen.post.id, seen.counts())).collect())
    }
}

fn shows(kind: K) -> bool {
    matches!(kind, K::PostCreated | K::PostUpdated)
}
