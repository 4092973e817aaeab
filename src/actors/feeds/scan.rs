//! One scan for the posts of a page: in the window, and in the database below it (`older.rs`).
use super::{
    Feeds,
    window::{PostWindow, Range, WindowScan},
};
use crate::{
    actors::{
        error::Error,
        visibility::{Viewer, VisibilityCheck},
    },
    domain::{MemberId, PostId, Surface, cursor::FeedCursor},
    storage::PostRef,
};
use std::sync::{Arc, PoisonError};

/// The source of a feed's posts, and the surface that shows them.
pub(super) struct FeedQuery {
    pub(super) source: Source,
    pub(super) surface: Surface,
}

/// The posts that a feed lists.
pub(super) enum Source {
    /// Posts by the viewer's `home_authors`.
    Home(Arc<[MemberId]>),
    /// Posts by one author.
    Author(MemberId),
    /// No posts: the author's are all hidden from the viewer.
    Nothing,
    /// Posts by anybody.
    Everybody,
    /// Posts with this tag.
    Tag(String),
}

/// The posts that one scan found.
pub(super) struct Scan {
    /// Newest first.
    pub(super) posts: Vec<PostRef>,
    pub(super) rest: Rest,
}

/// The posts below those of a scan.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    /// There are none that the viewer sees.
    End,
    /// At least one that the viewer sees, below the last post of the scan.
    Below(PostId),
    /// Not known: the scan reached its limit between hidden posts. It read everything from this post on, which can be
    /// hidden: a cursor holds it only if the page has no item.
    Unread(PostId),
}

impl Feeds {
    /// Finds up to `limit` posts below the cursor.
    ///
    /// ```text
    /// newest                                                                       oldest
    ///    |------------------|========================|=========================|
    ///  PostId::MAX    cursor.before                floor                       0
    ///                       |  1. from the window    |  2. from the database   |
    ///                       |  (every visible post   |  (only if the window    |
    ///                       |  from `floor` on)      |  did not fill the page) |
    /// ```
    ///
    /// The first page has `cursor.before == PostId::MAX`; each further page begins below the last post of the page
    /// before it. In both parts a post whose event is after `cursor.pinned`, the log's position when the first page was
    /// read, is skipped: the stream that begins at `cursor.pinned` shows it. Both parts exclude hidden posts here: none
    /// decides about the page or its cursor, and no text of one is loaded.
    pub(super) async fn scan(
        &self,
        viewer: &Viewer,
        query: &FeedQuery,
        cursor: FeedCursor,
        limit: usize,
    ) -> Result<Scan, Error> {
        let pinned = cursor.pinned.position;
        // One more than the limit shows whether there is a next page.
        let wanted = limit + 1;
        let WindowScan { posts, floor } = viewer.with_check(query.surface, |check| {
            let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
            let range = Range { before: cursor.before, pinned, limit: wanted };
            from_window(&window, &query.source, check, range)
        });
        let Some(floor) = floor else { return Ok(into_scan(posts, limit)) };
        let range = Range { before: cursor.before.min(floor), pinned, limit };
        self.scan_older(viewer, query, posts, range).await
    }
}

/// Returns the posts of the source in the window that are visible to the viewer. Of a tag the window has none.
fn from_window(window: &PostWindow, source: &Source, check: &VisibilityCheck<'_>, range: Range) -> WindowScan {
    let viewer = check.viewer();
    match source {
        Source::Home(authors) => {
            window.newest_by_authors(viewer, authors, |author| check.standing_at_home(author), range)
        }
        Source::Author(author) => window.newest_by_authors(viewer, &[*author], |author| check.standing(author), range),
        Source::Everybody => window.newest_by_anybody(viewer, |post| check.sees_post(post), range),
        Source::Nothing => WindowScan { posts: Vec::new(), floor: None },
        Source::Tag(_) => WindowScan { posts: Vec::new(), floor: Some(PostId(u64::MAX)) },
    }
}

/// Cuts posts to `limit`. A surplus post proves that there is a next page.
pub(super) fn into_scan(mut posts: Vec<PostRef>, limit: usize) -> Scan {
    let has_next = posts.len() > limit;
    posts.truncate(limit);
    let rest = match posts.last() {
        Some(last) if has_next => Rest::Below(last.post),
        _ => Rest::End,
    };
    Scan { posts, rest }
}
