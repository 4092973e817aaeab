//! What the layer takes from the configuration, parsed once.
use super::extract::{BodyRules, UploadRules};
use crate::config::{Config, Limits};
use axum::http::HeaderValue;
use ipnet::IpNet;
use std::time::Duration;

/// How HTTP is spoken, on both listeners.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What one connection may cost.
    pub(super) connections: Connections,
    pub(super) request_time_max: Duration,
    pub(super) body: BodyRules,
    pub(super) upload: UploadRules,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) cors_origins: Vec<HeaderValue>,
    pub(super) secure_cookies: bool,
    /// None: no inbound limits.
    pub(super) limits: Option<Limits>,
    pub(super) heartbeat: Duration,
}

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connections {
    pub(super) open_max: usize,
    pub(super) per_address_max: usize,
    pub(super) idle_max: Duration,
    pub(super) header_time_max: Duration,
    pub(super) shutdown_grace: Duration,
}

impl Settings {
    /// From a configuration that has been checked.
    pub fn new(config: &Config) -> Self {
        let http = &config.http;
        let request_time_max = Duration::from_millis(http.request_timeout_ms);
        let upload_time_max = Duration::from_millis(config.images.upload_timeout_ms);
        Self {
            connections: Connections {
                open_max: http.connections_max,
                per_address_max: match http.connections_per_address_max {
                    0 => (http.connections_max * 3).div_ceil(4),
                    max => max,
                },
                idle_max: Duration::from_millis(http.idle_timeout_ms),
                header_time_max: Duration::from_millis(http.header_read_timeout_ms),
                shutdown_grace: Duration::from_millis(http.shutdown_grace_ms),
            },
            request_time_max,
            // Half of the request's time: a slow body is told so, rather than that the server was slow.
            body: BodyRules { bytes_max: http.body_max_bytes, time_max: request_time_max / 2 },
            upload: UploadRules {
                body_time_max: upload_time_max / 2,
                bytes_per_second_min: config.images.upload_bytes_per_second_min,
                time_max: upload_time_max,
            },
            trusted_proxies: http.trusted_proxies.iter().filter_map(|network| network.parse().ok()).collect(),
            cors_origins: http.cors_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            secure_cookies: !config.insecure_cookies(),
            limits: config.limits.enabled.then(|| config.limits.clone()),
            heartbeat: Duration::from_secs(config.stream.heartbeat_seconds),
        }
    }
}
