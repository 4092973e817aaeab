//! Puts the layers together: configuration, stores, actors, listeners; and takes them apart in reverse.
use crate::{
    actors::{Actors, StartError, Supervisor},
    config::Config,
    files, http,
    signals::Signals,
    storage::{StoreError, Stores},
    telemetry,
};
use std::{io::Write, net::SocketAddr};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why the server could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The stores could not be opened.
    #[error("the stores could not be opened")]
    Store(#[from] StoreError),
    /// The actors could not be started.
    #[error("the actors could not be started")]
    Actors(#[from] StartError),
    /// A listener could not be opened.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Which address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Signals could not be listened for.
    #[error("signals cannot be listened for")]
    Signal(#[source] std::io::Error),
    /// An actor kept failing.
    #[error("the actors gave up; the log says why")]
    GaveUp,
}

/// A running server.
pub struct Server {
    actors: Actors,
    supervisor: Supervisor,
    shutdown: CancellationToken,
    api_address: SocketAddr,
    admin_address: SocketAddr,
    listeners: [JoinHandle<()>; 2],
    upkeep: Option<JoinHandle<()>>,
}

impl Server {
    /// Opens the stores, starts the actors, then the listeners: when this returns, requests are answered.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        files::raise();
        let metrics = telemetry::metrics();
        let upkeep = metrics.clone().map(|handle| tokio::spawn(telemetry::upkeep(handle)));
        let stores = Stores::open(&config).await?;
        let (actors, supervisor) = Actors::start(stores, &config).await?;
        let settings = http::Settings::new(&config);
        let shutdown = CancellationToken::new();
        let api = listen(&config.http.listen).await?;
        let admin = listen(&config.admin.listen).await?;
        let (api_address, admin_address) = (api.address(), admin.address());
        let public = http::public(actors.clone(), &settings, shutdown.clone());
        let operating = http::admin(&actors, metrics, &settings);
        let (of_admin, until) = (settings.operating(), shutdown.clone());
        let admin = tokio::spawn(async move { http::serve(admin, operating, &of_admin, until).await });
        let until = shutdown.clone();
        let api = tokio::spawn(async move { http::serve(api, public, &settings, until).await });
        Ok(Self { actors, supervisor, shutdown, api_address, admin_address, listeners: [api, admin], upkeep })
    }

    /// Where the API is served.
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// Where metrics, health and actors are served.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Says in three lines where everything is.
    fn announce(&self, to: &mut impl Write) -> std::io::Result<()> {
        writeln!(to, "API            http://{}/api", self.api_address)?;
        writeln!(to, "documentation  http://{}/api/docs", self.api_address)?;
        writeln!(to, "metrics        http://{}/metrics", self.admin_address)?;
        to.flush()
    }

    /// Ends in reverse: readiness turns 503, streams say `bye`, requests finish, actors drain, the store closes.
    pub async fn shutdown(self) {
        self.actors.system.drain();
        self.shutdown.cancel();
        for listener in self.listeners {
            if let Err(error) = listener.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a listener failed");
            }
        }
        self.supervisor.stop().await;
        self.upkeep.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(address: &str) -> Result<http::Listener, ServerError> {
    let refused = |source| ServerError::Listen { address: address.to_owned(), source };
    http::bind(address).await.map_err(refused)
}

/// Runs the server until it is told to end (SIGTERM, SIGQUIT, Ctrl-C) or its actors give up.
pub async fn serve(config: Config) -> Result<(), ServerError> {
    let mut signals = Signals::listen().map_err(ServerError::Signal)?;
    let server = Server::start(config).await?;
    // Where nobody reads the lines, the server runs all the same.
    let _ = server.announce(&mut std::io::stdout());
    let gave_up = tokio::select! {
        signal = signals.end() => {
            tracing::info!(signal, "told to end");
            false
        }
        () = server.supervisor.ended() => true,
    };
    tracing::info!("shutting down");
    server.shutdown().await;
    if gave_up { Err(ServerError::GaveUp) } else { Ok(()) }
}
