//! Spacing variants of a Korean compound: many people write `인천국제공항` as `인천 국제 공항`.
//!
//! The index holds syllables by position, and pairs within words only. So a variant consists of the pairs of its parts,
//! at the positions that they have without spaces. No pair spans a space: `천국` does not find `인천 국제`.
use super::{
    particles::is_stop_word,
    query::{Phrase, phrase, sub_run},
    runs::{Run, Script},
    tokens::whole_word_token,
};

/// Fewest syllables of a word with spacing variants: those of a shorter one would find too much.
pub(super) const SPACED_MIN: usize = 3;
/// Maximum number of syllables of a word with spacing variants: a longer one is a sentence.
const SPACED_MAX: usize = 12;
/// Maximum number of syllables of a part: parts of two and three also find texts without a space between them.
const PART_MAX: usize = 3;

/// Returns the most parts of one syllable for a word of that length. Each doubles the variants; a word has at most 16.
fn singles_max(length: usize) -> usize {
    match length {
        ..=5 => 2,
        6..=8 => 1,
        _ => 0,
    }
}

/// Returns the phrases that find a word with spaces, each after the runs that precede the word in the query.
pub(super) fn spaced(before: &[Run], word: &Run) -> Vec<Phrase> {
    let length = word.units.len();
    if word.script != Script::Hangul || !(SPACED_MIN..=SPACED_MAX).contains(&length) {
        return Vec::new();
    }
    let mut all = Vec::new();
    divide(length, singles_max(length), &mut Vec::new(), &mut all);
    all.retain(|parts| {
        // `query::korean` searches for two words of at least two syllables anywhere, if no run precedes them.
        let two_words = before.is_empty() && parts.len() == 2 && parts.iter().all(|part| *part > 1);
        let first_counts = parts[0] > 1 || !is_stop_word(&word.units[0].text);
        let last_counts = parts[parts.len() - 1] > 1 || !is_stop_word(&word.units[length - 1].text);
        parts.len() > 1 && !two_words && first_counts && last_counts
    });
    all.iter().map(|parts| phrase_of_parts(before, word, parts)).collect()
}

/// Collects every division of that many syllables into parts.
fn divide(rest: usize, singles: usize, parts: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
    if rest == 0 {
        all.push(parts.clone());
        return;
    }
    for length in 1..=PART_MAX.min(rest) {
        if length > 1 || singles > 0 {
            parts.push(length);
            divide(rest - length, singles - usize::from(length == 1), parts, all);
            parts.pop();
        }
    }
}

/// Returns the phrase of a word with these parts. A part of one syllable in the middle needs no mark, since the next
/// part begins right after it; as the last part it has to be the token of a whole word.
fn phrase_of_parts(before: &[Run], word: &Run, parts: &[usize]) -> Phrase {
    let mut runs = before.to_vec();
    let mut from = 0;
    for length in parts {
        runs.push(sub_run(word, from, from + length));
        from += length;
    }
    let mut phrase = phrase(&runs, false);
    if let (Phrase::Terms { terms, .. }, Some(1)) = (&mut phrase, parts.last())
        && let Some((_, last)) = terms.last_mut()
    {
        *last = whole_word_token(last);
    }
    phrase
}

#[cfg(test)]
mod tests {
    use super::{super::runs::runs, *};

    fn forms(word: &str) -> Vec<String> {
        let runs = runs(word);
        let (last, before) = runs.split_last().unwrap();
        let written = |phrase: Phrase| match phrase {
            Phrase::Terms { terms, .. } => {
                terms.iter().map(|(at, text)| format!("{text}@{at}")).collect::<Vec<_>>().join(" ")
            }
            Phrase::Syllable(text) => text,
        };
        spaced(before, last).into_iter().map(written).collect()
    }

    #[test]
    fn a_variant_is_the_parts_side_by_side() {
        assert!(forms("인천국제공항").contains(&"인천@0 국제@2 공항@4".to_owned()));
        assert_eq!(forms("웹서버"), ["웹@0 서버@1", "웹서@0 버.@2"]);
        assert!(forms("할수있다").contains(&"할@0 수@1 있다@2".to_owned()));
        assert!(forms("ai개발자").contains(&"ai@0 개발@1 자.@3".to_owned()));
    }

    #[test]
    fn common_syllables_are_no_parts() {
        assert_eq!(forms("제주도"), [""; 0]);
        assert_eq!(forms("이사회"), ["이사@0 회.@2"]);
        assert!(forms("한글").is_empty() && forms("글").is_empty());
    }

    #[test]
    fn a_word_has_at_most_sixteen_variants() {
        for length in 1..=20 {
            let found = forms(&"가나마바사아자차카타파하거너".repeat(2).chars().take(length).collect::<String>());
            assert!(found.len() <= 16, "{length}: {}", found.len());
        }
    }
}
