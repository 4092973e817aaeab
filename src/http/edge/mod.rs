//! The outermost layer: every request and every response of a listener passes through it.
//!
//! Before the route: the guard of the listener (who calls, rate limits), a time limit, a boundary for panics.
//! After it: a body for problems, the request id, metrics and one log line.
//!
//! It is one layer because each layer costs an allocation per request. Host and path are checked before a route is
//! looked up (`request_target.rs`), by the connection.
mod admin_guard;
mod compression;
mod cors;
mod failure_log;
mod public_guard;
mod request_metrics;
mod request_record;
mod request_target;

pub(super) use admin_guard::AdminGuard;
pub(super) use cors::cors;
pub(super) use public_guard::PublicGuard;
pub(super) use request_target::ConnectionInfo;

use super::{problem::Problem, write_token::set_write_token};
use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method},
    response::{IntoResponse, Response},
};
use compression::{may_compress, worth_compressing};
use futures::{FutureExt, future::Either};
use request_record::RequestRecord;
use std::{
    any::Any,
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};
use tower_http::{CompressionLevel, compression::Compression};
use tracing::Instrument;

/// The layer.
#[derive(Clone)]
pub(super) struct Edge(Arc<Rules>);

struct Rules {
    guard: Guard,
    time_max: Duration,
}

/// Admits or refuses a request before its route is called: one per listener.
pub(super) enum Guard {
    /// The public listener.
    Public(Box<PublicGuard>),
    /// The admin listener.
    Admin(AdminGuard),
}

/// The result of a guard that lets a request pass.
struct Admitted {
    /// The token is valid, but was signed with a key that is about to be retired.
    refresh_needed: bool,
}

impl Edge {
    /// For one listener. A response that takes longer than `time_max` to begin becomes a 503.
    pub(super) fn new(guard: Guard, time_max: Duration) -> Self {
        Self(Arc::new(Rules { guard, time_max }))
    }
}

impl<S> Layer<S> for Edge {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        EdgeService { inner, rules: self.0.clone() }
    }
}

/// The router behind the layer.
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
        let record = RequestRecord::new(&request);
        let admitted = match self.rules.admit(&mut request) {
            Ok(admitted) => admitted,
            Err(problem) => {
                let response = record.finish(problem.into_response());
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        let time_max = self.rules.time_max_of(&request);
        let span = record.span();
        let rules = self.rules.clone();
        let handled = if may_compress(request.headers()) {
            // JSON shrinks to a third at the lowest level; a higher one would cost more than the handler.
            let compressing = Compression::new(&mut self.inner).quality(CompressionLevel::Fastest);
            let handled = compressing.compress_when(worth_compressing()).call(request);
            Either::Left(handled.map(|done| done.map(|response| response.map(Body::new))))
        } else {
            Either::Right(self.inner.call(request))
        };
        let handled = AssertUnwindSafe(handled.instrument(span)).catch_unwind();
        Box::pin(async move {
            let mut response = match tokio::time::timeout(time_max, handled).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(panic)) => {
                    Problem::internal().noting(format!("panicked: {}", panic_message(panic.as_ref()))).into_response()
                }
                Err(_) => Problem::unavailable().noting("no answer in time".to_owned()).into_response(),
            };
            if let Some(guard) = rules.public() {
                set_write_token(&mut response, &guard.visibility);
            }
            if admitted.refresh_needed {
                response.headers_mut().insert("x-token-refresh-needed", HeaderValue::from_static("true"));
            }
            Ok(record.finish(response))
        })
    }
}

impl Rules {
    /// The guard of the public listener; none for the admin listener.
    fn public(&self) -> Option<&PublicGuard> {
        match &self.guard {
            Guard::Public(guard) => Some(guard),
            Guard::Admin(_) => None,
        }
    }

    fn admit(&self, request: &mut Request) -> Result<Admitted, Problem> {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let (peer, local) = match request.extensions().get::<ConnectionInfo>() {
            Some(ConnectionInfo { refused: Some(problem), .. }) => return Err(problem.clone()),
            Some(info) => (info.peer.ip(), info.local),
            None => (unknown, unknown),
        };
        match &self.guard {
            Guard::Public(guard) => guard.admit(request, peer),
            Guard::Admin(guard) => {
                guard.check(request.headers(), request.uri(), local)?;
                Ok(Admitted { refresh_needed: false })
            }
        }
    }

    /// The time limit of a request; uploads have their own.
    fn time_max_of(&self, request: &Request) -> Duration {
        let is = |route: &MatchedPath| *request.method() == Method::POST && route.as_str() == "/api/images";
        let upload = request.extensions().get::<MatchedPath>().is_some_and(is);
        match self.public() {
            Some(guard) if upload => guard.upload_time_max,
            _ => self.time_max,
        }
    }
}

/// The message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
