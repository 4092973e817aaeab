//! What a request must be before any route is looked for: for one host, and on a path in its one spelling.
use crate::http::problem::{Malformed, Problem};
use axum::http::{HeaderValue, Request, Uri, Version, header, uri::PathAndQuery};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// How a request came in. Kept with it, for the layer behind the router.
#[derive(Clone)]
pub(in crate::http) struct Arrival {
    pub(in crate::http) peer: SocketAddr,
    /// This side of the connection.
    pub(in crate::http) local: IpAddr,
    /// Why the request is not looked at any further. The layer says so, since it writes every problem.
    pub(super) refused: Option<Problem>,
}

impl Arrival {
    /// Looks at a request as it comes off the wire: checks its host, and decodes what its path need not have encoded.
    /// Done once, so that `%2540` stays the text `%40` and never becomes `@`.
    pub(in crate::http) fn of<B>(request: &mut Request<B>, peer: SocketAddr, local: IpAddr) -> Self {
        let refused =
            if has_host(request) { respell(request).err() } else { Some(Problem::malformed(Malformed::Host)) };
        Self { peer, local, refused }
    }
}

/// Whether it is clear which host is meant (RFC 9112 section 3.2, RFC 9113 section 8.3.1). HTTP/1.0 names none.
fn has_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, authority) = (hosts.next(), request.uri().authority());
    let multiplexed = request.version() == Version::HTTP_2;
    if hosts.next().is_some() || authority.is_some_and(|authority| !is_authority(authority.as_str())) {
        return false;
    }
    match (host, authority) {
        (Some(host), Some(authority)) if multiplexed => authority.as_str().eq_ignore_ascii_case(text(host)),
        (Some(host), _) => is_authority(text(host)),
        (None, Some(_)) if multiplexed => true,
        (None, _) => request.version() < Version::HTTP_11,
    }
}

/// Empty, and so no host, where it is not ASCII.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// `name`, `1.2.3.4` or `[::1]`, with a port or without.
fn is_authority(text: &str) -> bool {
    let (host_fits, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (host, port) = text.find(':').map_or((text, ""), |at| text.split_at(at));
            (!host.is_empty() && host.bytes().all(|byte| is_plain(byte) && !matches!(byte, b':' | b'@')), port)
        }
    };
    let number =
        |port: &str| port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host_fits && (port.is_empty() || port.strip_prefix(':').is_some_and(number))
}

/// What stands for itself in a path, whether it is encoded or not: RFC 3986 calls it `pchar`. The slash is none of it:
/// an encoded one is part of a segment, and never ends it.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// Gives the path its one spelling. Refuses what decodes to nothing.
fn respell<B>(request: &mut Request<B>) -> Result<(), Problem> {
    let uri = request.uri();
    // Nearly every path is as it should be, and costs this look alone.
    if !uri.path().as_bytes().contains(&b'%') {
        return Ok(());
    }
    let malformed = || Problem::malformed(Malformed::Path);
    let mut path = spelled(uri.path()).ok_or_else(malformed)?;
    if path == uri.path() {
        return Ok(());
    }
    if let Some(query) = uri.query() {
        path.extend(["?", query]);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(|_| malformed())?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| malformed())?;
    Ok(())
}

/// The path with everything plain as it is; none where an escape is broken, or what is encoded is no UTF-8.
fn spelled(path: &str) -> Option<String> {
    let (mut spelled, mut decoded) = (String::with_capacity(path.len()), Vec::with_capacity(path.len()));
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        spelled.push_str(before);
        decoded.extend_from_slice(before.as_bytes());
        decoded.push(byte);
        if is_plain(byte) {
            spelled.push(char::from(byte));
        } else {
            spelled.extend(["%", digits]);
        }
        rest = &after[2..];
    }
    decoded.extend_from_slice(rest.as_bytes());
    spelled.push_str(rest);
    std::str::from_utf8(&decoded).is_ok().then_some(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_decoded_once_and_nothing_else() {
        for (path, expected) in [
            ("/api/members/%40kim", "/api/members/@kim"),
            ("/api/members/%6D%65", "/api/members/me"),
            ("/%61pi/posts", "/api/posts"),
            ("/api/tags/%23a", "/api/tags/%23a"),
            ("/api/posts/1%2f2", "/api/posts/1%2f2"),
            ("/api/members/%2540kim", "/api/members/%2540kim"),
            ("/api/members/%254%30", "/api/members/%2540"),
            ("/api/tags/%ED%95%9C", "/api/tags/%ED%95%9C"),
            ("/%00%20%3F", "/%00%20%3F"),
        ] {
            assert_eq!(spelled(path).as_deref(), Some(expected), "{path}");
        }
        for broken in ["/%", "/%4", "/%zz", "/%4g", "/%+1", "/%ff", "/%ed%95", "/%c0%af", "/%%41"] {
            assert_eq!(spelled(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_query_stays_as_it_is() {
        let mut request = Request::get("http://x/%61?q=%61%zz").body(()).unwrap();
        respell(&mut request).unwrap();
        assert_eq!(request.uri(), "http://x/a?q=%61%zz");
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["feed.example", "feed.example:8080", "127.0.0.1", "[::1]", "[::1]:1", "x_y", "a:"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a/b", "a@b", "a:b", "a:99999", "a:1:2", "::1", "[::1", "[x]", "[::1]x", "한글",
            "http://a",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn it_must_be_clear_which_host_is_meant() {
        let asks = |version, uri: &str, hosts: &[&'static str]| {
            let mut request = Request::get(uri).version(version).body(()).unwrap();
            for host in hosts {
                request.headers_mut().append(header::HOST, HeaderValue::from_static(host));
            }
            has_host(&request)
        };
        assert!(asks(Version::HTTP_11, "/", &["a"]) && asks(Version::HTTP_11, "http://b/", &["a"]));
        assert!(asks(Version::HTTP_10, "/", &[]));
        assert!(asks(Version::HTTP_2, "http://a/", &[]) && asks(Version::HTTP_2, "http://a/", &["A"]));
        for hosts in [&[][..], &["a", "a"], &[""]] {
            assert!(!asks(Version::HTTP_11, "/", hosts), "{hosts:?}");
        }
        assert!(!asks(Version::HTTP_11, "http://u:p@b/", &["a"]) && !asks(Version::HTTP_2, "http://a/", &["b"]));
        assert!(!asks(Version::HTTP_2, "/", &[]));
    }
}
