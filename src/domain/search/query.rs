//! What a query means. Anything can be typed: nothing is an error, and what means nothing is left out.
use super::{
    particles,
    runs::{Run, Script, runs},
    spacing::{SPACED_MIN, spaced},
};

/// Most characters of a query.
pub const QUERY_LENGTH_MAX: usize = 256;
/// Most words and phrases of a query that count; further ones are not looked at.
pub const CLAUSES_MAX: usize = 16;
/// A Korean word of this many syllables may have been two.
const COMPOUND: std::ops::RangeInclusive<usize> = 4..=12;
/// Fewest syllables of each of the two.
const PART_MIN: usize = 2;

/// Words that must all be there, or must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// At most [`CLAUSES_MAX`].
    pub clauses: Vec<Clause>,
}

/// One word or phrase of a query, in every form that it is looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// What has it is not found.
    pub excluded: bool,
    /// It is there where all phrases of one of these are. The first is what was typed.
    pub any: Vec<Vec<Phrase>>,
}

/// Tokens at fixed distances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// Each token with its distance from the first.
    Terms {
        /// In order; at least one.
        terms: Vec<(u32, String)>,
        /// The last one may go on.
        prefix: bool,
    },
    /// A single syllable, wherever it stands.
    Syllable(String),
}

impl Query {
    /// Reads a query: words, `"phrases"`, `-excluded`, `prefix*`.
    pub fn parse(text: &str) -> Self {
        Self::of(Typed::all(text).into_iter().filter_map(|typed| typed.clause(false)))
    }

    /// Reads a query for people, whose names are typed as far as they are known: the last word may go on.
    pub fn parse_name(text: &str) -> Self {
        let typed = Typed::all(text);
        let last = typed.len().saturating_sub(1);
        Self::of(typed.into_iter().enumerate().filter_map(|(at, typed)| typed.clause(at == last)))
    }

    /// What is said twice is looked for once.
    fn of(all: impl Iterator<Item = Clause>) -> Self {
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in all {
            if clauses.len() < CLAUSES_MAX && !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        Self { clauses }
    }

    /// Whether there is something to look for; to leave things out alone is not.
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
    fn all(text: &str) -> Vec<Self> {
        let (mut all, mut rest) = (Vec::new(), text.trim_start());
        while !rest.is_empty() {
            let without = rest.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| !c.is_whitespace()));
            let excluded = without.is_some();
            rest = without.unwrap_or(rest);
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

    /// What it is looked for as; nothing where it has no letters.
    fn clause(self, may_go_on: bool) -> Option<Clause> {
        let runs = runs(&self.text);
        let prefix = !self.quoted && self.text.ends_with('*');
        let last = runs.last()?;
        let excluded = self.excluded;
        let syllable = runs.len() == 1 && last.script.in_pairs() && last.units.len() == 1;
        if syllable && !prefix {
            let syllable = Phrase::Syllable(last.units[0].text.clone());
            return Some(Clause { excluded, any: vec![vec![syllable]] });
        }
        let grows = last.script == Script::Word;
        let mut any = vec![vec![phrase(&runs, prefix && grows)]];
        if !self.quoted && !prefix {
            if may_go_on && grows {
                any.push(vec![phrase(&runs, true)]);
            }
            if last.script == Script::Hangul {
                any.extend(korean(&runs));
            }
        }
        Some(Clause { excluded, any })
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{FF02}')
}

pub(super) fn phrase(runs: &[Run], prefix: bool) -> Phrase {
    let first = runs.first().map_or(0, |run| run.position);
    let tokens = runs.iter().flat_map(Run::tokens);
    Phrase::Terms { terms: tokens.map(|token| (token.position - first, token.text)).collect(), prefix }
}

/// The forms in which a Korean word may stand in a text: without its particle, as two words that stand anywhere, and
/// with spaces between its parts.
fn korean(runs: &[Run]) -> Vec<Vec<Phrase>> {
    let Some((last, before)) = runs.split_last() else { return Vec::new() };
    let syllables: Vec<&str> = last.units.iter().map(|unit| unit.text.as_str()).collect();
    let stem = particles::stem(&syllables, !before.is_empty());
    let mut forms = Vec::new();
    if let Some(length) = stem {
        let mut cut = before.to_vec();
        if length > 0 {
            cut.push(part(last, 0, length));
        }
        forms.push(vec![phrase(&cut, false)]);
    }
    if before.is_empty() {
        let lengths = [Some(last.units.len()), stem];
        for length in lengths.into_iter().flatten().filter(|length| COMPOUND.contains(length)) {
            let splits = PART_MIN..=length - PART_MIN;
            forms.extend(splits.map(|at| {
                let parts = [part(last, 0, at), part(last, at, length)];
                parts.map(|part| phrase(&[part], false)).to_vec()
            }));
        }
    }
    // Where a particle was taken off, what is found with it is found without.
    let length = stem.filter(|length| *length >= SPACED_MIN).unwrap_or(last.units.len());
    forms.extend(spaced(before, &part(last, 0, length)).into_iter().map(|phrase| vec![phrase]));
    forms
}

pub(super) fn part(run: &Run, from: usize, to: usize) -> Run {
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
        assert_eq!(only("\"rust 서버\"").any, [terms(&[(0, "rust"), (1, "서버")])]);
        assert_eq!(only("e-mail").any, [terms(&[(0, "e"), (1, "mail")])]);
        assert!(only("-rust").excluded && only("-\"a b\"").excluded && !only("rust-").excluded);
    }

    #[test]
    fn what_is_not_a_query_is_read_as_one() {
        for nothing in ["", "  ", "\"", "\"\"", "-", "- -", "*", "-*", "\"-", "!?", "--", "-\""] {
            assert!(!Query::parse(nothing).has_positive_clause(), "{nothing}");
        }
        assert_eq!(only("\"rust").any, [terms(&[(0, "rust")])]);
        assert_eq!(only("rust\"").any, [terms(&[(0, "rust")])]);
        assert_eq!(Query::parse("a\"b c\"d").clauses.len(), 3);
        let many: String = (0..100).map(|word| format!("a{word} ")).collect();
        assert_eq!(Query::parse(&many).clauses.len(), CLAUSES_MAX);
    }

    #[test]
    fn a_star_lets_a_word_go_on() {
        let clause = only("dev*");
        assert_eq!(clause.any, [vec![Phrase::Terms { terms: vec![(0, "dev".into())], prefix: true }]]);
        assert_eq!(only("한글*").any, [terms(&[(0, "한글")])]);
        assert_eq!(only("한*").any, [terms(&[(0, "한")])]);
    }

    #[test]
    fn a_syllable_is_looked_for_everywhere() {
        assert_eq!(only("밤").any, [vec![Phrase::Syllable("밤".into())]]);
        assert_eq!(only("3월").any, [terms(&[(0, "3"), (1, "월")])]);
    }

    #[test]
    fn a_particle_in_a_query_is_no_hindrance() {
        assert_eq!(only("한강에").any, [terms(&[(0, "한강"), (1, "강에")]), terms(&[(0, "한강")])]);
        assert_eq!(only("이번주").any, [terms(&[(0, "이번"), (1, "번주")]), terms(&[(0, "이번"), (2, "주.")])]);
        assert_eq!(only("react를").any, [terms(&[(0, "react"), (1, "를")]), terms(&[(0, "react")])]);
        assert_eq!(only("\"한강에\"").any.len(), 1);
    }

    #[test]
    fn a_compound_may_have_been_two_words() {
        let any = only("대한민국").any;
        assert_eq!(any[0], terms(&[(0, "대한"), (1, "한민"), (2, "민국")]));
        assert_eq!(any[1], [terms(&[(0, "대한")]), terms(&[(0, "민국")])].concat());
        assert!(any[2..].iter().all(|form| form.len() == 1), "the others stand side by side");
        assert!(only("대한민국은").any.contains(&[terms(&[(0, "대한")]), terms(&[(0, "민국")])].concat()));
    }

    #[test]
    fn a_name_may_go_on() {
        let clauses = Query::parse_name("kim min").clauses;
        assert_eq!((clauses[0].any.len(), clauses[1].any.len()), (1, 2));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let query = Query::parse(&text);
            prop_assert!(query.clauses.len() <= CLAUSES_MAX);
            prop_assert!(query.clauses.iter().all(|clause| !clause.any.is_empty()));
        }

        #[test]
        fn nor_do_its_signs(text in "[-\"* a가를]{0,40}") {
            Query::parse_name(&text);
        }
    }
}
