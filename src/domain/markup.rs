//! Tags and mentions inside a text, with offsets that a client can use.
use super::{Handle, MemberId};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Most tags that are found in one text; further ones are plain text.
pub const TAGS_MAX: usize = 30;
/// Most mentions that are found in one text; further ones are plain text.
pub const MENTIONS_MAX: usize = 30;
/// Most characters of a tag; a longer run is plain text.
pub const TAG_LENGTH_MAX: usize = 50;

/// `#tag` in a text. Offsets count Unicode code points, the sign included, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Without the sign, NFC, lower case: the form that a tag's feed is found by.
    pub tag: String,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the tag.
    pub end: u32,
}

/// `@handle` of a member in a text. Offsets as in [`Tag`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// As the member writes it.
    pub handle: String,
    /// Who is meant.
    pub member: MemberId,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the handle.
    pub end: u32,
}

/// Something that looks like a mention; whether there is such a member is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mentioned {
    /// The handle's key form.
    pub key: String,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the handle.
    pub end: u32,
}

/// What was found in one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    /// In order of appearance.
    pub tags: Vec<Tag>,
    /// In order of appearance.
    pub mentioned: Vec<Mentioned>,
}

/// The form that two spellings of one tag share.
pub fn tag_key(tag: &str) -> String {
    tag.nfc().collect::<String>().to_lowercase()
}

/// Finds `#tags` and `@mentions`: a sign that does not follow a letter or digit (so addresses and
/// fragments of links are left alone), then letters, digits, underscores and combining marks.
pub fn find(text: &str) -> Markup {
    let mut found = Markup::default();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let begins = matches!(chars[at], '#' | '＃' | '@' | '＠')
            && (at == 0 || !(is_word(chars[at - 1]) || matches!(chars[at - 1], '/' | '&' | '#' | '@')));
        if !begins {
            at += 1;
            continue;
        }
        let is_tag = matches!(chars[at], '#' | '＃');
        let fits: fn(char) -> bool = if is_tag { is_word } else { is_handle };
        let end = chars[at + 1..].iter().position(|c| !fits(*c)).map_or(chars.len(), |n| at + 1 + n);
        let body: String = chars[at + 1..end].iter().collect();
        let (start, stop) = (at as u32, end as u32);
        if is_tag {
            let wanted = !body.is_empty()
                && end - at - 1 <= TAG_LENGTH_MAX
                && body.chars().any(char::is_alphabetic)
                && found.tags.len() < TAGS_MAX;
            if wanted {
                found.tags.push(Tag { tag: tag_key(&body), start, end: stop });
            }
        } else if let Ok(handle) = Handle::new(&body)
            && found.mentioned.len() < MENTIONS_MAX
        {
            found.mentioned.push(Mentioned { key: handle.key(), start, end: stop });
        }
        at = end.max(at + 1);
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || unicode_normalization::char::is_combining_mark(c)
}

fn is_handle(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<(String, u32, u32)> {
        find(text).tags.into_iter().map(|t| (t.tag, t.start, t.end)).collect()
    }

    #[test]
    fn offsets_count_code_points() {
        assert_eq!(tags("안녕 #한글 세상"), [("한글".to_owned(), 3, 6)]);
        assert_eq!(tags("😀 #Rust!"), [("rust".to_owned(), 2, 7)]);
    }

    #[test]
    fn one_tag_has_one_form() {
        let decomposed: String = "#한글".nfd().collect();
        assert_eq!(find(&decomposed).tags[0].tag, "한글");
        assert_eq!(tags("#RUST #rust").iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["rust", "rust"]);
    }

    #[test]
    fn what_only_looks_like_a_tag_is_text() {
        for plain in ["a#b", "https://a.kr/#top", "#1", "# a", "&#39;", "##", &format!("#{}", "가".repeat(51))] {
            assert!(tags(plain).is_empty(), "{plain}");
        }
    }

    #[test]
    fn a_mention_ends_where_korean_particles_begin() {
        let found = find("@Minsu_Kim님, a@b.kr @ab @me").mentioned;
        assert_eq!(found, [Mentioned { key: "minsu_kim".to_owned(), start: 0, end: 10 }]);
    }
}
