//! `/api/events`: what happens on this server in public, as CloudEvents: in pages, in batches, or live.
mod life;

use super::{
    answer,
    extract::Paging,
    problem::Problem,
    stream::{StreamAuth, Ticket},
    views::{EventBatch, EventPage},
};
use crate::actors::{activity::Activity, sessions::Sessions};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use life::Life;
use metrics::{Counter, Gauge};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A page as a bare array.
const BATCH: &str = "application/cloudevents-batch+json";
const STREAM: &str = "text/event-stream";

/// What every event stream of the process shares.
#[derive(Clone)]
pub(super) struct EventStreams {
    heartbeat: Duration,
    shutdown: CancellationToken,
    open: Gauge,
    sent: Counter,
}

impl EventStreams {
    /// Streams say `bye` and end when `shutdown` is cancelled.
    pub(super) fn new(heartbeat: Duration, shutdown: CancellationToken) -> Self {
        let (open, sent) =
            (metrics::gauge!("dailyfeed_streams_open"), metrics::counter!("dailyfeed_stream_events_total"));
        Self { heartbeat, shutdown, open, sent }
    }
}

/// The first of the forms that we know in `Accept`; a page where it names none of them.
fn form(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut names = accept.flat_map(|value| value.split(',')).filter_map(|part| part.split(';').next());
    names.find_map(|name| {
        let name = name.trim();
        [BATCH, STREAM, "application/json"].into_iter().find(|form| name.eq_ignore_ascii_case(form))
    })
}

/// Public events that the caller may see, oldest first, from `cursor` on: posts, comments, likes and follows, sign-ups
/// and changed profiles; never reads, logins, blocks, mutes, requests.
///
/// Without a cursor a page begins with the oldest event that is kept, and a stream with what happens next. A page may
/// have fewer items than asked for, or none, where much that happened is not for the caller: go on from `nextCursor`.
/// A stream sends `ready` (`{cursor}`), then each event under its `type`, with an `id` that `Last-Event-ID` and
/// `cursor` resume from; `reset` (`{reason, restCursor}`) where the cursor leads nowhere; `bye` (`{reconnectAfterMs}`).
#[utoipa::path(
    get, path = "/api/events", operation_id = "listEvents", tag = "activity",
    params(
        Paging, Ticket,
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream: the last event seen; wins over `cursor`"),
    ),
    responses((
        status = 200, description = "A page, a batch or a stream, by `Accept`",
        headers(("Link" = String, description = "Of a batch: `rel=\"next\"`")),
        content(
            (EventPage = "application/json"),
            (EventBatch = "application/cloudevents-batch+json"),
            (String = "text/event-stream"),
        ),
    ))
)]
pub(super) async fn list(
    State(activity): State<Activity>,
    State(sessions): State<Sessions>,
    State(streams): State<EventStreams>,
    StreamAuth(identity): StreamAuth,
    headers: HeaderMap,
    paging: Paging,
) -> Result<Response, Problem> {
    let form = form(&headers);
    if form == Some(STREAM) {
        if streams.shutdown.is_cancelled() {
            return Err(Problem::unavailable());
        }
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty());
        let events = activity.open_events(identity.member, last.or(paging.cursor())).await?;
        return Ok(live(Life::new(events, identity, sessions, streams)));
    }
    let page = activity.events(identity.member, paging.cursor(), paging.limit()).await?;
    if form == Some(BATCH) {
        return Ok(batch(&EventBatch::new(&page.items), &page.next, paging.limit()));
    }
    Ok(answer::ok(&EventPage::new(&page.items, &page.next)))
}

fn batch(view: &EventBatch<'_>, next: &str, limit: usize) -> Response {
    let mut response = answer::ok(view);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH));
    let link = format!("</api/events?limit={limit}&cursor={next}>; rel=\"next\"");
    // Cursors are base64url, so a link is always a header.
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.insert(header::LINK, link);
    }
    response
}

fn live(life: Life) -> Response {
    let mut response = Response::new(Body::from_stream(life.into_stream()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(STREAM));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that would gather the events are told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_form_counts() {
        let of = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            form(&headers)
        };
        assert_eq!(of("text/event-stream"), Some(STREAM));
        assert_eq!(of("text/html, Application/CloudEvents-Batch+JSON;q=0.9, text/event-stream"), Some(BATCH));
        assert_eq!(of("application/json, text/event-stream"), Some("application/json"));
        assert_eq!(of("*/*"), None);
        assert_eq!(form(&HeaderMap::new()), None);
    }
}
