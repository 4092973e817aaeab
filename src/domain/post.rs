//! Posts: stored, as one viewer sees them, and the rules for their texts; and the state of a like.
use super::{
    FieldError, ImageId, MemberCard, MemberId, Mention, Picture, PostAudience, PostFacts, PostId, Reason, Refusal, Tag,
    Timestamp,
    text::{Rule, json_bytes_max},
};
use std::sync::Arc;

/// Maximum number of images on a post.
pub const IMAGES_MAX: usize = 4;

/// The text of a post, with the images and the audience that its author gives. Its constructors check the rules, so
/// every value is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostText {
    title: Option<String>,
    content: String,
    /// `None` until `with_images` sets them.
    images: Option<Vec<ImageId>>,
    /// `None` until `with_audience` sets it.
    audience: Option<PostAudience>,
}

impl PostText {
    /// Maximum number of characters of the content.
    pub const CONTENT_MAX: usize = 5_000;
    /// Maximum number of characters of the title.
    pub const TITLE_MAX: usize = 100;
    /// Maximum number of bytes of content and title in JSON.
    pub const JSON_BYTES_MAX: usize = json_bytes_max(Self::CONTENT_MAX + Self::TITLE_MAX);

    const CONTENT: Rule = Rule::long("content", 0, Self::CONTENT_MAX);
    const TITLE: Rule = Rule::line("title", 0, Self::TITLE_MAX);

    /// Checks title and content. A blank title becomes `None`. Refuses `PostEmpty`, `PostTooLong`, `TitleTooLong`,
    /// `Invalid`.
    pub fn new(title: Option<&str>, content: &str) -> Result<Self, Refusal> {
        let text = Self::with_optional_content(title, content)?;
        if text.needs_image() { Err(Refusal::PostEmpty) } else { Ok(text) }
    }

    /// Does the same as `new`, but accepts blank content: a post may consist of images. Refuses `PostTooLong`,
    /// `TitleTooLong`, `Invalid`.
    pub fn with_optional_content(title: Option<&str>, content: &str) -> Result<Self, Refusal> {
        let content = Self::CONTENT.check(content).map_err(|error| match error.reason {
            Reason::TooLong { max } => Refusal::PostTooLong { max },
            _ => error.into(),
        })?;
        let title = Self::TITLE.optional(title.unwrap_or_default()).map_err(|error| match error.reason {
            Reason::TooLong { max } => Refusal::TitleTooLong { max },
            _ => error.into(),
        })?;
        Ok(Self { title, content, images: None, audience: None })
    }

    /// Returns whether the content is empty, so that the post needs an image.
    pub fn needs_image(&self) -> bool {
        self.content.is_empty()
    }

    /// Sets the images, in this order. A text without this call leaves the images of an edited post as they are.
    /// Refuses `PostEmpty` for neither text nor image, and `Invalid` for a repeated id or more than [`IMAGES_MAX`] ids.
    pub fn with_images(self, ids: Vec<ImageId>) -> Result<Self, Refusal> {
        let refuse = |reason| Err(FieldError { field: "imageIds", reason }.into());
        if ids.is_empty() && self.needs_image() {
            return Err(Refusal::PostEmpty);
        }
        if ids.len() > IMAGES_MAX {
            return refuse(Reason::TooLong { max: IMAGES_MAX });
        }
        if ids.iter().enumerate().any(|(at, id)| ids[..at].contains(id)) {
            return refuse(Reason::InUse);
        }
        Ok(Self { images: Some(ids), ..self })
    }

    /// Sets the audience. Without this call, the privacy of the author gives the audience of a new post, and an edit
    /// leaves it as it is.
    pub fn with_audience(self, audience: Option<PostAudience>) -> Self {
        Self { audience, ..self }
    }

    /// Returns the audience, if it was set.
    pub fn audience(&self) -> Option<PostAudience> {
        self.audience
    }

    /// Returns the images, if they were set.
    pub fn images(&self) -> Option<&[ImageId]> {
        self.images.as_deref()
    }

    /// Returns the title, if there is one.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Returns the content in its stored form.
    pub fn content(&self) -> &str {
        &self.content
    }
}

/// The counters of a post. Each changes in the commit of the row that causes the change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostCounts {
    /// Views: at most one per member and hour, none of the author.
    pub views: u64,
    /// Likes of active members.
    pub likes: u64,
    /// Comments of active members that are not deleted.
    pub comments: u64,
}

/// A stored post. Has neither its author's card nor the viewer's like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Also the order of every feed: newer posts have larger ids.
    pub id: PostId,
    /// The author: the only member who can change it.
    pub author: MemberId,
    /// At most 100 characters.
    pub title: Option<String>,
    /// At most 5,000 characters; empty only if the post has an image.
    pub content: String,
    /// The members whom it is for; never changes.
    pub audience: PostAudience,
    /// The tags in the content.
    pub tags: Vec<Tag>,
    /// The mentions of existing members in the content.
    pub mentions: Vec<Mention>,
    /// At most 4, in the order of their author.
    pub images: Vec<Picture>,
    /// Counts of views, likes and comments.
    pub counts: PostCounts,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its author last edited it.
    pub edited_at: Option<Timestamp>,
}

impl Post {
    /// Makes a public post for tests.
    #[cfg(test)]
    pub(crate) fn for_tests(id: u64, author: MemberId) -> Self {
        Self {
            id: PostId(id),
            author,
            title: None,
            content: "글".to_owned(),
            audience: PostAudience::Public,
            tags: Vec::new(),
            mentions: Vec::new(),
            images: Vec::new(),
            counts: PostCounts::default(),
            created_at: Timestamp::now(),
            edited_at: None,
        }
    }

    /// Returns the facts that the visibility rule decides by for this viewer.
    pub fn facts_for(&self, viewer: MemberId) -> PostFacts {
        let (author, audience) = (self.author, self.audience);
        let mentions = || self.mentions.iter().any(|mention| mention.member == viewer);
        PostFacts { author, audience, mentions_viewer: audience == PostAudience::Mentioned && mentions() }
    }

    /// Returns whether the author changed nothing between the two: same text, same images. Ignores the counts.
    pub fn has_same_content(&self, other: &Self) -> bool {
        let images = |post: &Self| post.images.iter().map(|picture| picture.id).collect::<Vec<_>>();
        (&self.title, &self.content, self.edited_at) == (&other.title, &other.content, other.edited_at)
            && images(self) == images(other)
    }
}

/// A post as one viewer sees it. Post and card are shared between responses.
#[derive(Debug, Clone)]
pub struct VisiblePost {
    /// The post.
    pub post: Arc<Post>,
    /// Its author.
    pub author: Arc<MemberCard>,
    /// Whether the viewer likes it.
    pub liked: bool,
    /// The part of the counts that is hidden from this viewer: likes and comments of members whom the viewer blocks or
    /// who block the viewer.
    pub hidden_counts: PostCounts,
}

impl VisiblePost {
    /// Makes the post for a viewer who does not like it, and for whom no count is hidden.
    pub fn plain(post: Arc<Post>, author: Arc<MemberCard>) -> Self {
        Self { post, author, liked: false, hidden_counts: PostCounts::default() }
    }

    /// Returns the counts for this viewer.
    pub fn counts(&self) -> PostCounts {
        let all = self.post.counts;
        let hidden = self.hidden_counts;
        PostCounts {
            views: all.views.saturating_sub(hidden.views),
            likes: all.likes.saturating_sub(hidden.likes),
            comments: all.comments.saturating_sub(hidden.comments),
        }
    }
}

/// The state of a like after the member liked or unliked something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LikeState {
    /// Whether the member likes it.
    pub liked: bool,
    /// Likes by active members.
    pub like_count: u64,
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
        assert_eq!(PostText::new(Some("  "), "x").unwrap().title(), None);
    }

    #[test]
    fn a_post_has_four_images_at_most_and_none_twice() {
        let with =
            |ids: &[u64]| PostText::new(None, "x").unwrap().with_images(ids.iter().copied().map(ImageId).collect());
        assert_eq!(with(&[3, 1, 2, 4]).unwrap().images().map(<[_]>::len), Some(4));
        assert_eq!(PostText::new(None, "x").unwrap().images(), None);
        assert!(with(&[1, 2, 3, 4, 5]).is_err() && with(&[7, 7]).is_err());
        let without_text =
            |ids: Vec<ImageId>| PostText::with_optional_content(None, "\u{200B}").unwrap().with_images(ids);
        assert_eq!(without_text(vec![ImageId(1)]).unwrap().content(), "");
        assert_eq!(without_text(Vec::new()), Err(Refusal::PostEmpty));
    }
}
