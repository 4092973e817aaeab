//! Feeds: pages of posts, newest first, from a window in memory and, below it, from the database.
//!
//! Depends on the catalog and visibility (catalog <- visibility <- feeds, notifications <- streams <- projection).
pub(super) mod bench_api;
mod merge;
mod page;
mod scan;
mod window;

pub use page::{Feed, FeedPage};

pub(super) use window::PostWindow;

use super::{
    catalog::Catalog,
    lanes::{Lane, LaneLimits},
    visibility::{Viewer, Visibility},
};
use crate::{
    config::Config,
    domain::{Event, EventKind, MemberId, Position, PostId, Surface, Timestamp, first_id_at},
    storage::{EventLog, PostRef, PostStore, StoreResult, Stores},
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use window::BYTES_PER_POST;

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

    /// Returns the newest posts in the window by `authors` that the viewer sees in a feed, at most `limit`.
    pub(super) fn newest_visible(&self, viewer: &Viewer, authors: &[MemberId], limit: usize) -> Vec<PostRef> {
        viewer.with_check(Surface::Feed, |check| {
            let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
            let (before, pinned) = (PostId(u64::MAX), Position(u64::MAX));
            window.newest_by_authors(authors, |author| check.sees_posts_of(author), before, pinned, limit).posts
        })
    }

    /// Returns the newest posts in the window by `author` that were created up to `position`, visible or not, at most
    /// `limit`.
    pub(super) fn newest_by(&self, author: MemberId, position: Position, limit: usize) -> Vec<PostRef> {
        let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
        window.newest_by_authors(&[author], |_| true, PostId(u64::MAX), position, limit).posts
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
            let room = posts_max - window.post_count();
            let kept = posts.iter().take(room).take_while(|post| post.post.0 >= oldest).count();
            window.extend_back(&posts[..kept]);
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

    /// Applies created and deleted posts to the window.
    pub(super) fn apply(&self, events: &[Event]) {
        let mut window = self.shared.window.write().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            let fact = &event.fact;
            match (fact.kind, fact.post) {
                (EventKind::PostCreated, Some(post)) => {
                    window.insert(PostRef { post, author: fact.member, position: event.position });
                }
                (EventKind::PostDeleted, Some(post)) => window.remove(fact.member, post),
                _ => {}
            }
        }
        if let Some(last) = events.last() {
            window.set_applied(last.position);
        }
        metrics::gauge!("dailyfeed_window_posts").set(window.post_count() as f64);
    }
}
