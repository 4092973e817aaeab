//! Searches: what the index finds, as far as the viewer may see it, with the place where the next page begins.
use super::{
    Search,
    marks::{Found, Highlights, marked},
};
use crate::{
    actors::{Error, Page, timeline::Viewer},
    domain::{
        CommentId, Deadline, Handle, Member, MemberCard, MemberId, PostId, Refusal, SearchKey, SearchKind, SearchOrder,
        Surface, Timestamp, VisibleComment, VisiblePost,
        cursor::{ListKind, decode_pinned, encode_pinned, scope_of},
        first_id_at,
        search::{QUERY_LENGTH_MAX, Query},
        text_within,
    },
    storage::{Hit, Wanted},
};
use std::{collections::HashMap, time::Instant};

/// How often the index is asked for one page when the viewer may not see what it found. After that the page is shorter
/// than it could be, and the next one goes on.
const ROUNDS_MAX: usize = 8;

/// By whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A member's id.
    Id(MemberId),
    /// A handle, whatever its case. One that nobody has wrote nothing.
    Handle(String),
}

/// Which posts.
#[derive(Debug, Clone, Default)]
pub struct PostSearch {
    /// What they say. Empty: anything, where something else is asked.
    pub text: String,
    /// By whom.
    pub author: Option<Author>,
    /// With which tag, in the form of `tag_named`.
    pub tag: Option<String>,
    /// Written then or later.
    pub from: Option<Timestamp>,
    /// Written before that.
    pub to: Option<Timestamp>,
    /// What comes first.
    pub order: SearchOrder,
}

/// Which comments.
#[derive(Debug, Clone, Default)]
pub struct CommentSearch {
    /// What they say. Empty: anything, where a post is given.
    pub text: String,
    /// On which post.
    pub post: Option<PostId>,
}

/// A list of results: what names it in cursors, and where it goes on.
struct List {
    kind: ListKind,
    scope: u64,
}

impl Search {
    /// Posts that the viewer may see. Refuses `Invalid` for a query that is too long, and what the lane refuses.
    #[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
    pub async fn posts(
        &self,
        viewer_id: MemberId,
        search: PostSearch,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<VisiblePost>>, Error> {
        let list = List { kind: ListKind::SearchPosts, scope: scope_of(&format!("{search:?}")) };
        let query = parsed(&search.text, Query::parse)?;
        let narrowed = search.author.is_some() || search.tag.is_some() || search.from.is_some() || search.to.is_some();
        if !query.looks_for_something() && !narrowed {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let turn = self.lane.enter(viewer_id).await?;
        let author = match &search.author {
            None => None,
            Some(Author::Id(id)) => Some(*id),
            Some(Author::Handle(handle)) => match self.by_handle(handle).await? {
                None => return Ok(Page { items: Vec::new(), next: None }),
                found => found,
            },
        };
        let wanted = Wanted {
            author,
            tag: search.tag,
            from: search.from,
            to: search.to,
            order: search.order,
            ..anything(SearchKind::Post, query.clone(), limit, turn.deadline())
        };
        let viewer = self.timeline.viewer(viewer_id).await?;
        // Not even how much there would be: a search that is aimed at one member must not tell what may not be seen.
        if author.is_some_and(|author| !viewer.sees_posts_of(author, Surface::Direct)) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let scan = self.scan(&list, wanted, cursor, |hits| self.seen_posts(&viewer, hits));
        let (found, next) = turn.within(scan).await?;
        let items = marked(&turn, query, found, |seen: VisiblePost, marker| {
            let title = seen.post.title.as_deref().and_then(|title| marker.mark(title));
            let content = marker.mark(&seen.post.content);
            Found { item: seen, highlights: Highlights { title, content, ..Highlights::default() } }
        });
        Ok(Page { items: items.await?, next })
    }

    /// Comments that the viewer may see, on posts that the viewer may see. Refuses `Invalid` as `posts` does.
    #[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
    pub async fn comments(
        &self,
        viewer_id: MemberId,
        search: CommentSearch,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<VisibleComment>>, Error> {
        let list = List { kind: ListKind::SearchComments, scope: scope_of(&format!("{search:?}")) };
        let query = parsed(&search.text, Query::parse)?;
        if !query.looks_for_something() && search.post.is_none() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let turn = self.lane.enter(viewer_id).await?;
        let viewer = self.timeline.viewer(viewer_id).await?;
        if let Some(post) = search.post
            && self.timeline.posts(&viewer, &[post], Surface::Direct).await?.is_empty()
        {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let all = anything(SearchKind::Comment, query.clone(), limit, turn.deadline());
        let wanted = Wanted { post: search.post, ..all };
        let scan = self.scan(&list, wanted, cursor, |hits| self.seen_comments(&viewer, hits));
        let (found, next) = turn.within(scan).await?;
        let items = marked(&turn, query, found, |seen: VisibleComment, marker| {
            let content = marker.mark(&seen.comment.content);
            Found { item: seen, highlights: Highlights { content, ..Highlights::default() } }
        });
        Ok(Page { items: items.await?, next })
    }

    /// Members that the viewer may see, by name, handle or what they say of themselves; the last word may be the
    /// beginning of one. Refuses `Invalid` as `posts` does.
    #[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
    pub async fn members(
        &self,
        viewer_id: MemberId,
        text: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Found<MemberCard>>, Error> {
        let list = List { kind: ListKind::SearchMembers, scope: scope_of(text) };
        let query = parsed(text, Query::parse_name)?;
        if !query.looks_for_something() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let turn = self.lane.enter(viewer_id).await?;
        let viewer = self.timeline.viewer(viewer_id).await?;
        let wanted = anything(SearchKind::Member, query.clone(), limit, turn.deadline());
        let scan = self.scan(&list, wanted, cursor, |hits| self.seen_members(&viewer, hits));
        let (found, next) = turn.within(scan).await?;
        let items = marked(&turn, query, found, |member: Member, marker| {
            let item = member.card();
            let highlights = Highlights {
                handle: marker.mark(&item.handle),
                display_name: marker.mark(&item.display_name),
                bio: member.profile.bio.as_deref().and_then(|bio| marker.mark(bio)),
                ..Highlights::default()
            };
            Found { item, highlights }
        });
        Ok(Page { items: items.await?, next })
    }

    async fn by_handle(&self, handle: &str) -> Result<Option<MemberId>, Error> {
        let Ok(handle) = Handle::asked_for(handle) else { return Ok(None) };
        Ok(self.shared.members.member_by_handle(&handle.key()).await?.map(|member| member.id))
    }

    async fn seen_members(&self, viewer: &Viewer, hits: Vec<Hit>) -> Result<HashMap<u64, Member>, Error> {
        let ids: Vec<MemberId> =
            hits.iter().map(|hit| hit.author).filter(|id| viewer.sees(*id, Surface::Direct)).collect();
        let there = self.shared.members.members_by_id(&ids).await?;
        Ok(there.into_iter().map(|member| (member.id.0, member)).collect())
    }

    async fn seen_posts(&self, viewer: &Viewer, hits: Vec<Hit>) -> Result<HashMap<u64, VisiblePost>, Error> {
        let seen = hits.iter().filter(|hit| viewer.sees_posts_of(hit.author, Surface::Direct));
        let ids: Vec<PostId> = seen.map(|hit| PostId(hit.key.id)).collect();
        let posts = self.timeline.posts(viewer, &ids, Surface::Direct).await?;
        Ok(posts.into_iter().map(|seen| (seen.post.id.0, seen)).collect())
    }

    async fn seen_comments(&self, viewer: &Viewer, hits: Vec<Hit>) -> Result<HashMap<u64, VisibleComment>, Error> {
        let hits: Vec<&Hit> = hits.iter().filter(|hit| viewer.sees(hit.author, Surface::Direct)).collect();
        let mut posts: Vec<PostId> = hits.iter().map(|hit| hit.post).collect();
        posts.sort_unstable();
        posts.dedup();
        let posts = self.timeline.posts(viewer, &posts, Surface::Direct).await?;
        let on_seen = hits.iter().filter(|hit| posts.iter().any(|seen| seen.post.id == hit.post));
        let ids: Vec<_> = on_seen.map(|hit| CommentId(hit.key.id)).collect();
        let comments = self.shared.comments.existing_comments(&ids).await?;
        let seen = self.content.seen(viewer, comments).await?;
        Ok(seen.into_iter().map(|seen| (seen.comment.id.0, seen)).collect())
    }

    /// Asks the index until the page is full, the list is at its end, or it was asked often enough. `look` turns hits
    /// into what the viewer may see of them, by id.
    async fn scan<T, F: Future<Output = Result<HashMap<u64, T>, Error>>>(
        &self,
        list: &List,
        mut wanted: Wanted,
        cursor: Option<&str>,
        look: impl Fn(Vec<Hit>) -> F,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let begun = Instant::now();
        let limit = wanted.limit;
        let mut newest = None;
        if let Some(cursor) = cursor {
            let ([score, id], pin) = decode_pinned(cursor, list.kind, list.scope)?;
            wanted.after = Some(SearchKey { score, id });
            (wanted.id_max, newest) = (pin, Some(pin));
        }
        wanted.limit = limit + 1;
        // One index for the whole page, whichever is the live one meanwhile.
        let index = self.shared.index()?;
        let (mut shown, mut at_end): (Vec<(SearchKey, T)>, bool) = (Vec::new(), false);
        for _ in 0..ROUNDS_MAX {
            let hits = index.find(wanted.clone()).await.inspect_err(|_| self.damage(&*index))?;
            at_end = hits.len() < wanted.limit;
            // Later pages show nothing that was written after the first one.
            let largest = hits.iter().map(|hit| hit.key.id).max().unwrap_or(0);
            newest.get_or_insert_with(|| largest.max(first_id_at(Timestamp::now())));
            wanted.after = hits.last().map(|hit| hit.key).or(wanted.after);
            let mut seen = look(hits.clone()).await?;
            shown.extend(hits.iter().filter_map(|hit| Some((hit.key, seen.remove(&hit.key.id)?))));
            if at_end || shown.len() > limit {
                break;
            }
        }
        metrics::histogram!("dailyfeed_search_duration_seconds").record(begun.elapsed().as_secs_f64());
        let more = shown.len() > limit;
        shown.truncate(limit);
        let last = if more { shown.last().map(|(place, _)| *place) } else { wanted.after.filter(|_| !at_end) };
        let pin = newest.unwrap_or(u64::MAX);
        let next = last.map(|place| encode_pinned(list.kind, list.scope, [place.score, place.id], pin));
        Ok((shown.into_iter().map(|(_, item)| item).collect(), next))
    }
}

fn parsed(text: &str, parse: impl FnOnce(&str) -> Query) -> Result<Query, Error> {
    text_within("q", text, QUERY_LENGTH_MAX).map_err(Refusal::from)?;
    Ok(parse(text))
}

fn anything(kind: SearchKind, query: Query, limit: usize, until: Deadline) -> Wanted {
    Wanted {
        kind,
        query,
        author: None,
        post: None,
        tag: None,
        from: None,
        to: None,
        order: SearchOrder::Relevance,
        after: None,
        id_max: u64::MAX,
        limit,
        until,
    }
}
