//! `/api/events`: what happens on this server in public, as CloudEvents: in pages, in batches, or live.
use super::{
    answer,
    extract::Paging,
    problem::Problem,
    stream::{Frames, Life, Source, StreamAuth, Streams, Ticket, last_event, unopened},
    views::{EventBatch, EventPage, EventView},
};
use crate::actors::{
    activity::{Activity, EventLive, EventStream},
    sessions::Sessions,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use std::future::Future;

/// A page as a bare array.
const BATCH: &str = "application/cloudevents-batch+json";
const STREAM: &str = "text/event-stream";

impl Source for EventStream {
    type Item = EventLive;

    fn next(&mut self) -> impl Future<Output = Option<EventLive>> + Send {
        Self::next(self)
    }

    fn ready(&mut self) -> Option<EventLive> {
        Self::ready(self)
    }

    fn cursor(&self) -> String {
        Self::cursor(self)
    }

    fn write(live: &EventLive, _: &Streams, frames: &mut Frames) {
        match live {
            EventLive::Ready(cursor) => frames.ready(cursor),
            EventLive::Happened(cursor, cloud_event) => {
                frames.event(cursor, cloud_event.r#type, &EventView::from(&**cloud_event));
            }
            EventLive::Reset(cursor, reason) => frames.reset(cursor, reason),
        }
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
/// `cursor` resume from; `reset` (`{reason, restCursor}`) where the cursor leads nowhere; `auth.expiring`
/// (`{expiresAt}`) a minute before the token ends; `bye` (`{reconnectAfterMs}`).
#[utoipa::path(
    get, path = "/api/events", operation_id = "listEvents", tag = "activity",
    params(
        Paging, Ticket,
        ("Last-Event-ID" = Option<String>, Header, description = "For a stream: the last event seen; wins over `cursor`"),
    ),
    responses((
        status = 200, body = EventPage,
        description = "A page. A bare array of events with a `Link` for `Accept: application/cloudevents-batch+json`, a \
            stream for `Accept: text/event-stream`",
        headers(("Link" = Option<String>, description = "Of a batch alone: `rel=\"next\"`.")),
    ))
)]
pub(super) async fn list(
    State(activity): State<Activity>,
    State(sessions): State<Sessions>,
    State(streams): State<Streams>,
    StreamAuth(identity, ticket): StreamAuth,
    headers: HeaderMap,
    paging: Paging,
) -> Result<Response, Problem> {
    let form = form(&headers);
    if form == Some(STREAM) {
        streams.check()?;
        if !paging.is_read() {
            return Ok(unopened());
        }
        let from = last_event(&headers).or(paging.cursor());
        let events = activity.open_events(identity.member, from).await?;
        return Ok(Life::new(events, identity, ticket, sessions, streams).answer());
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
