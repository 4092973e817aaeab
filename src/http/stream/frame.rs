//! Events as they go over the wire.
use crate::{
    actors::streams::{Live, LiveEvent},
    domain::{PostCounts, Timestamp, VisiblePost},
    http::{
        contract::{DeletedReason, ResetReason},
        views::{MarkerView, NotificationView, Rendered, Time},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

/// Enough for most events without growing.
const TYPICAL_BYTES: usize = 1024;

/// The stream is open.
#[derive(Serialize, ToSchema)]
#[schema(as = Ready, examples(json!({"cursor": "AR4BAgAAAAA"})))]
pub(in crate::http) struct ReadyView<'a> {
    cursor: &'a str,
}

/// A post that the stream may have shown is to be shown no more.
#[derive(Serialize, ToSchema)]
#[schema(as = PostDeleted, examples(json!({"id": 7288591360000064_u64, "reason": "deleted"})))]
pub(in crate::http) struct DeletedView {
    id: u64,
    #[schema(value_type = DeletedReason)]
    reason: &'static str,
}

/// A post's counts have changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PostCounts, examples(json!({"id": 7288591360000064_u64, "viewCount": 12, "likeCount": 3, "commentCount": 1})))]
pub(in crate::http) struct CountsView {
    id: u64,
    view_count: u64,
    like_count: u64,
    comment_count: u64,
}

/// A notification is to be shown no more.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationRetracted, examples(json!({"id": 1203})))]
pub(in crate::http) struct RetractedView {
    id: u64,
}

/// The three best posts of a day are others, or in another order.
#[derive(Serialize, ToSchema)]
#[schema(as = Top3Changed, examples(json!({"date": "2026-11-24"})))]
pub(in crate::http) struct Top3ChangedView {
    #[schema(format = Date)]
    date: String,
}

/// The cursor leads nowhere: the stream goes on from now, and what was missed is in the feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reset, examples(json!({"reason": "expired", "restCursor": null})))]
pub(in crate::http) struct ResetView {
    #[schema(value_type = ResetReason)]
    reason: &'static str,
    /// None: the first page of the feed is where to go on.
    #[schema(value_type = Option<String>, required = true)]
    rest_cursor: Option<()>,
}

/// The token runs out soon, and the stream with it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthExpiring, examples(json!({"expiresAt": "2026-11-24T03:00:00.000Z"})))]
pub(in crate::http) struct ExpiringView {
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

/// The server is about to end: open the stream again after that time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bye, examples(json!({"reconnectAfterMs": 900})))]
pub(in crate::http) struct ByeView {
    reconnect_after_ms: u64,
}

/// Bytes of one or more events.
#[derive(Default)]
pub(in crate::http) struct Frames(Vec<u8>);

impl Frames {
    /// What the timeline says.
    pub(super) fn live(&mut self, live: &Live, rendered: &Rendered) {
        match &live.event {
            LiveEvent::Ready => self.ready(&live.id),
            LiveEvent::Created(post) => self.post(&live.id, "post.created", post, rendered),
            LiveEvent::Updated(post) => self.post(&live.id, "post.updated", post, rendered),
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
            LiveEvent::Notified(seen) => self.event(&live.id, "notification", &NotificationView::from(seen)),
            LiveEvent::Retracted(id) => self.event(&live.id, "notification.retracted", &RetractedView { id: id.0 }),
            LiveEvent::Marked(at) => self.event(&live.id, "notification.marker", &MarkerView { last_read_id: at.0 }),
            LiveEvent::Top3Changed(date) => {
                self.event(&live.id, "top3.changed", &Top3ChangedView { date: date.to_string() });
            }
            LiveEvent::Reset { reason } => self.reset(&live.id, reason),
        }
    }

    /// The stream is open, and stands there.
    pub(in crate::http) fn ready(&mut self, cursor: &str) {
        self.event(cursor, "ready", &ReadyView { cursor });
    }

    /// The cursor leads nowhere; the stream goes on from now.
    pub(in crate::http) fn reset(&mut self, cursor: &str, reason: &'static str) {
        self.event(cursor, "reset", &ResetView { reason, rest_cursor: None });
    }

    /// How long to wait before opening the stream again when it breaks.
    pub(super) fn retry(&mut self, ms: u64) {
        self.0.extend_from_slice(format!("retry: {ms}\n").as_bytes());
    }

    /// The token runs out soon, and the stream with it.
    pub(super) fn expiring(&mut self, cursor: &str, expires_at: Timestamp) {
        self.event(cursor, "auth.expiring", &ExpiringView { expires_at: Time(expires_at) });
    }

    /// The process is about to end.
    pub(super) fn bye(&mut self, cursor: &str, reconnect_after_ms: u64) {
        self.event(cursor, "bye", &ByeView { reconnect_after_ms });
    }

    /// A comment, which clients ignore but connections do not.
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

    fn post(&mut self, id: &str, name: &str, post: &VisiblePost, rendered: &Rendered) {
        self.head(id, name);
        rendered.post(&mut self.0, post);
        self.0.extend_from_slice(b"\n\n");
    }

    fn head(&mut self, id: &str, name: &str) {
        self.0.reserve(TYPICAL_BYTES);
        for part in ["id: ", id, "\nevent: ", name, "\ndata: "] {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// JSON escapes line breaks, so the data is one line.
    pub(in crate::http) fn event(&mut self, id: &str, name: &str, data: &impl Serialize) {
        self.head(id, name);
        // Writing a view to memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, data);
        self.0.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PostId;

    #[test]
    fn events_are_written_as_the_contract_says() {
        let mut frames = Frames::default();
        frames.retry(2500);
        for event in [LiveEvent::Ready, LiveEvent::Deleted(PostId(7)), LiveEvent::Reset { reason: "expired" }] {
            frames.live(&Live { id: "AR4B".into(), event }, &Rendered::new());
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
