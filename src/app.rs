//! [`Server`]: starts the layers in order (stores, actors, listeners) and stops them in reverse.
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

/// The reason why the server cannot start, or ends without a signal.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The stores cannot be opened.
    #[error("cannot open the stores")]
    Store(#[from] StoreError),
    /// The actors cannot be started.
    #[error("cannot start the actors")]
    Actors(#[from] StartError),
    /// A listener cannot be opened.
    #[error("cannot listen on {address} ({key})")]
    Listen {
        /// The configured address.
        address: String,
        /// Its configuration key.
        key: &'static str,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// Signal handlers cannot be installed.
    #[error("cannot listen for signals")]
    Signal(#[source] std::io::Error),
    /// The watchdog thread cannot be started.
    #[error("cannot start the watchdog thread")]
    Watchdog(#[source] std::io::Error),
    /// The actors or the writer of the store failed more often than the supervisor allows.
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
    metrics_task: Option<JoinHandle<()>>,
    _watchdog: Watchdog,
}

impl Server {
    /// Opens the stores, starts the actors, then the listeners. Requests are answered once this returns.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let watchdog = Watchdog::start(Handle::current()).map_err(ServerError::Watchdog)?;
        files::raise();
        let metrics = telemetry::metrics();
        let metrics_task = metrics.clone().map(|handle| tokio::spawn(telemetry::run_metrics_upkeep(handle)));
        // Bind the ports first: a second server fails here before it waits for the locked stores of the first.
        let api = listen("http.listen", &config.http.listen).await?;
        let admin = listen("admin.listen", &config.admin.listen).await?;
        let stores = Stores::open(&config).await?;
        let (actors, supervisor) = Actors::start(stores, &config).await?;
        let settings = http::Settings::new(&config);
        let shutdown = CancellationToken::new();
        let (api_address, admin_address) = (api.address(), admin.address());
        let public = http::public(actors.clone(), &settings, shutdown.clone());
        let admin_router = http::admin(&actors, metrics, &settings);
        let (admin_settings, until) = (settings.for_admin(), shutdown.clone());
        let admin = tokio::spawn(async move { http::serve(admin, admin_router, &admin_settings, until).await });
        let until = shutdown.clone();
        let api = tokio::spawn(async move { http::serve(api, public, &settings, until).await });
        Ok(Self {
            actors,
            supervisor,
            shutdown,
            api_address,
            admin_address,
            listeners: [api, admin],
            metrics_task,
            _watchdog: watchdog,
        })
    }

    /// Returns the address of the public listener: the API.
    pub fn api_address(&self) -> SocketAddr {
        self.api_address
    }

    /// Returns the address of the admin listener: metrics, health, actors.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Makes the projection stand still until `until` is sent or dropped.
    #[cfg(test)]
    pub(crate) async fn stall_projection(
        &self,
        until: tokio::sync::oneshot::Receiver<()>,
    ) -> Result<(), crate::actors::Error> {
        self.actors.stall_projection(until).await
    }

    /// Writes four lines: the addresses of API, documentation and metrics, and the version with the data folder.
    fn announce(&self, data_dir: &str, to: &mut impl Write) -> std::io::Result<()> {
        writeln!(to, "API            http://{}/api", self.api_address)?;
        writeln!(to, "documentation  http://{}/api/docs", self.api_address)?;
        writeln!(to, "metrics        http://{}/metrics", self.admin_address)?;
        writeln!(to, "dailyfeed      {VERSION}, data in {data_dir}")?;
        to.flush()
    }

    /// Stops in reverse order: readiness turns 503, streams send `bye`, requests finish, actors drain, the stores
    /// close.
    pub async fn shutdown(self) {
        self.actors.system.drain();
        self.shutdown.cancel();
        for listener in self.listeners {
            if let Err(error) = listener.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a listener failed");
            }
        }
        self.supervisor.stop().await;
        self.metrics_task.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(key: &'static str, address: &str) -> Result<http::Listener, ServerError> {
    let refused = |source| ServerError::Listen { address: address.to_owned(), key, source };
    http::bind(address).await.map_err(refused)
}

/// Runs the server until a signal (SIGTERM, SIGQUIT, Ctrl-C) or until the supervisor gives up.
#[expect(clippy::significant_drop_tightening, reason = "the server lives until it is shut down")]
pub async fn serve(config: Config) -> Result<(), ServerError> {
    // Logged as an absolute path, as the default is relative to the working folder of the process.
    let data_dir =
        std::path::absolute(&config.data_dir).map_or(config.data_dir.clone(), |path| path.display().to_string());
    tracing::info!(version = VERSION, data_dir, "starting");
    let mut signals = Signals::listen().map_err(ServerError::Signal)?;
    let server = Server::start(config).await?;
    // The server runs even if standard output is closed.
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
