//! What the benchmarks reach of the timeline.
use super::{Timeline, window::Window};
use crate::{
    actors::Error,
    domain::{MemberId, Position, PostId, Surface},
    storage::PostRef,
};

/// A window of posts by many authors.
pub struct Merge(Window);

impl Merge {
    /// `each` posts by every one of `authors` authors, numbered from 1, in turn.
    pub fn new(authors: u64, each: u64) -> Self {
        let mut window = Window::new(usize::MAX, Position(0));
        for number in 0..authors * each {
            let (post, author) = (PostId(1 + number), MemberId(1 + number % authors));
            window.insert(PostRef { post, author, position: Position(1 + number) });
        }
        Self(window)
    }

    /// The newest posts of these authors; of a first page, or of one further on.
    pub fn page(&self, authors: &[MemberId], first: bool, limit: usize) -> usize {
        let before = if first { u64::MAX } else { u64::MAX - 1 };
        self.0.of_authors(authors, |_| true, PostId(before), Position(u64::MAX), limit).places.len()
    }
}

/// Turns places into posts as one viewer sees them; how many there are.
pub async fn hydrate(timeline: &Timeline, viewer: MemberId, ids: &[PostId]) -> Result<usize, Error> {
    let viewer = timeline.viewer(viewer).await?;
    Ok(timeline.posts(&viewer, ids, Surface::Feed).await?.len())
}
