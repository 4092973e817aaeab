//! What follows from several keys at once.
use super::settings::{Admin, Config, Http, Limits};
use std::{net::SocketAddr, path::Path};

impl Config {
    /// Free ports, no inbound limits, data in that folder; everything else as by default.
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

    /// Whether the refresh cookie may go over plain HTTP. Never where clients come by https, whatever stands between.
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
