//! `Highlights`: the words of a query, marked in the texts that a search found. Runs on a thread of the search's lane,
//! for a bounded number of bytes.
use crate::{
    actors::{error::Error, lanes::LanePermit},
    domain::search::{Query, highlight},
};

/// Maximum number of bytes of a text in which words are marked: more than four times a post of 5,000 Korean characters.
/// A longer text, of clusters of many code points, is shown without marks.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of bytes of all texts of one page: a hundred posts of 5,000 Korean characters. Further texts are
/// shown without marks.
const PAGE_BYTES_MAX: usize = 2 << 20;

/// The fields that contain a word of the query, as HTML with `<mark>`; `None` for any other field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are documented at the type")]
pub struct Highlights {
    pub title: Option<String>,
    pub content: Option<String>,
    pub handle: Option<String>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
}

/// A post, comment or member that was found, with its highlights.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are documented at the type")]
pub struct Found<T> {
    pub item: T,
    pub highlights: Highlights,
}

/// Marks the words of a query in texts, until the page's bytes are used up.
pub(super) struct Marker {
    query: Query,
    bytes_left: usize,
}

impl Marker {
    fn new(query: Query) -> Self {
        Self { query, bytes_left: PAGE_BYTES_MAX }
    }

    /// Returns the part of a text around the first word of the query, with the words marked; `None` without such a
    /// word, and for a text that is too long.
    pub(super) fn mark(&mut self, text: &str) -> Option<String> {
        if text.len() > TEXT_BYTES_MAX || text.len() > self.bytes_left {
            return None;
        }
        self.bytes_left -= text.len();
        highlight(text, &self.query)
    }
}

/// Adds highlights to found items, in their order, with `mark` for each of them. Refuses `Late` if the deadline passes
/// between two items.
pub(super) async fn with_highlights<T: Send + 'static, U: Send + 'static>(
    permit: &LanePermit,
    query: Query,
    items: Vec<T>,
    mark: impl Fn(T, &mut Marker) -> Found<U> + Send + 'static,
) -> Result<Vec<Found<U>>, Error> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    permit
        .run_blocking(move |deadline| {
            let mut marker = Marker::new(query);
            let mut found = Vec::with_capacity(items.len());
            for item in items {
                if deadline.has_passed() {
                    return Err(Error::Late("search"));
                }
                found.push(mark(item, &mut marker));
            }
            Ok(found)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marking_is_bounded_by_bytes() {
        let mut marker = Marker::new(Query::parse("한강"));
        assert_eq!(marker.mark("한강").as_deref(), Some("<mark>한강</mark>"));
        assert_eq!(marker.mark(&format!("한강 {}", "가".repeat(TEXT_BYTES_MAX / 3))), None);
        let text = format!("한강 {}", " ".repeat(TEXT_BYTES_MAX - 100));
        let marked = (0..1_000).take_while(|_| marker.mark(&text).is_some()).count();
        assert_eq!(marked, (PAGE_BYTES_MAX - "한강".len()) / text.len());
        assert!(marker.mark("한강").is_some(), "a short text still fits");
    }
}
