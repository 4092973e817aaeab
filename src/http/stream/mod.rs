//! `/api/timeline/stream`: what happens to posts, live (server-sent events).
mod frame;
mod life;

use super::{
    answer,
    extract::{Auth, Caller, NoIdentity, Query, bearer},
    problem::Problem,
    views::Rendered,
};
use crate::{
    actors::{
        sessions::{Sessions, TicketUse},
        streams::Streams as LiveStreams,
    },
    domain::{Identity, Refusal},
};
use axum::{
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderMap, Method, request::Parts},
    response::Response,
};
pub(super) use frame::Frames;
pub(super) use life::{Life, Source, unopened};
use metrics::{Counter, Gauge};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

/// The data of events, for the document.
pub(super) mod schemas {
    pub(in crate::http) use super::frame::{
        ByeView as Bye, CountsView as PostCounts, DeletedView as PostDeleted, ExpiringView as AuthExpiring,
        ReadyView as Ready, ResetView as Reset, RetractedView as NotificationRetracted, Top3ChangedView as Top3Changed,
    };
}

/// What every stream of the process shares.
#[derive(Clone)]
pub(super) struct Streams {
    heartbeat: Duration,
    shutdown: CancellationToken,
    open: Gauge,
    sent: Counter,
    rendered: Rendered,
}

impl Streams {
    /// Streams say `bye` and end when `shutdown` is cancelled.
    pub(super) fn new(heartbeat: Duration, shutdown: CancellationToken, rendered: Rendered) -> Self {
        let (open, sent) =
            (metrics::gauge!("dailyfeed_streams_open"), metrics::counter!("dailyfeed_stream_events_total"));
        Self { heartbeat, shutdown, open, sent, rendered }
    }

    /// Refuses new streams when the process is about to end.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.shutdown.is_cancelled() { Err(Problem::unavailable()) } else { Ok(()) }
    }
}

/// The last event that a client has seen, by its header.
pub(super) fn last_event(headers: &HeaderMap) -> Option<&str> {
    headers.get("last-event-id").and_then(|value| value.to_str().ok()).filter(|id| !id.is_empty())
}

/// Opens one stream for a client that cannot set headers, and opens it again when the line breaks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Ticket, examples(json!({"ticket": "q83vEjRWeJCrze8SNFZ4kA", "expiresIn": 30})))]
pub(super) struct TicketView<'a> {
    /// Good for one stream. With a `Last-Event-ID` it resumes that stream while its session lives, until 10 minutes
    /// after the stream was last open.
    ticket: &'a str,
    /// Seconds within which the stream is to be opened.
    expires_in: u64,
}

/// A ticket for `?ticket=`, for `EventSource`, which cannot set headers and reconnects by itself. A member has at most
/// 32 of them; one more voids the member's oldest.
#[utoipa::path(
    post, path = "/api/timeline/stream/ticket", operation_id = "streamTicket", tag = "timeline",
    responses((status = 200, description = "A ticket", body = TicketView))
)]
pub(super) async fn ticket(State(sessions): State<Sessions>, Auth(identity): Auth) -> Result<Response, Problem> {
    let (ticket, lasts) = sessions.issue_ticket(identity)?;
    Ok(answer::secret(&TicketView { ticket: &ticket, expires_in: lasts.as_secs() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Where to begin: the `streamCursor` of a page, or an event's id. From now, where it is absent.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ticket {
    /// From `POST /api/timeline/stream/ticket`, instead of `Authorization`; again with `Last-Event-ID` to resume.
    ticket: Option<String>,
}

/// As [`Auth`], or by a ticket, which is in use until its part of this is dropped.
pub(super) struct StreamAuth(pub(super) Identity, pub(super) Option<TicketUse>);

impl<S: Send + Sync> FromRequestParts<S> for StreamAuth
where
    Sessions: FromRef<S>,
{
    type Rejection = Problem;

    #[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if matches!(bearer(&parts.headers), Err(NoIdentity::NoToken)) {
            let Query(Ticket { ticket }) = Query::from_request_parts(parts, state).await?;
            if let Some(ticket) = ticket {
                let sessions = Sessions::from_ref(state);
                // A HEAD opens no stream, and uses up no ticket.
                let (identity, in_use) = if parts.method == Method::HEAD {
                    (sessions.ticket_identity(&ticket).ok_or(Refusal::TokenInvalid)?, None)
                } else {
                    let resumes = last_event(&parts.headers).is_some();
                    let (identity, in_use) = sessions.redeem_ticket(&ticket, resumes).await?;
                    (identity, Some(in_use))
                };
                // So that what else looks at the caller sees a member.
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

/// The live stream: posts of those the caller follows and the caller's own, as they are written, changed, deleted.
///
/// Events: `ready` (first; `{cursor}`), `post.created` and `post.updated` (a post), `post.deleted` (`{id, reason}`:
/// `deleted`, or `hidden` where a post that may have been shown may no longer be seen), `post.counts` (`{id, viewCount,
/// likeCount, commentCount}` of posts that the client has seen, at most one per post and second), `notification` (as in
/// `/api/notifications`), `notification.retracted` (`{id}`), `notification.marker` (`{lastReadId}`), `top3.changed`
/// (`{date}`), `auth.expiring` (`{expiresAt}`, a minute before the token runs out and the stream ends), `reset`
/// (`{reason, restCursor}`: read the feed again), `bye` (`{reconnectAfterMs}`). Each has an `id`, which
/// `Last-Event-ID` resumes from. Comments between them carry a cursor too: `: cursor=...`.
#[utoipa::path(
    get, path = "/api/timeline/stream", operation_id = "stream", tag = "timeline",
    params(
        From, Ticket,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event seen; wins over `cursor`"),
    ),
    responses(
        (status = 200, description = "Events, without end", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`CURSOR_INVALID`"),
        (status = 429, description = "`TOO_MANY_REQUESTS`: too many open streams of this member"),
    )
)]
pub(super) async fn open(
    State(live_streams): State<LiveStreams>,
    State(sessions): State<Sessions>,
    State(streams): State<Streams>,
    StreamAuth(identity, ticket): StreamAuth,
    Query(from): Query<From>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    streams.check()?;
    if method == Method::HEAD {
        return Ok(unopened());
    }
    let from = last_event(&headers).or(from.cursor.as_deref());
    let subscription = live_streams.open(identity, from).await?;
    Ok(Life::new(subscription, identity, ticket, sessions, streams).answer())
}
