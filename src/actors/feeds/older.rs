//! The part of a scan below the window: reads the database in steps, past hidden posts, until the page is full.
use super::{
    Feeds,
    scan::{FeedQuery, Rest, Scan, Source, into_scan},
    window::Range,
};
use crate::{
    actors::{
        error::Error,
        page::{STEP_MAX, steps},
        visibility::Viewer,
    },
    domain::{MemberId, PostAudience, PostId, Standing},
    storage::PostRef,
};

/// Rows that a statement reads on an ordinary connection: a page of 20 posts of 1,000 authors. Larger ones, up to
/// 100,000 rows, run in the lane.
const ORDINARY_MAX: usize = 25_000;

impl Feeds {
    /// Continues a scan in the database, below `range.before`, with the posts that the window had. Reads until one
    /// visible post more than `range.limit` is found, or [`steps`] end. A statement after the first reads at most
    /// `STEP_MAX` posts, and at most `ORDINARY_MAX` rows over all authors, unless the first read more.
    pub(super) async fn scan_older(
        &self,
        viewer: &Viewer,
        query: &FeedQuery,
        mut posts: Vec<PostRef>,
        range: Range,
    ) -> Result<Scan, Error> {
        let limit = range.limit;
        let mut before = range.before;
        let authors = authors(viewer, query);
        let wanted = (limit + 1).saturating_sub(posts.len());
        for step in steps(wanted, STEP_MAX.min(ORDINARY_MAX / authors.len().max(1))) {
            let found = match &query.source {
                Source::Home(_) | Source::Author(_) => self.older_by(viewer.member(), &authors, before, step).await?,
                Source::Everybody => self.shared.posts.newest_posts(before, step).await?,
                Source::Tag(tag) => self.shared.posts.tagged_posts(tag, before, step).await?,
                Source::Nothing => Vec::new(),
            };
            let is_end = found.len() < step;
            before = found.last().map_or(before, |last| last.post);
            posts.extend(self.keep_visible(viewer, query, range, found).await?);
            if is_end || posts.len() > limit {
                return Ok(into_scan(posts, limit));
            }
        }
        Ok(Scan { posts, rest: Rest::Unread(before) })
    }

    /// Returns the posts of these authors in the database below a post: in the lane if they are many.
    async fn older_by(
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

    /// Returns the found posts that are in the range's pin and visible to the viewer. Reads the facts of those that are
    /// for the mentioned: at most one statement, and none if there are no such posts.
    async fn keep_visible(
        &self,
        viewer: &Viewer,
        query: &FeedQuery,
        range: Range,
        mut found: Vec<PostRef>,
    ) -> Result<Vec<PostRef>, Error> {
        let needs_facts = |post: &PostRef| post.audience == PostAudience::Mentioned && post.author != viewer.member();
        viewer.with_check(query.surface, |check| {
            found.retain(|post| {
                post.position <= range.pinned && post.audience.includes(check.standing(post.author), true)
            });
        });
        let for_mentioned: Vec<PostId> = found.iter().filter(|post| needs_facts(post)).map(|post| post.post).collect();
        if !for_mentioned.is_empty() {
            let visible = self.shared.visibility.visible_posts(viewer, &for_mentioned, query.surface, None).await?;
            found.retain(|post| !needs_facts(post) || visible.contains(&post.post));
        }
        Ok(found)
    }
}

/// Returns the authors whose posts the query reads, without those whose posts are all hidden. A query by tag, or of
/// everybody, has none.
fn authors(viewer: &Viewer, query: &FeedQuery) -> Vec<MemberId> {
    let authors = match &query.source {
        Source::Home(authors) => &authors[..],
        Source::Author(author) => std::slice::from_ref(author),
        Source::Nothing | Source::Everybody | Source::Tag(_) => &[],
    };
    viewer.with_check(query.surface, |check| {
        authors.iter().copied().filter(|author| check.standing(*author) != Standing::Hidden).collect()
    })
}
