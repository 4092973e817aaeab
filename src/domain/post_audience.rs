//! `PostAudience`: the members whom a post is for, and what a viewer must be to its author to see it.
use super::{FieldError, MemberId, Privacy, Reason, Standing};

/// The members whom a post is for, besides its author. Chosen when the post is written; never changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum PostAudience {
    /// Everybody.
    #[default]
    Public = 0,
    /// Followers of the author.
    Followers = 1,
    /// The members whom its text mentions. An edit changes who they are.
    Mentioned = 2,
    /// No other member.
    Own = 3,
}

impl PostAudience {
    /// All audiences, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Public, Self::Followers, Self::Mentioned, Self::Own];

    /// Returns the name in requests and responses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Followers => "followers",
            Self::Mentioned => "mentioned",
            Self::Own => "self",
        }
    }

    /// Parses the name in a request.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        let found = Self::ALL.into_iter().find(|audience| audience.name() == name);
        found.ok_or(FieldError { field: "audience", reason: Reason::UnknownValue })
    }

    /// Returns the number under which stores keep the audience. Never reused.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the audience that stores keep under this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|audience| audience.code() == code)
    }

    /// Returns the audience of a post for which its author chooses none.
    pub fn default_of(privacy: Privacy) -> Self {
        match privacy {
            Privacy::Public => Self::Public,
            Privacy::Followers => Self::Followers,
            Privacy::Private => Self::Own,
        }
    }

    /// Returns whether the audience includes a viewer of this standing with the author. `mentioned`: the text of the
    /// post mentions the viewer.
    pub fn includes(self, standing: Standing, mentioned: bool) -> bool {
        match self {
            Self::Public => standing != Standing::Hidden,
            Self::Followers => standing >= Standing::Follower,
            Self::Mentioned => standing == Standing::Author || mentioned && standing != Standing::Hidden,
            Self::Own => standing == Standing::Author,
        }
    }
}

/// The facts about a post that the visibility rule decides by, for one viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostFacts {
    /// The author.
    pub author: MemberId,
    /// The audience that the author chose.
    pub audience: PostAudience,
    /// The text mentions the viewer. Read only if the audience is `Mentioned`.
    pub mentions_viewer: bool,
}

impl PostFacts {
    /// Returns whether the post is visible to a viewer of this standing with the author.
    pub fn visible_to(self, standing: Standing) -> bool {
        self.audience.includes(standing, self.mentions_viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_name_one_audience_each() {
        for audience in PostAudience::ALL {
            assert_eq!(PostAudience::named(audience.name()), Ok(audience));
            assert_eq!(PostAudience::from_code(audience.code()), Some(audience));
        }
        assert_eq!(PostAudience::from_code(4), None);
        assert!(PostAudience::named("PUBLIC").is_err() && PostAudience::named("own").is_err());
    }

    #[test]
    fn without_a_choice_the_privacy_decides() {
        let of = |privacy| PostAudience::default_of(privacy).name();
        assert_eq!(
            [of(Privacy::Public), of(Privacy::Followers), of(Privacy::Private)],
            ["public", "followers", "self"]
        );
    }
}
