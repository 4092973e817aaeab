//! The private code of the feeds that the benchmarks in `benches/` use.
use super::{
    Feeds,
    window::{PostWindow, Range},
};
use crate::{
    actors::error::Error,
    domain::{MemberId, Position, PostAudience, PostId, Standing, Surface},
    storage::PostRef,
};

/// A window of posts by many authors.
pub struct Merge(PostWindow);

impl Merge {
    /// Makes a window of `each` posts by each of `authors` authors, numbered from 1, in turn.
    pub fn new(authors: u64, each: u64) -> Self {
        let mut window = PostWindow::new(usize::MAX, Position(0));
        for number in 0..authors * each {
            let (post, author) = (PostId(1 + number), MemberId(1 + number % authors));
            let audience = PostAudience::Public;
            window.insert(PostRef { post, author, position: Position(1 + number), audience });
        }
        Self(window)
    }

    /// Merges the newest posts of these authors, who are in ascending order, for a first page or for a later one.
    /// Returns their number.
    pub fn page(&self, authors: &[MemberId], first: bool, limit: usize) -> usize {
        let before = if first { u64::MAX } else { u64::MAX - 1 };
        let range = Range { before: PostId(before), pinned: Position(u64::MAX), limit };
        self.0.newest_by_authors(MemberId(0), authors, |_| Standing::Follower, range).posts.len()
    }
}

/// Hydrates posts as the viewer sees them. Returns their number.
pub async fn hydrate(feeds: &Feeds, viewer: MemberId, ids: &[PostId]) -> Result<usize, Error> {
    let visibility = &feeds.shared.visibility;
    let viewer = visibility.viewer(viewer).await?;
    Ok(visibility.posts(&viewer, ids, Surface::Feed).await?.len())
}
