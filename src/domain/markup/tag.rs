//! Tags: the characters of a tag, and the key form that its spellings share.
use crate::domain::{
    FieldError, Reason,
    characters::{is_digit, is_emoji, is_letter, is_mark, normal_form, stands_for_digits},
    text::checked_length,
};

/// Maximum number of characters of a tag; a longer run stays plain text.
pub const TAG_LENGTH_MAX: usize = 50;

/// Returns the key form of a tag in a request: with or without its sign, in any spelling. Refuses `InvalidFormat` for
/// text that could be no tag.
pub fn tag_named(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let name: Vec<char> = text.strip_prefix(is_sign).unwrap_or(text).chars().collect();
    let key = key(&name, 0).filter(|(end, _)| *end == name.len()).map(|(_, key)| key);
    key.ok_or(FieldError { field, reason: Reason::InvalidFormat })
}

/// Returns the end and the key form of the tag whose name begins at `from`; `None` if none begins there.
pub(super) fn key(text: &[char], from: usize) -> Option<(usize, String)> {
    // A combining mark here would belong to the sign.
    if text.get(from).is_none_or(|c| is_mark(*c)) {
        return None;
    }
    let end = end(text, from);
    let name: String = text[from..end].iter().collect();
    if name.is_empty() || checked_length(&name, TAG_LENGTH_MAX).is_err() {
        return None;
    }
    let key = normal_form(&name);
    let is_well_formed = key.chars().all(|c| is_part(c) || is_inner(c));
    let more_than_digits = key.chars().any(|c| is_letter(c) || is_mark(c) || c == '_');
    (is_well_formed && more_than_digits).then_some((end, key))
}

/// Returns whether a character is `#`, also in full width.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '#' | '＃')
}

/// Returns whether the sign is the beginning of a keycap emoji.
pub(super) fn is_keycap(text: &[char], sign: usize) -> bool {
    let after = &text[sign + 1..];
    after.starts_with(&['\u{20E3}']) || after.starts_with(&['\u{FE0F}', '\u{20E3}'])
}

/// Returns the end of a tag. Dots and joiners count as part of it only between other characters.
fn end(text: &[char], from: usize) -> usize {
    let mut end = from;
    for (at, c) in text.iter().enumerate().skip(from) {
        if is_shown_as_emoji(text, at) {
            break;
        }
        if !is_inner(*c) && is_part(*c) {
            end = at + 1;
        } else if !is_inner(*c) || at == from {
            break;
        }
    }
    end
}

/// Returns whether a letter or digit is an emoji, because a variation selector or a keycap follows it.
fn is_shown_as_emoji(text: &[char], at: usize) -> bool {
    let next = text.get(at + 1);
    next == Some(&'\u{20E3}') || next == Some(&'\u{FE0F}') && is_emoji(text[at])
}

fn is_part(c: char) -> bool {
    // Variation selectors and the keycap are marks by their tables, but no part of a word.
    let is_emoji_part = matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{20E3}');
    is_letter(c) || is_digit(c) || matches!(c, '_' | '＿') || is_mark(c) && !is_emoji_part || stands_for_digits(c)
}

/// Returns whether a character may only be inside a tag: middle dots (the Korean one is a letter by its table), and
/// joiners that shape the letters around them.
fn is_inner(c: char) -> bool {
    matches!(c, '\u{B7}' | '\u{387}' | '\u{318D}' | '\u{30FB}' | '\u{FF65}' | '\u{200C}' | '\u{200D}')
}

/// Returns whether the sign follows a word, so that it begins no tag or mention. An emoji is no word, even if its first
/// code point is a letter or digit.
pub(super) fn follows_word(text: &[char], sign: usize) -> bool {
    let mut before = sign;
    while let Some(at) = before.checked_sub(1) {
        let c = text[at];
        match c {
            '_' | '＿' | '&' | '＆' => return true,
            '\u{20E3}' | '\u{318D}' => return false,
            '\u{FE0F}' => return at.checked_sub(1).is_some_and(|base| is_word(text[base]) && !is_emoji(text[base])),
            c if is_mark(c) => before = at,
            c => return is_word(c),
        }
    }
    false
}

fn is_word(c: char) -> bool {
    is_letter(c) || is_digit(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Option<String> {
        tag_named("tag", text).ok()
    }

    #[test]
    fn any_spelling_of_a_tag_gives_its_key() {
        for text in ["rust", "#Rust", "＃ＲＵＳＴ", " #rust "] {
            assert_eq!(named(text).as_deref(), Some("rust"), "{text}");
        }
        assert_eq!(named("#3·1절").as_deref(), Some("3·1절"));
        let long = "가".repeat(51);
        for text in [
            "",
            "#",
            "##rust",
            "a b",
            "a-b",
            "2026",
            "·a",
            "a·",
            "a\u{200C}",
            "\u{3164}",
            "\u{301}a",
            "1️⃣",
            "#\u{FE0F}\u{20E3}",
            &long,
        ] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_key_of_a_key_is_itself() {
        for text in ["Straße", "ﬁnance", "ＡＢＣ", "서울ㆍ부산", "H₂O", "نرم\u{200C}افزار"] {
            let form = named(text).unwrap();
            assert_eq!(named(&form), Some(form.clone()), "{text}");
        }
    }
}
