//! The client's address behind trusted proxies (`X-Forwarded-For`).
use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::IpAddr;

/// The peer's address; or, if the peer is a trusted proxy, the right-most address in `X-Forwarded-For` that is not a
/// trusted proxy. The entries to the left of it come from the client and prove nothing.
pub(in crate::http) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // The entries to the left of an invalid one prove nothing either.
        let Some(address) = parse(entry) else { break };
        client = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    client
}

/// Whether the address belongs to a trusted proxy.
pub(in crate::http) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// Parses `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| Some(entry.parse::<std::net::SocketAddr>().ok()?.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client_of(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_peer_cannot_choose_an_address() {
        assert_eq!(client_of("203.0.113.5", &["1.1.1.1"]), "203.0.113.5");
        assert_eq!(client_of("::ffff:203.0.113.5", &[]), "203.0.113.5");
    }

    #[test]
    fn entries_of_trusted_proxies_are_skipped() {
        assert_eq!(client_of("10.0.0.1", &["6.6.6.6, 203.0.113.5, 10.0.0.2"]), "203.0.113.5");
        assert_eq!(client_of("10.0.0.1", &["6.6.6.6", "203.0.113.5"]), "203.0.113.5");
        assert_eq!(client_of("10.0.0.1", &["203.0.113.5, nonsense"]), "10.0.0.1");
        assert_eq!(client_of("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client_of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client_of("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_ignored() {
        assert_eq!(client_of("::1", &["203.0.113.5:4711"]), "203.0.113.5");
        assert_eq!(client_of("::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client_of("::1", &["2001:db8::7"]), "2001:db8::7");
    }
}
