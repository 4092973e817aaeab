//! Recognises addresses in a text: URLs, hosts, e-mail addresses, paths, accounts on other servers.
//!
//! Addresses are never opened or shown as links. They are recognised only so that a `#` or `@` inside one begins no tag
//! or mention. Therefore it does not matter whether a host exists. In doubt, a scheme, a dot or a second slash makes an
//! address.
use super::path::{drive, folders, path};
use crate::domain::characters::{is_digit, is_letter, is_mark};

/// Schemes of URLs without `//`.
const SCHEMES: &[&str] = &["acct", "data", "magnet", "mailto", "matrix", "sip", "sips", "sms", "tel", "urn", "xmpp"];
/// Longest scheme that is recognised.
const SCHEME_MAX: usize = 32;
/// Longest host, and longest local part of an e-mail address.
pub(super) const HOST_MAX: usize = 253;
/// Top-level domains that are not written in ASCII.
const ENDINGS: &[&str] = &["한국", "닷컴", "닷넷", "中国", "中國", "рф"];

/// Returns the end of the address that begins at `at`, if one does.
pub(super) fn end(text: &[char], at: usize) -> Option<usize> {
    let first = text[at];
    let before = at.checked_sub(1).map(|before| text[before]);
    if matches!(first, '/' | '~' | '.') {
        return before.is_none_or(may_precede_path).then(|| path(text, at)).flatten();
    }
    // An underscore before an address is emphasis. Between two words of other scripts there is no border.
    let goes_on = |c: char| c.is_ascii_alphanumeric() || !first.is_ascii() && is_label(c);
    if !(is_name(first) || is_label(first)) || before.is_some_and(goes_on) {
        return None;
    }
    if first.is_ascii_alphabetic()
        && let Some(end) = scheme(text, at).or_else(|| drive(text, at))
    {
        return Some(end);
    }
    email(text, at).or_else(|| host(text, at)).or_else(|| folders(text, at))
}

/// Returns the end of an account on another server, whose name continues after the handle: `@name@host`, `@name.more`.
pub(super) fn account(text: &[char], handle_end: usize) -> Option<usize> {
    let sign = *text.get(handle_end)?;
    let rest = &text[handle_end + 1..];
    let named = rest.first().is_some_and(|c| is_name(*c));
    let elsewhere = matches!(sign, '@' | '＠');
    if elsewhere && rest.first() == Some(&'[') {
        // The host is an IP address in brackets.
        let length =
            rest.iter().take_while(|c| c.is_ascii_hexdigit() || matches!(c, '[' | ':' | '.' | 'v' | 'I' | 'P')).count();
        return (rest.get(length) == Some(&']')).then(|| with_path(text, handle_end + 2 + length));
    }
    // A host in another script has a dot: `@name@한글.한국`.
    let foreign = elsewhere && {
        let labels = rest.iter().take_while(|c| is_label(**c)).count();
        labels > 0 && rest.get(labels) == Some(&'.') && rest.get(labels + 1).is_some_and(|c| is_label(*c))
    };
    if !named && !foreign || !elsewhere && sign != '.' {
        return None;
    }
    let name = text[handle_end..].iter();
    let length = name.take_while(|c| is_name(**c) || is_label(**c) || matches!(c, '@' | '＠' | '.')).count();
    let mut end = handle_end + length;
    while matches!(text[end - 1], '.' | '-') {
        end -= 1;
    }
    Some(with_path(text, end))
}

/// Returns whether an ASCII handle or host may have this character.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns whether a label of a host may have this character.
fn is_label(c: char) -> bool {
    c == '-' || is_letter(c) || is_digit(c) || is_mark(c)
}

/// Returns whether this character may precede a path that begins with a slash.
fn may_precede_path(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | '[' | '{' | '<' | '"' | '\'' | '`' | '“' | '‘' | '「' | '『' | '《' | '〈')
}

/// Returns the end of a URL: `https://…`, `mailto:…`.
fn scheme(text: &[char], at: usize) -> Option<usize> {
    let is_scheme = |c: &&char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
    let length = text[at..].iter().take(SCHEME_MAX + 1).take_while(is_scheme).count();
    let after = at + length;
    if length > SCHEME_MAX || text.get(after) != Some(&':') {
        return None;
    }
    let body = after + 1;
    let end = if text[body..].starts_with(&['/', '/']) {
        tail(text, body + 2)
    } else {
        let name: String = text[at..after].iter().map(char::to_ascii_lowercase).collect();
        let begins = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '?');
        let known = SCHEMES.contains(&name.as_str()) && text.get(body).is_some_and(begins);
        if known { tail(text, body) } else { body }
    };
    (end > body + 2).then_some(end)
}

/// Returns the end of an e-mail address: `name@host`.
fn email(text: &[char], at: usize) -> Option<usize> {
    let is_local = |c: &&char| is_name(**c) || matches!(c, '.' | '+' | '-' | '%' | '\'');
    let length = text[at..].iter().take(HOST_MAX).take_while(is_local).count();
    let sign = at + length;
    // A dot before the sign ends a sentence, and the sign begins a mention.
    if text.get(sign) != Some(&'@') || length == 0 || !is_name(text[sign - 1]) {
        return None;
    }
    let (end, _) = labels(text, sign + 1)?;
    Some(with_path(text, end))
}

/// Returns the end of a host with its port and path: `host.example`, `한글.한국`, `127.0.0.1`, `localhost:8080`.
fn host(text: &[char], at: usize) -> Option<usize> {
    if let Some((end, true)) = labels(text, at) {
        return Some(with_path(text, end));
    }
    // A single label is a host if a port and a slash follow, or if it is `localhost/`.
    let length = text[at..].iter().take(HOST_MAX).take_while(|c| is_name(**c) || **c == '-').count();
    let end = at + length;
    let digits = text.get(end + 1..)?.iter().take_while(|c| c.is_ascii_digit()).count();
    let port = text[end] == ':' && (2..=5).contains(&digits) && text.get(end + 1 + digits) == Some(&'/');
    let local = text[at..end].iter().collect::<String>().eq_ignore_ascii_case("localhost") && text[end] == '/';
    (port || local).then(|| tail(text, end + 1))
}

/// Returns the end of labels with dots between them, and whether they form a host without a scheme.
fn labels(text: &[char], at: usize) -> Option<(usize, bool)> {
    let mut end = at;
    let mut from = at;
    let mut last = at..at;
    let mut count = 0;
    let mut numbers = 0;
    while from - at < HOST_MAX {
        let length = text[from..].iter().take(HOST_MAX).take_while(|c| is_name(**c) || is_label(**c)).count();
        if length == 0 {
            break;
        }
        end = from + length;
        last = from..end;
        count += 1;
        numbers += usize::from(text[last.clone()].iter().all(char::is_ascii_digit));
        if text.get(end) != Some(&'.') {
            break;
        }
        from = end + 1;
    }
    if count == 0 {
        return None;
    }
    let ending: String = text[last].iter().collect();
    let letters = ending.chars().take_while(char::is_ascii_alphabetic).count();
    // A Korean particle may follow a host directly: `a.example를`.
    let rest_is_foreign = ending.chars().nth(letters).is_none_or(|c| !is_name(c) && c != '-');
    let known = ENDINGS.iter().any(|known| ending.starts_with(known)) || ending.starts_with("xn--");
    let address = count == 4 && numbers == 4;
    Some((end, count > 1 && (letters >= 2 && rest_is_foreign || known || address)))
}

/// Returns the end of a host including its port, path, query and fragment, if they follow.
fn with_path(text: &[char], end: usize) -> usize {
    let next = text.get(end + 1).copied();
    let goes_on = match text.get(end) {
        Some('/' | '#') => true,
        // A question mark or a colon may also end a sentence.
        Some('?') => next.is_some_and(is_name),
        Some(':') => next.is_some_and(|c| c.is_ascii_digit() || c == '/') || is_remote(&text[end + 1..]),
        _ => false,
    };
    if goes_on { tail(text, end) } else { end }
}

/// Returns whether the text after a colon is the path of `git@host:folder/…`.
fn is_remote(text: &[char]) -> bool {
    let folder = text.iter().take_while(|c| is_name(**c) || matches!(c, '.' | '-' | '~')).count();
    folder > 0 && text.get(folder) == Some(&'/')
}

/// Returns the end of the rest of an address: at white space or a character that no address has, without the
/// punctuation of the sentence around it and without closing brackets that it has not opened.
pub(super) fn tail(text: &[char], from: usize) -> usize {
    let mut open = Vec::new();
    let mut end = from;
    for (at, c) in text.iter().enumerate().skip(from) {
        match c {
            '(' => open.push((')', at)),
            '[' => open.push((']', at)),
            '{' => open.push(('}', at)),
            ')' | ']' | '}' => match open.last() {
                Some((closing, _)) if closing == c => drop(open.pop()),
                _ => break,
            },
            c if ends_address(*c) => break,
            _ => {}
        }
        end = at + 1;
    }
    while end > from {
        let last = text[end - 1];
        let opened = open.last().is_some_and(|(_, at)| *at == end - 1);
        if !opened && !matches!(last, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*') {
            break;
        }
        if opened {
            open.pop();
        }
        end -= 1;
    }
    end
}

/// Returns whether a character ends an address.
pub(super) fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '|' | '\\' | '^' | '…')
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
        || matches!(c, '‘' | '’' | '“' | '”' | '«' | '»' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}')
        || matches!(c, '\u{3014}'..='\u{301F}' | '！' | '（' | '）' | '，' | '．' | '：' | '；' | '？' | '［' | '］')
        || matches!(c, '｛' | '｝' | '｡' | '｢' | '｣' | '､' | '～')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first address of a text.
    fn first(text: &str) -> String {
        let text: Vec<char> = text.chars().collect();
        let found = (0..text.len()).find_map(|at| Some(at..end(&text, at)?));
        found.map(|range| text[range].iter().collect()).unwrap_or_default()
    }

    #[test]
    fn an_address_is_recognised_as_a_whole() {
        for (text, address) in [
            ("see https://a.example/x, please", "https://a.example/x"),
            ("(https://a.example/x)", "https://a.example/x"),
            (
                "https://a.example/wiki/FAQ-(short)#if-i-install-it #진짜",
                "https://a.example/wiki/FAQ-(short)#if-i-install-it",
            ),
            ("https://a.example/?q=#first", "https://a.example/?q=#first"),
            ("링크https://a.example/@kim", "https://a.example/@kim"),
            ("「https://a.example/x」", "https://a.example/x"),
            ("https://a.example/x。다음", "https://a.example/x"),
            ("https://u:p@a.example:8443/#x.", "https://u:p@a.example:8443/#x"),
            ("https://[::1]:80/#x", "https://[::1]:80/#x"),
            ("https://한글.한국/#x!", "https://한글.한국/#x"),
            ("www.a.example/@kim?", "www.a.example/@kim"),
            ("a.example/share?to=@kim", "a.example/share?to=@kim"),
            ("127.0.0.1:8080/#x", "127.0.0.1:8080/#x"),
            ("localhost:8080/@kim", "localhost:8080/@kim"),
            ("한글.kr/#x", "한글.kr/#x"),
            ("kim@kim.example", "kim@kim.example"),
            ("mailto:kim@kim.example?cc=@lee", "mailto:kim@kim.example?cc=@lee"),
            (" /api/members/@kim ", "/api/members/@kim"),
            ("./a/#x", "./a/#x"),
            ("src/domain/@kim", "src/domain/@kim"),
            ("see /@kim", "/@kim"),
            ("docs/@kim", "docs/@kim"),
            ("~kim/@kim", "~kim/@kim"),
            (r"C:\dir\@kim 님", r"C:\dir\@kim"),
            ("C:/dir/#a", "C:/dir/#a"),
            ("git@github.example:kim/#x", "git@github.example:kim/#x"),
        ] {
            assert_eq!(first(text), address, "{text}");
        }
    }

    #[test]
    fn words_and_punctuation_are_no_addresses() {
        for text in [
            "서울/부산",
            "서울/#맛집",
            "coffee/#tea",
            "and/or",
            "3.14",
            "News: 오늘",
            "http:",
            "https://",
            "/",
            "좋다.그래서",
            "2026/11/30/",
            "1:2",
        ] {
            assert_eq!(first(text), "", "{text}");
        }
    }
}
