//! Particles at the end of Korean nouns, as far as they are recognised without a dictionary.

/// Particles, longest first. Excludes particles that are more often part of a word: 이, 가, 도, 의, 로, 와, 과, 만.
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

/// Fewest syllables before a particle: a shorter noun may end with the same syllable.
const STEM_MIN: usize = 2;

/// Returns the number of syllables before the particle at the end; `None` if there is no particle. At least
/// [`STEM_MIN`] syllables must precede it, or none if a word of another script precedes (`after_word`).
pub(super) fn stem(syllables: &[&str], after_word: bool) -> Option<usize> {
    let particle = PARTICLES.iter().find_map(|particle| {
        let length = particle.chars().count();
        let rest = syllables.len().checked_sub(length)?;
        let ends_with_it = particle.chars().zip(&syllables[rest..]).all(|(c, syllable)| syllable.chars().eq([c]));
        let is_long_enough = rest >= STEM_MIN || after_word;
        (ends_with_it && is_long_enough).then_some(rest)
    });
    // After a word of another script, 가 and the like are particles too.
    particle.or_else(|| {
        let short = after_word && matches!(syllables, ["이" | "가" | "도" | "의" | "로" | "와" | "과" | "만" | "랑"]);
        short.then_some(0)
    })
}

/// Returns whether the syllables are a word of one syllable, with or without a particle: `주`, `주에`.
pub(super) fn is_one_syllable_word(syllables: &[&str]) -> bool {
    match syllables {
        [] => false,
        [_] => true,
        [_, rest @ ..] => stem(rest, true) == Some(0),
    }
}

/// Returns whether a syllable is a common word that precedes or follows any noun, and so tells nothing about it: `제
/// 주도로` is no 제주도. A longer word is not split after such a first syllable or before such a last one.
pub(super) fn is_stop_word(syllable: &str) -> bool {
    let determiner = matches!(syllable, "이" | "그" | "저" | "제" | "내" | "네" | "한");
    let adverb = matches!(syllable, "다" | "더" | "안" | "못" | "잘" | "또" | "좀");
    let particle =
        matches!(syllable, "은" | "는" | "을" | "를" | "에" | "가" | "도" | "의" | "로" | "와" | "과" | "만");
    determiner || adverb || particle
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stem_of(word: &str, after_word: bool) -> Option<usize> {
        let syllables: Vec<String> = word.chars().map(String::from).collect();
        stem(&syllables.iter().map(String::as_str).collect::<Vec<_>>(), after_word)
    }

    #[test]
    fn an_unambiguous_particle_is_removed() {
        for (word, rest) in [("한강에서", 2), ("한글은", 2), ("서울까지", 2), ("도서관에서부터", 3), ("선생님께서", 3)]
        {
            assert_eq!(stem_of(word, false), Some(rest), "{word}");
        }
        for word in ["가을", "마음은", "에서", "고양이", "제주도", "회의", "한글"] {
            assert_eq!(stem_of(word, false), if word == "마음은" { Some(2) } else { None }, "{word}");
        }
    }

    #[test]
    fn a_particle_may_follow_a_word_of_another_script_directly() {
        assert_eq!(stem_of("를", true), Some(0));
        assert_eq!(stem_of("가", true), Some(0));
        assert_eq!(stem_of("에서", true), Some(0));
        assert_eq!(stem_of("월", true), None);
    }
}
