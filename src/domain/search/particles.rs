//! What hangs on a Korean noun in a query, where there is little doubt that it does.

/// Longest first. Those that are more often part of a word (이, 가, 도, 의, 로, 와, 과, 만) are left on.
const PARTICLES: &[&str] = &[
    "에서부터",
    "으로부터",
    "에게서",
    "한테서",
    "에서는",
    "에서도",
    "에서의",
    "으로는",
    "으로도",
    "으로의",
    "이라는",
    "이라고",
    "이라도",
    "까지는",
    "까지도",
    "부터는",
    "에게는",
    "에서",
    "에게",
    "에는",
    "에도",
    "한테",
    "께서",
    "으로",
    "까지",
    "부터",
    "처럼",
    "보다",
    "마다",
    "조차",
    "이랑",
    "이라",
    "은",
    "는",
    "을",
    "를",
    "에",
];

/// Fewest syllables that a noun keeps: of shorter ones it is not known where they end.
const STEM_MIN: usize = 2;

/// How many syllables stand before the particle. After a word of another script (`after_word`) that may be few or none.
pub(super) fn stem(syllables: &[&str], after_word: bool) -> Option<usize> {
    let particle = PARTICLES.iter().find_map(|particle| {
        let length = particle.chars().count();
        let rest = syllables.len().checked_sub(length)?;
        let there = particle.chars().zip(&syllables[rest..]).all(|(c, syllable)| syllable.chars().eq([c]));
        let enough = rest >= STEM_MIN || after_word;
        (there && enough).then_some(rest)
    });
    // After a word, 가 and the like are no part of it either.
    particle.or_else(|| {
        let short = after_word && matches!(syllables, ["이" | "가" | "도" | "의" | "로" | "와" | "과" | "만" | "랑"]);
        short.then_some(0)
    })
}

/// Whether these are a word of one syllable, with or without a particle: `주`, `주에`.
pub(super) fn stands_alone(syllables: &[&str]) -> bool {
    match syllables {
        [] => false,
        [_] => true,
        [_, rest @ ..] => stem(rest, true) == Some(0),
    }
}

/// Words of one syllable that stand before any noun, and so say nothing of what follows: `제 주도로` is no 제주도. Longer
/// words that begin or end with one of these are not looked for in pieces there.
pub(super) fn says_little(syllable: &str) -> bool {
    let determiner = matches!(syllable, "이" | "그" | "저" | "제" | "내" | "네" | "한");
    let adverb = matches!(syllable, "다" | "더" | "안" | "못" | "잘" | "또" | "좀");
    let particle =
        matches!(syllable, "은" | "는" | "을" | "를" | "에" | "가" | "도" | "의" | "로" | "와" | "과" | "만");
    determiner || adverb || particle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str, after_word: bool) -> Option<usize> {
        let syllables: Vec<String> = word.chars().map(String::from).collect();
        stem(&syllables.iter().map(String::as_str).collect::<Vec<_>>(), after_word)
    }

    #[test]
    fn what_is_surely_a_particle_is_taken_off() {
        for (word, rest) in [("한강에서", 2), ("한글은", 2), ("서울까지", 2), ("도서관에서부터", 3), ("선생님께서", 3)]
        {
            assert_eq!(of(word, false), Some(rest), "{word}");
        }
        for word in ["가을", "마음은", "에서", "고양이", "제주도", "회의", "한글"] {
            assert_eq!(of(word, false), if word == "마음은" { Some(2) } else { None }, "{word}");
        }
    }

    #[test]
    fn a_word_of_another_script_ends_where_its_script_does() {
        assert_eq!(of("를", true), Some(0));
        assert_eq!(of("가", true), Some(0));
        assert_eq!(of("에서", true), Some(0));
        assert_eq!(of("월", true), None);
    }
}
