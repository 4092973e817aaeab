//! Highlights: the part of a text around the first match of a query, as HTML with `<mark>`.
use super::{
    query::{Clause, Phrase, Query},
    tokens::{Token, syllables, tokenize},
};
use std::{collections::HashMap, ops::Range};
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a fragment.
const FRAGMENT: usize = 160;
/// Characters before the first match.
const LEAD: usize = 40;
/// Maximum number of marked matches per phrase; a text may repeat one word.
const MARKS_MAX: usize = 100;

/// Returns the part of a text around the first match as HTML: escaped, with matches in `<mark>`, and with `…` at each
/// end that was cut. Returns `None` if the text has no word of the query.
pub fn highlight(text: &str, query: &Query) -> Option<String> {
    let tokens = tokenize(text);
    let tokenized = TokenizedText::new(text, &tokens);
    let mut found = Vec::new();
    for clause in query.clauses.iter().filter(|clause| !clause.excluded) {
        found.extend(tokenized.clause_matches(clause));
    }
    let marks = merged(found);
    let first = marks.first()?.start;
    Some(to_html(text, &marks, &window(text, first)))
}

/// Sorts byte ranges and joins those that touch or overlap.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}

/// A text and its tokens, which are in the order of their positions. Matches are byte ranges of the text.
struct TokenizedText<'t> {
    text: &'t str,
    tokens: &'t [Token],
    by_token: HashMap<&'t str, Vec<&'t Token>>,
}

impl<'t> TokenizedText<'t> {
    fn new(text: &'t str, tokens: &'t [Token]) -> Self {
        let mut by_token: HashMap<&str, Vec<&Token>> = HashMap::new();
        for token in tokens {
            by_token.entry(&token.text).or_default().push(token);
        }
        Self { text, tokens, by_token }
    }

    /// Returns the matches of the first form that the text has completely, else of the first form that it has in part.
    fn clause_matches(&self, clause: &Clause) -> Vec<Range<usize>> {
        let mut partly = Vec::new();
        for form in &clause.forms {
            let found: Vec<_> = form.iter().map(|phrase| self.phrase_matches(phrase)).collect();
            if found.iter().all(|matches| !matches.is_empty()) {
                return found.concat();
            }
            if partly.is_empty() {
                partly = found.concat();
            }
        }
        partly
    }

    /// Returns at most [`MARKS_MAX`] matches of a phrase.
    fn phrase_matches(&self, phrase: &Phrase) -> Vec<Range<usize>> {
        match phrase {
            Phrase::Syllable(syllable) => {
                let same = syllables(self.text).into_iter().filter(|token| token.text == *syllable);
                same.map(|token| token.start..token.end).take(MARKS_MAX).collect()
            }
            Phrase::Terms { terms, prefix: true } => {
                let Some(((distance, prefix), before)) = terms.split_last() else { return Vec::new() };
                let ends = self.tokens.iter().filter(|token| token.text.starts_with(prefix));
                let matches = ends.filter_map(|end| {
                    let first = end.position.checked_sub(*distance)?;
                    let start = if before.is_empty() { end.start } else { self.run_from(before, first)?.start };
                    Some(start..end.end)
                });
                matches.take(MARKS_MAX).collect()
            }
            Phrase::Terms { terms, prefix: false } => {
                let Some((_, first)) = terms.first() else { return Vec::new() };
                let starts = self.by_token.get(first.as_str()).into_iter().flatten();
                starts.filter_map(|start| self.run_from(terms, start.position)).take(MARKS_MAX).collect()
            }
        }
    }

    /// Returns the byte range of these terms from that position on; `None` if the text lacks one of them there.
    fn run_from(&self, terms: &[(u32, String)], first: u32) -> Option<Range<usize>> {
        let mut range: Option<Range<usize>> = None;
        for (distance, text) in terms {
            let same = self.by_token.get(text.as_str())?;
            let at = same.binary_search_by_key(&(first + distance), |token| token.position).ok()?;
            let token = same[at];
            let start = range.map_or(token.start, |range| range.start);
            range = Some(start..token.end);
        }
        range
    }
}

/// Returns the byte range to show: whole characters around the first match.
fn window(text: &str, first: usize) -> Range<usize> {
    let starts: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    if starts.len() <= FRAGMENT {
        return 0..text.len();
    }
    let at = starts.partition_point(|start| *start <= first).saturating_sub(1);
    let from = at.saturating_sub(LEAD).min(starts.len() - FRAGMENT);
    let end = starts.get(from + FRAGMENT).copied().unwrap_or(text.len());
    starts[from]..end
}

/// Renders the shown part of a text: escaped, with its marks, and with `…` at each end that was cut.
fn to_html(text: &str, marks: &[Range<usize>], shown: &Range<usize>) -> String {
    let mut html = String::with_capacity(shown.len() + 32);
    if shown.start > 0 {
        html.push('…');
    }
    let mut at = shown.start;
    let shown_marks = marks.iter().filter(|mark| mark.start < shown.end && mark.end > shown.start);
    for mark in shown_marks {
        let (start, end) = (mark.start.max(at), mark.end.min(shown.end));
        escape(&mut html, &text[at..start]);
        html.push_str("<mark>");
        escape(&mut html, &text[start..end]);
        html.push_str("</mark>");
        at = end;
    }
    escape(&mut html, &text[at..shown.end]);
    if shown.end < text.len() {
        html.push('…');
    }
    html
}

fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, query: &str) -> Option<String> {
        highlight(text, &Query::parse(query))
    }

    #[test]
    fn matches_are_marked() {
        for (text, query, expected) in [
            ("오늘 한강에서 달렸다", "한강", "오늘 <mark>한강</mark>에서 달렸다"),
            ("대한 민국", "대한민국", "<mark>대한</mark> <mark>민국</mark>"),
            ("인천 국제 공항", "인천국제공항", "<mark>인천 국제 공항</mark>"),
            ("인천 시내", "인천국제공항", "<mark>인천</mark> 시내"),
            ("Rust와 rusty", "rust", "<mark>Rust</mark>와 rusty"),
            ("Rust와 rusty", "rus*", "<mark>Rust</mark>와 <mark>rusty</mark>"),
            ("밤에 밤을", "밤", "<mark>밤</mark>에 <mark>밤</mark>을"),
            ("좋아요 👍🏽!", "👍", "좋아요 <mark>👍🏽</mark>!"),
            ("한강 공원 밤", "\"공원 밤\"", "한강 <mark>공원 밤</mark>"),
            ("3월에 만나", "3월", "<mark>3월</mark>에 만나"),
            ("하나 둘", "하나 -둘", "<mark>하나</mark> 둘"),
        ] {
            assert_eq!(shown(text, query).as_deref(), Some(expected), "{query} in {text}");
        }
        assert_eq!(shown("한강", "서울"), None);
        assert_eq!(shown("", "서울"), None);
    }

    #[test]
    fn markup_in_a_text_is_escaped() {
        let html = shown("<script>alert('x')</script> & \"한강\"", "한강").unwrap();
        assert_eq!(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;<mark>한강</mark>&quot;");
        assert_eq!(shown("a <mark>b</mark>", "mark").unwrap().matches("<mark>").count(), 2);
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_match() {
        let text = format!("{}한강{}", "가 ".repeat(300), " 나".repeat(300));
        let html = shown(&text, "한강").unwrap();
        assert!(html.starts_with('…') && html.ends_with('…') && html.contains("<mark>한강</mark>"), "{html}");
        assert_eq!(html.graphemes(true).count(), FRAGMENT + 2 + "<mark></mark>".len());
        let at_end = shown(&format!("{}한강", "가 ".repeat(300)), "한강").unwrap();
        assert!(at_end.ends_with("<mark>한강</mark>") && at_end.starts_with('…'));
    }

    proptest! {
        #[test]
        fn no_pair_of_text_and_query_makes_it_panic(text in "\\PC{0,300}", query in "\\PC{0,20}") {
            let _ = shown(&text, &query);
        }

        #[test]
        fn every_part_of_a_text_is_highlighted(part in "[가-힣]{1,9}", before in "[가-힣 a-z0-9!.]{0,20}", after in "[가-힣 a-z0-9!.]{0,20}") {
            let text = format!("{before} {part}{after}");
            prop_assert!(shown(&text, &part).is_some(), "{} in {}", part, text);
        }
    }
}
