//! Notifications, one by one and in groups.
use super::{CardView, Time};
use crate::{
    actors::notifications::{VisibleGroup, VisibleNotification},
    domain::NotificationKind,
};
use serde::Serialize;
use utoipa::ToSchema;

/// What was done to the caller, or to what is the caller's.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = NotificationType)]
enum KindView {
    LikePost,
    LikeComment,
    Comment,
    Reply,
    Mention,
    Follow,
    FollowRequest,
    FollowAccepted,
}

impl From<NotificationKind> for KindView {
    fn from(kind: NotificationKind) -> Self {
        match kind {
            NotificationKind::LikePost => Self::LikePost,
            NotificationKind::LikeComment => Self::LikeComment,
            NotificationKind::Comment => Self::Comment,
            NotificationKind::Reply => Self::Reply,
            NotificationKind::Mention => Self::Mention,
            NotificationKind::Follow => Self::Follow,
            NotificationKind::FollowRequest => Self::FollowRequest,
            NotificationKind::FollowAccepted => Self::FollowAccepted,
        }
    }
}

/// A notification, or a group of them under its newest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification, examples(json!({
    "id": 1203, "type": "LIKE_POST",
    "actor": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
    "postId": 7288591360000064_u64, "createdAt": "2026-11-24T03:00:00.000Z", "unread": true,
})))]
pub(in crate::http) struct NotificationView<'a> {
    /// Also the order: larger is newer.
    id: u64,
    r#type: KindView,
    /// Who did it; in a group, who did it last.
    actor: CardView<'a>,
    /// In a group alone: the newest three different members, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    actors: Option<Vec<CardView<'a>>>,
    /// In a group alone: how many different members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    post_id: Option<u64>,
    /// The comment that was written or liked, or that names the caller; of a group, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    comment_id: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// It came after the marker.
    unread: bool,
}

impl<'a> From<&'a VisibleNotification> for NotificationView<'a> {
    fn from(seen: &'a VisibleNotification) -> Self {
        let notification = &seen.notification;
        Self {
            id: notification.id.0,
            r#type: seen.kind.into(),
            actor: CardView::from(&*seen.actor),
            actors: None,
            count: None,
            post_id: notification.post.map(|id| id.0),
            comment_id: notification.comment.map(|id| id.0),
            created_at: Time(notification.at),
            unread: seen.unread,
        }
    }
}

impl<'a> From<&'a VisibleGroup> for NotificationView<'a> {
    fn from(group: &'a VisibleGroup) -> Self {
        let actors = group.actors.iter().map(|card| CardView::from(&**card)).collect();
        Self { actors: Some(actors), count: Some(group.count), ..Self::from(&group.newest) }
    }
}

/// A page of notifications.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationPage, examples(json!({
    "items": [{
        "id": 1203, "type": "LIKE_POST",
        "actor": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
        "actors": [{"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null}],
        "count": 1, "postId": 7288591360000064_u64, "createdAt": "2026-11-24T03:00:00.000Z", "unread": true,
    }],
    "nextCursor": null,
})))]
pub(in crate::http) struct NotificationPage<'a> {
    items: Vec<NotificationView<'a>>,
    /// Where the next page begins; null after the last.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

impl<'a> NotificationPage<'a> {
    pub(in crate::http) fn new<T>(items: &'a [T], next_cursor: Option<&'a str>) -> Self
    where
        NotificationView<'a>: From<&'a T>,
    {
        Self { items: items.iter().map(NotificationView::from).collect(), next_cursor }
    }
}

/// How many notifications are unread.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreadCount, examples(json!({"count": 3})))]
pub(in crate::http) struct UnreadView {
    pub(in crate::http) count: u64,
}

/// How far notifications have been read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationMarker, examples(json!({"lastReadId": 1203})))]
pub(in crate::http) struct MarkerView {
    /// The newest notification that was read; 0 where none was.
    pub(in crate::http) last_read_id: u64,
}
