//! The listener: accepts connections up to a limit, serves HTTP/1.1 and HTTP/2 on each, and ends in order.
mod connection;
mod pace;
mod places;

use super::settings::Settings;
use axum::Router;
use connection::{Protocol, converse};
use places::{Addresses, Idle};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long to wait when a connection cannot be taken for want of memory or file handles, which only others can give
/// back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// With the real port, when port 0 was asked for.
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

/// Serves until `shutdown` is cancelled: then takes no more connections, lets requests finish, and returns when they
/// have, or after the grace period at the latest, which cuts off what is left.
///
/// With `http.connections_max` open, further ones wait in the kernel's queue until one ends, and idle ones are ended.
/// An address that has as many as it may gets no further one.
pub async fn serve(listener: Listener, router: Router, settings: &Settings, shutdown: CancellationToken) {
    let limits = settings.connections;
    let places = Arc::new(Semaphore::new(limits.open_max.min(Semaphore::MAX_PERMITS)));
    let addresses = Addresses::new(limits.per_address_max, settings.trusted_proxies.clone());
    let idle = Arc::new(Idle::new(limits.idle_max));
    let protocol = Arc::new(Protocol::new(limits.header_time_max, idle.clone()));
    let (open, cut_off) = (TaskTracker::new(), CancellationToken::new());
    while let Some((stream, peer, place)) = next(&listener.inner, &places, &idle, &shutdown).await {
        let Some(of_address) = addresses.enter(peer.ip()) else { continue };
        let (protocol, router) = (protocol.clone(), router.clone());
        let (ending, cut_off) = (shutdown.clone(), cut_off.clone());
        open.spawn(async move {
            tokio::select! {
                () = converse(stream, peer, &protocol, router, &ending) => {}
                () = cut_off.cancelled() => {}
            }
            drop((place, of_address));
        });
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(limits.shutdown_grace, open.wait()).await.is_err() {
        tracing::warn!(connections = open.len(), "connections did not end in time and are cut off");
        cut_off.cancel();
        open.wait().await;
    }
}

/// The next connection and its place; none when it is time to end.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    idle: &Idle,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = match places.clone().try_acquire_owned() {
            Ok(place) => place,
            // The semaphore is never closed.
            Err(_) => idle.while_short(places.clone().acquire_owned()).await.ok()?,
        };
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, place)),
                // The client was gone before it was greeted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
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
