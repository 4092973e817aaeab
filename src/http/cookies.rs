//! The cookie of the refresh token, for browsers: scripts cannot read it, and other sites cannot send it.
use axum::http::{HeaderMap, HeaderValue, header};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use std::time::Duration;

const NAME: &str = "refresh_token";
/// Browsers send the cookie to these routes only.
const PATH: &str = "/api/authentication";

/// Sets and reads the cookie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    /// Browsers send the cookie over TLS only.
    pub(super) secure: bool,
}

impl Cookies {
    /// Sets the cookie.
    pub(super) fn set(self, headers: &mut HeaderMap, token: &str, lasts: Duration) {
        // `Max-Age` is written as text: the cookie crate takes a duration of another crate.
        self.write(headers, token, lasts.as_secs());
    }

    /// Clears the cookie.
    pub(super) fn clear(self, headers: &mut HeaderMap) {
        self.write(headers, "", 0);
    }

    /// The refresh token in the request's cookie.
    pub(super) fn get(headers: &HeaderMap) -> Option<String> {
        let jar = CookieJar::from_headers(headers);
        jar.get(NAME).map(|cookie| cookie.value().to_owned()).filter(|token| !token.is_empty())
    }

    fn write(self, headers: &mut HeaderMap, token: &str, seconds: u64) {
        let cookie = Cookie::build((NAME, token)).path(PATH).http_only(true).same_site(SameSite::Strict);
        let cookie = cookie.secure(self.secure).build();
        if let Ok(value) = HeaderValue::from_str(&format!("{cookie}; Max-Age={seconds}")) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_restricted_to_its_path() {
        let mut headers = HeaderMap::new();
        Cookies { secure: true }.set(&mut headers, "abc", Duration::from_secs(60));
        let set = headers[header::SET_COOKIE].to_str().unwrap();
        let expected = "refresh_token=abc; HttpOnly; SameSite=Strict; Secure; Path=/api/authentication; Max-Age=60";
        assert_eq!(set, expected);
    }

    #[test]
    fn the_cookie_is_read_back() {
        let mut headers = HeaderMap::new();
        assert_eq!(Cookies::get(&headers), None);
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; refresh_token=abc"));
        assert_eq!(Cookies::get(&headers).as_deref(), Some("abc"));
    }
}
