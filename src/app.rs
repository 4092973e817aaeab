//! Puts the layers together: configuration, stores, actors, listeners; and takes them apart in reverse.
use crate::{
    actors::{Actors, StartError, Supervisor},
    config::Config,
    files, http,
    signals::Signals,
    storage::{StoreError, Stores},
    telemetry,
    watchdog::Watchdog,
};
use std::{io::Write, net::SocketAddr};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why the server could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The stores could not be opened.
    #[error("cannot open the stores")]
    Store(#[from] StoreError),
    /// The actors could not be started.
    #[error("cannot start the actors")]
    Actors(#[from] StartError),
    /// A listener could not be opened.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// Which address.
        address: String,
        /// The key that names it.
        key: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Signals could not be listened for.
    #[error("cannot listen for signals")]
    Signal(#[source] std::io::Error),
    /// The watchdog's thread could not be started.
    #[error("cannot start the watchdog thread")]
    Watchdog(#[source] std::io::Error),
    /// An actor kept failing.
    #[error("too many actor failures; shutting down")]
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
    _watchdog: Watchdog,
}

impl Server {
    /// Opens the stores, starts the actors, then the listeners: when this returns, requests are answered.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let watchdog = Watchdog::start(Handle::current()).map_err(ServerError::Watchdog)?;
        files::raise();
        let metrics = telemetry::metrics();
        let upkeep = metrics.clone().map(|handle| tokio::spawn(telemetry::upkeep(handle)));
        // Ports first: a server that is started twice is told so before it waits for the other's stores.
        let api = listen("http.listen", &config.http.listen).await?;
        let admin = listen("admin.listen", &config.admin.listen).await?;
        let stores = Stores::open(&config).await?;
        let (actors, supervisor) = Actors::start(stores, &config).await?;
        let settings = http::Settings::new(&config);
        let shutdown = CancellationToken::new();
        let (api_address, admin_address) = (api.address(), admin.address());
        let public = http::public(actors.clone(), &settings, shutdown.clone());
        let operating = http::admin(&actors, metrics, &settings);
        let (of_admin, until) = (settings.operating(), shutdown.clone());
        let admin = tokio::spawn(async move { http::serve(admin, operating, &of_admin, until).await });
        let until = shutdown.clone();
        let api = tokio::spawn(async move { http::serve(api, public, &settings, until).await });
        Ok(Self {
            actors,
            supervisor,
            shutdown,
            api_address,
            admin_address,
            listeners: [api, admin],
            upkeep,
            _watchdog: watchdog,
        })
    }

    /// Where the API is served.
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// Where metrics, health and actors are served.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Says in four lines where everything is, and what runs there.
    fn announce(&self, data_dir: &str, to: &mut impl Write) -> std::io::Result<()> {
        writeln!(to, "API            http://{}/api", self.api_address)?;
        writeln!(to, "documentation  http://{}/api/docs", self.api_address)?;
        writeln!(to, "metrics        http://{}/metrics", self.admin_address)?;
        writeln!(to, "dailyfeed      {VERSION}, data in {data_dir}")?;
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

async fn listen(key: &'static str, address: &str) -> Result<http::Listener, ServerError> {
    let refused = |source| ServerError::Listen { address: address.to_owned(), key, source };
    http::bind(address).await.map_err(refused)
}

/// Runs the server until it is told to end (SIGTERM, SIGQUIT, Ctrl-C) or its actors give up.
#[expect(clippy::significant_drop_tightening, reason = "the server lives until it is shut down")]
pub async fn serve(config: Config) -> Result<(), ServerError> {
    // As an absolute path: the default is relative to whatever folder the process was started in.
    let data_dir =
        std::path::absolute(&config.data_dir).map_or(config.data_dir.clone(), |path| path.display().to_string());
    tracing::info!(version = VERSION, data_dir, "starting");
    let mut signals = Signals::listen().map_err(ServerError::Signal)?;
    let server = Server::start(config).await?;
    // Where nobody reads the lines, the server runs all the same.
    let _ = server.announce(&data_dir, &mut std::io::stdout());
    let gave_up = tokio::select! {
        signal = signals.end() => {
            tracing::info!(signal, "received signal");
            false
        }
        () = server.supervisor.ended() => true,
    };
    tracing::info!("shutting down");
    server.shutdown().await;
    if gave_up { Err(ServerError::GaveUp) } else { Ok(()) }
}
