//! Members: handles, privacy, cards, counts, and the relation of a viewer to another member.
use super::{Avatar, FieldError, MemberId, Reason, Refusal, Timestamp, characters::normal_form};
use serde::{Deserialize, Serialize};

/// Maximum number of members that one member may follow. Bounds the merge behind a home feed.
pub const FOLLOWINGS_MAX: usize = 1_000;
/// Maximum number of follow requests that may wait for one member's decision.
pub const FOLLOW_REQUESTS_MAX: usize = 10_000;
/// Maximum number of ids in one query for member cards.
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

/// The name in `@name`: ASCII letters, digits, underscores. Unique regardless of case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(String);

impl Handle {
    /// Fewest characters.
    pub const MIN: usize = 3;
    /// Maximum number of characters.
    pub const MAX: usize = 50;

    /// Checks form and length. Refuses reserved handles.
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

    /// Makes the handle to look up from any spelling: full-width letters count as ASCII letters.
    pub fn from_lookup(handle: &str) -> Result<Self, FieldError> {
        Self::new(&normal_form(handle))
    }

    /// Returns the handle as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key form, which two spellings of one handle share.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// The widest audience of a member's posts. The audience of a post (`PostAudience`) can narrow it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Privacy {
    /// Everybody.
    #[default]
    Public,
    /// Followers. The member accepts follow requests one by one.
    Followers,
    /// Only the member. The member accepts follow requests one by one.
    Private,
}

impl Privacy {
    /// Parses the name in a request.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        match name {
            "PUBLIC" => Ok(Self::Public),
            "FOLLOWERS" => Ok(Self::Followers),
            "PRIVATE" => Ok(Self::Private),
            _ => Err(FieldError { field: "privacy", reason: Reason::UnknownValue }),
        }
    }
}

/// The part of a member that is shown with each of the member's posts and comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberCard {
    /// The member.
    pub id: MemberId,
    /// The name in `@name`.
    pub handle: String,
    /// The display name, or the member's name if none was chosen.
    pub display_name: String,
    /// The picture, if there is one.
    pub avatar: Option<Avatar>,
}

/// The counters of a member. Each changes in the commit of the row that causes the change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// Active members who follow this one.
    pub followers: u64,
    /// Active members whom this one follows.
    pub followings: u64,
    /// Posts that are not deleted.
    pub posts: u64,
}

/// A member in full.
#[derive(Debug, Clone)]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// Shown only to the member.
    pub email: String,
    /// The name in `@name`.
    pub handle: String,
    /// The member's profile.
    pub profile: super::Profile,
    /// The picture, if there is one.
    pub avatar: Option<Avatar>,
    /// The audience of the member's posts.
    pub privacy: Privacy,
    /// Counts of followers, followings and posts.
    pub counts: MemberCounts,
    /// When the member signed up.
    pub created_at: Timestamp,
}

impl Member {
    /// Returns whether the member changed nothing between the two. Ignores the counts.
    pub fn has_same_content(&self, other: &Self) -> bool {
        (&self.handle, &self.profile, self.avatar, self.privacy)
            == (&other.handle, &other.profile, other.avatar, other.privacy)
    }

    /// Makes the member's card.
    pub fn card(&self) -> MemberCard {
        let display_name = self.profile.shown_name().to_owned();
        MemberCard { id: self.id, handle: self.handle.clone(), display_name, avatar: self.avatar }
    }
}

/// The relations between the viewer and another member, in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relation {
    /// The viewer follows the member.
    pub following: bool,
    /// The viewer has sent a follow request that is not decided yet.
    pub requested: bool,
    /// The member follows the viewer.
    pub followed_by: bool,
    /// The viewer blocks the member.
    pub blocked: bool,
    /// The member blocks the viewer. Clients are never shown this.
    pub blocked_by: bool,
    /// The viewer mutes the member.
    pub muted: bool,
}

/// How recommended members are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recommendation {
    /// Newest members first.
    Newest,
    /// Members whom followed members follow, by the number of common follows, newer members first among equals.
    Network,
}

/// Refuses `Oneself` if the two are the same: nobody blocks, mutes or removes themself.
pub fn check_other(member: MemberId, other: MemberId) -> Result<(), FieldError> {
    if member == other { Err(FieldError { field: "id", reason: Reason::Oneself }) } else { Ok(()) }
}

/// Refuses `FollowSelf` if the two are the same.
pub fn check_follow(follower: MemberId, followee: MemberId) -> Result<(), Refusal> {
    if follower == followee { Err(Refusal::FollowSelf) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_ascii_and_not_reserved() {
        for good in ["abc", "Kim_Minsu", "x".repeat(50).as_str()] {
            assert!(Handle::new(good).is_ok(), "{good}");
        }
        assert_eq!(Handle::from_lookup("ＫＩＭ_１").unwrap().as_str(), "kim_1");
        for bad in ["ab", "한글이름", "ｋｉｍ", "a-b-c", "a b c", "ME", "Query", "x".repeat(51).as_str()] {
            assert!(Handle::new(bad).is_err(), "{bad}");
        }
    }
}
