//! One page of a feed: checks the cursor, scans for posts, hydrates them as the viewer sees them.
use super::{
    Feeds,
    scan::{FeedQuery, Rest, Scan, Source},
};
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{
        MemberId, PostId, Refusal, Standing, Surface, VisiblePost,
        cursor::{FeedCursor, ListKind, StreamCursor, scope_of},
    },
};

/// Maximum number of scans per page. More than one is needed only if posts that a scan found become hidden or deleted
/// before they are hydrated. A page that is not full after the last scan has a cursor all the same.
const SCANS_MAX: usize = 8;

/// A list of posts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// Posts by the members whom the viewer follows, and by the viewer.
    Home,
    /// Posts by anybody.
    Recent,
    /// Posts by the viewer.
    Mine,
    /// Posts by one member.
    Author(MemberId),
    /// Posts with a tag, in the form of `tag_named`.
    Tag(String),
}

impl Feed {
    /// Returns `Direct` for a feed that names its author, and `Feed` for the others.
    fn surface(&self) -> Surface {
        match self {
            Self::Home | Self::Recent | Self::Tag(_) => Surface::Feed,
            Self::Mine | Self::Author(_) => Surface::Direct,
        }
    }

    /// Returns the list that cursors of this feed name, and its scope.
    fn list(&self, viewer: MemberId) -> (ListKind, u64) {
        match self {
            Self::Home => (ListKind::Home, viewer.0),
            Self::Recent => (ListKind::Recent, 0),
            Self::Mine => (ListKind::Mine, viewer.0),
            Self::Author(author) => (ListKind::Author, author.0),
            Self::Tag(tag) => (ListKind::Tag, scope_of(tag)),
        }
    }
}

/// One page of a feed, newest first.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The posts as the viewer sees them.
    pub items: Vec<VisiblePost>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<String>,
    /// A stream opened with this cursor shows what was created after the first page was read, without gap or overlap.
    pub stream: String,
}

/// The posts of a page before its cursors are encoded.
struct Collected {
    items: Vec<VisiblePost>,
    /// The next page lists posts below this one; `None` after the last page.
    next_before: Option<PostId>,
}

impl Feeds {
    /// Returns one page of `feed` as `viewer` sees it.
    ///
    /// Refuses `MemberNotFound` for a feed of a hidden author, `CursorInvalid`, `CursorExpired`.
    pub async fn page(
        &self,
        viewer: MemberId,
        feed: Feed,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        let viewer = self.shared.visibility.viewer(viewer).await?;
        let (list, scope) = feed.list(viewer.member());
        let start = match cursor {
            Some(text) => self.check_cursor(FeedCursor::decode(text, list, scope)?).await?,
            None => FeedCursor {
                pinned: StreamCursor { epoch: self.shared.log.epoch(), position: self.shared.visibility.position() },
                before: PostId(u64::MAX),
            },
        };
        let query = FeedQuery { surface: feed.surface(), source: self.source(&viewer, feed).await? };
        let Collected { items, next_before } = self.collect(&viewer, &query, start, limit).await?;
        let next = next_before.map(|before| FeedCursor { before, ..start }.encode(list, scope));
        Ok(FeedPage { items, next, stream: start.pinned.encode() })
    }

    /// Refuses a cursor of another epoch, or of a position that no process has given out. Waits until the window has
    /// the posts up to the cursor's position.
    async fn check_cursor(&self, cursor: FeedCursor) -> Result<FeedCursor, Error> {
        if cursor.pinned.epoch != self.shared.log.epoch() {
            return Err(Refusal::CursorExpired.into());
        }
        if !self.shared.visibility.reach(cursor.pinned.position).await? {
            return Err(Refusal::CursorInvalid.into());
        }
        Ok(cursor)
    }

    /// Returns the source of the feed's posts. Refuses `MemberNotFound` for a hidden author.
    async fn source(&self, viewer: &Viewer, feed: Feed) -> Result<Source, Error> {
        Ok(match feed {
            Feed::Home => Source::Home(viewer.relations().home_authors.clone()),
            Feed::Recent => Source::Everybody,
            Feed::Mine => Source::Author(viewer.member()),
            Feed::Author(author) => {
                let known = !self.shared.catalog.cards(&[author]).await?.is_empty();
                if !known || !viewer.sees(author, Surface::Direct) {
                    return Err(Refusal::MemberNotFound.into());
                }
                // An author who is visible and whose posts are hidden has an empty feed.
                match viewer.standing(author, Surface::Direct) {
                    Standing::Hidden => Source::Nothing,
                    _ => Source::Author(author),
                }
            }
            Feed::Tag(tag) => Source::Tag(tag),
        })
    }

    /// Scans and hydrates until the page is full, the posts end, or a limit is reached: that of the steps of one scan
    /// below the window, or [`SCANS_MAX`].
    async fn collect(
        &self,
        viewer: &Viewer,
        query: &FeedQuery,
        start: FeedCursor,
        limit: usize,
    ) -> Result<Collected, Error> {
        let mut items = Vec::new();
        let mut cursor = start;
        for _ in 0..SCANS_MAX {
            let Scan { posts, rest } = self.scan(viewer, query, cursor, limit - items.len()).await?;
            let ids: Vec<PostId> = posts.iter().map(|post| post.post).collect();
            items.extend(self.shared.visibility.posts(viewer, &ids, query.surface).await?);
            match rest {
                Rest::End => return Ok(Collected { items, next_before: None }),
                Rest::Below(last) => cursor.before = last,
                Rest::Unread(read) => {
                    let last = items.last().map_or(read, |item| item.post.id);
                    return Ok(Collected { items, next_before: Some(last) });
                }
            }
            if items.len() >= limit {
                break;
            }
        }
        Ok(Collected { items, next_before: Some(cursor.before) })
    }
}
