//! `/api/timeline/stream`: the live events of posts and notifications (server-sent events), and tickets to open it.
mod frame;
mod response;

use super::{
    extract::{Auth, Caller, NoIdentity, Query, bearer},
    problem::Problem,
    response::ok_no_store,
    views::PostJsonCache,
};
use crate::{
    actors::{
        sessions::{Sessions, TicketUse},
        streams::Streams,
    },
    domain::{Identity, Refusal},
};
use axum::{
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderMap, Method, request::Parts},
    response::Response,
};
pub(super) use frame::Frames;
use metrics::{Counter, Gauge};
pub(super) use response::{SseResponse, StreamSource, headers_only};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

/// The data of events, for the OpenAPI document.
pub(super) mod schemas {
    pub(in crate::http) use super::frame::{
        ByeView as Bye, CountsView as PostCounts, DeletedView as PostDeleted, ExpiringView as AuthExpiring,
        ReadyView as Ready, ResetView as Reset, RetractedView as NotificationRetracted, Top3ChangedView as Top3Changed,
    };
}

/// Shared by all streams of the process.
#[derive(Clone)]
pub(super) struct StreamContext {
    heartbeat: Duration,
    shutdown: CancellationToken,
    /// Open streams.
    open: Gauge,
    /// Events sent.
    sent: Counter,
    post_json: PostJsonCache,
}

impl StreamContext {
    /// Streams send `bye` and end when `shutdown` is cancelled.
    pub(super) fn new(heartbeat: Duration, shutdown: CancellationToken, post_json: PostJsonCache) -> Self {
        let (open, sent) =
            (metrics::gauge!("dailyfeed_streams_open"), metrics::counter!("dailyfeed_stream_events_total"));
        Self { heartbeat, shutdown, open, sent, post_json }
    }

    /// Refuses new streams once the process shuts down.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.shutdown.is_cancelled() { Err(Problem::unavailable()) } else { Ok(()) }
    }
}

/// `Last-Event-ID`: the id of the last event that the client received; none if the header is absent or empty. Refuses
/// `CursorInvalid` for bytes that no id has, as for any other text that is no id.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get("last-event-id").filter(|value| !value.is_empty()) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| Refusal::CursorInvalid)
}

/// A credential that opens one stream without an `Authorization` header.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket, examples(json!({"ticket": "q83vEjRWeJCrze8SNFZ4kA", "expiresIn": 30})))]
pub(super) struct TicketView<'a> {
    /// Opens one stream. With a `Last-Event-ID` it reopens that stream until its session ends, or until 10 minutes
    /// after the stream was last open.
    ticket: &'a str,
    /// Seconds within which the stream must be opened.
    expires_in: u64,
}

/// Issues a ticket that opens a stream.
///
/// Pass it as `?ticket=` if the client cannot set headers, such as the browser's `EventSource`, which also reconnects
/// with it. A member has at most 32 tickets; issuing another one revokes the
/// oldest without an open stream, or else the oldest.
#[utoipa::path(
    post, path = "/api/timeline/stream/ticket", operation_id = "streamTicket", tag = "timeline",
    responses((status = 200, description = "The ticket", body = TicketView))
)]
pub(super) async fn stream_ticket(State(sessions): State<Sessions>, Auth(identity): Auth) -> Result<Response, Problem> {
    let (ticket, lasts) = sessions.issue_ticket(identity)?;
    Ok(ok_no_store(&TicketView { ticket: &ticket, expires_in: lasts.as_secs() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// The `streamCursor` of a page or the `id` of an event to start after. Without it the stream starts with the next
    /// event.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TicketQuery {
    /// A ticket from `POST /api/timeline/stream/ticket`, instead of `Authorization`. Use it again with `Last-Event-ID`
    /// to resume.
    ticket: Option<String>,
}

/// A caller who is authenticated by a bearer token, as in [`Auth`], or by a ticket. The ticket is in use until its
/// [`TicketUse`] is dropped.
pub(super) struct StreamAuth(pub(super) Identity, pub(super) Option<TicketUse>);

impl<S: Send + Sync> FromRequestParts<S> for StreamAuth
where
    Sessions: FromRef<S>,
{
    type Rejection = Problem;

    #[expect(clippy::significant_drop_tightening, reason = "the use of a ticket, not a lock: it is returned")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if matches!(bearer(&parts.headers), Err(NoIdentity::NoToken)) {
            let Query(TicketQuery { ticket }) = Query::from_request_parts(parts, state).await?;
            if let Some(ticket) = ticket {
                let sessions = Sessions::from_ref(state);
                // A HEAD opens no stream and does not redeem the ticket.
                let (identity, in_use) = if parts.method == Method::HEAD {
                    (sessions.ticket_identity(&ticket).ok_or(Refusal::TokenInvalid)?, None)
                } else {
                    let resumes = last_event_id(&parts.headers)?.is_some();
                    let (identity, in_use) = sessions.redeem_ticket(&ticket, resumes).await?;
                    (identity, Some(in_use))
                };
                // Later extractors of the request see the member.
                if let Some(caller) = parts.extensions.get_mut::<Caller>() {
                    caller.identity = Ok(identity);
                }
                return Ok(Self(identity, in_use));
            }
        }
        let Auth(identity) = Auth::from_request_parts(parts, state).await?;
        Ok(Self(identity, None))
    }
}

/// Streams posts of the caller and of members the caller follows, and the caller's notifications.
///
/// Events:
/// - `ready` (`{cursor}`): the first event.
/// - `post.created`, `post.updated`: the post. The first event of a post is `post.updated` if an edit mentions the caller
///   in a post for the `mentioned`.
/// - `post.deleted` (`{id, reason}`): remove the post. `deleted`: it was deleted; `hidden`: the caller can no longer see
///   it.
/// - `post.counts` (`{id, viewCount, likeCount, commentCount}`): new counts of a post that was sent to this client, at
///   most once per post and second.
/// - `notification`: a notification as in `/api/notifications`.
/// - `notification.retracted` (`{id}`): remove the notification.
/// - `notification.marker` (`{lastReadId}`): notifications were read on another device.
/// - `top3.changed` (`{date}`): the top three posts of a day changed.
/// - `auth.expiring` (`{expiresAt}`): the token expires in a minute, and the stream ends with it.
/// - `reset` (`{reason, restCursor}`): events were missed; read the feed again.
/// - `bye` (`{reconnectAfterMs}`): the server shuts down; reconnect after that time.
///
/// Each event has an `id`; send it as `Last-Event-ID` to resume after it. Heartbeats are comments with a cursor to
/// resume from: `: cursor=...`.
#[utoipa::path(
    get, path = "/api/timeline/stream", operation_id = "stream", tag = "timeline",
    params(
        StreamQuery, TicketQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event received; takes precedence over `cursor`"),
    ),
    responses(
        (status = 200, description = "An endless stream of events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`CURSOR_INVALID`"),
        (status = 429, description = "`TOO_MANY_REQUESTS`: the member has too many open streams"),
    )
)]
pub(super) async fn open_stream(
    State(streams): State<Streams>,
    State(sessions): State<Sessions>,
    State(context): State<StreamContext>,
    StreamAuth(identity, ticket): StreamAuth,
    Query(query): Query<StreamQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    context.check()?;
    if method == Method::HEAD {
        return Ok(headers_only());
    }
    let cursor = last_event_id(&headers)?.or(query.cursor.as_deref());
    let subscription = streams.open(identity, cursor).await?;
    Ok(SseResponse::new(subscription, identity, ticket, sessions, context).into_response())
}
