//! A listener, public or admin: admits connections up to a limit, serves HTTP/1.1 and HTTP/2 on each, and shuts down
//! gracefully.
mod address_limit;
mod admission;
mod connection;
mod connection_activity;
mod connection_state;
mod problem_socket;
mod request_body;
mod response_body;
mod timed_socket;
mod unread_request;

use super::settings::Settings;
use address_limit::AddressLimit;
use admission::{Admission, AdmittedConnection};
use axum::Router;
use connection::{Protocol, serve_connection};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause after `accept` failed because memory or file descriptors were exhausted, which only other connections can
/// free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often failures of `accept` are logged while they last.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// A bound socket.
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// The bound address, with the real port if port 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Binds an address such as `127.0.0.1:8080`.
pub async fn bind(address: &str) -> io::Result<Listener> {
    let inner = TcpListener::bind(address).await?;
    let address = inner.local_addr()?;
    Ok(Listener { inner, address })
}

/// Serves until `shutdown` is cancelled. Then accepts no more connections, and returns when all requests have finished;
/// after the grace period it cuts off the remaining connections.
///
/// At `http.connections_max` open connections (fewer if the limit of open files allows fewer), the connections that
/// have been idle the longest are evicted for new ones; if none is idle, new ones wait in the kernel's queue. An
/// address with `http.connections_per_address_max` evicts one of its own idle connections for a new one; if all are in
/// use, the new one is closed.
pub async fn serve(listener: Listener, router: Router, settings: &Settings, shutdown: CancellationToken) {
    let limits = settings.connections;
    let admission = Admission::new(limits.open_max);
    let address_limit = AddressLimit::new(limits.per_address_max, settings.trusted_proxies.clone());
    let protocol = Arc::new(Protocol::new(limits.header_time_max, limits.idle_max));
    let (open, cut_off) = (TaskTracker::new(), CancellationToken::new());
    while let Some((stream, peer, admitted)) = accept(&listener.inner, &admission, &shutdown).await {
        let Some(address_permit) = address_limit.admit(peer.ip(), admitted.state()) else { continue };
        let (protocol, router) = (protocol.clone(), router.clone());
        let (shutdown, cut_off) = (shutdown.clone(), cut_off.clone());
        open.spawn(async move {
            tokio::select! {
                () = serve_connection(stream, &admitted, peer, &protocol, router, &shutdown) => {}
                () = cut_off.cancelled() => {}
            }
            drop((admitted, address_permit));
        });
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(limits.shutdown_grace, open.wait()).await.is_err() {
        tracing::warn!(connections = open.len(), "closing connections that did not end in time");
        cut_off.cancel();
        open.wait().await;
    }
}

/// Accepts the next connection; none once `shutdown` is cancelled.
async fn accept(
    listener: &TcpListener,
    admission: &Arc<Admission>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, AdmittedConnection)> {
    let accepted = async {
        let permit = admission.acquire().await?;
        let mut logged: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, admission.admit(permit))),
                // The client closed the connection before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if logged.is_none_or(|at| at.elapsed() > LOGGED_EVERY) {
                        logged = Some(Instant::now());
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "cannot accept a connection; closing idle ones");
                    }
                    admission.evict_idle();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = accepted => accepted,
    }
}
