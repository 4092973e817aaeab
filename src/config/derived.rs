//! Values that are derived from several keys.
use super::settings::{Admin, Config, Http, Limits};
use std::{net::SocketAddr, path::Path};

impl Config {
    /// Returns the configuration of tests: free ports, no inbound limits, data in `data_dir`, defaults otherwise.
    pub fn for_tests(data_dir: &Path) -> Self {
        let free = || "127.0.0.1:0".to_owned();
        Self {
            data_dir: data_dir.display().to_string(),
            http: Http { listen: free(), ..Http::default() },
            admin: Admin { listen: free(), ..Admin::default() },
            limits: Limits { enabled: false, ..Limits::default() },
            ..Self::default()
        }
    }

    /// Returns whether the refresh cookie may be sent over plain HTTP. Always false if `http.public_url` is https, even
    /// behind a proxy that terminates TLS.
    pub fn insecure_cookies(&self) -> bool {
        if self.http.public_url.starts_with("https://") {
            return false;
        }
        match self.http.insecure_cookies.as_str() {
            "auto" => self.http.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()),
            other => other == "true",
        }
    }
}
