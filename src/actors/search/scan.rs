//! `Search::scan`: queries the index until a page of visible items is full, and makes the cursor of the next page.
use super::Search;
use crate::{
    actors::{error::Error, page::Page},
    domain::{
        SearchKey, Timestamp,
        cursor::{ListKind, decode_pinned, encode_pinned},
        first_id_at,
    },
    storage::{Hit, SearchRequest},
};
use std::{collections::HashMap, time::Instant};

/// Maximum number of hits of one index query. A page that is not full because hits turn out to be hidden queries again,
/// each time for twice as many hits up to this number.
const HITS_MAX: usize = 500;

/// The list of results that a cursor names: another search refuses the cursor.
pub(super) struct ResultList {
    pub(super) kind: ListKind,
    pub(super) scope: u64,
}

impl Search {
    /// Queries the index until the page is full or the hits end. `visible` returns the visible items among hits, by id.
    /// The index has left out what it knows to be hidden, so nearly always one query is enough; the deadline of the
    /// request ends the others. Refuses `CursorInvalid`, `Down` while the part is, and `Late`.
    ///
    /// A cursor holds the sort key of the last item, and the largest id of the first page: later pages show no item
    /// that is newer than the first page. Hidden hits are in neither, and no page is shorter because of them.
    pub(super) async fn scan<T, F: Future<Output = Result<HashMap<u64, T>, Error>>>(
        &self,
        list: &ResultList,
        mut wanted: SearchRequest,
        cursor: Option<&str>,
        visible: impl Fn(Vec<Hit>) -> F,
    ) -> Result<Page<T>, Error> {
        let started = Instant::now();
        let limit = wanted.limit;
        let mut pinned = None;
        if let Some(cursor) = cursor {
            let ([score, id], id_max) = decode_pinned(cursor, list.kind, list.scope)?;
            wanted.after = Some(SearchKey { score, id });
            wanted.id_max = id_max;
            pinned = Some(id_max);
        }
        let newest = first_id_at(Timestamp::now());
        // One item more than the page holds shows that there is a next page.
        wanted.limit = limit + 1;
        // One index for the whole page, even if the actor switches to another one meanwhile.
        let index = self.shared.index()?;
        let mut items: Vec<(SearchKey, T)> = Vec::new();
        loop {
            let hits = index.find(wanted.clone()).await.inspect_err(|_| self.report_damage(&*index))?;
            let at_end = hits.len() < wanted.limit;
            wanted.after = hits.last().map(|hit| hit.key).or(wanted.after);
            wanted.limit = (wanted.limit * 2).min(HITS_MAX);
            let mut found = visible(hits.clone()).await?;
            items.extend(hits.iter().filter_map(|hit| Some((hit.key, found.remove(&hit.key.id)?))));
            if at_end || items.len() > limit {
                break;
            }
        }
        metrics::histogram!("dailyfeed_search_duration_seconds").record(started.elapsed().as_secs_f64());
        let has_next = items.len() > limit;
        items.truncate(limit);
        let last = items.last().map(|(key, _)| *key).filter(|_| has_next);
        let next = last.map(|key| {
            let id_max = pinned.unwrap_or_else(|| items.iter().map(|(key, _)| key.id).fold(newest, u64::max));
            encode_pinned(list.kind, list.scope, [key.score, key.id], id_max)
        });
        Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), next })
    }
}
