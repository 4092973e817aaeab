//! Notifications, single or grouped, the unread count and the read marker.
use super::{CardView, Time};
use crate::{
    actors::notifications::{VisibleGroup, VisibleNotification},
    domain::NotificationKind,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The action of another member that caused a notification.
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

/// A notification, or a group of them in the form of its newest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification, examples(json!({
    "id": 1203, "type": "LIKE_POST",
    "actor": {"id": 7288591360000001_u64, "handle": "jiwoo", "displayName": "이지우", "avatarUrl": null},
    "postId": 7288591360000064_u64, "createdAt": "2026-11-24T03:00:00.000Z", "unread": true,
})))]
pub(in crate::http) struct NotificationView<'a> {
    /// Larger is newer.
    id: u64,
    r#type: KindView,
    /// The member who caused the notification; in a group, the latest one.
    actor: CardView<'a>,
    /// Groups only: the latest three different members, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    actors: Option<Vec<CardView<'a>>>,
    /// Groups only: the number of different members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    post_id: Option<u64>,
    /// The comment that was written or liked, or that mentions the caller; in a group, the newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    comment_id: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// Whether the notification is newer than the read marker.
    unread: bool,
}

impl<'a> From<&'a VisibleNotification> for NotificationView<'a> {
    fn from(visible: &'a VisibleNotification) -> Self {
        let notification = &visible.notification;
        Self {
            id: notification.id.0,
            r#type: visible.kind.into(),
            actor: CardView::from(&*visible.actor),
            actors: None,
            count: None,
            post_id: notification.post.map(|id| id.0),
            comment_id: notification.comment.map(|id| id.0),
            created_at: Time(notification.at),
            unread: visible.unread,
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
    /// The `cursor` of the next page; null on the last page.
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

/// The number of unread notifications.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreadCount, examples(json!({"count": 3})))]
pub(in crate::http) struct UnreadView {
    pub(in crate::http) count: u64,
}

/// The read marker: how far the caller has read the notifications.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationMarker, examples(json!({"lastReadId": 1203})))]
pub(in crate::http) struct MarkerView {
    /// The newest notification that was read; 0 if none was.
    pub(in crate::http) last_read_id: u64,
}
