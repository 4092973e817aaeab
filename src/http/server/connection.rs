//! One connection, from its first byte to its last.
use super::{
    pace::{Pace, Paced},
    places::{Answering, Idle, Watched},
};
use axum::{
    Router,
    extract::ConnectInfo,
    http::{Request, Version},
    response::Response,
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
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
/// How long a connection that was told to end may take to do so.
const LEAVE_MAX: Duration = Duration::from_secs(5);
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
    header_time_max: Duration,
    idle: Arc<Idle>,
}

impl Protocol {
    /// A header that takes longer than that closes the connection.
    pub(super) fn new(header_time_max: Duration, idle: Arc<Idle>) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            // It would run from the end of the request before, not from a header's first byte: that is `Paced`'s, and
            // what lies between the two is `Idle`'s.
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
        Self { builder, header_time_max, idle }
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
    let pace = Arc::new(Pace::default());
    let io = Paced::new(TokioIo::new(stream), pace.clone(), protocol.header_time_max);
    let routes = Routes { router, peer, pace: pace.clone() };
    let mut connection = pin!(protocol.builder.serve_connection(io, routes));
    let done = tokio::select! {
        biased;
        done = connection.as_mut() => done,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = protocol.idle.passed(&pace.activity) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(LEAVE_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = done {
        tracing::debug!(%peer, error, "connection broke");
    }
}

/// The router as one connection sees it.
struct Routes {
    router: Router,
    peer: SocketAddr,
    pace: Arc<Pace>,
}

impl hyper::service::Service<Request<Incoming>> for Routes {
    type Response = Response<Watched>;
    type Error = Infallible;
    /// Boxed: a connection keeps room for one of these for as long as it lives.
    type Future = Pin<Box<dyn Future<Output = Result<Response<Watched>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.pace.begins(request.version() == Version::HTTP_2);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = self.router.clone().call(request);
        let answering = Answering::begin(self.pace.clone());
        Box::pin(async move {
            let answer = answer.await;
            Ok(answer?.map(|body| answering.answered(body)))
        })
    }
}
