//! What a tag may be made of, and the form that its spellings share.
use crate::domain::{
    FieldError, Reason,
    characters::{is_digit, is_emoji, is_letter, is_mark, normal_form, stands_for_digits},
    text::checked_length,
};

/// Most characters of a tag; a longer run is plain text.
pub const TAG_LENGTH_MAX: usize = 50;

/// The form by which a tag is found, of what somebody asks for: with or without its sign, however it is spelt. Refuses
/// what could be no tag.
pub fn tag_named(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let name: Vec<char> = text.strip_prefix(is_sign).unwrap_or(text).chars().collect();
    let key = key(&name, 0).filter(|(end, _)| *end == name.len()).map(|(_, key)| key);
    key.ok_or(FieldError { field, reason: Reason::InvalidFormat })
}

/// Where the tag ends whose name begins here, and its form; nothing where none does.
pub(super) fn key(text: &[char], from: usize) -> Option<(usize, String)> {
    // A mark here would belong to the sign.
    if text.get(from).is_none_or(|c| is_mark(*c)) {
        return None;
    }
    let end = end(text, from);
    let name: String = text[from..end].iter().collect();
    if name.is_empty() || checked_length(&name, TAG_LENGTH_MAX).is_err() {
        return None;
    }
    let key = normal_form(&name);
    let of_letters = key.chars().all(|c| is_part(c) || is_inner(c));
    let more_than_digits = key.chars().any(|c| is_letter(c) || is_mark(c) || c == '_');
    (of_letters && more_than_digits).then_some((end, key))
}

/// `#`, as it is and in full width.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '#' | '＃')
}

/// Whether the sign is the beginning of a keycap.
pub(super) fn is_keycap(text: &[char], sign: usize) -> bool {
    let after = &text[sign + 1..];
    after.starts_with(&['\u{20E3}']) || after.starts_with(&['\u{FE0F}', '\u{20E3}'])
}

/// Behind the last character of a tag: dots and joiners stand inside it alone.
fn end(text: &[char], from: usize) -> usize {
    let mut end = from;
    for (at, c) in text.iter().enumerate().skip(from) {
        if is_picture(text, at) {
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

/// A letter or digit that is shown as a picture, because a variation selector or a keycap follows it.
fn is_picture(text: &[char], at: usize) -> bool {
    let next = text.get(at + 1);
    next == Some(&'\u{20E3}') || next == Some(&'\u{FE0F}') && is_emoji(text[at])
}

fn is_part(c: char) -> bool {
    // A selector of an emoji's form or a keycap is a mark by its table, and no part of a word.
    let of_pictures = matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{20E3}');
    is_letter(c) || is_digit(c) || matches!(c, '_' | '＿') || is_mark(c) && !of_pictures || stands_for_digits(c)
}

/// Middle dots (the Korean one is a letter by its table), and joiners that shape the letters around them.
fn is_inner(c: char) -> bool {
    matches!(c, '\u{B7}' | '\u{387}' | '\u{318D}' | '\u{30FB}' | '\u{FF65}' | '\u{200C}' | '\u{200D}')
}

/// Whether a sign here stands behind a word, and so begins nothing. A picture is no word, whatever it is made of.
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
    fn a_tag_is_asked_for_in_any_spelling() {
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
    fn a_form_is_its_own_form() {
        for text in ["Straße", "ﬁnance", "ＡＢＣ", "서울ㆍ부산", "H₂O", "نرم\u{200C}افزار"] {
            let form = named(text).unwrap();
            assert_eq!(named(&form), Some(form.clone()), "{text}");
        }
    }
}
