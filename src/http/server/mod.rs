//! The listener: accepts connections up to a limit, serves HTTP/1.1 and HTTP/2 on each, and ends in order.
mod addresses;
mod connection;
mod intake;
mod pace;
mod places;
mod room;

use super::settings::Settings;
use addresses::Addresses;
use axum::Router;
use connection::{Protocol, converse};

use room::{Room, Seat};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long to wait when a connection cannot be taken for want of memory or file handles, which only others can give
/// back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often that is logged while it lasts.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

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
/// With `http.connections_max` open, or as many as files allow, those that have been idle the longest are closed for further
/// ones; where none is idle, these wait in the kernel's queue until one ends. An address that has as many as it may
/// gets a further one in the place of one of its own that is idle, and none where they are all in use.
pub async fn serve(listener: Listener, router: Router, settings: &Settings, shutdown: CancellationToken) {
    let limits = settings.connections;
    let room = Room::new(limits.open_max);
    let addresses = Addresses::new(limits.per_address_max, settings.trusted_proxies.clone());
    let protocol = Arc::new(Protocol::new(limits.header_time_max, limits.idle_max));
    let (open, cut_off) = (TaskTracker::new(), CancellationToken::new());
    while let Some((stream, peer, seat)) = next(&listener.inner, &room, &shutdown).await {
        let Some(of_address) = addresses.enter(peer.ip(), seat.pace()) else { continue };
        let (protocol, router) = (protocol.clone(), router.clone());
        let (ending, cut_off) = (shutdown.clone(), cut_off.clone());
        open.spawn(async move {
            tokio::select! {
                () = converse(stream, &seat, peer, &protocol, router, &ending) => {}
                () = cut_off.cancelled() => {}
            }
            drop((seat, of_address));
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

/// The next connection and its place; none when it is time to end.
async fn next(
    listener: &TcpListener,
    room: &Arc<Room>,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, Seat)> {
    let accepted = async {
        let place = room.place().await?;
        let mut logged: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, room.seat(place))),
                // The client was gone before it was greeted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if logged.is_none_or(|at| at.elapsed() > LOGGED_EVERY) {
                        logged = Some(Instant::now());
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "cannot accept a connection; closing idle ones");
                    }
                    room.make_room();
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
