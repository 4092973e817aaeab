//! Lengths as people count them, and text without what cannot be seen.
use super::{FieldError, Reason};
use unicode_segmentation::UnicodeSegmentation;

/// Characters as a reader counts them (grapheme clusters): 한 is one, a family emoji is one.
pub fn length(text: &str) -> usize {
    let alone = text.chars().take_while(|c| stands_alone(*c));
    let (characters, bytes) = alone.fold((0, 0), |(characters, bytes), c| (characters + 1, bytes + c.len_utf8()));
    // Cluster borders take tables to find; most texts need none.
    if bytes == text.len() { characters } else { text.graphemes(true).count() }
}

/// Whether a character makes no cluster with any other of these: plain ASCII, Hangul syllables, Han.
fn stands_alone(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{AC00}'..='\u{D7A3}' | '\u{4E00}'..='\u{9FFF}')
}

/// Bytes that a text of `max` characters may have: a cluster can be made arbitrarily long by
/// stacking marks, so bytes are limited too (32 per character, far above any real script).
const BYTES_PER_CHARACTER: usize = 32;

/// The trimmed text, if its length lies within the bounds and it holds no control characters
/// other than line breaks and tabs.
pub(super) fn checked(field: &'static str, text: &str, min: usize, max: usize) -> Result<String, FieldError> {
    let text = text.trim();
    let refuse = |reason| Err(FieldError { field, reason });
    if text.len() > max * BYTES_PER_CHARACTER {
        return refuse(Reason::TooLong { max });
    }
    let length = length(text);
    if length < min {
        return refuse(if length == 0 { Reason::Required } else { Reason::TooShort { min } });
    }
    if length > max {
        return refuse(Reason::TooLong { max });
    }
    if text.chars().any(is_unwanted) {
        return refuse(Reason::InvalidCharacters);
    }
    Ok(text.to_owned())
}

/// Control characters (but line breaks and tabs) and the marks that reorder the text around them.
fn is_unwanted(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_what_a_reader_counts() {
        assert_eq!(length("hello"), 5);
        assert_eq!(length("한글은"), 3);
        assert_eq!(length("👨‍👩‍👧‍👦"), 1);
        assert_eq!(length("e\u{301}"), 1);
        assert_eq!((length("한\r\n글"), length("한\n글"), length("\u{1112}\u{1161}\u{11AB}")), (3, 3, 1));
    }

    #[test]
    fn what_stands_alone_makes_no_cluster_with_its_like() {
        let alone: Vec<char> = (' '..='\u{FFFF}').chain(['\n']).filter(|c| stands_alone(*c)).collect();
        assert!(alone.len() > 32_000);
        let twice: String = alone.iter().chain(alone.iter().rev()).collect();
        assert_eq!(twice.graphemes(true).count(), 2 * alone.len());
    }

    #[test]
    fn a_tower_of_marks_is_too_long() {
        let tower = format!("a{}", "\u{301}".repeat(2000));
        assert_eq!(checked("bio", &tower, 0, 10).unwrap_err().reason, Reason::TooLong { max: 10 });
    }

    #[test]
    fn marks_that_reorder_text_are_refused() {
        let refused = checked("bio", "abc\u{202E}def", 0, 10).unwrap_err();
        assert_eq!(refused.reason, Reason::InvalidCharacters);
    }
}
