//! What every request passes through, in one layer: a layer each would cost an allocation each.
//!
//! In: who asks and from where, whether the limits let the request in, a time limit, a guard against panics.
//! Out: problems get their body, every answer its request id, metrics and log their line.
mod cors;
mod metering;
mod seen;

pub(super) use cors::cors;

use super::{
    extract::{Caller, NoIdentity, bearer, client_address},
    limits::Limits,
    problem::Problem,
};
use crate::actors::{sessions::Sessions, timeline::Timeline};
use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request},
    http::{HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::Either};
use ipnet::IpNet;
use seen::Seen;
use std::{
    any::Any,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};
use tower_http::{
    CompressionLevel,
    compression::{
        Compression, Predicate,
        predicate::{NotForContentType, SizeAbove},
    },
};
use tracing::Instrument;

/// Smaller answers are sent as they are: compressed, they would fill the same packet.
const COMPRESSED_MIN: u64 = 1024;

/// The layer.
#[derive(Clone)]
pub(super) struct Edge(Arc<Rules>);

struct Rules {
    door: Option<Door>,
    time_max: Duration,
}

/// How members are told from strangers. The operating listener has no such door.
pub(super) struct Door {
    pub(super) sessions: Sessions,
    pub(super) timeline: Timeline,
    pub(super) limits: Limits,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Uploads are slow by nature, and have a limit of their own.
    pub(super) upload_time_max: Duration,
}

/// What was found out at the door.
struct Admitted {
    /// The token is good, but signed with a key that will soon be gone.
    refresh_needed: bool,
}

impl Edge {
    /// For a listener. Answers that take longer than `time_max` to begin become a 503.
    pub(super) fn new(door: Option<Door>, time_max: Duration) -> Self {
        Self(Arc::new(Rules { door, time_max }))
    }
}

impl<S> Layer<S> for Edge {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        EdgeService { inner, rules: self.0.clone() }
    }
}

/// A route behind the layer.
#[derive(Clone)]
pub(super) struct EdgeService<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let seen = Seen::of(&request);
        let admitted = match self.rules.door.as_ref().map(|door| door.admit(&mut request)) {
            None => Admitted { refresh_needed: false },
            Some(Ok(admitted)) => admitted,
            Some(Err(problem)) => {
                let response = seen.finish(problem.into_response());
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        let time_max = self.rules.time_max_of(&request);
        let span = seen.span();
        let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let rules = self.rules.clone();
        let handled = if request.headers().contains_key(header::ACCEPT_ENCODING) {
            // JSON shrinks to a third at the lowest level; a higher one would cost more than the request.
            let compressing = Compression::new(&mut self.inner).quality(CompressionLevel::Fastest);
            let answered = compressing.compress_when(worth_compressing()).call(request);
            Either::Left(answered.map(|done| done.map(|answer| answer.map(Body::new))))
        } else {
            Either::Right(self.inner.call(request))
        };
        let handled = AssertUnwindSafe(handled.instrument(span)).catch_unwind();
        Box::pin(async move {
            let mut response = match tokio::time::timeout(time_max, handled).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(panic)) => {
                    tracing::error!(request_id = seen.id(), panic = said(panic.as_ref()), "a handler panicked");
                    Problem::internal().into_response()
                }
                Err(_) => {
                    tracing::warn!(request_id = seen.id(), path = seen.path(), "a handler took too long");
                    Problem::unavailable().into_response()
                }
            };
            if writes && response.status().is_success() {
                // Read after the write: whatever it was, it lies before this.
                let token = rules.door.as_ref().map(|door| HeaderValue::try_from(door.timeline.write_token()));
                if let Some(Ok(token)) = token {
                    response.headers_mut().insert("x-write-token", token);
                }
            }
            if admitted.refresh_needed {
                response.headers_mut().insert("x-token-refresh-needed", HeaderValue::from_static("true"));
            }
            Ok(seen.finish(response))
        })
    }
}

impl Rules {
    fn time_max_of(&self, request: &Request) -> Duration {
        let is = |route: &MatchedPath| *request.method() == Method::POST && route.as_str() == "/api/images";
        let upload = request.extensions().get::<MatchedPath>().is_some_and(is);
        self.door.as_ref().filter(|_| upload).map_or(self.time_max, |door| door.upload_time_max)
    }
}

impl Door {
    /// Finds out who asks, and whether that is too often.
    fn admit(&self, request: &mut Request) -> Result<Admitted, Problem> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let address = client_address(peer, request.headers(), &self.trusted_proxies);
        let verified = bearer(request.headers()).map(|token| self.sessions.verify(token));
        let refresh_needed = matches!(&verified, Some(Ok(verified)) if verified.under_old_key);
        let identity = match verified {
            Some(Ok(verified)) => Ok(verified.identity),
            Some(Err(refusal)) => Err(NoIdentity::Refused(refusal)),
            None => Err(NoIdentity::NoToken),
        };
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        match &identity {
            // Whoever asks for our health must get an answer.
            _ if route.starts_with("/health/") => {}
            _ if route == "/api/images/{id}" && request.method().is_safe() => self.limits.image(address)?,
            Ok(identity) => self.limits.member(identity.member)?,
            Err(_) => self.limits.stranger(address)?,
        }
        request.extensions_mut().insert(Caller { address, identity });
        Ok(Admitted { refresh_needed })
    }
}

/// Long texts, but never streams: a compressor would gather their events.
fn worth_compressing() -> impl Predicate {
    SizeAbove::new(COMPRESSED_MIN).and(NotForContentType::SSE).and(NotForContentType::IMAGES)
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("nothing")
}
