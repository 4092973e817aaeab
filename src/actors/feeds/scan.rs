//! One scan for the posts of a page: in the window, and in the database below it.
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

/// Rows that a scan below the window reads on an ordinary connection: a page of 20 posts of 1,000 authors. Larger ones,
/// up to 100,000 rows, run in the lane.
const ORDINARY_MAX: usize = 25_000;

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
    /// The next scan finds posts below this one; `None` if there are none.
    pub(super) next_before: Option<PostId>,
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
    /// read, is skipped: the stream that begins at `cursor.pinned` shows it. Both parts exclude hidden posts here, so that
    /// no text of one is loaded; posts for the mentioned are checked again when they are hydrated.
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
        let WindowScan { mut posts, floor } = viewer.with_check(query.surface, |check| {
            let window = self.shared.window.read().unwrap_or_else(PoisonError::into_inner);
            let range = Range { before: cursor.before, pinned, limit: wanted };
            from_window(&window, &query.source, check, range)
        });
        let Some(floor) = floor else { return Ok(into_scan(posts, limit)) };
        let (before, missing) = (cursor.before.min(floor), wanted - posts.len());
        let store = &self.shared.posts;
        let older = match &query.source {
            Source::Home(authors) => self.older_posts(viewer.member(), authors, before, missing).await?,
            Source::Author(author) => self.older_posts(viewer.member(), &[*author], before, missing).await?,
            Source::Nothing => Vec::new(),
            Source::Everybody => store.newest_posts(before, missing).await?,
            Source::Tag(tag) => store.tagged_posts(tag, before, missing).await?,
        };
        let exhausted = older.len() < missing;
        let last = older.last().map(|post| post.post);
        viewer.with_check(query.surface, |check| {
            // Mentions are not known yet.
            let admitted = |post: &PostRef| post.audience.includes(check.standing(post.author), true);
            let visible = |post: &PostRef| post.position <= pinned && admitted(post);
            posts.extend(older.into_iter().filter(visible));
        });
        if exhausted || posts.len() > limit {
            return Ok(into_scan(posts, limit));
        }
        Ok(Scan { posts, next_before: last })
    }
}

impl Feeds {
    /// Returns the posts of these authors in the database below a post: in the lane if they are many.
    async fn older_posts(
        &self,
        viewer: MemberId,
        authors: &[MemberId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostRef>, Error> {
        let store = &self.shared.posts;
        if authors.len() * limit <= ORDINARY_MAX {
            return Ok(store.posts_by(authors, before, limit, None).await?);
        }
        let read = async |until| Ok(store.posts_by(authors, before, limit, Some(&until)).await?);
        self.shared.lane.run(viewer, read).await
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
fn into_scan(mut posts: Vec<PostRef>, limit: usize) -> Scan {
    let has_next = posts.len() > limit;
    posts.truncate(limit);
    let next_before = if has_next { posts.last().map(|post| post.post) } else { None };
    Scan { posts, next_before }
}
