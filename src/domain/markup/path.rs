//! Recognises paths in a text: of files, of folders, of a server. A tag or mention inside a path is plain text.
use super::address::{HOST_MAX, ends_address, is_name, tail};

/// Returns the end of a Windows path: `C:\folder\…`, `C:/folder/…`.
pub(super) fn drive(text: &[char], at: usize) -> Option<usize> {
    let begins = text.get(at + 1) == Some(&':') && matches!(text.get(at + 2), Some('\\' | '/'));
    let goes_on = |c: &&char| **c == '\\' || !ends_address(**c);
    begins.then(|| at + text[at..].iter().take_while(goes_on).count())
}

/// Returns the end of a relative path of several folders: `src/domain/…`. One slash between two words makes no path,
/// since people write `커피/차` and `coffee/#tea`, unless a name follows it: `docs/@name`.
pub(super) fn folders(text: &[char], at: usize) -> Option<usize> {
    let mut from = at;
    let mut slashes = 0;
    let mut letters = false;
    loop {
        let is_part = |c: &&char| is_name(**c) || matches!(c, '.' | '-' | '~' | '%' | '+');
        let length = text[from..].iter().take(HOST_MAX).take_while(is_part).count();
        letters |= text[from..from + length].iter().any(char::is_ascii_alphabetic);
        if length == 0 || text.get(from + length) != Some(&'/') {
            break;
        }
        slashes += 1;
        from += length + 1;
    }
    let signed = slashes == 1 && text.get(from) == Some(&'@') && text.get(from + 1).is_some_and(|c| is_name(*c));
    ((slashes >= 2 || signed) && letters).then(|| tail(text, at))
}

/// Returns the end of a path that begins with its root: `/folder/…`, `/@name`, `./…`, `../…`, `~/…`, `~name/…`.
pub(super) fn path(text: &[char], at: usize) -> Option<usize> {
    let rest = &text[at..];
    let relative = [&['.', '/'][..], &['.', '.', '/'], &['~', '/']].iter().any(|begin| rest.starts_with(begin));
    let absolute = rest[0] == '/' && rest.get(1).is_some_and(|c| is_name(*c) || matches!(c, '.' | '~' | '%' | '@'));
    let home = rest[0] == '~' && {
        let name = rest[1..].iter().take_while(|c| is_name(**c)).count();
        name > 0 && rest.get(name + 1) == Some(&'/')
    };
    if !(relative || absolute || home) {
        return None;
    }
    let end = tail(text, at);
    (end > at).then_some(end)
}
