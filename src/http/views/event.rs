//! Public events as CloudEvents 1.0.
use super::Time;
use crate::{domain::CloudEvent, http::contract::CloudEventType};
use serde::Serialize;
use utoipa::ToSchema;

/// An event in the JSON format of CloudEvents 1.0.
#[derive(Serialize, ToSchema)]
#[schema(as = CloudEvent, examples(json!({
    "id": "member_activity:kafka_event:POST_CREATE###7288591360000064###7288591360000001", "source": "/dailyfeed",
    "specversion": "1.0", "type": "dailyfeed.post.created", "subject": "posts/7288591360000064",
    "time": "2026-11-24T03:00:00.000Z", "datacontenttype": "application/json", "partitionkey": "7288591360000001",
    "data": {"memberId": 7288591360000001_u64, "postId": 7288591360000064_u64},
})))]
pub(in crate::http) struct EventView<'a> {
    /// Unique within `source`.
    #[schema(min_length = 1)]
    id: &'a str,
    /// The server that the event comes from.
    #[schema(min_length = 1)]
    source: &'a str,
    specversion: &'static str,
    #[schema(value_type = CloudEventType)]
    r#type: &'static str,
    /// The resource concerned, such as `posts/7`.
    subject: &'a str,
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    datacontenttype: &'static str,
    /// The acting member. Events with the same key are in order.
    partitionkey: &'a str,
    data: EventDataView,
}

/// The acting member, and the post, comment and other member concerned.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CloudEventData)]
struct EventDataView {
    member_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    post_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    comment_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    target_member_id: Option<u64>,
}

impl<'a> From<&'a CloudEvent> for EventView<'a> {
    fn from(cloud_event: &'a CloudEvent) -> Self {
        let data = &cloud_event.data;
        Self {
            id: &cloud_event.id,
            source: &cloud_event.source,
            specversion: cloud_event.specversion,
            r#type: cloud_event.r#type,
            subject: &cloud_event.subject,
            time: Time(cloud_event.time),
            datacontenttype: cloud_event.datacontenttype,
            partitionkey: &cloud_event.partitionkey,
            data: EventDataView {
                member_id: data.member_id.0,
                post_id: data.post_id.map(|id| id.0),
                comment_id: data.comment_id.map(|id| id.0),
                target_member_id: data.target_member_id.map(|id| id.0),
            },
        }
    }
}

/// A page of events, oldest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CloudEventPage, examples(json!({"items": [], "nextCursor": "ARqqu8wDBwE"})))]
pub(in crate::http) struct EventPage<'a> {
    items: Vec<EventView<'a>>,
    /// The `cursor` of the next page. Never null: later requests with it return newer events.
    next_cursor: &'a str,
}

impl<'a> EventPage<'a> {
    pub(in crate::http) fn new(items: &'a [CloudEvent], next_cursor: &'a str) -> Self {
        Self { items: items.iter().map(EventView::from).collect(), next_cursor }
    }
}

/// A page of events as a bare array; the next page is in the `Link` header.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::http) struct EventBatch<'a>(Vec<EventView<'a>>);

impl<'a> EventBatch<'a> {
    pub(in crate::http) fn new(items: &'a [CloudEvent]) -> Self {
        Self(items.iter().map(EventView::from).collect())
    }
}
