//! Writes events in the format of server-sent events, and defines their data.
use crate::{
    actors::streams::{LiveEvent, StreamItem},
    domain::{PostCounts, Timestamp, VisiblePost},
    http::{
        contract::{DeletedReason, ResetReason},
        views::{MarkerView, NotificationView, PostJsonCache, Time},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

/// Capacity that most events fit in.
const TYPICAL_BYTES: usize = 1024;

/// The stream is open.
#[derive(Serialize, ToSchema)]
#[schema(as = Ready, examples(json!({"cursor": "AR4BAgAAAAA"})))]
pub(in crate::http) struct ReadyView<'a> {
    cursor: &'a str,
}

/// A post was deleted, or the caller can no longer see it: the client removes it.
#[derive(Serialize, ToSchema)]
#[schema(as = PostDeleted, examples(json!({"id": 7288591360000064_u64, "reason": "deleted"})))]
pub(in crate::http) struct DeletedView {
    id: u64,
    #[schema(value_type = DeletedReason)]
    reason: &'static str,
}

/// The counts of a post changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PostCounts, examples(json!({"id": 7288591360000064_u64, "viewCount": 12, "likeCount": 3, "commentCount": 1})))]
pub(in crate::http) struct CountsView {
    id: u64,
    view_count: u64,
    like_count: u64,
    comment_count: u64,
}

/// A notification was retracted: the client removes it.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationRetracted, examples(json!({"id": 1203})))]
pub(in crate::http) struct RetractedView {
    id: u64,
}

/// The top three posts of a day, or their order, changed.
#[derive(Serialize, ToSchema)]
#[schema(as = Top3Changed, examples(json!({"date": "2026-11-24"})))]
pub(in crate::http) struct Top3ChangedView {
    #[schema(format = Date)]
    date: String,
}

/// The cursor cannot be resumed from: the stream continues with the next event, and the client reads the feed again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reset, examples(json!({"reason": "expired", "restCursor": null})))]
pub(in crate::http) struct ResetView {
    #[schema(value_type = ResetReason)]
    reason: &'static str,
    /// The cursor to read the feed from. Always null: read its first page.
    #[schema(value_type = Option<String>, required = true)]
    rest_cursor: Option<()>,
}

/// The token expires in a minute, and the stream ends with it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthExpiring, examples(json!({"expiresAt": "2026-11-24T03:00:00.000Z"})))]
pub(in crate::http) struct ExpiringView {
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// The server shuts down: reconnect after the given time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bye, examples(json!({"reconnectAfterMs": 900})))]
pub(in crate::http) struct ByeView {
    reconnect_after_ms: u64,
}

/// The bytes of one or more events.
#[derive(Default)]
pub(in crate::http) struct Frames(Vec<u8>);

impl Frames {
    /// Writes an event of the timeline.
    pub(super) fn live(&mut self, live: &StreamItem, post_json: &PostJsonCache) {
        match &live.event {
            LiveEvent::Ready => self.ready(&live.id),
            LiveEvent::Created(post) => self.post(&live.id, "post.created", post, post_json),
            LiveEvent::Updated(post) => self.post(&live.id, "post.updated", post, post_json),
            LiveEvent::Deleted(id) => {
                self.event(&live.id, "post.deleted", &DeletedView { id: id.0, reason: "deleted" })
            }
            LiveEvent::Hidden(id) => {
                self.event(&live.id, "post.deleted", &DeletedView { id: id.0, reason: "hidden" });
            }
            LiveEvent::Counts(id, counts) => {
                let PostCounts { views: view_count, likes: like_count, comments: comment_count } = *counts;
                let view = CountsView { id: id.0, view_count, like_count, comment_count };
                self.event(&live.id, "post.counts", &view);
            }
            LiveEvent::Notified(visible) => self.event(&live.id, "notification", &NotificationView::from(visible)),
            LiveEvent::Retracted(id) => self.event(&live.id, "notification.retracted", &RetractedView { id: id.0 }),
            LiveEvent::Marked(at) => self.event(&live.id, "notification.marker", &MarkerView { last_read_id: at.0 }),
            LiveEvent::Top3Changed(date) => {
                self.event(&live.id, "top3.changed", &Top3ChangedView { date: date.to_string() });
            }
            LiveEvent::Reset { reason } => self.reset(&live.id, reason),
        }
    }

    /// The stream is open at `cursor`.
    pub(in crate::http) fn ready(&mut self, cursor: &str) {
        self.event(cursor, "ready", &ReadyView { cursor });
    }

    /// The client's cursor cannot be resumed from.
    pub(in crate::http) fn reset(&mut self, cursor: &str, reason: &'static str) {
        self.event(cursor, "reset", &ResetView { reason, rest_cursor: None });
    }

    /// The delay before the client reconnects a broken stream.
    pub(super) fn retry(&mut self, ms: u64) {
        self.0.extend_from_slice(format!("retry: {ms}\n").as_bytes());
    }

    /// The token expires soon.
    pub(super) fn expiring(&mut self, cursor: &str, expires_at: Timestamp) {
        self.event(cursor, "auth.expiring", &ExpiringView { expires_at: Time(expires_at) });
    }

    /// The process shuts down.
    pub(super) fn bye(&mut self, cursor: &str, reconnect_after_ms: u64) {
        self.event(cursor, "bye", &ByeView { reconnect_after_ms });
    }

    /// A comment, which clients ignore, and which keeps the connection open.
    pub(super) fn heartbeat(&mut self, cursor: &str) {
        self.0.extend_from_slice(format!(": cursor={cursor}\n\n").as_bytes());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_bytes(self) -> bytes::Bytes {
        self.0.into()
    }

    fn post(&mut self, id: &str, name: &str, post: &VisiblePost, post_json: &PostJsonCache) {
        self.head(id, name);
        post_json.post(&mut self.0, post);
        self.0.extend_from_slice(b"\n\n");
    }

    fn head(&mut self, id: &str, name: &str) {
        self.0.reserve(TYPICAL_BYTES);
        for part in ["id: ", id, "\nevent: ", name, "\ndata: "] {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// Writes an event with JSON data. JSON escapes line breaks, so the data is one line.
    pub(in crate::http) fn event(&mut self, id: &str, name: &str, data: &impl Serialize) {
        self.head(id, name);
        // Serializing a view to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, data);
        self.0.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PostId;

    #[test]
    fn events_have_the_documented_format() {
        let mut frames = Frames::default();
        frames.retry(2500);
        for event in [LiveEvent::Ready, LiveEvent::Deleted(PostId(7)), LiveEvent::Reset { reason: "expired" }] {
            frames.live(&StreamItem { id: "AR4B".into(), event }, &PostJsonCache::new());
        }
        frames.heartbeat("AR4C");
        frames.expiring("AR4C", Timestamp(1_735_689_600_123));
        frames.bye("AR4C", 900);
        let expected = "retry: 2500\nid: AR4B\nevent: ready\ndata: {\"cursor\":\"AR4B\"}\n\n\
            id: AR4B\nevent: post.deleted\ndata: {\"id\":7,\"reason\":\"deleted\"}\n\n\
            id: AR4B\nevent: reset\ndata: {\"reason\":\"expired\",\"restCursor\":null}\n\n\
            : cursor=AR4C\n\n\
            id: AR4C\nevent: auth.expiring\ndata: {\"expiresAt\":\"2025-01-01T00:00:00.123Z\"}\n\n\
            id: AR4C\nevent: bye\ndata: {\"reconnectAfterMs\":900}\n\n";
        assert_eq!(String::from_utf8(frames.0).unwrap(), expected);
    }
}
