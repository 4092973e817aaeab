//! `Admission`: whether the viewer of a search may see a document, by what the index knows of it. A document that is
//! hidden is no hit, so that neither pages nor cursors depend on it.
//!
//! A comment carries the author and the audience of its post, which never change. The members whom a `mentioned` post
//! mentions do: only the post carries them, and each search reads first which posts mention its viewer.
use super::{collect::ColumnCache, schema::id_of};
use crate::{
    domain::{MemberId, PostAudience, PostFacts, PostId, SearchKind},
    storage::{MemberVisibility, SearchViewer},
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use tantivy::{
    DocSet, Searcher, TERMINATED, Term,
    schema::{Field, IndexRecordOption},
};

/// Posts for the mentioned that mention one viewer and that a search knows. Past this many, the search misses the rest
/// of them and the comments on them.
const MENTIONING_MAX: usize = 100_000;

/// Members whose `MemberVisibility` is cached while one segment is searched. Past this many the cache is emptied.
const KNOWN_MAX: usize = 4_096;

/// The viewer of a search, and the posts for the mentioned that mention this viewer.
pub(super) struct ViewerRights {
    pub(super) viewer: Arc<dyn SearchViewer>,
    pub(super) mentioning: FxHashSet<PostId>,
}

/// Returns the posts for the mentioned that mention a member, at most [`MENTIONING_MAX`].
pub(super) fn posts_mentioning(
    member: MemberId,
    searcher: &Searcher,
    mentioned: Field,
    columns: &ColumnCache,
) -> tantivy::Result<FxHashSet<PostId>> {
    let term = Term::from_field_u64(mentioned, member.0);
    let mut mentioning = FxHashSet::default();
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(mentioned)?;
        let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)? else { continue };
        let keys = columns.keys(segment)?;
        let alive = segment.alive_bitset();
        let mut doc = postings.doc();
        while doc != TERMINATED && mentioning.len() < MENTIONING_MAX {
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                let id = keys.first(doc).and_then(|key| id_of(key, SearchKind::Post));
                mentioning.extend(id.map(PostId));
            }
            doc = postings.advance();
        }
    }
    Ok(mentioning)
}

/// The facts that decide whether a document is visible.
pub(super) struct Document {
    pub(super) kind: SearchKind,
    pub(super) id: u64,
    pub(super) author: MemberId,
    /// The post that a comment is on, and its author; 0 for a post or member.
    pub(super) on: PostId,
    pub(super) on_author: MemberId,
    /// The code of the audience of the post, or of the post that a comment is on; absent if that is public.
    pub(super) audience: Option<u64>,
}

/// Decides about the documents of one segment.
pub(super) struct Admission {
    rights: Arc<ViewerRights>,
    known: FxHashMap<MemberId, MemberVisibility>,
}

impl Admission {
    pub(super) fn new(rights: Arc<ViewerRights>) -> Self {
        Self { rights, known: FxHashMap::default() }
    }

    /// Returns whether the viewer may see a document. An unknown audience admits nobody.
    pub(super) fn admits(&mut self, document: &Document) -> bool {
        let (post, author) = match document.kind {
            SearchKind::Member => return self.visibility_of(document.author).visible,
            SearchKind::Post => (PostId(document.id), document.author),
            SearchKind::Comment if !self.visibility_of(document.author).visible => return false,
            SearchKind::Comment => (document.on, document.on_author),
        };
        let code = document.audience.map_or(Ok(PostAudience::Public.code()), u8::try_from);
        let Some(audience) = code.ok().and_then(PostAudience::from_code) else { return false };
        let mentions_viewer = audience == PostAudience::Mentioned && self.rights.mentioning.contains(&post);
        PostFacts { author, audience, mentions_viewer }.visible_to(self.visibility_of(author).standing)
    }

    fn visibility_of(&mut self, of: MemberId) -> MemberVisibility {
        if let Some(visibility) = self.known.get(&of) {
            return *visibility;
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        let visibility = self.rights.viewer.visibility_of(of);
        self.known.insert(of, visibility);
        visibility
    }
}
