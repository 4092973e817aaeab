//! Views: the JSON of responses. A view borrows its domain value, so a response is serialized without copies.
mod activity;
mod comment;
mod event;
mod image;
mod member;
mod notification;
mod post;
mod post_json_cache;
mod search_results;
mod top3;

pub(super) use activity::{ActivityPage, DeadLetterView};
pub(super) use comment::{CommentPage, CommentView};
pub(super) use event::{EventBatch, EventPage, EventView};
pub(super) use image::ImageView;
pub(super) use member::{
    CardView, GenderView, MeView, MemberPage, PrivacyView, ProfileView, RecommendationPage, me_example,
};
pub(super) use notification::{MarkerView, NotificationPage, NotificationView, UnreadView};
pub(super) use post::{FeedView, PostView};
pub(super) use post_json_cache::PostJsonCache;
pub(super) use search_results::{FoundCommentPage, FoundMemberPage, FoundPostPage};
pub(super) use top3::Top3View;

use crate::domain::{LikeState, Timestamp};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A timestamp in RFC 3339, in UTC with milliseconds.
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The caller's like of a post or a comment, and the number of likes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Like, examples(json!({"liked": true, "likeCount": 3})))]
pub(super) struct LikeView {
    /// Whether the caller likes it.
    liked: bool,
    like_count: u64,
}

impl From<LikeState> for LikeView {
    fn from(state: LikeState) -> Self {
        Self { liked: state.liked, like_count: state.like_count }
    }
}
