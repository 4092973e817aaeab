//! The first so many documents after a key. Memory is bounded by how many are asked for, whatever is found.
use super::schema::id_of;
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

/// Scores in steps of a sixty-fourth: sums of floats differ in their last bits with the order in which they are added.
const STEPS: f32 = 64.0;

/// Segments whose columns are kept open. There are some dozens; past this many all of them are opened anew.
const SEGMENTS_MAX: usize = 256;

/// Documents between two looks at the deadline: a fraction of a millisecond.
const LOOK_EVERY: u32 = 4_096;

/// What is looked up of each document.
#[derive(Clone)]
struct Columns {
    key: Column<u64>,
    author: Column<u64>,
    post: Column<u64>,
    created: Column<i64>,
}

/// The columns of segments, opened once: that reads a few bytes for each 512 documents, and a segment never changes.
#[derive(Default)]
pub(super) struct Opened(Mutex<FxHashMap<SegmentId, Columns>>);

impl Opened {
    fn columns(&self, segment: &SegmentReader) -> tantivy::Result<Columns> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&segment.segment_id()).cloned();
        if let Some(columns) = known {
            return Ok(columns);
        }
        let fields = segment.fast_fields();
        let columns = Columns {
            key: fields.u64("key")?,
            author: fields.u64("author")?,
            post: fields.u64("on")?,
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

    /// Lets go of segments that are no part of the index any more.
    pub(super) fn keep(&self, segments: &[SegmentReader]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|id, _| segments.iter().any(|segment| segment.segment_id() == *id));
    }
}

/// Which documents, and how many.
#[derive(Clone)]
pub(super) struct FirstAfter(Arc<Rules>);

struct Rules {
    opened: Arc<Opened>,
    kind: SearchKind,
    scored: bool,
    created: Option<(i64, i64)>,
    after: Option<SearchKey>,
    id_max: u64,
    limit: usize,
    until: Deadline,
}

impl FirstAfter {
    pub(super) fn new(wanted: &SearchRequest, opened: Arc<Opened>) -> Self {
        let bounded = wanted.from.is_some() || wanted.to.is_some();
        let from = wanted.from.map_or(i64::MIN, |from| from.0);
        let to = wanted.to.map_or(i64::MAX, |to| to.0);
        Self(Arc::new(Rules {
            opened,
            kind: wanted.kind,
            scored: wanted.order == SearchOrder::Relevance,
            created: bounded.then_some((from, to)),
            after: wanted.after,
            id_max: wanted.id_max,
            limit: wanted.limit,
            until: wanted.until.clone(),
        }))
    }
}

impl FirstAfter {
    fn in_time(&self) -> tantivy::Result<()> {
        let over = || TantivyError::InternalError("the deadline passed".to_owned());
        if self.0.until.has_passed() { Err(over()) } else { Ok(()) }
    }
}

/// Of a segment.
pub(super) struct Child {
    rules: Arc<Rules>,
    columns: Columns,
    /// The best places so far, the last of them on top.
    best: BinaryHeap<Reverse<(SearchKey, DocId)>>,
}

impl Collector for FirstAfter {
    type Fruit = Vec<Hit>;
    type Child = Child;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Child> {
        Ok(Child {
            rules: self.0.clone(),
            columns: self.0.opened.columns(segment)?,
            best: BinaryHeap::with_capacity(self.0.limit + 1),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.0.scored
    }

    /// As Tantivy would, but with an eye on the deadline.
    fn collect_segment(
        &self,
        weight: &dyn Weight,
        ordinal: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<Vec<Hit>> {
        let rules = &self.0;
        let mut child = self.for_segment(ordinal, segment)?;
        let alive = segment.alive_bitset();
        self.in_time()?;
        let mut found = weight.scorer(segment, 1.0)?;
        let (mut doc, mut looked_at) = (found.doc(), 0_u32);
        while doc != TERMINATED {
            looked_at = looked_at.wrapping_add(1);
            if looked_at.is_multiple_of(LOOK_EVERY) {
                self.in_time()?;
            }
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                child.collect(doc, if rules.scored { found.score() } else { 0.0 });
            }
            doc = found.advance();
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

impl SegmentCollector for Child {
    type Fruit = Vec<Hit>;

    fn collect(&mut self, doc: DocId, score: Score) {
        // Truncates what is no number to 0, and rounds the rest.
        let score = if self.rules.scored { (score * STEPS).round() as u64 } else { 0 };
        let full = self.best.len() >= self.rules.limit;
        let last = self.best.peek().map(|Reverse((key, _))| *key).filter(|_| full);
        if last.is_some_and(|last| score < last.score) {
            return;
        }
        let Some(id) = self.columns.key.first(doc).and_then(|key| id_of(key, self.rules.kind)) else { return };
        let key = SearchKey { score, id };
        let late = id > self.rules.id_max || self.rules.after.is_some_and(|after| key >= after);
        if late || last.is_some_and(|last| key < last) {
            return;
        }
        if let Some((from, to)) = self.rules.created
            && !self.columns.created.first(doc).is_some_and(|at| (from..to).contains(&at))
        {
            return;
        }
        self.best.push(Reverse((key, doc)));
        if self.best.len() > self.rules.limit {
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
