//! `Page`: one page of a list, cut from the result of a query for one item more.

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
