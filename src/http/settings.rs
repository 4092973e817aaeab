//! Settings of the HTTP layer, parsed from the configuration.
use super::extract::{BodyRules, UploadRules};
use crate::{
    config::{Config, Limits},
    files,
};
use axum::http::HeaderValue;
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// With fewer connections than this the server logs a warning at start.
const CONNECTIONS_FEW: usize = 1_000;

/// Connections of the admin listener, for which open files are reserved. Further ones wait in the kernel's queue.
const ADMIN_CONNECTIONS_MAX: usize = 32;

/// The settings of both listeners.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits and timeouts of connections.
    pub(super) connections: Connections,
    pub(super) request_time_max: Duration,
    pub(super) body: BodyRules,
    pub(super) upload: UploadRules,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// The configured address of the admin listener; none if it is a name.
    pub(super) admin_listen: Option<IpAddr>,
    pub(super) admin_hosts: Vec<String>,
    pub(super) cors_origins: Vec<HeaderValue>,
    pub(super) secure_cookies: bool,
    /// The rate limits; none if they are disabled.
    pub(super) limits: Option<Limits>,
    pub(super) heartbeat: Duration,
}

/// Limits and timeouts of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connections {
    pub(super) open_max: usize,
    pub(super) per_address_max: usize,
    pub(super) idle_max: Duration,
    pub(super) header_time_max: Duration,
    pub(super) shutdown_grace: Duration,
}

impl Settings {
    /// Parses a configuration that has been validated.
    pub fn new(config: &Config) -> Self {
        let http = &config.http;
        let request_time_max = Duration::from_millis(http.request_timeout_ms);
        let upload_time_max = Duration::from_millis(config.images.upload_timeout_ms);
        let open_max = files::share(http.connections_max, config.storage.read_connections).connections;
        if open_max < CONNECTIONS_FEW.min(http.connections_max) {
            tracing::warn!(open_max, "the limit of open files allows few connections; raise it (`ulimit -n`)");
        }
        Self {
            connections: Connections {
                open_max,
                per_address_max: match http.connections_per_address_max {
                    0 => (open_max * 3).div_ceil(4),
                    max => max,
                },
                idle_max: Duration::from_millis(http.idle_timeout_ms),
                header_time_max: Duration::from_millis(http.header_read_timeout_ms),
                shutdown_grace: Duration::from_millis(http.shutdown_grace_ms),
            },
            request_time_max,
            // Half of the request's time, so that a slow body gets a 408 rather than a 503.
            body: BodyRules { bytes_max: http.body_max_bytes, time_max: request_time_max / 2 },
            upload: UploadRules {
                body_time_max: upload_time_max / 2,
                bytes_per_second_min: config.images.upload_bytes_per_second_min,
                time_max: upload_time_max,
            },
            admin_listen: config.admin.listen.parse::<SocketAddr>().ok().map(|address| address.ip()),
            admin_hosts: config.admin.allowed_hosts.clone(),
            trusted_proxies: http.trusted_proxies.iter().filter_map(|network| network.parse().ok()).collect(),
            cors_origins: http.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            secure_cookies: !config.insecure_cookies(),
            limits: config.limits.enabled.then(|| config.limits.clone()),
            heartbeat: Duration::from_secs(config.stream.heartbeat_seconds),
        }
    }

    /// The settings of the admin listener, which needs few connections.
    pub fn for_admin(&self) -> Self {
        let open_max = self.connections.open_max.min(ADMIN_CONNECTIONS_MAX);
        Self { connections: Connections { open_max, ..self.connections }, ..self.clone() }
    }
}
