//! Reads a page of a feed: from the window, and on from the database where the window ends.
use super::{projection::Projection, viewer::Viewer};
use crate::{
    actors::Error,
    domain::{
        MemberId, PostId, Refusal, Surface, VisiblePost,
        cursor::{FeedCursor, ListKind, StreamCursor, scope_of},
    },
    storage::PostRef,
};
use std::sync::{Arc, PoisonError};

/// Rounds that one page may take when much of what it finds is gone by the time it is read. A page that is still
/// short then has a cursor to go on from.
const ROUNDS_MAX: usize = 8;

/// Which posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// By those the viewer follows, and the viewer.
    Home,
    /// By anybody.
    Recent,
    /// By the viewer.
    Mine,
    /// By one member.
    Author(MemberId),
    /// With a tag, in the form of `tag_named`.
    Tag(String),
}

impl Feed {
    /// A feed that names its author was asked for; the others were not.
    fn surface(&self) -> Surface {
        match self {
            Self::Home | Self::Recent | Self::Tag(_) => Surface::Feed,
            Self::Mine | Self::Author(_) => Surface::Direct,
        }
    }
}

/// One page, newest first.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// As the viewer sees them.
    pub items: Vec<VisiblePost>,
    /// Where the next page begins; none after the last.
    pub next: Option<String>,
    /// A stream opened here shows what comes after the first page was read, without gap or overlap.
    pub stream: String,
}

/// Where the posts of a feed are found.
enum Source {
    Authors(Arc<[MemberId]>),
    Everybody,
    Tag(String),
}

/// What one look at a source found.
struct Scan {
    places: Vec<PostRef>,
    /// There may be more below this one.
    to: Option<PostId>,
}

impl Projection {
    pub(super) async fn feed(
        &self,
        viewer: &Viewer,
        feed: Feed,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        let me = viewer.member();
        let (list, scope) = match &feed {
            Feed::Home => (ListKind::Home, me.0),
            Feed::Recent => (ListKind::Recent, 0),
            Feed::Mine => (ListKind::Mine, me.0),
            Feed::Author(author) => (ListKind::Author, author.0),
            Feed::Tag(tag) => (ListKind::Tag, scope_of(tag)),
        };
        let begin = match cursor {
            Some(text) => self.valid(FeedCursor::decode(text, list, scope)?)?,
            None => FeedCursor {
                pinned: StreamCursor { epoch: self.log.epoch(), position: self.applied() },
                before: PostId(u64::MAX),
            },
        };
        let surface = feed.surface();
        let source = match feed {
            Feed::Home => Source::Authors(viewer.relations().watched.clone()),
            Feed::Recent => Source::Everybody,
            Feed::Mine => Source::Authors([me].into()),
            Feed::Author(author) => {
                let known = self.hydrator.cards(&[author]).await?;
                known.first().filter(|_| viewer.sees(author, Surface::Direct)).ok_or(Refusal::MemberNotFound)?;
                // Of an author whose posts the viewer may not see there is nothing to page through.
                let shown = viewer.sees_posts_of(author, Surface::Direct);
                Source::Authors(if shown { [author].into() } else { [].into() })
            }
            Feed::Tag(tag) => Source::Tag(tag),
        };
        let (items, to) = self.collect(viewer, (&source, surface), begin, limit).await?;
        let next = to.map(|before| FeedCursor { before, ..begin }.encode(list, scope));
        Ok(FeedPage { items, next, stream: begin.pinned.encode() })
    }

    /// Refuses a cursor of another log's life, or of a place that this log has not reached.
    fn valid(&self, cursor: FeedCursor) -> Result<FeedCursor, Refusal> {
        if cursor.pinned.epoch != self.log.epoch() {
            return Err(Refusal::CursorExpired);
        }
        if cursor.pinned.position > *self.log.head().borrow() {
            return Err(Refusal::CursorInvalid);
        }
        Ok(cursor)
    }

    async fn collect(
        &self,
        viewer: &Viewer,
        (source, surface): (&Source, Surface),
        begin: FeedCursor,
        limit: usize,
    ) -> Result<(Vec<VisiblePost>, Option<PostId>), Error> {
        let mut items = Vec::new();
        let mut cursor = begin;
        for _ in 0..ROUNDS_MAX {
            let scan = self.scan(viewer, (source, surface), cursor, limit - items.len()).await?;
            let ids: Vec<PostId> = scan.places.iter().map(|place| place.post).collect();
            items.extend(self.posts(viewer, &ids, surface).await?);
            let Some(to) = scan.to else { return Ok((items, None)) };
            cursor.before = to;
            if items.len() >= limit {
                break;
            }
        }
        Ok((items, Some(cursor.before)))
    }

    async fn scan(
        &self,
        viewer: &Viewer,
        (source, surface): (&Source, Surface),
        cursor: FeedCursor,
        limit: usize,
    ) -> Result<Scan, Error> {
        let (before, pinned) = (cursor.before, cursor.pinned.position);
        // One more than asked says whether there is a next page.
        let wanted = limit + 1;
        let (mut places, floor) = viewer.with_sight(surface, |sight| {
            let window = self.window.read().unwrap_or_else(PoisonError::into_inner);
            let found = match source {
                Source::Authors(authors) => {
                    window.of_authors(authors, |author| sight.post(author), before, pinned, wanted)
                }
                Source::Everybody => window.newest(|author| sight.post(author), before, pinned, wanted),
                Source::Tag(_) => super::window::Found { places: Vec::new(), floor: Some(PostId(u64::MAX)) },
            };
            (found.places, found.floor)
        });
        let Some(floor) = floor else { return Ok(cut(places, limit)) };
        let (before, missing) = (before.min(floor), wanted - places.len());
        let older = match source {
            Source::Authors(authors) => self.posts.posts_by(authors, before, missing).await?,
            Source::Everybody => self.posts.newest_posts(before, missing).await?,
            Source::Tag(tag) => self.posts.tagged_posts(tag, before, missing).await?,
        };
        let (exhausted, last) = (older.len() < missing, older.last().map(|place| place.post));
        places.extend(older.into_iter().filter(|place| place.position <= pinned));
        if exhausted || places.len() > limit {
            return Ok(cut(places, limit));
        }
        Ok(Scan { places, to: last })
    }
}

fn cut(mut places: Vec<PostRef>, limit: usize) -> Scan {
    let more = places.len() > limit;
    places.truncate(limit);
    let to = places.last().filter(|_| more).map(|place| place.post);
    Scan { places, to }
}
