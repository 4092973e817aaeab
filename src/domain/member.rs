//! Members: who they are, and the rules for what they say about themselves.
use super::{Avatar, FieldError, MemberId, Reason, Refusal, Timestamp, text};
use serde::{Deserialize, Serialize};

/// Most that one member may follow. It bounds the merge behind a home feed.
pub const FOLLOWINGS_MAX: usize = 1_000;
/// Most requests that may wait for one member to decide.
pub const FOLLOW_REQUESTS_MAX: usize = 10_000;
/// Most ids that one query for summaries may name.
pub const QUERY_IDS_MAX: usize = 100;

/// Handles that would collide with a route or speak for the service.
const RESERVED_HANDLES: &[&str] = &[
    "me",
    "admin",
    "administrator",
    "handles",
    "recommendations",
    "query",
    "api",
    "root",
    "system",
    "support",
    "dailyfeed",
    "moderator",
    "null",
    "undefined",
];

/// An e-mail address as given; two that differ in case alone are the same account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Most characters of an address.
    pub const MAX: usize = 100;

    /// Checks form and length.
    pub fn new(address: &str) -> Result<Self, FieldError> {
        let address = text::checked("email", address, 1, Self::MAX)?;
        let valid = email_address::EmailAddress::is_valid(&address)
            && address.is_ascii()
            && address.rsplit('@').next().is_some_and(|domain| domain.contains('.'));
        if valid { Ok(Self(address)) } else { Err(FieldError { field: "email", reason: Reason::InvalidFormat }) }
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that two spellings of one address share.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// The name in `@name`: letters, digits, underscores. Unique whatever its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    /// Fewest characters.
    pub const MIN: usize = 3;
    /// Most characters.
    pub const MAX: usize = 50;

    /// Checks form, length and that the service does not keep it for itself.
    pub fn new(handle: &str) -> Result<Self, FieldError> {
        let refuse = |reason| Err(FieldError { field: "handle", reason });
        match handle.len() {
            0 => return refuse(Reason::Required),
            length if length < Self::MIN => return refuse(Reason::TooShort { min: Self::MIN }),
            length if length > Self::MAX => return refuse(Reason::TooLong { max: Self::MAX }),
            _ => {}
        }
        if !handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return refuse(Reason::InvalidFormat);
        }
        if RESERVED_HANDLES.contains(&handle.to_ascii_lowercase().as_str()) {
            return refuse(Reason::Reserved);
        }
        Ok(Self(handle.to_owned()))
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that two spellings of one handle share.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// A password that follows the rules. Never stored, never printed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Fewest characters.
    pub const MIN: usize = 8;
    /// Most characters.
    pub const MAX: usize = 50;
    /// At least one of these must be in it.
    pub const SYMBOLS: &'static str = "@$!%*?&#";

    /// Checks length and the four kinds of characters.
    pub fn new(field: &'static str, password: &str) -> Result<Self, FieldError> {
        let refuse = |reason| Err(FieldError { field, reason });
        match text::length(password) {
            0 => return refuse(Reason::Required),
            length if length < Self::MIN => return refuse(Reason::TooShort { min: Self::MIN }),
            length if length > Self::MAX => return refuse(Reason::TooLong { max: Self::MAX }),
            _ => {}
        }
        let has = |kind: fn(char) -> bool| password.chars().any(kind);
        let complete = has(|c| c.is_ascii_lowercase())
            && has(|c| c.is_ascii_uppercase())
            && has(|c| c.is_ascii_digit())
            && has(|c| Self::SYMBOLS.contains(c));
        if complete { Ok(Self(password.to_owned())) } else { refuse(Reason::InvalidFormat) }
    }

    /// For hashing alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Privacy {
    /// As it is written in requests.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        match name {
            "PUBLIC" => Ok(Self::Public),
            "FOLLOWERS" => Ok(Self::Followers),
            "PRIVATE" => Ok(Self::Private),
            _ => Err(FieldError { field: "privacy", reason: Reason::UnknownValue }),
        }
    }
}

/// Who may see a member's posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Privacy {
    /// Everybody.
    #[default]
    Public,
    /// Followers, whom the member accepts one by one.
    Followers,
    /// Nobody else. Followers are accepted one by one.
    Private,
}

/// What others see beside everything a member wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberCard {
    /// The member.
    pub id: MemberId,
    /// The name in `@name`.
    pub handle: String,
    /// The name to show; the member's name where no other was chosen.
    pub display_name: String,
    /// The picture, where there is one.
    pub avatar: Option<Avatar>,
}

/// How many there are; each changes in the commit of the row that causes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// Active members that follow this one.
    pub followers: u64,
    /// Active members that this one follows.
    pub followings: u64,
    /// Posts that are not deleted.
    pub posts: u64,
}

/// A member in full.
#[derive(Debug, Clone)]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// Shown to the member alone.
    pub email: String,
    /// The name in `@name`.
    pub handle: String,
    /// What the member says of themself.
    pub profile: super::Profile,
    /// The picture, where there is one.
    pub avatar: Option<Avatar>,
    /// Who may see what the member writes.
    pub privacy: Privacy,
    /// Followers, followings, posts.
    pub counts: MemberCounts,
    /// When the member signed up.
    pub created_at: Timestamp,
}

impl Member {
    /// What others see beside everything that the member wrote.
    pub fn card(&self) -> MemberCard {
        let display_name = self.profile.shown_name().to_owned();
        MemberCard { id: self.id, handle: self.handle.clone(), display_name, avatar: self.avatar }
    }
}

/// How the caller and another member stand to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relation {
    /// The caller follows the member.
    pub following: bool,
    /// The caller has asked to.
    pub requested: bool,
    /// The member follows the caller.
    pub followed_by: bool,
    /// The caller blocks the member.
    pub blocked: bool,
    /// The member blocks the caller, who is never told.
    pub blocked_by: bool,
    /// The caller mutes the member.
    pub muted: bool,
}

/// How to choose members to recommend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recommendation {
    /// Newest members first.
    Newest,
    /// Friends of friends, by the number of common follows, ties by newer.
    Network,
}

/// Refuses what is done to oneself: nobody blocks, mutes or removes themself.
pub fn other_than(member: MemberId, other: MemberId) -> Result<(), FieldError> {
    if member == other { Err(FieldError { field: "id", reason: Reason::Oneself }) } else { Ok(()) }
}

/// Refuses what follows nobody or oneself.
pub fn may_follow(follower: MemberId, followee: MemberId) -> Result<(), Refusal> {
    if follower == followee { Err(Refusal::FollowSelf) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for good in ["a@b.kr", "Kim.Minsu+feed@example.co.kr"] {
            assert!(Email::new(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(100));
        for bad in ["", "a", "a@", "@b.kr", "a b@c.kr", "a@b", "a@@b.kr", "a@b.kr\n", &long] {
            let refused = Email::new(bad);
            assert!(refused.is_err() || bad.ends_with('\n'), "{bad:?}");
        }
    }

    #[test]
    fn a_handle_is_plain_and_not_reserved() {
        for good in ["abc", "Kim_Minsu", "x".repeat(50).as_str()] {
            assert!(Handle::new(good).is_ok(), "{good}");
        }
        for bad in ["ab", "한글이름", "a-b-c", "a b c", "ME", "Query", "x".repeat(51).as_str()] {
            assert!(Handle::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_has_four_kinds_of_characters() {
        assert!(Password::new("password", "Passw0rd!").is_ok());
        let long = format!("Aa1!{}", "x".repeat(47));
        for bad in ["Pass0d!", "passw0rd!", "PASSW0RD!", "Password!", "Passw0rdd", &long] {
            assert!(Password::new("password", bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", Password::new("password", "Passw0rd!").unwrap()), "Password(..)");
    }
}
