//! Serves HTTP/1.1 or HTTP/2 on one connection until it ends, is idle too long, is evicted, or the server shuts down.
use super::{
    admission::AdmittedConnection,
    connection_state::ConnectionState,
    problem_socket::ProblemSocket,
    request_body::RequestBody,
    response_body::{ActiveRequest, ResponseBody},
    timed_socket::TimedSocket,
};
use crate::http::edge::ConnectionInfo;
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

/// Bytes of a connection's buffers, and so of an HTTP/1 request header: the least that hyper accepts. Thousands of
/// streams that mostly wait must cost little, and bodies do not pass through these buffers as a whole.
const BUFFER_BYTES: usize = 8 * 1024;
/// Maximum bytes of an HTTP/2 request header.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Maximum concurrent requests on one HTTP/2 connection; a client waits before it sends more.
const H2_STREAMS_MAX: u32 = 256;
/// Maximum bytes that wait to be sent on one HTTP/2 stream.
const H2_SEND_BYTES_MAX: usize = 64 * 1024;
/// How often a silent HTTP/2 connection is pinged.
const H2_PING_EVERY: Duration = Duration::from_secs(20);
/// How long a ping may remain unanswered before the connection is closed.
const H2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection that is evicted or idle may take to close gracefully.
const GRACEFUL_CLOSE_MAX: Duration = Duration::from_secs(5);

/// The protocol settings of all connections of a listener.
pub(super) struct Protocol {
    builder: Builder<TokioExecutor>,
    header_time_max: Duration,
    /// How long a connection may be idle before it is closed.
    idle_max: Duration,
}

impl Protocol {
    /// A header that takes longer than `header_time_max` closes the connection, and so does being idle for `idle_max`.
    pub(super) fn new(header_time_max: Duration, idle_max: Duration) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            // hyper's timeout would start at the end of the previous request, not at a header's first byte.
            // `TimedSocket` limits headers, and `ConnectionActivity` the time between requests.
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(H2_PING_EVERY)
            .keep_alive_timeout(H2_PING_TIMEOUT)
            .max_concurrent_streams(H2_STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .max_send_buf_size(H2_SEND_BYTES_MAX);
        Self { builder, header_time_max, idle_max }
    }
}

/// Serves a connection until it ends. It closes gracefully when it is evicted, is idle for too long, or `shutdown` is
/// cancelled: the request in flight is then its last.
pub(super) async fn serve_connection(
    stream: TcpStream,
    admitted: &AdmittedConnection,
    peer: SocketAddr,
    protocol: &Protocol,
    router: Router,
    shutdown: &CancellationToken,
) {
    // Responses are written whole, so Nagle's algorithm would only delay them.
    let _ = stream.set_nodelay(true);
    // Without a local address the connection is about to break, and any address will do.
    let local = stream.local_addr().map_or(peer.ip(), |address| address.ip());
    let state = admitted.state().clone();
    let stream = ProblemSocket::new(stream, state.clone());
    let io = TimedSocket::new(TokioIo::new(stream), state.clone(), protocol.header_time_max);
    let mut connection = pin!(protocol.builder.serve_connection(io, ConnectionService { router, peer, local, state }));
    let done = tokio::select! {
        biased;
        done = connection.as_mut() => done,
        () = admitted.state().evicted() => {
            connection.as_mut().graceful_shutdown();
            // A connection that is still idle loses nothing when it is cut off.
            match tokio::time::timeout(GRACEFUL_CLOSE_MAX, connection.as_mut()).await {
                Ok(done) => done,
                Err(_) if admitted.state().activity.idle_for().is_some() => return,
                Err(_) => connection.await,
            }
        }
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = admitted.state().activity.wait_until_idle(protocol.idle_max) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACEFUL_CLOSE_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = done {
        tracing::debug!(%peer, error = error.as_ref() as &dyn std::error::Error, "connection failed");
    }
}

/// The router, as hyper calls it for each request of one connection.
struct ConnectionService {
    router: Router,
    peer: SocketAddr,
    local: IpAddr,
    state: Arc<ConnectionState>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    /// Boxed, because each connection reserves space for one of these for its whole life.
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let multiplexed = request.version() == Version::HTTP_2;
        self.state.request_begins(multiplexed);
        let info = ConnectionInfo::new(&mut request, self.peer, self.local);
        request.extensions_mut().insert(info);
        let complete = multiplexed || request.body().is_end_stream();
        self.state.set_body_unread(!complete);
        let request = if complete {
            request.map(Body::new)
        } else {
            request.map(|body| Body::new(RequestBody::new(body, self.state.clone())))
        };
        let response = self.router.clone().call(request);
        let (state, active) = (self.state.clone(), ActiveRequest::begin(self.state.clone()));
        Box::pin(async move {
            let Ok(mut response) = response.await;
            set_connection_headers(&mut response, multiplexed, state.is_body_unread());
            Ok(response.map(|body| active.respond(body)))
        })
    }
}

/// Sets the headers that every response has: `X-Content-Type-Options`, and `Connection: close` on HTTP/1 if a body
/// was refused, since its remaining bytes must not be read as a request.
fn set_connection_headers(response: &mut Response<Body>, multiplexed: bool, unread: bool) {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let refused = status == StatusCode::PAYLOAD_TOO_LARGE || unread && failed;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if refused && !multiplexed {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
