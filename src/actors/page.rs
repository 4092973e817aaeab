//! `Page`: one page of a list, cut from the result of a query for one item more; and [`steps`], in which a list reads
//! past hidden rows, so that neither its pages nor its cursors show that there are any.
use std::iter::successors;

/// Maximum number of statements that read past hidden rows for one page. After them the page is as full as it is; its
/// cursor is the last visible item, or, if it has none, the last hidden row that was read. With [`STEP_MAX`], a page
/// skips more than 9,000 hidden rows.
const STEPS_MAX: usize = 6;
/// Rows that the second statement reads at least. A page of one item soon skips as many hidden rows as a long one.
const SECOND_STEP_MIN: usize = 64;
/// Maximum number of rows that one statement reads, unless the page itself is longer.
pub(super) const STEP_MAX: usize = 4_000;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items of this page, in the order of the list.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<String>,
}

/// Cuts a page from up to `limit + 1` items: an item beyond `limit` proves that a next page exists.
///
/// `cursor` encodes the last item of the page as the cursor of the next one; `convert` turns each item into one of the
/// page.
pub(super) fn page<T, U>(
    mut items: Vec<T>,
    limit: usize,
    cursor: impl Fn(&T) -> String,
    convert: impl Fn(T) -> U,
) -> Page<U> {
    let has_next = items.len() > limit;
    items.truncate(limit);
    let next = if has_next { items.last().map(cursor) } else { None };
    Page { items: items.into_iter().map(convert).collect(), next }
}

/// Returns the number of rows that each statement for one page reads: `wanted` at first, and four times as many as
/// before while too few of them are visible, up to `step_max` and at least `wanted`.
pub(super) fn steps(wanted: usize, step_max: usize) -> impl Iterator<Item = usize> {
    let step_max = step_max.max(wanted);
    successors(Some(wanted), move |step| Some((step * 4).max(SECOND_STEP_MIN).min(step_max))).take(STEPS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_to_their_limit() {
        let all = |wanted, step_max| steps(wanted, step_max).collect::<Vec<_>>();
        assert_eq!(all(2, STEP_MAX), [2, 64, 256, 1_024, 4_000, 4_000]);
        assert_eq!(all(101, STEP_MAX), [101, 404, 1_616, 4_000, 4_000, 4_000]);
        assert_eq!(all(21, 4), [21; 6], "a feed of very many authors");
        assert!(steps(2, STEP_MAX).sum::<usize>() > 9_000);
    }
}
