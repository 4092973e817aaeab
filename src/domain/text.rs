//! The rules for texts: one `Rule` per field, and lengths in characters as people count them (grapheme clusters).
use super::{
    FieldError, Reason,
    characters::{is_blank, is_direction_mark, is_padding},
};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// Maximum number of code points of one character. A family emoji of four has seven, a decomposed syllable three; more
/// is a stack of combining marks, and is refused as `Malformed`. The most bytes of a text, and so of a request, follow
/// from this.
pub const CODE_POINTS_MAX: usize = 16;
/// Maximum number of bytes of one code point in JSON: two escapes of six bytes beyond 16 bits.
const ESCAPED_BYTES_MAX: usize = "\\ud83d\\udc68".len();

/// Returns the most bytes of a text of that many characters in JSON.
pub const fn json_bytes_max(characters: usize) -> usize {
    characters * CODE_POINTS_MAX * ESCAPED_BYTES_MAX
}

/// The kind of a text field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, a title, an address: without line breaks and direction marks.
    Line,
    /// Content, a comment, a bio: with line breaks, tabs, and direction marks in pairs.
    Long,
}

/// The rule of one text field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    field: &'static str,
    kind: Kind,
    min: usize,
    max: usize,
}

impl Rule {
    /// Makes the rule of a field of one line.
    pub(super) const fn line(field: &'static str, min: usize, max: usize) -> Self {
        Self { field, kind: Kind::Line, min, max }
    }

    /// Makes the rule of a field of many lines.
    pub(super) const fn long(field: &'static str, min: usize, max: usize) -> Self {
        Self { field, kind: Kind::Long, min, max }
    }

    /// Checks a text and returns its stored form. A blank text counts as empty.
    pub(super) fn check(&self, text: &str) -> Result<String, FieldError> {
        let refuse = |reason| Err(FieldError { field: self.field, reason });
        let text = match self.kind {
            Kind::Line => stored_line(text).map(Cow::Borrowed),
            Kind::Long => stored_long(text),
        };
        let Some(text) = text else { return refuse(Reason::InvalidCharacters) };
        if text.chars().all(is_blank) {
            return if self.min > 0 { refuse(Reason::Required) } else { Ok(String::new()) };
        }
        match checked_length(&text, self.max) {
            Err(reason) => refuse(reason),
            Ok(length) if length < self.min => refuse(Reason::TooShort { min: self.min }),
            Ok(_) => Ok(text.into_owned()),
        }
    }

    /// Does the same as `check` for an optional field: a blank text becomes `None`.
    pub(super) fn optional(&self, text: &str) -> Result<Option<String>, FieldError> {
        let text = self.check(text)?;
        Ok(if text.is_empty() { None } else { Some(text) })
    }
}

/// Counts characters as a reader does (grapheme clusters): 한 is one, a family emoji is one.
pub(super) fn length(text: &str) -> usize {
    let plain = plain_prefix(text, usize::MAX);
    // Finding cluster borders needs tables; most texts do without.
    if plain.bytes == text.len() { plain.characters } else { text.graphemes(true).count() }
}

/// Returns the length of a text. Errors: `TooLong` beyond `max`, `Malformed` for a character of more than
/// [`CODE_POINTS_MAX`] code points. Stops at the first error, so that `max` bounds the cost and the text does not.
pub(super) fn checked_length(text: &str, max: usize) -> Result<usize, Reason> {
    let plain = plain_prefix(text, max + 1);
    if plain.characters > max {
        return Err(Reason::TooLong { max });
    }
    if plain.bytes == text.len() {
        return Ok(plain.characters);
    }
    let mut characters = 0;
    for cluster in text.graphemes(true) {
        characters += 1;
        if characters > max {
            return Err(Reason::TooLong { max });
        }
        if cluster.len() > CODE_POINTS_MAX && cluster.chars().nth(CODE_POINTS_MAX).is_some() {
            return Err(Reason::Malformed { max: CODE_POINTS_MAX });
        }
    }
    Ok(characters)
}

/// The beginning of a text up to the first character that may form a cluster.
struct PlainPrefix {
    characters: usize,
    bytes: usize,
}

/// Measures the plain prefix of a text, up to `max` characters.
fn plain_prefix(text: &str, max: usize) -> PlainPrefix {
    let mut prefix = PlainPrefix { characters: 0, bytes: 0 };
    for c in text.chars().take_while(|c| stands_alone(*c)).take(max) {
        prefix.characters += 1;
        prefix.bytes += c.len_utf8();
    }
    prefix
}

/// Returns whether a character never forms a cluster with another of these: plain ASCII, Hangul syllables, Han.
fn stands_alone(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{AC00}'..='\u{D7A3}' | '\u{4E00}'..='\u{9FFF}')
}

fn breaks_line(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Trims invisible characters at the ends. Returns `None` if the text has controls, line breaks or direction marks.
fn stored_line(text: &str) -> Option<&str> {
    let text = text.trim_matches(is_padding);
    let is_refused = |c: char| c.is_control() || breaks_line(c) || is_direction_mark(c);
    if text.contains(is_refused) { None } else { Some(text) }
}

/// Converts line breaks to `\n` and removes unpaired direction marks. Returns `None` if the text has other controls.
fn stored_long(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if !text.contains(|c: char| is_direction_mark(c) || breaks_line(c) || c.is_control() && !matches!(c, '\n' | '\t')) {
        return Some(Cow::Borrowed(text));
    }
    let mut lines = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                rest.next_if_eq(&'\n');
                lines.push('\n');
            }
            c if breaks_line(c) => lines.push('\n'),
            c if c.is_control() && !matches!(c, '\n' | '\t') => return None,
            c => lines.push(c),
        }
    }
    let paired = without_unpaired_marks(&lines);
    Some(Cow::Owned(paired.trim().to_owned()))
}

/// Removes direction marks without their counterpart (the pairs of UAX #9).
fn without_unpaired_marks(text: &str) -> String {
    let is_isolate = |c: char| matches!(c, '\u{2066}'..='\u{2068}');
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut unpaired: Vec<usize> = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '\u{202A}'..='\u{202B}' | '\u{202D}'..='\u{202E}' | '\u{2066}'..='\u{2068}' => open.push((at, c)),
            // Closes the last embedding, but not across the border of an isolate.
            '\u{202C}' => match open.last() {
                Some((_, last)) if !is_isolate(*last) => drop(open.pop()),
                _ => unpaired.push(at),
            },
            // Closes the last isolate; embeddings that were opened inside it stay unpaired.
            '\u{2069}' => match open.iter().rposition(|(_, c)| is_isolate(*c)) {
                Some(isolate) => unpaired.extend(open.drain(isolate..).skip(1).map(|(at, _)| at)),
                None => unpaired.push(at),
            },
            _ => {}
        }
    }
    unpaired.extend(open.into_iter().map(|(at, _)| at));
    unpaired.sort_unstable();
    let kept = text.char_indices().filter(|(at, _)| unpaired.binary_search(at).is_err());
    kept.map(|(_, c)| c).collect()
}

/// Checks only the length of a text and of its characters: for search queries, which can have any content.
pub fn check_length(field: &'static str, text: &str, max: usize) -> Result<(), FieldError> {
    checked_length(text, max).map(drop).map_err(|reason| FieldError { field, reason })
}

/// Makes a valid line of at most `max` characters out of any text: for text that no member can correct, such as the
/// name of a device.
pub fn to_line(text: &str, max: usize) -> String {
    let is_kept = |c: &char| !(c.is_control() || breaks_line(*c) || is_direction_mark(*c));
    let line: String = text.chars().filter(is_kept).take(max * CODE_POINTS_MAX).collect();
    let is_well_formed = |cluster: &&str| cluster.chars().nth(CODE_POINTS_MAX).is_none();
    let cut: String = line.trim_matches(is_padding).graphemes(true).filter(is_well_formed).take(max).collect();
    if cut.chars().all(is_blank) { String::new() } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<String, Reason> {
        Rule::line("title", 0, 10).check(text).map_err(|error| error.reason)
    }

    fn long(text: &str) -> Result<String, Reason> {
        Rule::long("bio", 0, 20).check(text).map_err(|error| error.reason)
    }

    #[test]
    fn lengths_count_grapheme_clusters() {
        assert_eq!(length("hello"), 5);
        assert_eq!(length("한글은"), 3);
        assert_eq!(length("👨‍👩‍👧‍👦"), 1);
        assert_eq!(length("e\u{301}"), 1);
        assert_eq!((length("한\r\n글"), length("한\n글"), length("\u{1112}\u{1161}\u{11AB}")), (3, 3, 1));
    }

    #[test]
    fn characters_that_stand_alone_form_no_clusters_with_each_other() {
        let alone: Vec<char> = (' '..='\u{FFFF}').chain(['\n']).filter(|c| stands_alone(*c)).collect();
        assert!(alone.len() > 32_000);
        let twice: String = alone.iter().chain(alone.iter().rev()).collect();
        assert_eq!(twice.graphemes(true).count(), 2 * alone.len());
    }

    #[test]
    fn a_character_of_too_many_marks_is_malformed() {
        let tower = |marks: usize| format!("a{}", "\u{301}".repeat(marks));
        assert_eq!(line(&tower(CODE_POINTS_MAX - 1)), Ok(tower(CODE_POINTS_MAX - 1)));
        assert_eq!(line(&tower(CODE_POINTS_MAX)), Err(Reason::Malformed { max: CODE_POINTS_MAX }));
        assert_eq!(checked_length(&"가".repeat(11), 10), Err(Reason::TooLong { max: 10 }));
        assert_eq!(checked_length(&format!("é{}", "가".repeat(9)), 10), Ok(10));
    }

    #[test]
    fn the_largest_valid_text_fits_into_its_bytes() {
        let family = "\\ud83d\\udc68\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67\\u200d\\ud83d\\udc66";
        assert!(family.len() * 5_000 <= json_bytes_max(5_000));
        assert_eq!(json_bytes_max(5_000), 960_000);
    }

    #[test]
    fn a_line_has_neither_line_breaks_nor_direction_marks() {
        assert_eq!(line("  김 \u{200B}\u{3164}"), Ok("김".to_owned()));
        assert_eq!(line("❤\u{FE0F}"), Ok("❤\u{FE0F}".to_owned()));
        for refused in
            ["a\nb", "a\tb", "a\u{85}b", "a\u{2028}b", "a\u{202E}b", "a\u{200F}b", "\u{2066}a\u{2069}", "a\0b"]
        {
            assert_eq!(line(refused), Err(Reason::InvalidCharacters), "{refused:?}");
        }
        assert_eq!(line("\u{200B}\u{3164}\u{2800}\u{200D}"), Ok(String::new()));
        assert_eq!(to_line("a\r\nb\u{202E}c\u{1}", 2), "ab");
    }

    #[test]
    fn a_long_text_keeps_its_line_breaks() {
        assert_eq!(long("a\r\nb\rc\u{2028}d\te"), Ok("a\nb\nc\nd\te".to_owned()));
        for refused in ["a\u{0}b", "a\u{B}b", "a\u{1B}b", "a\u{7F}b", "a\u{85}b"] {
            assert_eq!(long(refused), Err(Reason::InvalidCharacters), "{refused:?}");
        }
    }

    #[test]
    fn unpaired_direction_marks_are_removed() {
        for (text, kept) in [
            ("\u{202D}1\u{202C}", "\u{202D}1\u{202C}"),
            ("\u{202E}1", "1"),
            ("1\u{202C}2", "12"),
            ("\u{202A}\u{202B}1\u{202C}2", "\u{202B}1\u{202C}2"),
            ("\u{2067}1\u{2069}\u{2069}", "\u{2067}1\u{2069}"),
            ("\u{2067}\u{202E}1\u{2069}2", "\u{2067}1\u{2069}2"),
            ("\u{202E}\u{2067}\u{202C}1\u{2069}", "\u{2067}1\u{2069}"),
            ("a\u{200F}b\u{200E}", "a\u{200F}b\u{200E}"),
        ] {
            assert_eq!(long(text).as_deref(), Ok(kept), "{text:?}");
        }
    }
}
