//! Marks in what was found: made on a thread of the search's lane, of texts up to a number of bytes.
use crate::{
    actors::{Error, lanes::LanePermit},
    domain::search::{Query, highlight},
};

/// Bytes of a text that is looked through: more than four times a post of 5,000 Korean characters. A longer one, of
/// clusters of many code points, is shown without marks.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all texts of one answer: a page of a hundred posts of 5,000 Korean characters. What comes after is shown
/// without marks.
const ANSWER_BYTES_MAX: usize = 2 << 20;

/// Where it was found, as HTML with `<mark>`. Nothing for a field that has no word of the query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub struct Highlights {
    pub title: Option<String>,
    pub content: Option<String>,
    pub handle: Option<String>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
}

/// Something that was found, and where.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "said above")]
pub struct Found<T> {
    pub item: T,
    pub highlights: Highlights,
}

/// Looks for a query's words in texts, until the answer's bytes are used up.
pub(super) struct Marker {
    query: Query,
    left: usize,
}

impl Marker {
    fn new(query: Query) -> Self {
        Self { query, left: ANSWER_BYTES_MAX }
    }

    /// The part of a text around the first word of the query.
    pub(super) fn mark(&mut self, text: &str) -> Option<String> {
        if text.len() > TEXT_BYTES_MAX || text.len() > self.left {
            return None;
        }
        self.left -= text.len();
        highlight(text, &self.query)
    }
}

/// Marks everything that was found, in its order. `Late` where the deadline passes between two of them.
pub(super) async fn marked<T: Send + 'static, U: Send + 'static>(
    turn: &LanePermit,
    query: Query,
    found: Vec<T>,
    mark: impl Fn(T, &mut Marker) -> Found<U> + Send + 'static,
) -> Result<Vec<Found<U>>, Error> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    turn.run_blocking(move |deadline| {
        let mut marker = Marker::new(query);
        let mut marked = Vec::with_capacity(found.len());
        for item in found {
            if deadline.has_passed() {
                return Err(Error::Late("search"));
            }
            marked.push(mark(item, &mut marker));
        }
        Ok(marked)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_through_is_bounded_by_bytes() {
        let mut marker = Marker::new(Query::parse("한강"));
        assert_eq!(marker.mark("한강").as_deref(), Some("<mark>한강</mark>"));
        assert_eq!(marker.mark(&format!("한강 {}", "가".repeat(TEXT_BYTES_MAX / 3))), None);
        let text = format!("한강 {}", " ".repeat(TEXT_BYTES_MAX - 100));
        let marked = (0..1_000).take_while(|_| marker.mark(&text).is_some()).count();
        assert_eq!(marked, (ANSWER_BYTES_MAX - "한강".len()) / text.len());
        assert!(marker.mark("한강").is_some(), "there is room for a short one");
    }
}
