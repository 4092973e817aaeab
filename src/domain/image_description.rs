//! [`ImageDescription`]: what an image shows, in words, for readers who cannot see it (alt text).
use super::{
    FieldError,
    text::{CODE_POINTS_MAX, Rule, json_bytes_max},
};
use serde::{Deserialize, Serialize};

const DESCRIPTION: Rule = Rule::line("description", 0, ImageDescription::MAX);

/// One line of at most [`ImageDescription::MAX`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageDescription(String);

impl ImageDescription {
    /// Maximum number of characters: a chart or a page of text can be described in full.
    pub const MAX: usize = 1_500;
    /// Maximum number of bytes of a description in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(Self::MAX);
    /// Maximum number of bytes of a description as it is, in UTF-8.
    pub const BYTES_MAX: usize = Self::MAX * CODE_POINTS_MAX * char::MAX.len_utf8();

    /// Checks a text; a blank one is no description.
    pub fn new(text: &str) -> Result<Option<Self>, FieldError> {
        Ok(DESCRIPTION.optional(text)?.map(Self))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a text that was checked when it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    #[test]
    fn a_description_is_one_line_of_bounded_length() {
        let refused = |text: &str| ImageDescription::new(text).unwrap_err().reason;
        assert_eq!(ImageDescription::new(" 한강의 저녁 ").unwrap().unwrap().as_str(), "한강의 저녁");
        for blank in ["", "  ", "\u{3164}"] {
            assert_eq!(ImageDescription::new(blank), Ok(None));
        }
        for line in ["두\n줄", "탭\t여기", "\u{202E}거꾸로"] {
            assert_eq!(refused(line), Reason::InvalidCharacters);
        }
        let family = "👨‍👩‍👧‍👦";
        assert!(ImageDescription::new(&family.repeat(1_500)).is_ok());
        assert_eq!(refused(&family.repeat(1_501)), Reason::TooLong { max: 1_500 });
    }
}
