//! The methods of [`Search`] that search for posts, comments and members: each queries the index, drops the hits that
//! are hidden from the viewer, adds highlights, and returns a page.
use super::{
    Search,
    highlights::{Found, Highlights, with_highlights},
    scan::ResultList,
};
use crate::{
    actors::{error::Error, page::Page, visibility::Viewer},
    domain::{
        CommentId, Deadline, Handle, Member, MemberCard, MemberId, PostId, Refusal, SearchKind, SearchOrder, Standing,
        Surface, Timestamp, VisibleComment, VisiblePost, check_length,
        cursor::{ListKind, scope_of},
        search::{QUERY_LENGTH_MAX, Query},
    },
    storage::{Hit, MemberVisibility, SearchRequest, SearchViewer},
};
use std::{collections::HashMap, sync::Arc};

/// Restricts a search to posts of one author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A member's id.
    Id(MemberId),
    /// A handle, in any case. An unknown one matches no post.
    Handle(String),
}

/// A search for posts. Every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct PostSearch {
    /// The query. An empty one matches every post; without another condition the result is empty.
    pub text: String,
    /// The author.
    pub author: Option<Author>,
    /// A tag, in the form of `tag_named`.
    pub tag: Option<String>,
    /// Created at this time or later.
    pub from: Option<Timestamp>,
    /// Created before this time.
    pub to: Option<Timestamp>,
    /// The order of the results.
    pub order: SearchOrder,
}

/// A search for comments. Every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct CommentSearch {
    /// The query. An empty one matches every comment; without a post the result is empty.
    pub text: String,
    /// The post that they are on.
    pub post: Option<PostId>,
}

impl Search {
    /// Returns a page of the posts that are visible to the viewer. Refuses `Invalid` for a query that is too long,
    /// `CursorInvalid`, `Down` while the part is, and what the lane refuses.
    #[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held until the work ends")]
    pub async fn posts(
        &self,
        viewer_id: MemberId,
        search: PostSearch,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<VisiblePost>>, Error> {
        let list = ResultList { kind: ListKind::SearchPosts, scope: scope_of(&format!("{search:?}")) };
        let query = parse_query(&search.text, Query::parse)?;
        let narrowed = search.author.is_some() || search.tag.is_some() || search.from.is_some() || search.to.is_some();
        if !query.has_positive_clause() && !narrowed {
            return Ok(no_results());
        }
        let permit = self.lane.enter(viewer_id).await?;
        let author = match &search.author {
            None => None,
            Some(Author::Id(id)) => Some(*id),
            Some(Author::Handle(handle)) => {
                let Some(id) = self.member_with_handle(handle).await? else {
                    return Ok(no_results());
                };
                Some(id)
            }
        };
        let viewer = self.visibility.viewer(viewer_id).await?;
        // Checked before the search, so that its duration does not reveal the number of hidden posts.
        if author.is_some_and(|author| viewer.standing(author, Surface::Direct) == Standing::Hidden) {
            return Ok(no_results());
        }
        let wanted = SearchRequest {
            author,
            tag: search.tag,
            from: search.from,
            to: search.to,
            order: search.order,
            ..unfiltered(SearchKind::Post, query.clone(), &viewer, limit, permit.deadline())
        };
        let scan = self.scan(&list, wanted, cursor, |hits| self.visible_posts(&viewer, hits));
        let found = permit.within(scan).await?;
        let items = with_highlights(&permit, query, found.items, |item: VisiblePost, marker| {
            let title = item.post.title.as_deref().and_then(|title| marker.mark(title));
            let content = marker.mark(&item.post.content);
            Found { item, highlights: Highlights { title, content, ..Highlights::default() } }
        });
        Ok(Page { items: items.await?, next: found.next })
    }

    /// Returns a page of the comments that are visible to the viewer, on visible posts. Refuses what [`Search::posts`]
    /// refuses.
    #[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held until the work ends")]
    pub async fn comments(
        &self,
        viewer_id: MemberId,
        search: CommentSearch,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<VisibleComment>>, Error> {
        let list = ResultList { kind: ListKind::SearchComments, scope: scope_of(&format!("{search:?}")) };
        let query = parse_query(&search.text, Query::parse)?;
        if !query.has_positive_clause() && search.post.is_none() {
            return Ok(no_results());
        }
        let permit = self.lane.enter(viewer_id).await?;
        let viewer = self.visibility.viewer(viewer_id).await?;
        if let Some(post) = search.post
            && self.visibility.visible_posts(&viewer, &[post], Surface::Direct, None).await?.is_empty()
        {
            return Ok(no_results());
        }
        let unfiltered = unfiltered(SearchKind::Comment, query.clone(), &viewer, limit, permit.deadline());
        let wanted = SearchRequest { post: search.post, ..unfiltered };
        let scan = self.scan(&list, wanted, cursor, |hits| self.visible_comments(&viewer, hits));
        let found = permit.within(scan).await?;
        let items = with_highlights(&permit, query, found.items, |item: VisibleComment, marker| {
            let content = marker.mark(&item.comment.content);
            Found { item, highlights: Highlights { content, ..Highlights::default() } }
        });
        Ok(Page { items: items.await?, next: found.next })
    }

    /// Returns a page of the members that are visible to the viewer, by display name, handle or bio. The last word of
    /// `text` also matches as the beginning of a word. Refuses what [`Search::posts`] refuses.
    #[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held until the work ends")]
    pub async fn members(
        &self,
        viewer_id: MemberId,
        text: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<MemberCard>>, Error> {
        let list = ResultList { kind: ListKind::SearchMembers, scope: scope_of(text) };
        let query = parse_query(text, Query::parse_name)?;
        if !query.has_positive_clause() {
            return Ok(no_results());
        }
        let permit = self.lane.enter(viewer_id).await?;
        let viewer = self.visibility.viewer(viewer_id).await?;
        let wanted = unfiltered(SearchKind::Member, query.clone(), &viewer, limit, permit.deadline());
        let scan = self.scan(&list, wanted, cursor, |hits| self.visible_members(&viewer, hits));
        let found = permit.within(scan).await?;
        let items = with_highlights(&permit, query, found.items, |member: Member, marker| {
            let item = member.card();
            let highlights = Highlights {
                handle: marker.mark(&item.handle),
                display_name: marker.mark(&item.display_name),
                bio: member.profile.bio.as_deref().and_then(|bio| marker.mark(bio)),
                ..Highlights::default()
            };
            Found { item, highlights }
        });
        Ok(Page { items: items.await?, next: found.next })
    }

    async fn member_with_handle(&self, handle: &str) -> Result<Option<MemberId>, Error> {
        let Ok(handle) = Handle::from_lookup(handle) else { return Ok(None) };
        Ok(self.shared.members.member_by_handle(&handle.key()).await?.map(|member| member.id))
    }

    /// Returns the visible members among hits, by id.
    async fn visible_members(&self, viewer: &Viewer, hits: Vec<Hit>) -> Result<HashMap<u64, Member>, Error> {
        let mut ids: Vec<MemberId> = hits.iter().map(|hit| hit.author).collect();
        ids.retain(|id| viewer.sees(*id, Surface::Direct));
        let members = self.shared.members.members_by_id(&ids).await?;
        Ok(members.into_iter().map(|member| (member.id.0, member)).collect())
    }

    /// Returns the visible posts among hits, by id.
    async fn visible_posts(&self, viewer: &Viewer, hits: Vec<Hit>) -> Result<HashMap<u64, VisiblePost>, Error> {
        let ids: Vec<PostId> = hits.iter().map(|hit| PostId(hit.key.id)).collect();
        let posts = self.visibility.posts(viewer, &ids, Surface::Direct).await?;
        Ok(posts.into_iter().map(|visible| (visible.post.id.0, visible)).collect())
    }

    /// Returns the visible comments on visible posts among hits, by id.
    async fn visible_comments(
        &self,
        viewer: &Viewer,
        mut hits: Vec<Hit>,
    ) -> Result<HashMap<u64, VisibleComment>, Error> {
        hits.retain(|hit| viewer.sees(hit.author, Surface::Direct));
        let mut posts: Vec<PostId> = hits.iter().map(|hit| hit.post).collect();
        posts.sort_unstable();
        posts.dedup();
        let posts = self.visibility.visible_posts(viewer, &posts, Surface::Direct, None).await?;
        hits.retain(|hit| posts.contains(&hit.post));
        let ids: Vec<CommentId> = hits.iter().map(|hit| CommentId(hit.key.id)).collect();
        let comments = self.shared.comments.existing_comments(&ids).await?;
        let comments = self.content.visible_comments(viewer, comments).await?;
        Ok(comments.into_iter().map(|visible| (visible.comment.id.0, visible)).collect())
    }
}

impl SearchViewer for Viewer {
    fn member(&self) -> MemberId {
        self.relations().member
    }

    fn visibility_of(&self, of: MemberId) -> MemberVisibility {
        self.with_check(Surface::Direct, |check| MemberVisibility {
            visible: check.sees(of),
            standing: check.standing(of),
        })
    }
}

fn no_results<T>() -> Page<T> {
    Page { items: Vec::new(), next: None }
}

/// Parses a query of at most [`QUERY_LENGTH_MAX`] characters.
fn parse_query(text: &str, parse: impl FnOnce(&str) -> Query) -> Result<Query, Error> {
    check_length("q", text, QUERY_LENGTH_MAX).map_err(Refusal::from)?;
    Ok(parse(text))
}

/// Returns a request without any filter but the viewer.
fn unfiltered(kind: SearchKind, query: Query, viewer: &Viewer, limit: usize, deadline: Deadline) -> SearchRequest {
    SearchRequest {
        kind,
        query,
        viewer: Arc::new(viewer.clone()),
        author: None,
        post: None,
        tag: None,
        from: None,
        to: None,
        order: SearchOrder::Relevance,
        after: None,
        id_max: u64::MAX,
        limit,
        until: deadline,
    }
}
