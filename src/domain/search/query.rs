//! Parses a query into clauses of phrases. Every text is a valid query: parts without meaning are skipped.
use super::{
    particles,
    runs::{Run, Script, runs},
    spacing::{SPACED_MIN, spaced},
};

/// Maximum number of characters of a query.
pub const QUERY_LENGTH_MAX: usize = 256;
/// Maximum number of clauses of a query; further words and phrases are ignored.
pub const CLAUSES_MAX: usize = 16;
/// A Korean word of this many syllables is also searched for as two words.
const COMPOUND: std::ops::RangeInclusive<usize> = 4..=12;
/// Fewest syllables of each of the two words.
const PART_MIN: usize = 2;

/// A parsed query: a hit has every clause that is not excluded, and none that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// At most [`CLAUSES_MAX`].
    pub clauses: Vec<Clause>,
}

/// One word or phrase of a query, in all forms that are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Whether texts with it are excluded.
    pub excluded: bool,
    /// The forms. A text has the clause if it has all phrases of one form. The first form is the one that was typed.
    pub forms: Vec<Vec<Phrase>>,
}

/// One part of a form: tokens at fixed distances, or a single syllable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// Each token with its distance from the first.
    Terms {
        /// In order of distance; at least one.
        terms: Vec<(u32, String)>,
        /// Whether the last token is a prefix.
        prefix: bool,
    },
    /// A single syllable, anywhere in a word.
    Syllable(String),
}

impl Query {
    /// Parses a query: words, `"phrases"`, `-excluded`, `prefix*`.
    pub fn parse(text: &str) -> Self {
        Self::of(Typed::split(text).into_iter().filter_map(|typed| typed.clause(false)))
    }

    /// Parses a query for members: the last word is also searched for as a prefix, since names are typed incompletely.
    pub fn parse_name(text: &str) -> Self {
        let typed = Typed::split(text);
        let last = typed.len().saturating_sub(1);
        Self::of(typed.into_iter().enumerate().filter_map(|(at, typed)| typed.clause(at == last)))
    }

    /// Collects at most [`CLAUSES_MAX`] clauses, and of equal ones the first.
    fn of(all: impl Iterator<Item = Clause>) -> Self {
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in all {
            if clauses.len() < CLAUSES_MAX && !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        Self { clauses }
    }

    /// Returns whether a clause is not excluded. A query of only exclusions would match nearly everything.
    pub fn has_positive_clause(&self) -> bool {
        self.clauses.iter().any(|clause| !clause.excluded)
    }
}

/// One word or phrase as it was typed.
struct Typed {
    text: String,
    excluded: bool,
    quoted: bool,
}

impl Typed {
    /// Splits a query at white space and quotation marks.
    fn split(text: &str) -> Vec<Self> {
        let mut all = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let after_dash = rest.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| !c.is_whitespace()));
            let excluded = after_dash.is_some();
            rest = after_dash.unwrap_or(rest);
            let quoted = rest.starts_with(is_quote);
            if quoted {
                rest = rest.trim_start_matches(is_quote);
            }
            let ends = |c: char| is_quote(c) || !quoted && c.is_whitespace();
            let end = rest.find(ends).unwrap_or(rest.len());
            all.push(Self { text: rest[..end].to_owned(), excluded, quoted });
            rest = &rest[end..];
            if quoted {
                rest = rest.strip_prefix(is_quote).unwrap_or(rest);
            }
            rest = rest.trim_start();
        }
        all
    }

    /// Returns its clause; `None` if it has no letters, digits or emoji. `allow_prefix` adds the prefix form.
    fn clause(self, allow_prefix: bool) -> Option<Clause> {
        let runs = runs(&self.text);
        let prefix = !self.quoted && self.text.ends_with('*');
        let last = runs.last()?;
        let excluded = self.excluded;
        let syllable = runs.len() == 1 && last.script.in_pairs() && last.units.len() == 1;
        if syllable && !prefix {
            let syllable = Phrase::Syllable(last.units[0].text.clone());
            return Some(Clause { excluded, forms: vec![vec![syllable]] });
        }
        let is_word = last.script == Script::Word;
        let mut forms = vec![vec![phrase(&runs, prefix && is_word)]];
        if !self.quoted && !prefix {
            if allow_prefix && is_word {
                forms.push(vec![phrase(&runs, true)]);
            }
            if last.script == Script::Hangul {
                forms.extend(korean_forms(&runs));
            }
        }
        Some(Clause { excluded, forms })
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{FF02}')
}

/// Returns the phrase of the tokens of these runs, at their distances from the first run.
pub(super) fn phrase(runs: &[Run], prefix: bool) -> Phrase {
    let first = runs.first().map_or(0, |run| run.position);
    let tokens = runs.iter().flat_map(Run::tokens);
    Phrase::Terms { terms: tokens.map(|token| (token.position - first, token.text)).collect(), prefix }
}

/// Returns the other forms of a Korean word in texts: without its particle, as two words anywhere, and with spaces
/// between its parts.
fn korean_forms(runs: &[Run]) -> Vec<Vec<Phrase>> {
    let Some((last, before)) = runs.split_last() else { return Vec::new() };
    let syllables: Vec<&str> = last.units.iter().map(|unit| unit.text.as_str()).collect();
    let stem = particles::stem(&syllables, !before.is_empty());
    let mut forms = Vec::new();
    if let Some(length) = stem {
        let mut without_particle = before.to_vec();
        if length > 0 {
            without_particle.push(sub_run(last, 0, length));
        }
        forms.push(vec![phrase(&without_particle, false)]);
    }
    if before.is_empty() {
        let lengths = [Some(last.units.len()), stem];
        for length in lengths.into_iter().flatten().filter(|length| COMPOUND.contains(length)) {
            let splits = PART_MIN..=length - PART_MIN;
            forms.extend(splits.map(|at| {
                let parts = [sub_run(last, 0, at), sub_run(last, at, length)];
                parts.map(|part| phrase(&[part], false)).to_vec()
            }));
        }
    }
    // The word without its particle: these forms find texts with the particle too.
    let length = stem.filter(|length| *length >= SPACED_MIN).unwrap_or(last.units.len());
    forms.extend(spaced(before, &sub_run(last, 0, length)).into_iter().map(|phrase| vec![phrase]));
    forms
}

/// Returns some adjacent units of a run as a run.
pub(super) fn sub_run(run: &Run, from: usize, to: usize) -> Run {
    Run { script: run.script, position: run.position + from as u32, units: run.units[from..to].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(texts: &[(u32, &str)]) -> Vec<Phrase> {
        let terms = texts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        vec![Phrase::Terms { terms, prefix: false }]
    }

    fn only(text: &str) -> Clause {
        let mut clauses = Query::parse(text).clauses;
        assert_eq!(clauses.len(), 1, "{text}");
        clauses.remove(0)
    }

    #[test]
    fn words_are_separate_and_phrases_are_not() {
        assert_eq!(Query::parse("rust 서버").clauses.len(), 2);
        assert_eq!(Query::parse("rust 서버 Rust").clauses, Query::parse("rust 서버").clauses);
        assert_eq!(Query::parse("rust -rust").clauses.len(), 2);
        assert_eq!(only("\"rust 서버\"").forms, [terms(&[(0, "rust"), (1, "서버")])]);
        assert_eq!(only("e-mail").forms, [terms(&[(0, "e"), (1, "mail")])]);
        assert!(only("-rust").excluded && only("-\"a b\"").excluded && !only("rust-").excluded);
    }

    #[test]
    fn any_text_is_parsed_as_a_query() {
        for meaningless in ["", "  ", "\"", "\"\"", "-", "- -", "*", "-*", "\"-", "!?", "--", "-\""] {
            assert!(!Query::parse(meaningless).has_positive_clause(), "{meaningless}");
        }
        assert_eq!(only("\"rust").forms, [terms(&[(0, "rust")])]);
        assert_eq!(only("rust\"").forms, [terms(&[(0, "rust")])]);
        assert_eq!(Query::parse("a\"b c\"d").clauses.len(), 3);
        let many: String = (0..100).map(|word| format!("a{word} ")).collect();
        assert_eq!(Query::parse(&many).clauses.len(), CLAUSES_MAX);
    }

    #[test]
    fn a_star_makes_a_prefix() {
        let clause = only("dev*");
        assert_eq!(clause.forms, [vec![Phrase::Terms { terms: vec![(0, "dev".into())], prefix: true }]]);
        assert_eq!(only("한글*").forms, [terms(&[(0, "한글")])]);
        assert_eq!(only("한*").forms, [terms(&[(0, "한")])]);
    }

    #[test]
    fn a_single_syllable_is_searched_for_anywhere() {
        assert_eq!(only("밤").forms, [vec![Phrase::Syllable("밤".into())]]);
        assert_eq!(only("3월").forms, [terms(&[(0, "3"), (1, "월")])]);
    }

    #[test]
    fn a_word_is_also_searched_for_without_its_particle() {
        assert_eq!(only("한강에").forms, [terms(&[(0, "한강"), (1, "강에")]), terms(&[(0, "한강")])]);
        assert_eq!(only("이번주").forms, [terms(&[(0, "이번"), (1, "번주")]), terms(&[(0, "이번"), (2, "주.")])]);
        assert_eq!(only("react를").forms, [terms(&[(0, "react"), (1, "를")]), terms(&[(0, "react")])]);
        assert_eq!(only("\"한강에\"").forms.len(), 1);
    }

    #[test]
    fn a_compound_is_also_searched_for_as_two_words() {
        let forms = only("대한민국").forms;
        assert_eq!(forms[0], terms(&[(0, "대한"), (1, "한민"), (2, "민국")]));
        assert_eq!(forms[1], [terms(&[(0, "대한")]), terms(&[(0, "민국")])].concat());
        assert!(forms[2..].iter().all(|form| form.len() == 1), "the others are single phrases");
        assert!(only("대한민국은").forms.contains(&[terms(&[(0, "대한")]), terms(&[(0, "민국")])].concat()));
    }

    #[test]
    fn the_last_word_of_a_name_is_also_a_prefix() {
        let clauses = Query::parse_name("kim min").clauses;
        assert_eq!((clauses[0].forms.len(), clauses[1].forms.len()), (1, 2));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let query = Query::parse(&text);
            prop_assert!(query.clauses.len() <= CLAUSES_MAX);
            prop_assert!(query.clauses.iter().all(|clause| !clause.forms.is_empty()));
        }

        #[test]
        fn no_query_syntax_makes_it_panic(text in "[-\"* a가를]{0,40}") {
            Query::parse_name(&text);
        }
    }
}
