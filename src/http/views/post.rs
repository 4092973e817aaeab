//! Posts and pages of posts. The home feed is the most frequent response of the server.
use super::{CardView, ImageView, Time};
use crate::{
    actors::feeds::FeedPage,
    domain::{Mention, Picture, Tag, VisiblePost},
    http::contract::PostAudience,
};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A post as the caller sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Post, examples(json!({
    "id": 7288591360000064_u64, "title": null, "content": "안녕 #서울! @minsu_kim", "audience": "public",
    "author": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
    "images": [], "tags": [{"tag": "서울", "start": 3, "end": 6}],
    "mentions": [{"handle": "minsu_kim", "memberId": 7288591360000002_u64, "start": 8, "end": 18}],
    "viewCount": 12, "likeCount": 3, "commentCount": 1, "liked": false,
    "createdAt": "2026-11-24T03:00:00.000Z", "editedAt": null,
})))]
pub(in crate::http) struct PostView<'a> {
    id: u64,
    #[schema(required = true)]
    title: Option<&'a str>,
    content: &'a str,
    /// The members who can see the post, as far as the privacy of its author admits them.
    #[schema(value_type = PostAudience)]
    audience: &'static str,
    author: CardView<'a>,
    #[serde(serialize_with = "pictures")]
    #[schema(value_type = Vec<ImageView>, max_items = 4)]
    images: &'a [Picture],
    #[serde(serialize_with = "tags")]
    #[schema(value_type = Vec<TagView>)]
    tags: &'a [Tag],
    #[serde(serialize_with = "mentions")]
    #[schema(value_type = Vec<MentionView>)]
    mentions: &'a [Mention],
    /// Each member counts once per hour; the author does not count.
    view_count: u64,
    like_count: u64,
    comment_count: u64,
    /// Whether the caller likes the post.
    liked: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    edited_at: Option<Time>,
}

impl<'a> From<&'a VisiblePost> for PostView<'a> {
    fn from(visible: &'a VisiblePost) -> Self {
        let (post, counts) = (&*visible.post, visible.counts());
        Self {
            id: post.id.0,
            title: post.title.as_deref(),
            content: &post.content,
            audience: post.audience.name(),
            author: CardView::from(&*visible.author),
            images: &post.images,
            tags: &post.tags,
            mentions: &post.mentions,
            view_count: counts.views,
            like_count: counts.likes,
            comment_count: counts.comments,
            liked: visible.liked,
            created_at: Time(post.created_at),
            edited_at: post.edited_at.map(Time),
        }
    }
}

/// A `#tag` in the content. `start` and `end` are offsets in Unicode code points; the range includes the `#` and
/// excludes `end`.
#[derive(Serialize, ToSchema)]
#[schema(as = Tag)]
struct TagView<'a> {
    /// The tag without its `#`.
    #[schema(min_length = 1)]
    tag: &'a str,
    start: u32,
    end: u32,
}

/// The `@handle` of a member in the content. Offsets as in `Tag`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mention)]
struct MentionView<'a> {
    handle: &'a str,
    member_id: u64,
    start: u32,
    end: u32,
}

fn pictures<S: Serializer>(pictures: &[Picture], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pictures.iter().map(ImageView::from))
}

fn tags<S: Serializer>(tags: &[Tag], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tags.iter().map(|tag| TagView { tag: &tag.tag, start: tag.start, end: tag.end }))
}

fn mentions<S: Serializer>(mentions: &[Mention], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(mentions.iter().map(|mention| MentionView {
        handle: &mention.handle,
        member_id: mention.member.0,
        start: mention.start,
        end: mention.end,
    }))
}

/// A page of a feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FeedPage, examples(json!({"items": [], "nextCursor": null, "streamCursor": "AR4BAgAAAAA"})))]
pub(in crate::http) struct FeedView<'a> {
    #[serde(serialize_with = "posts")]
    #[schema(value_type = Vec<PostView>)]
    pub(super) items: &'a [VisiblePost],
    /// The `cursor` of the next, older page; null on the last page.
    #[schema(required = true)]
    pub(super) next_cursor: Option<&'a str>,
    /// A stream that is opened with this `cursor` continues where this page ends, without gap or overlap.
    pub(super) stream_cursor: &'a str,
}

fn posts<S: Serializer>(posts: &[VisiblePost], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(posts.iter().map(PostView::from))
}

impl<'a> From<&'a FeedPage> for FeedView<'a> {
    fn from(page: &'a FeedPage) -> Self {
        Self { items: &page.items, next_cursor: page.next.as_deref(), stream_cursor: &page.stream }
    }
}

impl FeedView<'_> {
    /// The page without its stream cursor, which changes with every event: the part that names the page's version.
    pub(in crate::http) fn without_stream(&self) -> FeedView<'_> {
        FeedView { items: self.items, next_cursor: self.next_cursor, stream_cursor: "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        self, ImageId, ImageKey, ImageKind, MemberCard, MemberId, Post, PostCounts, PostId, Timestamp,
    };
    use std::sync::Arc;

    #[test]
    fn a_post_has_the_documented_format() {
        let author =
            MemberCard { id: MemberId(7), handle: "jiwoo".into(), display_name: "이지우".into(), avatar: None };
        let post = Post {
            id: PostId(64),
            author: author.id,
            title: None,
            content: "안녕 #서울".into(),
            audience: domain::PostAudience::Followers,
            tags: vec![Tag { tag: "서울".into(), start: 3, end: 6 }],
            mentions: vec![Mention { handle: "a_b".into(), member: MemberId(8), start: 0, end: 4 }],
            images: vec![Picture {
                id: ImageId(9),
                key: ImageKey(5),
                width: 20,
                height: 10,
                kind: ImageKind::Png,
                description: None,
            }],
            counts: PostCounts { views: 1, likes: 2, comments: 3 },
            created_at: Timestamp(1_735_689_600_123),
            edited_at: None,
        };
        let visible = VisiblePost { liked: true, ..VisiblePost::plain(Arc::new(post), Arc::new(author)) };
        let expected = concat!(
            r##"{"id":64,"title":null,"content":"안녕 #서울","audience":"followers","author":{"id":7,"handle":"jiwoo","displayName":"이지우","##,
            r##""avatarUrl":null},"images":[{"id":9,"##,
            r##""url":"/api/images/9?key=00000000000000000000000000000005","##,
            r##""thumbnailUrl":"/api/images/9?variant=thumbnail&key=00000000000000000000000000000005","##,
            r##""width":20,"height":10,"##,
            r##""contentType":"image/png","description":null}],"tags":[{"tag":"서울","start":3,"end":6}],"mentions":[{"handle":"a_b","##,
            r##""memberId":8,"start":0,"end":4}],"viewCount":1,"likeCount":2,"commentCount":3,"liked":true,"##,
            r##""createdAt":"2025-01-01T00:00:00.123Z","editedAt":null}"##
        );
        assert_eq!(serde_json::to_string(&PostView::from(&visible)).unwrap(), expected);
    }
}
