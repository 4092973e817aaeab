//! Cuts a text into what an index is made of, by script and without a dictionary.
//!
//! Letters and digits of scripts that put spaces between words are whole words. Hangul, and Han with Kana, are
//! overlapping pairs, so that a word is found whatever particle hangs on it and wherever the spaces are. A pictograph
//! is a word of its own. Everything else separates.
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// Changes when the same text gives other tokens: an index made with another version is built anew.
pub const TOKENIZER_VERSION: u32 = 1;
/// Characters of a word that count; what follows them is not looked at. Nobody types more.
const WORD_LENGTH_MAX: usize = 100;

/// A piece of a text, as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// NFKC, lower case.
    pub text: String,
    /// Bytes of the original text before it.
    pub start: usize,
    /// Bytes of the original text up to its end.
    pub end: usize,
    /// Words, syllables and pictographs of the text before it.
    pub position: u32,
}

/// How a run of characters is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// One word.
    Word,
    /// Pairs of syllables.
    Hangul,
    /// Pairs of characters.
    Han,
    /// One pictograph.
    Picture,
}

impl Script {
    pub(super) fn in_pairs(self) -> bool {
        matches!(self, Self::Hangul | Self::Han)
    }
}

/// The smallest piece: a word, a syllable, a pictograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Neighbours of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) script: Script,
    /// Of its first unit; the others follow.
    pub(super) position: u32,
    pub(super) units: Vec<Unit>,
}

impl Run {
    /// The tokens of a query: pairs, or the one unit there is.
    pub(super) fn tokens(&self) -> Vec<Token> {
        let token = |at: usize, text: String, end: usize| Token {
            text,
            start: self.units[at].start,
            end,
            position: self.position + at as u32,
        };
        match &self.units[..] {
            [one] => vec![token(0, one.text.clone(), one.end)],
            units => units
                .windows(2)
                .enumerate()
                .map(|(at, pair)| token(at, format!("{}{}", pair[0].text, pair[1].text), pair[1].end))
                .collect(),
        }
    }
}

/// The tokens of a text, in order. A run of several syllables also gives its first one, so that `3월` finds `3월에`.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 3);
    for run in runs(text) {
        if let [first, _, ..] = &run.units[..] {
            let Unit { text, start, end } = first.clone();
            tokens.push(Token { text, start, end, position: run.position });
        }
        tokens.extend(run.tokens());
    }
    tokens
}

/// Every single syllable or character of the scripts that are cut in pairs, in order.
pub fn syllables(text: &str) -> Vec<Token> {
    let of_pairs = runs(text).into_iter().filter(|run| run.script.in_pairs());
    let tokens = of_pairs.flat_map(|run| {
        let position = run.position;
        run.units.into_iter().zip(position..).map(|(unit, position)| Token {
            text: unit.text,
            start: unit.start,
            end: unit.end,
            position,
        })
    });
    tokens.collect()
}

/// The runs of a text.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut cutter = Cutter::default();
    for (start, cluster) in text.grapheme_indices(true) {
        let end = start + cluster.len();
        if is_picture(cluster) {
            cutter.close();
            cutter.add(Script::Picture, plain(cluster), start, end);
            cutter.close();
            continue;
        }
        // A cluster at a time: what is normalised then has a place in the original.
        for c in cluster.nfkc().flat_map(char::to_lowercase) {
            match script(c) {
                Some(script) => cutter.add(script, c.into(), start, end),
                None if is_combining_mark(c) => cutter.mark(c, end),
                None if is_invisible(c) => {}
                None => cutter.close(),
            }
        }
    }
    cutter.close();
    cutter.runs
}

#[derive(Default)]
struct Cutter {
    runs: Vec<Run>,
    open: Option<Run>,
    position: u32,
}

impl Cutter {
    fn add(&mut self, script: Script, text: String, start: usize, end: usize) {
        if self.open.as_ref().is_some_and(|run| run.script != script) {
            self.close();
        }
        let position = self.position;
        let run = self.open.get_or_insert_with(|| Run { script, position, units: Vec::new() });
        match run.units.last_mut().filter(|_| script == Script::Word) {
            Some(word) => {
                word.end = end;
                if word.text.len() < WORD_LENGTH_MAX || word.text.chars().count() < WORD_LENGTH_MAX {
                    word.text.push_str(&text);
                }
            }
            None => run.units.push(Unit { text, start, end }),
        }
    }

    /// A mark that no letter has taken in belongs to what stands before it.
    fn mark(&mut self, mark: char, end: usize) {
        let Some(run) = &mut self.open else { return };
        let Some(unit) = run.units.last_mut() else { return };
        unit.end = end;
        // A syllable with a mark on it is looked for without.
        if run.script == Script::Word && unit.text.chars().count() < WORD_LENGTH_MAX {
            unit.text.push(mark);
        }
    }

    fn close(&mut self) {
        if let Some(run) = self.open.take() {
            self.position += run.units.len() as u32;
            self.runs.push(run);
        }
    }
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | '0'..='9' => Some(Script::Word),
        '\u{1100}'..='\u{11FF}' | '\u{3131}'..='\u{318E}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' => {
            Some(Script::Hangul)
        }
        // Punctuation among the Kana.
        '\u{30A0}' | '\u{30FB}' => None,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' => Some(Script::Han),
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' => Some(Script::Han),
        '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}' => Some(Script::Han),
        c if c.is_alphanumeric() => Some(Script::Word),
        _ => None,
    }
}

/// Whether people see a picture. Signs that are letters first (™, ①) count only where they ask to be shown as one.
fn is_picture(cluster: &str) -> bool {
    let Some(first) = cluster.chars().next().filter(|first| !first.is_ascii_alphabetic()) else { return false };
    matches!(first, '\u{1F000}'..='\u{1F0FF}' | '\u{1F1E6}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}')
        || matches!(first, '\u{2300}'..='\u{23FF}' | '\u{2B00}'..='\u{2BFF}')
        || cluster.contains(['\u{FE0F}', '\u{20E3}'])
}

/// A pictograph without the colour of its skin and the wish to be shown in colour: 👍 finds 👍🏽.
fn plain(cluster: &str) -> String {
    let varies = |c: &char| matches!(c, '\u{FE0E}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    let plain: String = cluster.chars().filter(|c| !varies(c)).collect();
    if plain.is_empty() { cluster.to_owned() } else { plain }
}

/// Joiners and the like, which people do not see and do not type.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        tokenize(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_are_whole_and_hangul_is_in_pairs() {
        assert_eq!(texts("Rust 2024"), ["rust", "2024"]);
        assert_eq!(texts("한강에서"), ["한", "한강", "강에", "에서"]);
        assert_eq!(texts("비"), ["비"]);
        assert_eq!(texts("東京タワー"), ["東", "東京", "京タ", "タワ", "ワー"]);
        assert_eq!(texts("iPhone15을"), ["iphone15", "을"]);
        assert_eq!(texts("#서울, @minsu_kim!"), ["서", "서울", "minsu", "kim"]);
        assert!(texts(" .,!? -* ").is_empty());
    }

    #[test]
    fn positions_count_syllables_words_and_pictures() {
        let positions: Vec<(String, u32)> =
            tokenize("한강 run 😀 밤").into_iter().map(|token| (token.text, token.position)).collect();
        let expected = [("한", 0), ("한강", 0), ("run", 2), ("😀", 3), ("밤", 4)];
        assert_eq!(positions, expected.map(|(text, at)| (text.to_owned(), at)));
    }

    #[test]
    fn spellings_of_one_text_are_one() {
        let composed = texts("한글은 가나");
        let decomposed: String = "한글은 가나".nfd().collect();
        assert_eq!(texts(&decomposed), composed);
        assert_eq!(texts("ＡＢＣ"), ["abc"]);
        assert_eq!(texts("ｶﾞｽ"), texts("ガス"));
        assert_eq!(texts("㈜"), ["주"]);
        assert_eq!(texts("Cafe\u{301}"), texts("CAFÉ"));
    }

    #[test]
    fn a_picture_is_a_token() {
        assert_eq!(texts("😀😀"), ["😀", "😀"]);
        assert_eq!(texts("👍🏽"), ["👍"]);
        assert_eq!(texts("❤️"), texts("❤"));
        assert_eq!(texts("🇰🇷👨‍👩‍👧"), ["🇰🇷", "👨‍👩‍👧"]);
        assert_eq!(texts("밥😋"), ["밥", "😋"]);
    }

    #[test]
    fn every_syllable_can_be_found_alone() {
        let found: Vec<String> = syllables("밤에 run 東").into_iter().map(|token| token.text).collect();
        assert_eq!(found, ["밤", "에", "東"]);
    }

    #[test]
    fn a_word_without_end_has_an_end() {
        assert!(texts(&"a".repeat(5_000))[0].len() <= WORD_LENGTH_MAX);
        assert!(texts(&format!("a{}", "\u{301}".repeat(5_000)))[0].chars().count() <= WORD_LENGTH_MAX);
    }

    proptest! {
        #[test]
        fn tokens_lie_in_the_text_and_in_order(text in "\\PC{0,60}") {
            let tokens = tokenize(&text);
            for token in &tokens {
                prop_assert!(!token.text.is_empty());
                prop_assert!(token.start < token.end && text.get(token.start..token.end).is_some());
            }
            prop_assert!(tokens.windows(2).all(|pair| pair[0].position <= pair[1].position));
        }
    }
}
