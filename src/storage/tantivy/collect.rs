//! A Tantivy collector: the first hits after a key. Its memory is bounded by the limit of the request.
use super::{
    admission::{Admission, Document, ViewerRights},
    schema::id_of,
};
use crate::{
    domain::{Deadline, MemberId, PostId, SearchKey, SearchKind, SearchOrder},
    storage::{Hit, SearchRequest},
};
use rustc_hash::FxHashMap;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
};
use tantivy::{
    DocId, DocSet, Score, SegmentOrdinal, SegmentReader, TERMINATED, TantivyError,
    collector::{Collector, SegmentCollector},
    columnar::Column,
    index::SegmentId,
    query::Weight,
};

/// Scores are rounded to a sixty-fourth: a sum of floats differs in its last bits with the order of its terms.
const SCORE_STEPS: f32 = 64.0;

/// Segments whose columns are cached. An index has some dozens; past this many the cache is emptied.
const SEGMENTS_MAX: usize = 256;

/// Documents between two checks of the deadline: a fraction of a millisecond.
const DEADLINE_CHECK_EVERY: u32 = 4_096;

/// The fast fields that the collector reads of each document.
#[derive(Clone)]
struct Columns {
    key: Column<u64>,
    author: Column<u64>,
    post: Column<u64>,
    post_author: Column<u64>,
    audience: Column<u64>,
    created: Column<i64>,
}

/// Caches the open columns of segments: opening them reads a few bytes per 512 documents, and a segment never changes.
#[derive(Default)]
pub(super) struct ColumnCache(Mutex<FxHashMap<SegmentId, Columns>>);

impl ColumnCache {
    fn columns(&self, segment: &SegmentReader) -> tantivy::Result<Columns> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&segment.segment_id()).cloned();
        if let Some(columns) = cached {
            return Ok(columns);
        }
        let fields = segment.fast_fields();
        let columns = Columns {
            key: fields.u64("key")?,
            author: fields.u64("author")?,
            post: fields.u64("on")?,
            post_author: fields.u64("on_author")?,
            audience: fields.u64("audience")?,
            created: fields.i64("created")?,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SEGMENTS_MAX {
            all.clear();
        }
        all.insert(segment.segment_id(), columns.clone());
        drop(all);
        Ok(columns)
    }

    /// Returns the column of the keys of a segment.
    pub(super) fn keys(&self, segment: &SegmentReader) -> tantivy::Result<Column<u64>> {
        Ok(self.columns(segment)?.key)
    }

    /// Drops the columns of all other segments, which were merged.
    pub(super) fn retain_segments(&self, segments: &[SegmentReader]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|id, _| segments.iter().any(|segment| segment.segment_id() == *id));
    }
}

/// Collects the hits of a request.
#[derive(Clone)]
pub(super) struct TopHits(Arc<Criteria>);

/// The filters, order and limits of a request; its query is separate.
struct Criteria {
    rights: Arc<ViewerRights>,
    columns: Arc<ColumnCache>,
    kind: SearchKind,
    scored: bool,
    created: Option<(i64, i64)>,
    after: Option<SearchKey>,
    id_max: u64,
    limit: usize,
    until: Deadline,
}

impl TopHits {
    pub(super) fn new(request: &SearchRequest, rights: ViewerRights, columns: Arc<ColumnCache>) -> Self {
        let bounded = request.from.is_some() || request.to.is_some();
        let from = request.from.map_or(i64::MIN, |from| from.0);
        let to = request.to.map_or(i64::MAX, |to| to.0);
        Self(Arc::new(Criteria {
            rights: Arc::new(rights),
            columns,
            kind: request.kind,
            scored: request.order == SearchOrder::Relevance,
            created: bounded.then_some((from, to)),
            after: request.after,
            id_max: request.id_max,
            limit: request.limit,
            until: request.until.clone(),
        }))
    }

    fn check_deadline(&self) -> tantivy::Result<()> {
        if self.0.until.has_passed() {
            return Err(TantivyError::InternalError("the deadline passed".to_owned()));
        }
        Ok(())
    }
}

/// Collects the hits of one segment.
pub(super) struct SegmentTopHits {
    criteria: Arc<Criteria>,
    columns: Columns,
    admission: Admission,
    /// The best keys so far, the worst of them on top.
    best: BinaryHeap<Reverse<(SearchKey, DocId)>>,
}

impl Collector for TopHits {
    type Fruit = Vec<Hit>;
    type Child = SegmentTopHits;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentTopHits> {
        Ok(SegmentTopHits {
            criteria: self.0.clone(),
            columns: self.0.columns.columns(segment)?,
            admission: Admission::new(self.0.rights.clone()),
            best: BinaryHeap::with_capacity(self.0.limit + 1),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.0.scored
    }

    /// Does the same as the default method of the trait, and checks the deadline.
    fn collect_segment(
        &self,
        weight: &dyn Weight,
        ordinal: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<Vec<Hit>> {
        let mut child = self.for_segment(ordinal, segment)?;
        let alive = segment.alive_bitset();
        self.check_deadline()?;
        let mut scorer = weight.scorer(segment, 1.0)?;
        let mut doc = scorer.doc();
        let mut visited = 0_u32;
        while doc != TERMINATED {
            visited = visited.wrapping_add(1);
            if visited.is_multiple_of(DEADLINE_CHECK_EVERY) {
                self.check_deadline()?;
            }
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                child.collect(doc, if self.0.scored { scorer.score() } else { 0.0 });
            }
            doc = scorer.advance();
        }
        Ok(child.harvest())
    }

    fn merge_fruits(&self, segments: Vec<Vec<Hit>>) -> tantivy::Result<Vec<Hit>> {
        let mut hits = segments.concat();
        hits.sort_unstable_by_key(|hit| Reverse(hit.key));
        hits.truncate(self.0.limit);
        Ok(hits)
    }
}

impl SegmentCollector for SegmentTopHits {
    type Fruit = Vec<Hit>;

    fn collect(&mut self, doc: DocId, score: Score) {
        // The cast turns NaN and negative scores into 0.
        let score = if self.criteria.scored { (score * SCORE_STEPS).round() as u64 } else { 0 };
        let full = self.best.len() >= self.criteria.limit;
        let last = self.best.peek().map(|Reverse((key, _))| *key).filter(|_| full);
        if last.is_some_and(|last| score < last.score) {
            return;
        }
        let Some(id) = self.columns.key.first(doc).and_then(|key| id_of(key, self.criteria.kind)) else { return };
        let key = SearchKey { score, id };
        let outside = id > self.criteria.id_max || self.criteria.after.is_some_and(|after| key >= after);
        if outside || last.is_some_and(|last| key < last) {
            return;
        }
        if let Some((from, to)) = self.criteria.created
            && !self.columns.created.first(doc).is_some_and(|at| (from..to).contains(&at))
        {
            return;
        }
        let columns = &self.columns;
        let document = Document {
            kind: self.criteria.kind,
            id,
            author: MemberId(columns.author.first(doc).unwrap_or_default()),
            on: PostId(columns.post.first(doc).unwrap_or_default()),
            on_author: MemberId(columns.post_author.first(doc).unwrap_or_default()),
            audience: columns.audience.first(doc),
        };
        if !self.admission.admits(&document) {
            return;
        }
        self.best.push(Reverse((key, doc)));
        if self.best.len() > self.criteria.limit {
            self.best.pop();
        }
    }

    fn harvest(self) -> Vec<Hit> {
        let hit = |Reverse((key, doc)): Reverse<(SearchKey, DocId)>| Hit {
            key,
            author: MemberId(self.columns.author.first(doc).unwrap_or_default()),
            post: PostId(self.columns.post.first(doc).unwrap_or_default()),
        };
        self.best.into_iter().map(hit).collect()
    }
}
