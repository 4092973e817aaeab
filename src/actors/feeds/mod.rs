//! Feeds: pages of posts, newest first, from a window in memory and, below it, from the database.
//!
//! Depends on the catalog and visibility (catalog <- visibility <- feeds, notifications <- streams <- projection).
pub(super) mod bench_api;
mod merge;
mod older;
#[cfg(test)]
mod older_tests;
mod page;
mod restricted;
mod scan;
mod window;
#[cfg(test)]
mod window_tests;

pub use page::{Feed, FeedPage};

pub(super) use window::PostWindow;

use super::{
    catalog::Catalog,
    lanes::{Lane, LaneLimits},
    visibility::{Viewer, Visibility},
};
use crate::{
    config::Config,
    domain::{Event, EventKind, MemberId, Position, PostAudience, PostId, Standing, Surface, Timestamp, first_id_at},
    storage::{EventLog, PostRef, PostStore, StoreResult, Stores},
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use window::{BYTES_PER_POST, Range};

/// Posts that one query loads while the window is built.
const LOAD_STEP: usize = 10_000;

/// Handle of the feeds. Cheap to clone; reads skip every mailbox. [`Feeds::page`] is in `page.rs`.
#[derive(Clone)]
pub struct Feeds {
    shared: Arc<Shared>,
}

/// The state that all clones of [`Feeds`] share; only the projection writes the window.
///
/// Lock order: the authors of [`Viewer::with_check`] first, then `window`. The projection's writer holds one at a time.
struct Shared {
    posts: Arc<dyn PostStore>,
    log: Arc<dyn EventLog>,
    catalog: Catalog,
    visibility: Visibility,
    window: RwLock<PostWindow>,
    /// Maximum number of posts in the window.
    posts_max: usize,
    /// Age in days of the oldest post in the window when it is built.
    window_days: u64,
    /// The lane of scans below the window of many authors.
    lane: Lane,
}

impl Feeds {
    /// Makes the handle with an empty window, which [`Feeds::replace_window`] fills.
    pub(super) fn new(stores: &Stores, config: &Config, catalog: Catalog, visibility: Visibility) -> Self {
        Self {
            shared: Arc::new(Shared {
                posts: stores.posts.clone(),
                log: stores.log.clone(),
                catalog,
                visibility,
                window: RwLock::default(),
                posts_max: (config.timeline.window_bytes_max / BYTES_PER_POST).max(1),
                window_days: u64::from(config.timeline.window_days),
                lane: Lane::new("feeds", LaneLimits::default()),
            }),
        }
    }

    /// Returns the newest posts in the window of the viewer's home feed, at most `limit`.
    pub(super) fn newest_at_home(&self, viewer: &Viewer, limit: usize) -> Vec<PostRef> {
        viewer.with_check(Surface::Feed, |check| {
            let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
            let range = Range { before: PostId(u64::MAX), pinned: Position(u64::MAX), limit };
            let authors = &viewer.relations().home_authors;
            window.newest_by_authors(viewer.member(), authors, |author| check.standing_at_home(author), range).posts
        })
    }

    /// Returns the newest posts in the window by `author` that were created up to `position` and that a follower
    /// `follower` sees, at most `limit`: the posts for the mentioned among them mention the follower.
    pub(super) fn newest_for_follower(
        &self,
        follower: MemberId,
        author: MemberId,
        position: Position,
        limit: usize,
    ) -> Vec<PostRef> {
        let range = Range { before: PostId(u64::MAX), pinned: position, limit };
        let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
        window.newest_by_authors(follower, &[author], |_| Standing::Follower, range).posts
    }

    /// Loads a window from the database, as of `head` or later: at most `timeline.window_bytes_max` bytes, and posts of
    /// at most `timeline.window_days` days.
    pub(super) async fn load_window(&self, head: Position) -> StoreResult<PostWindow> {
        let posts_max = self.shared.posts_max;
        let mut window = PostWindow::new(posts_max, head);
        let oldest = first_id_at(Timestamp::now().before(Duration::from_secs(self.shared.window_days * 86_400)));
        let mut before = PostId(u64::MAX);
        loop {
            let posts = self.shared.posts.newest_posts(before, LOAD_STEP).await?;
            let room = posts_max - window.size();
            let kept = posts.iter().take(room).take_while(|post| post.post.0 >= oldest).count();
            let for_mentioned = posts[..kept].iter().filter(|post| post.audience == PostAudience::Mentioned);
            let for_mentioned: Vec<PostId> = for_mentioned.map(|post| post.post).collect();
            let mentions = match for_mentioned[..] {
                [] => Vec::new(),
                _ => self.shared.posts.mentions_in(&for_mentioned).await?,
            };
            if !window.extend_back(&posts[..kept], &mentions) {
                break;
            }
            if let Some(excluded) = posts.get(kept) {
                window.set_floor(PostId(excluded.post.0 + 1));
                break;
            }
            let Some(last) = posts.last().filter(|_| posts.len() == LOAD_STEP) else { break };
            before = last.post;
        }
        Ok(window)
    }

    /// Replaces the window by a loaded one. Returns the number of its posts.
    pub(super) fn replace_window(&self, window: PostWindow) -> usize {
        let posts = window.post_count();
        *self.shared.window.write().unwrap_or_else(PoisonError::into_inner) = window;
        metrics::gauge!("dailyfeed_window_posts").set(posts as f64);
        posts
    }

    /// Applies created and deleted posts to the window, and the mentions in posts for the mentioned.
    pub(super) fn apply(&self, events: &[Event]) {
        let mut window = self.shared.window.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let fact = &event.fact;
            match (fact.kind, fact.post) {
                (EventKind::PostCreated, Some(post)) => {
                    let (author, audience) = (fact.member, fact.audience);
                    window.insert(PostRef { post, author, position: event.position, audience });
                }
                (EventKind::PostDeleted, Some(post)) => window.remove(fact.member, post),
                _ => {}
            }
            if fact.audience == PostAudience::Mentioned
                && let (Some(post), Some(member)) = (fact.post, fact.target)
            {
                match fact.kind {
                    EventKind::MemberMentioned => window.admit(post, member),
                    EventKind::MentionWithdrawn => window.withdraw(post, member),
                    _ => {}
                }
            }
        }
        if let Some(last) = events.last() {
            window.set_applied(last.position);
        }
        metrics::gauge!("dailyfeed_window_posts").set(window.post_count() as f64);
    }
}
