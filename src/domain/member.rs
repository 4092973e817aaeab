//! Members: who they are, and the rules for what they say about themselves.
use super::{Avatar, FieldError, MemberId, Reason, Refusal, Timestamp, characters::normal_form};
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

    /// Of whom somebody asks for, however the handle is spelt: full-width letters are letters.
    pub fn from_lookup(handle: &str) -> Result<Self, FieldError> {
        Self::new(&normal_form(handle))
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
    /// Whether the member has changed nothing between the two, whoever has followed since.
    pub fn has_same_content(&self, other: &Self) -> bool {
        (&self.handle, &self.profile, self.avatar, self.privacy)
            == (&other.handle, &other.profile, other.avatar, other.privacy)
    }

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
    fn a_handle_is_plain_and_not_reserved() {
        for good in ["abc", "Kim_Minsu", "x".repeat(50).as_str()] {
            assert!(Handle::new(good).is_ok(), "{good}");
        }
        assert_eq!(Handle::from_lookup("ＫＩＭ_１").unwrap().as_str(), "kim_1");
        for bad in ["ab", "한글이름", "ｋｉｍ", "a-b-c", "a b c", "ME", "Query", "x".repeat(51).as_str()] {
            assert!(Handle::new(bad).is_err(), "{bad}");
        }
    }
}
