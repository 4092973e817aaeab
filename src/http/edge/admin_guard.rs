//! Checks each request of the admin listener: it must name one of the listener's hosts and come from no other origin.
//!
//! The listener has no authentication; it is protected by being unreachable from outside. A browser on the same machine
//! can reach it and runs the scripts of any page, so DNS rebinding and cross-site requests are refused here.
use crate::http::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use std::net::{IpAddr, Ipv6Addr};

/// The guard of the admin listener: the host names that it accepts beside its own addresses.
pub(in crate::http) struct AdminGuard {
    /// Lower case, without ports: `admin.example`, `10.0.0.7`.
    hosts: Vec<String>,
}

impl AdminGuard {
    /// `listen` is the address as configured. With a wildcard address it differs from the connection's.
    pub(in crate::http) fn new(listen: Option<IpAddr>, names: &[String]) -> Self {
        let names = names.iter().map(|name| name.trim_matches(['[', ']']).to_ascii_lowercase());
        Self { hosts: names.chain(listen.map(|address| address.to_string())).collect() }
    }

    /// Refuses hosts that are not this listener's (DNS rebinding), and requests of any method that a browser sends for
    /// a page of another origin.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri, local: IpAddr) -> Result<(), Problem> {
        let host = uri.authority().map(Authority::as_str);
        let host = host.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
        // Only HTTP/1.0 can lack a host here: no browser speaks it, but some probes do.
        if host.is_some_and(|host| !self.is_own_host(host, local)) {
            return Err(Problem::misdirected());
        }
        let site = headers.get_all("sec-fetch-site").iter();
        let cross_site = site.into_iter().any(|site| site != "same-origin" && site != "none");
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if cross_site || origins.any(|origin| !host.is_some_and(|host| is_own_origin(origin, host))) {
            return Err(Problem::foreign_origin());
        }
        Ok(())
    }

    fn is_own_host(&self, host: &str, local: IpAddr) -> bool {
        let name = name_of(host);
        let address = name.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        address.is_some_and(|address| address.is_loopback() || address == local.to_canonical())
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The host without port, brackets and trailing dot.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) if address.parse::<Ipv6Addr>().is_ok() => address,
        _ => host.split(':').next().unwrap_or_default().trim_end_matches('.'),
    }
}

/// Whether the origin is this listener's own: `http`, or `https` if a proxy in front speaks TLS.
fn is_own_origin(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, local: &str, headers: &[(&'static str, &'static str)]) -> Result<(), u16> {
        let guard = AdminGuard::new(listen.parse().ok(), &["admin.example".to_owned(), "[2001:db8::9]".to_owned()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let checked = guard.check(&map, &Uri::from_static("/metrics"), local.parse().unwrap());
        checked.map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn own_addresses_and_configured_names_are_accepted() {
        let at = |host| check("0.0.0.0", "10.0.0.7", &[("host", host)]);
        for own in [
            "localhost:9090",
            "LOCALHOST.",
            "127.0.0.1:9090",
            "[::1]:9090",
            "10.0.0.7",
            "10.0.0.7:9090",
            "0.0.0.0:9090",
            "Admin.Example:80",
            "[2001:db8::9]:9090",
            "[::ffff:10.0.0.7]",
        ] {
            assert_eq!(at(own), Ok(()), "{own}");
        }
        for other in
            ["evil.example", "10.0.0.8", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]", "evil.example:9090"]
        {
            assert_eq!(at(other), Err(421), "{other}");
        }
        assert_eq!(check("127.0.0.1", "127.0.0.1", &[("host", "0.0.0.0:9090")]), Err(421));
        assert_eq!(check("127.0.0.1", "127.0.0.1", &[]), Ok(()));
    }

    #[test]
    fn requests_of_other_origins_are_refused() {
        let with = |name, value| check("127.0.0.1", "127.0.0.1", &[("host", "localhost:9090"), (name, value)]);
        for (name, own) in [
            ("origin", "http://localhost:9090"),
            ("origin", "https://localhost:9090"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            assert_eq!(with(name, own), Ok(()), "{own}");
        }
        for (name, foreign) in [
            ("origin", "null"),
            ("origin", "http://localhost:3000"),
            ("origin", "http://127.0.0.1:9090"),
            ("origin", "https://evil.example"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", ""),
        ] {
            assert_eq!(with(name, foreign), Err(403), "{name}: {foreign}");
        }
    }
}
