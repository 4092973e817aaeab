//! What every request passes through, in one layer: a layer each would cost an allocation each.
//!
//! In: who asks and from where, whether the limits let the request in, a time limit, a guard against panics.
//! Out: problems get their body, every answer its request id, metrics and log their line.
//!
//! What must be known before a route is looked for is found out earlier (`arrival.rs`), by the connection.
mod arrival;
mod cors;
mod failures;
mod gate;
mod metering;
mod seen;

pub(super) use arrival::Arrival;
pub(super) use cors::cors;
pub(super) use gate::Gate;

use super::{
    extract::{Caller, bearer, client_address, is_trusted},
    limits::Limits,
    problem::Problem,
};
use crate::actors::{sessions::Sessions, visibility::Visibility};
use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::Either};
use ipnet::IpNet;
use seen::Seen;
use std::{
    any::Any,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    entrance: Entrance,
    time_max: Duration,
}

/// What a request passes before its route: one per listener.
pub(super) enum Entrance {
    /// The public listener.
    Door(Box<Door>),
    /// The operating listener.
    Gate(Gate),
}

/// How members are told from strangers. The operating listener has no such door.
pub(super) struct Door {
    pub(super) sessions: Sessions,
    pub(super) visibility: Visibility,
    pub(super) limits: Limits,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Uploads are slow by nature, and have a limit of their own.
    pub(super) upload_time_max: Duration,
    /// A proxy that is not trusted has been logged. Once: a line for each would be for anybody to fill.
    pub(super) warned: AtomicBool,
}

/// What was found out at the door.
struct Admitted {
    /// The token is good, but signed with a key that will soon be gone.
    refresh_needed: bool,
}

impl Edge {
    /// For a listener. Answers that take longer than `time_max` to begin become a 503.
    pub(super) fn new(entrance: Entrance, time_max: Duration) -> Self {
        Self(Arc::new(Rules { entrance, time_max }))
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
        let admitted = match self.rules.admit(&mut request) {
            Ok(admitted) => admitted,
            Err(problem) => {
                let response = seen.finish(problem.into_response());
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        let time_max = self.rules.time_max_of(&request);
        let span = seen.span();
        let writes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let rules = self.rules.clone();
        let handled = if may_compress(request.headers()) {
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
                    Problem::internal().noting(format!("panicked: {}", said(panic.as_ref()))).into_response()
                }
                Err(_) => Problem::unavailable().noting("no answer in time".to_owned()).into_response(),
            };
            if writes && response.status().is_success() {
                // Read after the write: whatever it was, it lies before this.
                let token = rules.door().map(|door| HeaderValue::try_from(door.visibility.write_token()));
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
    fn door(&self) -> Option<&Door> {
        match &self.entrance {
            Entrance::Door(door) => Some(door),
            Entrance::Gate(_) => None,
        }
    }

    fn admit(&self, request: &mut Request) -> Result<Admitted, Problem> {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let (peer, local) = match request.extensions().get::<Arrival>() {
            Some(Arrival { refused: Some(problem), .. }) => return Err(problem.clone()),
            Some(arrival) => (arrival.peer.ip(), arrival.local),
            None => (unknown, unknown),
        };
        match &self.entrance {
            Entrance::Door(door) => door.admit(request, peer),
            Entrance::Gate(gate) => {
                gate.check(request.headers(), request.uri(), local)?;
                Ok(Admitted { refresh_needed: false })
            }
        }
    }

    fn time_max_of(&self, request: &Request) -> Duration {
        let is = |route: &MatchedPath| *request.method() == Method::POST && route.as_str() == "/api/images";
        let upload = request.extensions().get::<MatchedPath>().is_some_and(is);
        self.door().filter(|_| upload).map_or(self.time_max, |door| door.upload_time_max)
    }
}

impl Door {
    /// Finds out who asks, and whether that is too often.
    fn admit(&self, request: &mut Request, peer: IpAddr) -> Result<Admitted, Problem> {
        self.warn_of_proxy(peer, request.headers());
        let address = client_address(peer, request.headers(), &self.trusted_proxies);
        let verified = bearer(request.headers()).and_then(|token| Ok(self.sessions.verify(token)?));
        let refresh_needed = matches!(&verified, Ok(verified) if verified.under_old_key);
        let identity = verified.map(|verified| verified.identity);
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

    /// Says, once, which key makes the server believe a proxy that it does not trust. Until then all clients of that
    /// proxy share one address, and the limits of one address.
    fn warn_of_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
        if !forwarded || is_trusted(peer, &self.trusted_proxies) || self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            peer = %peer.to_canonical(),
            key = "http.trusted_proxies",
            "ignored the forwarded address of a request from an untrusted peer; if the peer is your proxy, \
            add it to http.trusted_proxies"
        );
    }
}

/// Whether the client takes compressed answers. One that takes nothing else gets the plain answer all the same: the
/// compressor would run the handler, and then answer 406 for what has been done.
fn may_compress(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
    accepted.peek().is_some() && accepted.all(|value| value.to_str().is_ok_and(|text| !refuses_plain(text)))
}

/// Whether `identity` or everything that is not named has the weight 0.
fn refuses_plain(accepted: &str) -> bool {
    accepted.split(',').any(|part| {
        let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
        let (coding, weight) = (coding.trim(), weight.trim().strip_prefix("q=").unwrap_or("1"));
        (coding == "*" || coding.eq_ignore_ascii_case("identity")) && weight.parse() == Ok(0.0_f32)
    })
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
