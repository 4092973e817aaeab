//! A member's activities, and dead letters: events that could not be applied to the activity store.
use super::Time;
use crate::{actors::activity::DeadLetter, domain::Event, http::contract::ActivityType};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// An activity of the caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Activity)]
struct ActivityView {
    /// Larger is newer.
    id: u64,
    #[schema(value_type = ActivityType)]
    r#type: &'static str,
    /// The post concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    post_id: Option<u64>,
    /// The comment concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    comment_id: Option<u64>,
    /// The other member concerned: the one followed or blocked, or the author of the liked or commented content.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    member_id: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

impl From<&Event> for ActivityView {
    fn from(event: &Event) -> Self {
        let fact = &event.fact;
        Self {
            id: event.position.0,
            r#type: fact.kind.name(),
            post_id: fact.post.map(|id| id.0),
            comment_id: fact.comment.map(|id| id.0),
            member_id: fact.target.map(|id| id.0),
            created_at: Time(event.at()),
        }
    }
}

/// A page of the caller's activities.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityPage, examples(json!({
    "items": [
        {"id": 1203, "type": "LIKE_POST", "postId": 7288591360000064_u64, "memberId": 7288591360000001_u64,
         "createdAt": "2026-11-24T03:00:00.000Z"},
        {"id": 1177, "type": "MEMBER_LOGIN", "createdAt": "2026-11-24T02:59:00.000Z"},
    ],
    "nextCursor": null,
})))]
pub(in crate::http) struct ActivityPage<'a> {
    items: Vec<ActivityView>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<&'a str>,
}

impl<'a> ActivityPage<'a> {
    pub(in crate::http) fn new(events: &[Event], next_cursor: Option<&'a str>) -> Self {
        Self { items: events.iter().map(ActivityView::from).collect(), next_cursor }
    }
}

/// An event that could not be applied, for operators.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DeadLetterView<'a> {
    id: u64,
    message_key: &'a str,
    kind: &'static str,
    /// The event as a CloudEvent.
    payload: Option<&'a RawValue>,
    cause: &'a str,
    attempts: u32,
    first_failed_at: Time,
    last_failed_at: Time,
    /// When it is retried automatically.
    next_attempt_at: Time,
}

impl<'a> From<&'a DeadLetter> for DeadLetterView<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        Self {
            id: letter.event.position.0,
            message_key: &letter.message_key,
            kind: letter.event.fact.kind.name(),
            payload: serde_json::from_str(&letter.payload).ok(),
            cause: &letter.cause,
            attempts: letter.attempts,
            first_failed_at: Time(letter.first_at),
            last_failed_at: Time(letter.last_at),
            next_attempt_at: Time(letter.next_at),
        }
    }
}
