//! Comments: stored, as one viewer sees them, and the rules for their texts and levels.
use super::{
    CommentId, MemberCard, MemberId, PostId, Reason, Refusal, Timestamp,
    text::{Rule, json_bytes_max},
};
use std::sync::Arc;

/// Levels of comments: a comment, a reply, a reply to a reply.
pub const COMMENT_LEVELS: u8 = 3;
/// Replies that a list of comments includes with each comment.
pub const FIRST_REPLIES: usize = 2;

/// The text of a comment. Its constructor checks the rules, so every value is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentText(String);

impl CommentText {
    /// Maximum number of characters of a comment.
    pub const MAX: usize = 1_000;
    /// Maximum number of bytes of a comment in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(Self::MAX);

    const CONTENT: Rule = Rule::long("content", 1, Self::MAX);

    /// Checks the rules. Refuses `CommentEmpty`, `CommentTooLong`, `Invalid`.
    pub fn new(content: &str) -> Result<Self, Refusal> {
        let content = Self::CONTENT.check(content).map_err(|error| match error.reason {
            Reason::Required => Refusal::CommentEmpty,
            Reason::TooLong { max } => Refusal::CommentTooLong { max },
            _ => error.into(),
        })?;
        Ok(Self(content))
    }

    /// Returns the content in its stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stored comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Also the order: newer comments have larger ids.
    pub id: CommentId,
    /// The post it is on.
    pub post: PostId,
    /// The comment it replies to.
    pub parent: Option<CommentId>,
    /// 0 for a comment, 1 for a reply, 2 for a reply to a reply.
    pub depth: u8,
    /// The author: the only member who can change it.
    pub author: MemberId,
    /// 1 to 1,000 characters; empty in a tombstone.
    pub content: String,
    /// Likes by active members.
    pub like_count: u64,
    /// Visible replies directly below.
    pub reply_count: u64,
    /// Visible comments anywhere below.
    pub below_count: u64,
    /// Members whom the content mentions: distinct, in ascending order.
    pub mentions: Vec<MemberId>,
    /// Whether it is a tombstone: deleted, without its text, and kept because it has visible replies.
    pub deleted: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its author last edited it.
    pub edited_at: Option<Timestamp>,
}

impl Comment {
    /// Returns whether the author changed nothing between the two.
    pub fn has_same_content(&self, other: &Self) -> bool {
        (&self.content, self.edited_at) == (&other.content, other.edited_at)
    }
}

/// A comment as one viewer sees it.
#[derive(Debug, Clone)]
pub struct VisibleComment {
    /// The comment.
    pub comment: Comment,
    /// Its author; `None` for a tombstone.
    pub author: Option<Arc<MemberCard>>,
    /// Whether the viewer likes it.
    pub liked: bool,
    /// The first replies, if the list includes them.
    pub replies: Vec<VisibleComment>,
}

/// Returns the depth of a reply to a comment of that depth. Refuses `TooDeep`.
pub fn depth_below(parent: u8) -> Result<u8, Refusal> {
    let depth = parent + 1;
    if depth < COMMENT_LEVELS { Ok(depth) } else { Err(Refusal::TooDeep { max: COMMENT_LEVELS }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_text_is_no_text() {
        assert_eq!(CommentText::new("\t"), Err(Refusal::CommentEmpty));
    }

    #[test]
    fn comments_go_three_levels_deep() {
        assert_eq!((depth_below(0), depth_below(1)), (Ok(1), Ok(2)));
        assert_eq!(depth_below(2), Err(Refusal::TooDeep { max: 3 }));
    }
}
