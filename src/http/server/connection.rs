//! One connection, from its first byte to its last.
use super::{
    intake::Intake,
    pace::{Pace, Paced},
    places::{Answering, Watched},
    room::Seat,
};
use crate::http::edge::Arrival;
use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderValue, Request, StatusCode, Version, header},
    response::Response,
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// Bytes of a connection's buffers, and so of a request's header: the least that hyper accepts. Thousands of streams
/// that mostly wait should cost little, and bodies do not pass through these buffers as a whole.
const BUFFER_BYTES: usize = 8 * 1024;
/// Bytes of a request's header over HTTP/2.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Requests at once on one HTTP/2 connection; a client waits before it sends more.
const H2_STREAMS_MAX: u32 = 256;
/// Bytes that wait to be sent on one HTTP/2 stream.
const H2_SEND_BYTES_MAX: usize = 64 * 1024;
/// An HTTP/2 connection that says nothing is asked whether it lives, this often...
const H2_PING_EVERY: Duration = Duration::from_secs(20);
/// ...and closed when it does not answer for that long.
const H2_PING_PATIENCE: Duration = Duration::from_secs(20);

/// How long a connection that is to leave may take over its farewell.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// How connections are spoken to.
pub(super) struct Protocol {
    builder: Builder<TokioExecutor>,
    header_time_max: Duration,
    /// How long a connection may be idle; then it is closed.
    idle_max: Duration,
}

impl Protocol {
    /// A header that takes longer than that closes the connection, and so does idleness.
    pub(super) fn new(header_time_max: Duration, idle_max: Duration) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            // It would run from the end of the request before, not from a header's first byte: that is `Paced`'s, and
            // what lies between the two is `Activity`'s.
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(H2_PING_EVERY)
            .keep_alive_timeout(H2_PING_PATIENCE)
            .max_concurrent_streams(H2_STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .max_send_buf_size(H2_SEND_BYTES_MAX);
        Self { builder, header_time_max, idle_max }
    }
}

/// Serves a connection until it ends. When `ending` is cancelled, the request that is being answered is the last; when
/// its place is wanted, it leaves.
pub(super) async fn converse(
    stream: TcpStream,
    seat: &Seat,
    peer: SocketAddr,
    protocol: &Protocol,
    router: Router,
    ending: &CancellationToken,
) {
    // Answers are written whole, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    // A connection that has no address any more is about to break.
    let local = stream.local_addr().map_or(peer.ip(), |address| address.ip());
    let pace = seat.pace().clone();
    let io = Paced::new(TokioIo::new(stream), pace.clone(), protocol.header_time_max);
    let mut connection = pin!(protocol.builder.serve_connection(io, Routes { router, peer, local, pace }));
    let done = tokio::select! {
        biased;
        done = connection.as_mut() => done,
        () = seat.pace().asked_to_leave() => {
            connection.as_mut().graceful_shutdown();
            // What is still idle then has nothing to lose.
            match tokio::time::timeout(FAREWELL_MAX, connection.as_mut()).await {
                Ok(done) => done,
                Err(_) if seat.pace().activity.idle_for().is_some() => return,
                Err(_) => connection.await,
            }
        }
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = seat.pace().activity.idles(protocol.idle_max) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(FAREWELL_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = done {
        tracing::debug!(%peer, error = error.as_ref() as &dyn std::error::Error, "connection failed");
    }
}

/// The router as one connection sees it.
struct Routes {
    router: Router,
    peer: SocketAddr,
    local: IpAddr,
    pace: Arc<Pace>,
}

impl hyper::service::Service<Request<Incoming>> for Routes {
    type Response = Response<Watched>;
    type Error = Infallible;
    /// Boxed: a connection keeps room for one of these for as long as it lives.
    type Future = Pin<Box<dyn Future<Output = Result<Response<Watched>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let multiplexed = request.version() == Version::HTTP_2;
        self.pace.begins(multiplexed);
        let arrival = Arrival::of(&mut request, self.peer, self.local);
        request.extensions_mut().insert(arrival);
        let whole = multiplexed || request.body().is_end_stream();
        self.pace.has_body(!whole);
        let request = if whole {
            request.map(Body::new)
        } else {
            request.map(|body| Body::new(Intake::new(body, self.pace.clone())))
        };
        let answer = self.router.clone().call(request);
        let (pace, answering) = (self.pace.clone(), Answering::begin(self.pace.clone()));
        Box::pin(async move {
            let Ok(mut answer) = answer.await;
            seal(&mut answer, multiplexed, pace.is_unread());
            Ok(answer.map(|body| answering.answered(body)))
        })
    }
}

/// What every answer says, whatever made it: that it is what its type says; and, where a body was refused, that the
/// connection ends with it, since what may still come of the body is no request.
fn seal(answer: &mut Response<Body>, multiplexed: bool, unread: bool) {
    let status = answer.status();
    let failed = status.is_client_error() || status.is_server_error();
    let refused = status == StatusCode::PAYLOAD_TOO_LARGE || unread && failed;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if refused && !multiplexed {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
