//! Checks each request of the public listener: verifies its bearer token and applies the rate limits.
use super::Admitted;
use crate::{
    actors::{sessions::Sessions, visibility::Visibility},
    domain::Refusal,
    http::{
        extract::{Caller, bearer, client_address, is_trusted},
        problem::Problem,
        rate_limits::RateLimits,
    },
};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, header},
};
use ipnet::IpNet;
use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Marks a request for whose token the signing keys were read again: an extension of the request.
#[derive(Clone, Copy)]
pub(super) struct KeysRead;

/// The guard of the public listener.
pub(in crate::http) struct PublicGuard {
    pub(in crate::http) sessions: Sessions,
    pub(in crate::http) visibility: Visibility,
    pub(in crate::http) rate_limits: RateLimits,
    pub(in crate::http) trusted_proxies: Vec<IpNet>,
    /// Uploads take longer than other requests, and have a time limit of their own.
    pub(in crate::http) upload_time_max: Duration,
    /// The warning about an untrusted proxy has been logged. It is logged once: clients could fill the log with it.
    pub(in crate::http) proxy_warned: AtomicBool,
}

impl PublicGuard {
    /// Identifies the caller, applies the rate limit, and leaves a [`Caller`] in the request's extensions.
    pub(super) fn admit(&self, request: &mut Request, peer: IpAddr) -> Result<Admitted, Problem> {
        self.warn_of_untrusted_proxy(peer, request.headers());
        let address = client_address(peer, request.headers(), &self.trusted_proxies);
        let token = bearer(request.headers());
        let mut key_unknown = false;
        let verified = token.and_then(|token| {
            let verified = self.sessions.verify(token);
            let invalid = matches!(verified, Err(Refusal::TokenInvalid));
            key_unknown = invalid && self.sessions.lacks_key_of(token);
            Ok(verified?)
        });
        let refresh_needed = matches!(&verified, Ok(verified) if verified.under_old_key);
        let identity = verified.map(|verified| verified.identity);
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        match &identity {
            // Probes have no rate limit.
            _ if route.starts_with("/health/") => {}
            _ if route == "/api/images/{id}" && request.method().is_safe() => self.rate_limits.image(address)?,
            Ok(identity) => self.rate_limits.member(identity.member)?,
            Err(_) => self.rate_limits.anonymous(address)?,
        }
        let key_unknown = key_unknown && request.extensions().get::<KeysRead>().is_none();
        request.extensions_mut().insert(Caller { address, identity });
        Ok(Admitted { refresh_needed, key_unknown })
    }

    /// Logs once which key makes the server trust a proxy. Until then all clients of that proxy share one address and
    /// its rate limit.
    fn warn_of_untrusted_proxy(&self, peer: IpAddr, headers: &HeaderMap) {
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
        if !forwarded || is_trusted(peer, &self.trusted_proxies) || self.proxy_warned.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            peer = %peer.to_canonical(),
            key = "http.trusted_proxies",
            "ignored the forwarded address of a request from an untrusted peer; if the peer is your proxy, \
            add it to http.trusted_proxies"
        );
    }
}
