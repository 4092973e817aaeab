//! Classes of characters by the tables of Unicode, and the normal form in which words are compared.
use icu_casemap::CaseMapper;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, Emoji, GeneralCategory, GeneralCategoryGroup, WhiteSpace},
};
use unicode_normalization::UnicodeNormalization;

/// Applies NFKC, then full case folding: the form in which tags, handles and search terms are compared.
pub(super) fn normal_form(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let compatible: String = text.nfkc().collect();
    // Folding may produce a sequence that NFKC composes.
    CaseMapper::new().fold_string(&compatible).nfkc().collect()
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Returns whether a character is invisible to a reader: white space, controls, format characters, fillers, blanks.
pub(super) fn is_blank(c: char) -> bool {
    if matches!(c, '!'..='~' | '\u{AC00}'..='\u{D7A3}' | '\u{4E00}'..='\u{9FFF}') {
        return false;
    }
    // A Braille cell without dots and a note without a head are symbols that are drawn as nothing.
    matches!(c, '\u{2800}' | '\u{1D159}')
        || CodePointSetData::new::<WhiteSpace>().contains(c)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(category(c), GeneralCategory::Control | GeneralCategory::Format)
}

/// Returns whether a character is blank and no part of a neighbour, so that it may be trimmed at the ends of a line.
pub(super) fn is_padding(c: char) -> bool {
    let filler = matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}');
    filler || c.is_whitespace()
}

/// Returns whether a character changes the direction of the text around it.
pub(super) fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character is a visible letter. Unicode also classifies fillers as letters.
pub(super) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{AC00}'..='\u{D7A3}')
        || GeneralCategoryGroup::Letter.contains(category(c)) && !is_blank(c)
}

/// Returns whether a character is a mark on the letter before it.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && GeneralCategoryGroup::Mark.contains(category(c))
}

/// Returns whether a character is a digit, or a letter that is a number (Ⅻ).
pub(super) fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(category(c), GeneralCategory::DecimalNumber | GeneralCategory::LetterNumber)
}

/// Returns whether a character is a raised, lowered or circled digit, whose normal form is a digit.
pub(super) fn stands_for_digits(c: char) -> bool {
    category(c) == GeneralCategory::OtherNumber && c.nfkc().all(|c| c.is_ascii_digit())
}

/// Returns whether a variation selector can turn this character into an emoji.
pub(super) fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<Emoji>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_word_have_one_normal_form() {
        for (text, form) in [
            ("Rust", "rust"),
            ("ＲＵＳＴ", "rust"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("ﬁn", "fin"),
            ("ｶﾞｽ", "ガス"),
            ("\u{1112}\u{1161}\u{11AB}글", "한글"),
            ("①", "1"),
        ] {
            assert_eq!(normal_form(text), form, "{text}");
            assert_eq!(normal_form(form), form, "{text}");
        }
    }

    #[test]
    fn invisible_characters_are_blank() {
        let blank = " \t\n\u{A0}\u{AD}\u{34F}\u{61C}\u{115F}\u{1160}\u{180E}\u{200B}\u{200C}\u{200D}\u{200E}\u{2028}\u{2060}\
            \u{2800}\u{3000}\u{3164}\u{FE0F}\u{FEFF}\u{FFA0}\u{FFF9}\u{E0020}\u{0}\u{7F}\u{85}";
        for c in blank.chars() {
            assert!(is_blank(c), "{:X}", u32::from(c));
        }
        for c in "a가漢.-é\u{301}👍①ㅤ한·".chars().filter(|c| *c != '\u{3164}') {
            assert!(!is_blank(c), "{c}");
        }
    }

    #[test]
    fn pictographs_are_no_letters() {
        assert!("aé가漢あﾊﾞбع".chars().all(|c| is_letter(c) || is_mark(c)));
        assert!(!"1_·👍Ⓜ\u{3164}\u{115F}\u{FFA0}".chars().any(is_letter));
        assert!("1٣१Ⅻ".chars().all(is_digit) && "²①".chars().all(stands_for_digits) && !stands_for_digits('½'));
        assert!(is_emoji('ℹ') && is_emoji('1') && !is_emoji('가'));
    }
}
