//! `/api/events`: public events as CloudEvents, as a page, a batch or a stream.
use super::{
    extract::Paging,
    problem::Problem,
    response,
    stream::{Frames, SseResponse, StreamAuth, StreamContext, StreamSource, TicketQuery, headers_only, last_event_id},
    views::{EventBatch, EventPage, EventView},
};
use crate::actors::{
    activity::{Activity, EventStream, EventStreamItem},
    sessions::Sessions,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use std::future::Future;

/// The media type of a page as a bare array.
const BATCH: &str = "application/cloudevents-batch+json";
const STREAM: &str = "text/event-stream";

impl StreamSource for EventStream {
    type Item = EventStreamItem;

    fn next(&mut self) -> impl Future<Output = Option<EventStreamItem>> + Send {
        Self::next(self)
    }

    fn ready(&mut self) -> Option<EventStreamItem> {
        Self::ready(self)
    }

    fn cursor(&self) -> String {
        Self::cursor(self)
    }

    fn write(item: &EventStreamItem, _: &StreamContext, frames: &mut Frames) {
        match item {
            EventStreamItem::Ready { cursor } => frames.ready(cursor),
            EventStreamItem::Event { cursor, event } => {
                frames.event(cursor, event.r#type, &EventView::from(&**event));
            }
            EventStreamItem::Reset { cursor, reason } => frames.reset(cursor, reason),
        }
    }
}

/// The first supported media type in `Accept`; none for the default, a page.
fn accepted_type(headers: &HeaderMap) -> Option<&'static str> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut names = accept.flat_map(|value| value.split(',')).filter_map(|part| part.split(';').next());
    names.find_map(|name| {
        let name = name.trim();
        [BATCH, STREAM, "application/json"].into_iter().find(|supported| name.eq_ignore_ascii_case(supported))
    })
}

/// Lists or streams the public events that are visible to the caller, oldest first.
///
/// Public events are posts, comments, likes, follows, sign-ups and profile changes; views, logins, blocks, mutes and
/// follow requests are not public.
///
/// Without a cursor, a page starts with the oldest event that is kept, and a stream with the next event. A page may
/// have fewer items than `limit`, or none, if events are not visible to the caller: continue with `nextCursor`.
///
/// A stream sends `ready` (`{cursor}`), then each event under its `type`. Its `id` resumes the stream as
/// `Last-Event-ID` or `cursor`. It also sends `reset` (`{reason, restCursor}`) if the cursor cannot be resumed from,
/// `auth.expiring` (`{expiresAt}`) a minute before the token expires, and `bye` (`{reconnectAfterMs}`) when the server
/// shuts down.
#[utoipa::path(
    get, path = "/api/events", operation_id = "listEvents", tag = "activity",
    params(
        Paging, TicketQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Streams only: the `id` of the last event received; takes precedence over `cursor`"),
    ),
    responses((
        status = 200, body = EventPage,
        description = "A page; a bare array of events with a `Link` header for `Accept: application/cloudevents-batch+json`; a \
            stream for `Accept: text/event-stream`",
        headers(("Link" = Option<String>, description = "Batches only: the next page, `rel=\"next\"`.")),
    ))
)]
pub(super) async fn list_events(
    State(activity): State<Activity>,
    State(sessions): State<Sessions>,
    State(context): State<StreamContext>,
    StreamAuth(identity, ticket): StreamAuth,
    headers: HeaderMap,
    paging: Paging,
) -> Result<Response, Problem> {
    let accepted = accepted_type(&headers);
    if accepted == Some(STREAM) {
        context.check()?;
        if paging.is_head() {
            return Ok(headers_only());
        }
        let cursor = last_event_id(&headers)?.or(paging.cursor());
        let events = activity.open_events(identity.member, cursor).await?;
        return Ok(SseResponse::new(events, identity, ticket, sessions, context).into_response());
    }
    let page = activity.events(identity.member, paging.cursor(), paging.limit()).await?;
    if accepted == Some(BATCH) {
        return Ok(batch(&EventBatch::new(&page.items), &page.next, paging.limit()));
    }
    Ok(response::ok(&EventPage::new(&page.items, &page.next)))
}

/// A page as a bare array, with the next page in `Link`.
fn batch(view: &EventBatch<'_>, next: &str, limit: usize) -> Response {
    let mut response = response::ok(view);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH));
    let link = format!("</api/events?limit={limit}&cursor={next}>; rel=\"next\"");
    // Cursors are base64url, so the link is always a valid header value.
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.insert(header::LINK, link);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_supported_type_is_chosen() {
        let of = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            accepted_type(&headers)
        };
        assert_eq!(of("text/event-stream"), Some(STREAM));
        assert_eq!(of("text/html, Application/CloudEvents-Batch+JSON;q=0.9, text/event-stream"), Some(BATCH));
        assert_eq!(of("application/json, text/event-stream"), Some("application/json"));
        assert_eq!(of("*/*"), None);
        assert_eq!(accepted_type(&HeaderMap::new()), None);
    }
}
