//! One page of a feed: checks the cursor, scans for posts, hydrates them as the viewer sees them.
use super::{
    Feeds,
    scan::{FeedQuery, Source},
};
use crate::{
    actors::{error::Error, visibility::Viewer},
    domain::{
        MemberId, PostId, Refusal, Surface, VisiblePost,
        cursor::{FeedCursor, ListKind, StreamCursor, scope_of},
    },
};

/// Scans per page. More than one is needed if posts that a scan found are hidden or deleted when they are hydrated. A
/// page that is still short after the last scan has a cursor to go on from.
const SCANS_MAX: usize = 8;

/// A feed, by the posts that it lists.
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
    /// A feed that names its author is asked for; the others are not.
    fn surface(&self) -> Surface {
        match self {
            Self::Home | Self::Recent | Self::Tag(_) => Surface::Feed,
            Self::Mine | Self::Author(_) => Surface::Direct,
        }
    }

    /// The list that cursors of this feed name, and its scope.
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
    /// Errors: `MemberNotFound` for a feed of a hidden author, `CursorInvalid`, `CursorExpired`.
    pub async fn page(
        &self,
        viewer: MemberId,
        feed: Feed,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        let viewer = self.shared.visibility.viewer(viewer).await?;
        let (list, scope) = feed.list(viewer.member());
        let begin = match cursor {
            Some(text) => self.checked(FeedCursor::decode(text, list, scope)?)?,
            None => FeedCursor {
                pinned: StreamCursor { epoch: self.shared.log.epoch(), position: self.shared.visibility.position() },
                before: PostId(u64::MAX),
            },
        };
        let query = FeedQuery { surface: feed.surface(), source: self.source(&viewer, feed).await? };
        let Collected { items, next_before } = self.collect(&viewer, &query, begin, limit).await?;
        let next = next_before.map(|before| FeedCursor { before, ..begin }.encode(list, scope));
        Ok(FeedPage { items, next, stream: begin.pinned.encode() })
    }

    /// Refuses a cursor of another epoch, or of a position that the log has not reached.
    fn checked(&self, cursor: FeedCursor) -> Result<FeedCursor, Refusal> {
        if cursor.pinned.epoch != self.shared.log.epoch() {
            return Err(Refusal::CursorExpired);
        }
        if cursor.pinned.position > *self.shared.log.head().borrow() {
            return Err(Refusal::CursorInvalid);
        }
        Ok(cursor)
    }

    async fn source(&self, viewer: &Viewer, feed: Feed) -> Result<Source, Error> {
        Ok(match feed {
            Feed::Home => Source::Authors(viewer.relations().watched.clone()),
            Feed::Recent => Source::Everybody,
            Feed::Mine => Source::Authors([viewer.member()].into()),
            Feed::Author(author) => {
                let known = !self.shared.catalog.cards(&[author]).await?.is_empty();
                if !known || !viewer.sees(author, Surface::Direct) {
                    return Err(Refusal::MemberNotFound.into());
                }
                // The viewer may see the author but not the author's posts: the feed is empty.
                let shown = viewer.sees_posts_of(author, Surface::Direct);
                Source::Authors(if shown { [author].into() } else { [].into() })
            }
            Feed::Tag(tag) => Source::Tag(tag),
        })
    }

    async fn collect(
        &self,
        viewer: &Viewer,
        query: &FeedQuery,
        begin: FeedCursor,
        limit: usize,
    ) -> Result<Collected, Error> {
        let mut items = Vec::new();
        let mut cursor = begin;
        for _ in 0..SCANS_MAX {
            let scan = self.scan(viewer, query, cursor, limit - items.len()).await?;
            let ids: Vec<PostId> = scan.posts.iter().map(|post| post.post).collect();
            items.extend(self.shared.visibility.posts(viewer, &ids, query.surface).await?);
            let Some(before) = scan.next_before else { return Ok(Collected { items, next_before: None }) };
            cursor.before = before;
            if items.len() >= limit {
                break;
            }
        }
        Ok(Collected { items, next_before: Some(cursor.before) })
    }
}
