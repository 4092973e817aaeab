//! Posts and comments, and the rules for writing them.
use super::{
    CommentId, FieldError, ImageId, MemberCard, MemberId, Mention, Picture, PostId, Reason, Refusal, Tag, Timestamp,
    text::{Rule, json_bytes_max},
};
use std::sync::Arc;

/// Levels of comments: a comment, a reply, a reply to a reply.
pub const COMMENT_LEVELS: u8 = 3;
/// Replies that a listed comment brings along.
pub const FIRST_REPLIES: usize = 2;
/// Most images on a post.
pub const IMAGES_MAX: usize = 4;

/// Text of a post that has passed the rules. There is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostText {
    title: Option<String>,
    content: String,
    images: Option<Vec<ImageId>>,
}

impl PostText {
    /// Most characters of the content.
    pub const CONTENT_MAX: usize = 5_000;
    /// Most characters of the title.
    pub const TITLE_MAX: usize = 100;
    /// Most bytes of both in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(Self::CONTENT_MAX + Self::TITLE_MAX);

    const CONTENT: Rule = Rule::long("content", 0, Self::CONTENT_MAX);
    const TITLE: Rule = Rule::line("title", 0, Self::TITLE_MAX);

    /// Checks both; a title that shows nothing is no title. Refuses content that shows nothing.
    pub fn new(title: Option<&str>, content: &str) -> Result<Self, Refusal> {
        let text = Self::with_optional_content(title, content)?;
        if text.needs_image() { Err(Refusal::PostEmpty) } else { Ok(text) }
    }

    /// Likewise, but the content may be empty: a post may be images alone.
    pub fn with_optional_content(title: Option<&str>, content: &str) -> Result<Self, Refusal> {
        let content = Self::CONTENT.check(content).map_err(|error| match error.reason {
            Reason::TooLong { max } => Refusal::PostTooLong { max },
            _ => error.into(),
        })?;
        let title = Self::TITLE.optional(title.unwrap_or_default()).map_err(|error| match error.reason {
            Reason::TooLong { max } => Refusal::TitleTooLong { max },
            _ => error.into(),
        })?;
        Ok(Self { title, content, images: None })
    }

    /// Whether it is a post only where there is an image on it.
    pub fn needs_image(&self) -> bool {
        self.content.is_empty()
    }

    /// With these images in this order, each once. Without any said, a post keeps those that it has. Refuses to leave
    /// neither text nor image.
    pub fn with_images(self, ids: Vec<ImageId>) -> Result<Self, Refusal> {
        let wrong = |reason| Err(FieldError { field: "imageIds", reason }.into());
        if ids.is_empty() && self.needs_image() {
            return Err(Refusal::PostEmpty);
        }
        if ids.len() > IMAGES_MAX {
            return wrong(Reason::TooLong { max: IMAGES_MAX });
        }
        if ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id)) {
            return wrong(Reason::InUse);
        }
        Ok(Self { images: Some(ids), ..self })
    }

    /// The images, where any were said.
    pub fn images(&self) -> Option<&[ImageId]> {
        self.images.as_deref()
    }

    /// The title, where there is one.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The content, as it is kept.
    pub fn content(&self) -> &str {
        &self.content
    }
}

/// Text of a comment that has passed the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentText(String);

impl CommentText {
    /// Most characters of a comment.
    pub const MAX: usize = 1_000;
    /// Most bytes of it in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(Self::MAX);

    const CONTENT: Rule = Rule::long("content", 1, Self::MAX);

    /// Checks it.
    pub fn new(content: &str) -> Result<Self, Refusal> {
        let content = Self::CONTENT.check(content).map_err(|error| match error.reason {
            Reason::Required => Refusal::CommentEmpty,
            Reason::TooLong { max } => Refusal::CommentTooLong { max },
            _ => error.into(),
        })?;
        Ok(Self(content))
    }

    /// The content, as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How often a post was seen, liked and commented on; each changes in the commit of its cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostCounts {
    /// Once per member and hour, never the author.
    pub views: u64,
    /// By active members.
    pub likes: u64,
    /// Visible comments: not deleted, by active members.
    pub comments: u64,
}

/// A post as it is kept: everything but its author's card and the viewer's like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Also the order of every feed: newer posts have larger ids.
    pub id: PostId,
    /// Who wrote it, and alone may change it.
    pub author: MemberId,
    /// At most 100 characters.
    pub title: Option<String>,
    /// At most 5,000 characters; none at all only beside an image.
    pub content: String,
    /// Found in the content.
    pub tags: Vec<Tag>,
    /// Found in the content, of members that exist.
    pub mentions: Vec<Mention>,
    /// At most 4, in the order of their author.
    pub images: Vec<Picture>,
    /// Views, likes, comments.
    pub counts: PostCounts,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed by its author.
    pub edited_at: Option<Timestamp>,
}

impl Post {
    /// Whether its author has changed nothing between the two: the same words and images, counted however often.
    pub fn has_same_content(&self, other: &Self) -> bool {
        let images = |post: &Self| post.images.iter().map(|picture| picture.id).collect::<Vec<_>>();
        (&self.title, &self.content, self.edited_at) == (&other.title, &other.content, other.edited_at)
            && images(self) == images(other)
    }
}

/// A post as one viewer sees it. Shared parts are shared between answers.
#[derive(Debug, Clone)]
pub struct VisiblePost {
    /// The post.
    pub post: Arc<Post>,
    /// Its author.
    pub author: Arc<MemberCard>,
    /// Whether the viewer likes it.
    pub liked: bool,
    /// What is counted, but not for this viewer: likes and comments of members who block or are blocked.
    pub hidden_counts: PostCounts,
}

impl VisiblePost {
    /// As the viewer sees it who blocks nobody and likes nothing.
    pub fn plain(post: Arc<Post>, author: Arc<MemberCard>) -> Self {
        Self { post, author, liked: false, hidden_counts: PostCounts::default() }
    }

    /// What is counted for this viewer.
    pub fn counts(&self) -> PostCounts {
        let (all, hidden) = (self.post.counts, self.hidden_counts);
        PostCounts {
            views: all.views.saturating_sub(hidden.views),
            likes: all.likes.saturating_sub(hidden.likes),
            comments: all.comments.saturating_sub(hidden.comments),
        }
    }
}

/// A comment as it is kept.
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
    /// Who wrote it, and alone may change it.
    pub author: MemberId,
    /// 1 to 1,000 characters.
    pub content: String,
    /// Likes by active members.
    pub like_count: u64,
    /// Visible replies directly below.
    pub reply_count: u64,
    /// Visible comments anywhere below.
    pub below_count: u64,
    /// Members whom the content names, none twice in a row of ids.
    pub mentions: Vec<MemberId>,
    /// A tombstone: its text is gone, its place is kept for its replies.
    pub deleted: bool,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed by its author.
    pub edited_at: Option<Timestamp>,
}

impl Comment {
    /// Whether its author has changed nothing between the two.
    pub fn has_same_content(&self, other: &Self) -> bool {
        (&self.content, self.edited_at) == (&other.content, other.edited_at)
    }
}

/// A comment as one viewer sees it.
#[derive(Debug, Clone)]
pub struct VisibleComment {
    /// The comment.
    pub comment: Comment,
    /// Its author; none for a tombstone.
    pub author: Option<Arc<MemberCard>>,
    /// Whether the viewer likes it.
    pub liked: bool,
    /// The first replies, where the list brings them along.
    pub replies: Vec<VisibleComment>,
}

/// Where a like stands after it was set or withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LikeState {
    /// Whether the member likes it now.
    pub liked: bool,
    /// Likes by active members.
    pub like_count: u64,
}

/// The depth of a reply to a comment of this depth.
pub fn depth_below(parent: u8) -> Result<u8, Refusal> {
    let depth = parent + 1;
    if depth < COMMENT_LEVELS { Ok(depth) } else { Err(Refusal::TooDeep { max: COMMENT_LEVELS }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangul_counts_by_character() {
        assert!(PostText::new(None, &"가".repeat(5_000)).is_ok());
        let refused = PostText::new(None, &"가".repeat(5_001));
        assert_eq!(refused, Err(Refusal::PostTooLong { max: 5_000 }));
        let refused = PostText::new(Some(&"제".repeat(101)), "x");
        assert_eq!(refused, Err(Refusal::TitleTooLong { max: 100 }));
    }

    #[test]
    fn blank_text_is_no_text() {
        assert_eq!(PostText::new(None, " \n "), Err(Refusal::PostEmpty));
        assert_eq!(PostText::new(None, "\u{200B}\u{3164}"), Err(Refusal::PostEmpty));
        assert_eq!(PostText::new(Some("\u{2800}"), "x").unwrap().title(), None);
        assert_eq!(CommentText::new("\t"), Err(Refusal::CommentEmpty));
        assert_eq!(PostText::new(Some("  "), "x").unwrap().title(), None);
    }

    #[test]
    fn a_post_has_four_images_at_most_and_none_twice() {
        let with =
            |ids: &[u64]| PostText::new(None, "x").unwrap().with_images(ids.iter().copied().map(ImageId).collect());
        assert_eq!(with(&[3, 1, 2, 4]).unwrap().images().map(<[_]>::len), Some(4));
        assert_eq!(PostText::new(None, "x").unwrap().images(), None);
        assert!(with(&[1, 2, 3, 4, 5]).is_err() && with(&[7, 7]).is_err());
        let alone = |ids: Vec<ImageId>| PostText::with_optional_content(None, "\u{200B}").unwrap().with_images(ids);
        assert_eq!(alone(vec![ImageId(1)]).unwrap().content(), "");
        assert_eq!(alone(Vec::new()), Err(Refusal::PostEmpty));
    }

    #[test]
    fn comments_go_three_levels_deep() {
        assert_eq!((depth_below(0), depth_below(1)), (Ok(1), Ok(2)));
        assert_eq!(depth_below(2), Err(Refusal::TooDeep { max: 3 }));
    }
}
