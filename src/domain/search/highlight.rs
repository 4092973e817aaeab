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
/// Most marked matches per phrase; a text may repeat one word.
const MARKS_MAX: usize = 100;

/// Returns the part of a text around the first match as HTML: escaped, with matches in `<mark>` and `…` where it was
/// cut. Returns `None` if the text has no word of the query.
pub fn highlight(text: &str, query: &Query) -> Option<String> {
    let tokens = tokenize(text);
    let mut by_text: HashMap<&str, Vec<&Token>> = HashMap::new();
    for token in &tokens {
        by_text.entry(&token.text).or_default().push(token);
    }
    let mut found = Vec::new();
    for clause in query.clauses.iter().filter(|clause| !clause.excluded) {
        found.extend(clause_matches(clause, text, &tokens, &by_text));
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut marks: Vec<Range<usize>> = Vec::new();
    for range in found {
        match marks.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => marks.push(range),
        }
    }
    let first = marks.first()?.start;
    Some(to_html(text, &marks, &window(text, first)))
}

/// Returns the matches of the first form that the text has completely, else of the first form that it has in part.
fn clause_matches(
    clause: &Clause,
    text: &str,
    tokens: &[Token],
    by_text: &HashMap<&str, Vec<&Token>>,
) -> Vec<Range<usize>> {
    let mut partly = Vec::new();
    for form in &clause.any {
        let found = form_matches(form, text, tokens, by_text);
        if found.iter().all(|matches| !matches.is_empty()) {
            return found.concat();
        }
        if partly.is_empty() {
            partly = found.concat();
        }
    }
    partly
}

/// Returns the matches of each phrase of one form.
fn form_matches(
    form: &[Phrase],
    text: &str,
    tokens: &[Token],
    by_text: &HashMap<&str, Vec<&Token>>,
) -> Vec<Vec<Range<usize>>> {
    let of_phrase = |phrase: &Phrase| -> Vec<Range<usize>> {
        match phrase {
            Phrase::Syllable(syllable) => {
                let all = syllables(text).into_iter().filter(|token| token.text == *syllable);
                all.map(|token| token.start..token.end).take(MARKS_MAX).collect()
            }
            Phrase::Terms { terms, prefix: true } => {
                let Some((last, before)) = terms.split_last() else { return Vec::new() };
                let ends = tokens.iter().filter(|token| token.text.starts_with(&last.1));
                let whole = ends.filter_map(|end| {
                    let first = end.position.checked_sub(last.0)?;
                    let start = run_from(before, first, by_text)?.map_or(end.start, |range| range.start);
                    Some(start..end.end)
                });
                whole.take(MARKS_MAX).collect()
            }
            Phrase::Terms { terms, prefix: false } => {
                let Some((_, first)) = terms.first() else { return Vec::new() };
                let starts = by_text.get(first.as_str()).into_iter().flatten();
                starts.filter_map(|start| run_from(terms, start.position, by_text)?).take(MARKS_MAX).collect()
            }
        }
    };
    form.iter().map(of_phrase).collect()
}

/// Returns the byte range of these terms from that position on; `None` if the text lacks one of them there.
fn run_from(terms: &[(u32, String)], first: u32, by_text: &HashMap<&str, Vec<&Token>>) -> Option<Option<Range<usize>>> {
    let mut range: Option<Range<usize>> = None;
    for (distance, text) in terms {
        let same = by_text.get(text.as_str())?;
        // Tokens of one text are in the order of their positions.
        let at = same.binary_search_by_key(&(first + distance), |token| token.position).ok()?;
        let token = same[at];
        let start = range.map_or(token.start, |range| range.start);
        range = Some(start..token.end);
    }
    Some(range)
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

fn to_html(text: &str, marks: &[Range<usize>], shown: &Range<usize>) -> String {
    let mut html = String::with_capacity(shown.len() + 32);
    if shown.start > 0 {
        html.push('…');
    }
    let mut at = shown.start;
    let within = marks.iter().filter(|mark| mark.start < shown.end && mark.end > shown.start);
    for mark in within {
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
        fn any_part_of_a_text_is_highlighted(part in "[가-힣]{1,9}", before in "[가-힣 a-z0-9!.]{0,20}", after in "[가-힣 a-z0-9!.]{0,20}") {
            let text = format!("{before} {part}{after}");
            prop_assert!(shown(&text, &part).is_some(), "{} in {}", part, text);
        }
    }
}
