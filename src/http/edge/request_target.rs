//! Checks a request before a route is looked up: it names one valid host, and its path is normalized.
use crate::http::problem::{Malformed, Problem};
use axum::http::{HeaderValue, Request, Uri, Version, header, uri::PathAndQuery};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The connection of a request and the result of the check, kept in its extensions for the layer behind the router.
#[derive(Clone)]
pub(in crate::http) struct ConnectionInfo {
    pub(in crate::http) peer: SocketAddr,
    /// The server's address of the connection.
    pub(in crate::http) local: IpAddr,
    /// Why the request is refused. The layer responds with it, since it writes every problem.
    pub(super) refused: Option<Problem>,
}

impl ConnectionInfo {
    /// Checks the host of a request as received, and normalizes its path: decodes every escape of an unreserved
    /// character. Once only, so that `%2540` stays `%2540` and never becomes `@`.
    pub(in crate::http) fn new<B>(request: &mut Request<B>, peer: SocketAddr, local: IpAddr) -> Self {
        let refused =
            if has_host(request) { normalize(request).err() } else { Some(Problem::malformed(Malformed::Host)) };
        Self { peer, local, refused }
    }
}

/// Whether the request names exactly one valid host (RFC 9112 section 3.2, RFC 9113 section 8.3.1). HTTP/1.0 may name
/// none.
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

/// The value as text; empty, and so no valid host, if it is not ASCII.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// Whether the text is `name`, `1.2.3.4` or `[::1]`, with or without a port.
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

/// Whether a byte means the same in a path encoded or not (`pchar` of RFC 3986). The slash does not: an encoded one is
/// part of a segment and does not end it.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// Replaces the request's path by its normal form. Refuses a path with a broken escape, or one that is not UTF-8.
fn normalize<B>(request: &mut Request<B>) -> Result<(), Problem> {
    let uri = request.uri();
    // Nearly every path has no escapes, and costs only this search.
    if !uri.path().as_bytes().contains(&b'%') {
        return Ok(());
    }
    let malformed = || Problem::malformed(Malformed::Path);
    let mut path = normalized(uri.path()).ok_or_else(malformed)?;
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

/// The path with every escape of a plain byte decoded; none if an escape is broken or the decoded path is not UTF-8.
fn normalized(path: &str) -> Option<String> {
    let (mut normal, mut decoded) = (String::with_capacity(path.len()), Vec::with_capacity(path.len()));
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        normal.push_str(before);
        decoded.extend_from_slice(before.as_bytes());
        decoded.push(byte);
        if is_plain(byte) {
            normal.push(char::from(byte));
        } else {
            normal.extend(["%", digits]);
        }
        rest = &after[2..];
    }
    decoded.extend_from_slice(rest.as_bytes());
    normal.push_str(rest);
    std::str::from_utf8(&decoded).is_ok().then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_escapes_of_plain_bytes_are_decoded_and_only_once() {
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
            assert_eq!(normalized(path).as_deref(), Some(expected), "{path}");
        }
        for broken in ["/%", "/%4", "/%zz", "/%4g", "/%+1", "/%ff", "/%ed%95", "/%c0%af", "/%%41"] {
            assert_eq!(normalized(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_query_is_not_normalized() {
        let mut request = Request::get("http://x/%61?q=%61%zz").body(()).unwrap();
        normalize(&mut request).unwrap();
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
    fn a_request_names_exactly_one_host() {
        let names_host = |version, uri: &str, hosts: &[&'static str]| {
            let mut request = Request::get(uri).version(version).body(()).unwrap();
            for host in hosts {
                request.headers_mut().append(header::HOST, HeaderValue::from_static(host));
            }
            has_host(&request)
        };
        assert!(names_host(Version::HTTP_11, "/", &["a"]) && names_host(Version::HTTP_11, "http://b/", &["a"]));
        assert!(names_host(Version::HTTP_10, "/", &[]));
        assert!(names_host(Version::HTTP_2, "http://a/", &[]) && names_host(Version::HTTP_2, "http://a/", &["A"]));
        for hosts in [&[][..], &["a", "a"], &[""]] {
            assert!(!names_host(Version::HTTP_11, "/", hosts), "{hosts:?}");
        }
        assert!(
            !names_host(Version::HTTP_11, "http://u:p@b/", &["a"]) && !names_host(Version::HTTP_2, "http://a/", &["b"])
        );
        assert!(!names_host(Version::HTTP_2, "/", &[]));
    }
}
