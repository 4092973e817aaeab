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

/// Maximum number of index queries for one page, if many hits are hidden from the viewer. After them the page has fewer
/// items than its limit, and a cursor all the same.
const QUERIES_MAX: usize = 8;

/// The list of results that a cursor names: another search refuses the cursor.
pub(super) struct ResultList {
    pub(super) kind: ListKind,
    pub(super) scope: u64,
}

impl Search {
    /// Queries the index until the page is full, the hits end, or [`QUERIES_MAX`] is reached. `visible` returns the
    /// visible items among hits, by id. Refuses `CursorInvalid`, and `Down` while the part is.
    ///
    /// A cursor holds the sort key of the last item, and the largest id of the first page: later pages show no item
    /// that is newer than the first page.
    pub(super) async fn scan<T, F: Future<Output = Result<HashMap<u64, T>, Error>>>(
        &self,
        list: &ResultList,
        mut wanted: SearchRequest,
        cursor: Option<&str>,
        visible: impl Fn(Vec<Hit>) -> F,
    ) -> Result<Page<T>, Error> {
        let started = Instant::now();
        let limit = wanted.limit;
        let mut id_max = None;
        if let Some(cursor) = cursor {
            let ([score, id], pinned) = decode_pinned(cursor, list.kind, list.scope)?;
            wanted.after = Some(SearchKey { score, id });
            wanted.id_max = pinned;
            id_max = Some(pinned);
        }
        // One item more than the page holds shows that there is a next page.
        wanted.limit = limit + 1;
        // One index for the whole page, even if the actor switches to another one meanwhile.
        let index = self.shared.index()?;
        let mut items: Vec<(SearchKey, T)> = Vec::new();
        let mut at_end = false;
        for _ in 0..QUERIES_MAX {
            let hits = index.find(wanted.clone()).await.inspect_err(|_| self.report_damage(&*index))?;
            at_end = hits.len() < wanted.limit;
            let largest = hits.iter().map(|hit| hit.key.id).max().unwrap_or(0);
            id_max.get_or_insert_with(|| largest.max(first_id_at(Timestamp::now())));
            wanted.after = hits.last().map(|hit| hit.key).or(wanted.after);
            let mut found = visible(hits.clone()).await?;
            items.extend(hits.iter().filter_map(|hit| Some((hit.key, found.remove(&hit.key.id)?))));
            if at_end || items.len() > limit {
                break;
            }
        }
        metrics::histogram!("dailyfeed_search_duration_seconds").record(started.elapsed().as_secs_f64());
        let next_after = if items.len() > limit {
            items.truncate(limit);
            items.last().map(|(key, _)| *key)
        } else if at_end {
            None
        } else {
            wanted.after
        };
        let pinned = id_max.unwrap_or(u64::MAX);
        let next = next_after.map(|key| encode_pinned(list.kind, list.scope, [key.score, key.id], pinned));
        Ok(Page { items: items.into_iter().map(|(_, item)| item).collect(), next })
    }
}
