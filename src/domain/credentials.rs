//! Credentials of an account: the e-mail address and the password, each with its rules and its normal form.
use super::{FieldError, Reason, text};
use unicode_normalization::UnicodeNormalization;

/// An e-mail address as given: a bare addr-spec. Two addresses with the same [`Email::key`] are the same account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Maximum number of characters of an address.
    pub const MAX: usize = 100;

    /// Checks form and length: ASCII, no display name, no comments, and a host name rather than an IP address.
    pub fn new(address: &str) -> Result<Self, FieldError> {
        let refuse = |reason| Err(FieldError { field: "email", reason });
        let address = address.trim();
        match text::length(address) {
            0 => return refuse(Reason::Required),
            length if length > Self::MAX => return refuse(Reason::TooLong { max: Self::MAX }),
            _ => {}
        }
        let bare = email_address::Options::default()
            .with_no_minimum_sub_domains()
            .without_display_text()
            .without_domain_literal();
        let valid = address.is_ascii()
            && email_address::EmailAddress::parse_with_options(address, bare).is_ok()
            && address.rsplit_once('@').is_some_and(|(_, host)| is_host_name(host));
        if valid { Ok(Self(address.to_owned())) } else { refuse(Reason::InvalidFormat) }
    }

    /// Returns the address as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key form, which two spellings of one address share.
    pub fn key(&self) -> String {
        key(&self.0)
    }

    /// Returns the key form of any text that was typed as an address. Refuses `TooLong`.
    pub fn key_of(typed: &str) -> Result<String, FieldError> {
        let typed = typed.trim();
        // Bytes first, so that a huge text is not scanned.
        if typed.len() > Self::MAX * 4 || typed.chars().count() > Self::MAX {
            return Err(FieldError { field: "email", reason: Reason::TooLong { max: Self::MAX } });
        }
        Ok(key(typed))
    }
}

/// Lowercases an address and removes unnecessary quotation marks: `"kim"@example.com` becomes `kim@example.com`.
fn key(address: &str) -> String {
    let address = address.to_lowercase();
    let needs_no_quotes = |local: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(plain))
    };
    let unquoted = address.rsplit_once('@').and_then(|(local, host)| {
        let local = local.strip_prefix('"')?.strip_suffix('"')?;
        needs_no_quotes(local).then(|| format!("{local}@{host}"))
    });
    unquoted.unwrap_or(address)
}

/// Returns whether a text is a host name: labels of letters, digits and inner hyphens. The last label is no number,
/// which would make it an IPv4 address.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(inner)
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// A password in NFKC, the form that the spellings of all keyboards share. Never stored, never printed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Fewest characters.
    pub const MIN: usize = 8;
    /// Maximum number of characters.
    pub const MAX: usize = 50;
    /// A password has at least one of these.
    pub const SYMBOLS: &'static str = "@$!%*?&#";

    /// Checks the length of the normal form, and that it has lower case, upper case, a digit and one of `SYMBOLS`.
    pub fn new(field: &'static str, password: &str) -> Result<Self, FieldError> {
        let refuse = |reason| Err(FieldError { field, reason });
        let too_long = Reason::TooLong { max: Self::MAX };
        if password.chars().count() > Self::MAX * text::CODE_POINTS_MAX {
            return refuse(too_long);
        }
        let Self(password) = Self::typed(password);
        match text::length(&password) {
            0 => return refuse(Reason::Required),
            length if length < Self::MIN => return refuse(Reason::TooShort { min: Self::MIN }),
            length if length > Self::MAX => return refuse(too_long),
            _ => {}
        }
        let has = |kind: fn(char) -> bool| password.chars().any(kind);
        let complete = has(|c| c.is_ascii_lowercase())
            && has(|c| c.is_ascii_uppercase())
            && has(|c| c.is_ascii_digit())
            && has(|c| Self::SYMBOLS.contains(c));
        if complete { Ok(Self(password)) } else { refuse(Reason::InvalidFormat) }
    }

    /// Makes a password to verify against a hash. Does not check the rules, which may have changed since it was set.
    pub fn typed(password: &str) -> Self {
        Self(password.nfkc().collect())
    }

    /// Returns the text, for hashing only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_bare_and_has_a_host_name() {
        for good in ["a@b.kr", " Kim.Minsu+feed@example.co.kr ", "kim@localhost", "o'hara@x-1.example", "\"a b\"@b.kr"]
        {
            assert!(Email::new(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(100));
        let bad = [
            "",
            "a",
            "a@",
            "@b.kr",
            "a b@c.kr",
            "a@@b.kr",
            "Kim <a@b.kr>",
            "<a@b.kr>",
            "\"Kim\" <a@b.kr>",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "a@127.0.0.1",
            "a@b..kr",
            "a@.kr",
            "a@b.kr.",
            "a@-b.kr",
            "a@b_c.kr",
            ".a@b.kr",
            "a..b@c.kr",
            "a@b.kr (Kim)",
            "a@b.kr, c@d.kr",
            "mailto:a@b.kr@c",
            "김@b.kr",
            "a@예시.kr",
            "a\u{200B}@b.kr",
            "a\r\n@b.kr",
            &long,
        ];
        for bad in bad {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spellings_of_one_address_have_one_key() {
        for same in ["kim@b.kr", "KIM@B.KR", "\"kim\"@b.kr"] {
            assert_eq!(Email::new(same).unwrap().key(), "kim@b.kr");
            assert_eq!(Email::key_of(&format!(" {same}")).unwrap(), "kim@b.kr");
        }
        assert_eq!(Email::new("\"k m\"@b.kr").unwrap().key(), "\"k m\"@b.kr");
        assert_eq!(Email::key_of(&"a".repeat(100)).unwrap().len(), 100);
        assert!(Email::key_of(&"a".repeat(101)).is_err() && Email::key_of(&"a".repeat(70_000)).is_err());
    }

    #[test]
    fn a_password_has_four_kinds_of_characters() {
        assert!(Password::new("password", "Passw0rd!").is_ok());
        let long = format!("Aa1!{}", "x".repeat(47));
        for bad in ["Pass0d!", "passw0rd!", "PASSW0RD!", "Password!", "Passw0rdd", &long] {
            assert!(Password::new("password", bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", Password::new("password", "Passw0rd!").unwrap()), "Password(..)");
    }

    #[test]
    fn a_password_is_checked_in_its_normal_form() {
        let kept = |text: &str| Password::new("password", text).map(|password| password.0);
        for same in ["Pássw0rd!", "Pa\u{301}ssw0rd!", "Ｐássw０rd！"] {
            assert_eq!(kept(same).as_deref(), Ok("Pássw0rd!"));
        }
        assert_eq!(kept("Ｐａ１！xxxx").as_deref(), Ok("Pa1!xxxx"));
        assert!(kept("Pass0d！").is_err(), "seven");
        assert_eq!(kept(&format!("Aa1!{}", "ﬃ".repeat(16))).unwrap_err().reason, Reason::TooLong { max: 50 });
        assert!(kept(&format!("Passw0rd!{}", "\u{301}".repeat(5_000))).is_err(), "too many marks");
    }
}
