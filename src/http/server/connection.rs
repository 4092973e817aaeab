//! One connection, from its first byte to its last.
use super::stall::Unstalled;
use axum::{Router, body::Body, extract::ConnectInfo, http::Request, response::Response, routing::future::RouteFuture};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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

/// How connections are spoken to.
pub(super) struct Protocol {
    builder: Builder<TokioExecutor>,
    greeting_time_max: Duration,
}

impl Protocol {
    /// A header that takes longer than that closes the connection; so does silence between two requests.
    pub(super) fn new(header_time_max: Duration) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(header_time_max).max_buf_size(BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(H2_PING_EVERY)
            .keep_alive_timeout(H2_PING_PATIENCE)
            .max_concurrent_streams(H2_STREAMS_MAX)
            .max_header_list_size(HEADER_BYTES_MAX)
            .max_send_buf_size(H2_SEND_BYTES_MAX);
        // The clock of the header starts when the protocol is known, so that has a clock of its own.
        Self { builder, greeting_time_max: header_time_max * 2 }
    }
}

/// Serves a connection until it ends. When `ending` is cancelled, the request that is being answered is the last.
pub(super) async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    protocol: &Protocol,
    router: Router,
    ending: &CancellationToken,
) {
    // Answers are written whole, so there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let greeted = Arc::new(AtomicBool::new(false));
    let routes = Routes { router, peer, greeted: greeted.clone() };
    let io = Unstalled::new(TokioIo::new(stream));
    let mut connection = pin!(protocol.builder.serve_connection(io, routes));
    let mut too_late = pin!(tokio::time::sleep(protocol.greeting_time_max));
    let (mut waiting, mut ended) = (true, false);
    loop {
        tokio::select! {
            biased;
            done = connection.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%peer, error, "connection broke");
                }
                return;
            }
            () = ending.cancelled(), if !ended => {
                ended = true;
                connection.as_mut().graceful_shutdown();
            }
            () = too_late.as_mut(), if waiting => {
                waiting = false;
                if !greeted.load(Ordering::Relaxed) {
                    tracing::debug!(%peer, "connection without a request closed");
                    return;
                }
            }
        }
    }
}

/// The router as one connection sees it.
struct Routes {
    router: Router,
    peer: SocketAddr,
    /// Whether a whole request has come.
    greeted: Arc<AtomicBool>,
}

impl hyper::service::Service<Request<Incoming>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.greeted.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.clone().call(request)
    }
}
