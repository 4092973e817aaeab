//! Markup: finds the tags and mentions of a text, with offsets in code points for clients.
mod address;
mod path;
mod tag;

pub use tag::{TAG_LENGTH_MAX, tag_named};

use super::{Handle, MemberId, characters};
use serde::{Deserialize, Serialize};

/// Incremented whenever the same text gives other tags: the next start then updates the tags of all stored posts.
pub const MARKUP_VERSION: u32 = 3;
/// Maximum number of tags of one text; further ones stay plain text.
pub const TAGS_MAX: usize = 30;
/// Maximum number of mentions of one text; further ones stay plain text.
pub const MENTIONS_MAX: usize = 30;

/// `#tag` in a text. Offsets count Unicode code points, the sign included, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The key form: without the sign, NFKC and case-folded.
    pub tag: String,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the tag.
    pub end: u32,
}

/// `@handle` of a member in a text. Offsets as in [`Tag`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The handle as the mentioned member spells it.
    pub handle: String,
    /// The mentioned member.
    pub member: MemberId,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the handle.
    pub end: u32,
}

/// The markup of one text with its mentions resolved to members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedMarkup {
    /// In order of appearance.
    pub tags: Vec<Tag>,
    /// In order of appearance. Excludes mentions of unknown members.
    pub mentions: Vec<Mention>,
}

/// A mention that is not resolved: a member may or may not have the handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PossibleMention {
    /// The handle's key form.
    pub key: String,
    /// Code points before the sign.
    pub start: u32,
    /// Code points up to the end of the handle.
    pub end: u32,
}

/// The tags and possible mentions of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    /// In order of appearance.
    pub tags: Vec<Tag>,
    /// In order of appearance.
    pub possible_mentions: Vec<PossibleMention>,
}

/// Finds `#tags` and `@mentions` outside addresses. A sign after a letter, digit, `_` or `&` begins none.
pub fn find(text: &str) -> Markup {
    let mut found = Markup::default();
    // Most texts have neither sign.
    if !text.contains(|c: char| is_sign(c) || tag::is_sign(c)) {
        return found;
    }
    let text: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < text.len() {
        at = if tag::is_sign(text[at]) {
            find_tag(&text, at, &mut found.tags)
        } else if is_sign(text[at]) {
            find_mention(&text, at, &mut found.possible_mentions)
        } else {
            address::end(&text, at).unwrap_or(at + 1)
        };
    }
    found
}

/// Returns whether a character is `@`, also in full width.
fn is_sign(c: char) -> bool {
    matches!(c, '@' | '＠')
}

/// Adds the tag at a sign, if one begins there. Returns the position at which the search continues.
fn find_tag(text: &[char], sign: usize, tags: &mut Vec<Tag>) -> usize {
    if tag::follows_word(text, sign) || tag::is_keycap(text, sign) {
        return sign + 1;
    }
    let Some((end, key)) = tag::key(text, sign + 1) else { return sign + 1 };
    if tags.len() < TAGS_MAX {
        tags.push(Tag { tag: key, start: sign as u32, end: end as u32 });
    }
    end
}

/// Adds the mention at a sign, if one begins there. Returns the position at which the search continues.
fn find_mention(text: &[char], sign: usize, mentions: &mut Vec<PossibleMention>) -> usize {
    if tag::follows_word(text, sign) {
        return sign + 1;
    }
    let length = text[sign + 1..].iter().take_while(|c| is_handle(**c)).count();
    let end = sign + 1 + length;
    if length == 0 {
        return end;
    }
    if let Some(end) = address::account(text, end) {
        return end;
    }
    // A combining mark turns the last letter into another one, which no handle has.
    if text.get(end).is_some_and(|c| characters::is_mark(*c)) {
        return end;
    }
    let name: String = text[sign + 1..end].iter().collect();
    if let Ok(handle) = Handle::from_lookup(&name)
        && mentions.len() < MENTIONS_MAX
    {
        mentions.push(PossibleMention { key: handle.key(), start: sign as u32, end: end as u32 });
    }
    end
}

/// Returns whether a handle may have this character, also in full width.
fn is_handle(c: char) -> bool {
    let wide = matches!(c, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '＿');
    c.is_ascii_alphanumeric() || c == '_' || wide
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    fn tags(text: &str) -> Vec<(String, u32, u32)> {
        find(text).tags.into_iter().map(|t| (t.tag, t.start, t.end)).collect()
    }

    fn names(text: &str) -> Vec<String> {
        find(text).possible_mentions.into_iter().map(|found| found.key).collect()
    }

    #[test]
    fn offsets_count_code_points() {
        assert_eq!(tags("안녕 #한글 세상"), [("한글".to_owned(), 3, 6)]);
        assert_eq!(tags("😀 #Rust!"), [("rust".to_owned(), 2, 7)]);
    }

    #[test]
    fn spellings_of_a_tag_have_one_key() {
        let decomposed: String = "#한글".nfd().collect();
        assert_eq!(find(&decomposed).tags[0].tag, "한글");
        assert_eq!(tags("#RUST #rust").iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["rust", "rust"]);
    }

    #[test]
    fn text_that_only_resembles_a_tag_is_no_tag() {
        for plain in ["a#b", "https://a.kr/#top", "#1", "# a", "&#39;", "##", &format!("#{}", "가".repeat(51))] {
            assert!(tags(plain).is_empty(), "{plain}");
        }
    }

    #[test]
    fn a_mention_ends_where_korean_particles_begin() {
        let found = find("@Minsu_Kim님, a@b.kr @ab @me").possible_mentions;
        assert_eq!(found, [PossibleMention { key: "minsu_kim".to_owned(), start: 0, end: 10 }]);
    }

    #[test]
    fn an_account_on_another_server_is_no_mention() {
        assert_eq!(names("(@kim) @kim, @kim."), ["kim", "kim", "kim"]);
        assert_eq!(names("@ＫＩＭ ＠kim"), ["kim", "kim"]);
        for text in ["@kim@elsewhere.example", "@kim.lee", "@kim@lee", "@kim\u{301}", "kim@kim.example", "x/y/@kim"] {
            assert!(names(text).is_empty(), "{text}");
        }
        assert_eq!(names("@kim@a.example, @lee"), ["lee"]);
    }

    proptest! {
        #[test]
        fn tags_lie_within_the_text_and_in_order(text in "[#@＃a가1_·./:\u{200D}\u{FE0F}\u{20E3}\u{301} &(]{0,60}") {
            let all: Vec<char> = text.chars().collect();
            let mut last = 0;
            for tag in find(&text).tags {
                let (start, end) = (tag.start as usize, tag.end as usize);
                prop_assert!(last <= start && start + 1 < end && end <= all.len());
                prop_assert!(matches!(all[start], '#' | '＃'));
                let name: String = all[start..end].iter().collect();
                prop_assert_eq!(tag_named("tag", &name), Ok(tag.tag));
                last = end;
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            find(&text);
        }
    }
}
