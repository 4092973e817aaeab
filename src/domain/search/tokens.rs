//! Tokenizes a text for the index, by script and without a dictionary.
//!
//! Scripts with spaces between words give whole words. Hangul, and Han with Kana, give overlapping pairs of characters,
//! so that a word is found with any particle attached and any spacing. An emoji is a token of its own. All other
//! characters separate tokens.
use super::{
    particles,
    runs::{Run, Script, Unit, runs},
};

/// Incremented whenever the same text gives other tokens: an index of another version is built anew.
pub const TOKENIZER_VERSION: u32 = 2;

/// A token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// NFKC, case-folded.
    pub text: String,
    /// Offset of its first byte in the original text.
    pub start: usize,
    /// Offset after its last byte in the original text.
    pub end: usize,
    /// Number of words, syllables and emoji before it.
    pub position: u32,
}

impl Run {
    /// Returns whether it is a word of one syllable, with or without a particle.
    fn is_one_syllable_word(&self) -> bool {
        // No particle is longer than five syllables.
        let short = self.units.len() <= 6;
        short && particles::is_one_syllable_word(&self.units.iter().map(|unit| unit.text.as_str()).collect::<Vec<_>>())
    }

    /// Returns the tokens that a query searches for: the overlapping pairs, or the only unit.
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
                .map(|(at, pair)| token(at, [pair[0].text.as_str(), &pair[1].text].concat(), pair[1].end))
                .collect(),
        }
    }
}

/// Returns the token of a syllable as a whole word. The plain syllable is also the beginning of longer words.
pub(super) fn whole_word_token(syllable: &str) -> String {
    format!("{syllable}.")
}

/// Returns the tokens of a text, in order. A run of several syllables also gives its first one, so that `3월` finds
/// `3월에`. A Korean word of one syllable also gives the token of `whole_word_token`, so that `이번주` finds `이번 주` and not
/// `이번 주말`.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 3);
    for run in runs(text) {
        if let [first, _, ..] = &run.units[..] {
            let Unit { text, start, end } = first.clone();
            tokens.push(Token { text, start, end, position: run.position });
        }
        if run.script == Script::Hangul && run.is_one_syllable_word() {
            let Unit { text, start, end } = &run.units[0];
            tokens.push(Token { text: whole_word_token(text), start: *start, end: *end, position: run.position });
        }
        tokens.extend(run.tokens());
    }
    tokens
}

/// Returns each single syllable or character of the scripts that are tokenized in pairs, in order.
pub fn syllables(text: &str) -> Vec<Token> {
    let paired = runs(text).into_iter().filter(|run| run.script.in_pairs());
    let tokens = paired.flat_map(|run| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    fn texts(text: &str) -> Vec<String> {
        tokenize(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_are_whole_and_hangul_is_in_pairs() {
        assert_eq!(texts("Rust 2024"), ["rust", "2024"]);
        assert_eq!(texts("한강에서"), ["한", "한강", "강에", "에서"]);
        assert_eq!(texts("비"), ["비.", "비"]);
        assert_eq!(texts("주에 주말"), ["주", "주.", "주에", "주", "주말"]);
        assert_eq!(texts("東京タワー"), ["東", "東京", "京タ", "タワ", "ワー"]);
        assert_eq!(texts("iPhone15을"), ["iphone15", "을.", "을"]);
        assert_eq!(texts("#서울, @minsu_kim!"), ["서", "서울", "minsu", "kim"]);
        assert!(texts(" .,!? -* ").is_empty());
    }

    #[test]
    fn positions_count_syllables_words_and_emoji() {
        let positions: Vec<(String, u32)> =
            tokenize("한강 run 😀 밤").into_iter().map(|token| (token.text, token.position)).collect();
        let expected = [("한", 0), ("한강", 0), ("run", 2), ("😀", 3), ("밤.", 4), ("밤", 4)];
        assert_eq!(positions, expected.map(|(text, at)| (text.to_owned(), at)));
    }

    #[test]
    fn spellings_of_one_text_give_the_same_tokens() {
        let composed = texts("한글은 가나");
        let decomposed: String = "한글은 가나".nfd().collect();
        assert_eq!(texts(&decomposed), composed);
        assert_eq!(texts("ＡＢＣ"), ["abc"]);
        assert_eq!(texts("ｶﾞｽ"), texts("ガス"));
        assert_eq!(texts("㈜"), ["주.", "주"]);
        assert_eq!(texts("Straße"), texts("STRASSE"));
        assert_eq!(texts("Cafe\u{301}"), texts("CAFÉ"));
    }

    #[test]
    fn an_emoji_is_a_token() {
        assert_eq!(texts("😀😀"), ["😀", "😀"]);
        assert_eq!(texts("👍🏽"), ["👍"]);
        assert_eq!(texts("❤️"), texts("❤"));
        assert_eq!(texts("🇰🇷👨‍👩‍👧"), ["🇰🇷", "👨‍👩‍👧"]);
        assert_eq!(texts("밥😋"), ["밥.", "밥", "😋"]);
    }

    #[test]
    fn every_syllable_is_a_token_of_its_own() {
        let found: Vec<String> = syllables("밤에 run 東").into_iter().map(|token| token.text).collect();
        assert_eq!(found, ["밤", "에", "東"]);
    }

    #[test]
    fn a_very_long_word_is_cut() {
        assert!(texts(&"a".repeat(5_000))[0].len() <= 100);
        assert!(texts(&format!("a{}", "\u{301}".repeat(5_000)))[0].chars().count() <= 100);
    }

    proptest! {
        #[test]
        fn plain_characters_are_normalised_already(c in "[가-힣一-鿿 -~]") {
            prop_assert_eq!(c.nfkc().collect::<String>(), c);
        }

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
