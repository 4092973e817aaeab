//! What clients see of posts, comments and members. Views borrow: an answer is written in one pass, without copies.
mod activity;
mod comment;
mod event;
mod found;
mod image;
mod member;
mod notification;
mod post;
mod rendered;
mod top3;

pub(super) use activity::{ActivityPage, DeadLetterView};
pub(super) use comment::{CommentPage, CommentView};
pub(super) use event::{EventBatch, EventPage, EventView};
pub(super) use found::{FoundCommentPage, FoundMemberPage, FoundPostPage};
pub(super) use image::ImageView;
pub(super) use member::{
    CardView, GenderView, MeView, MemberPage, PrivacyView, ProfileView, RecommendationPage, me_example,
};
pub(super) use notification::{MarkerView, NotificationPage, NotificationView, UnreadView};
pub(super) use post::{FeedView, PostView};
pub(super) use rendered::Rendered;
pub(super) use top3::Top3View;

use crate::domain::{LikeState, Timestamp};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A moment: RFC 3339 in UTC with milliseconds.
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Where a like stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Like, examples(json!({"liked": true, "likeCount": 3})))]
pub(super) struct LikeView {
    /// Whether the caller likes it now.
    liked: bool,
    like_count: u64,
}

impl From<LikeState> for LikeView {
    fn from(state: LikeState) -> Self {
        Self { liked: state.liked, like_count: state.like_count }
    }
}
