//! Paths in a text: of files, of folders, of a server.
use super::address::{HOST_MAX, ends, is_name, tail};

/// `C:\folder\…`, `C:/folder/…`.
pub(super) fn drive(text: &[char], at: usize) -> Option<usize> {
    let begins = text.get(at + 1) == Some(&':') && matches!(text.get(at + 2), Some('\\' | '/'));
    let goes_on = |c: &&char| **c == '\\' || !ends(**c);
    begins.then(|| at + text[at..].iter().take_while(goes_on).count())
}

/// Several folders and a slash: `src/domain/…`. One slash between two words is none, as people write `커피/차` and `coffee/#tea`,
/// unless a name follows it: `docs/@name`.
pub(super) fn folders(text: &[char], at: usize) -> Option<usize> {
    let (mut from, mut slashes, mut letters) = (at, 0, false);
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

/// `/folder/…`, `/@name`, `./…`, `../…`, `~/…`, `~name/…`.
pub(super) fn path(text: &[char], at: usize) -> Option<usize> {
    let rest = &text[at..];
    let relative = [&['.', '/'][..], &['.', '.', '/'], &['~', '/']].iter().any(|begin| rest.starts_with(begin));
    let absolute = rest[0] == '/' && rest.get(1).is_some_and(|c| is_name(*c) || matches!(c, '.' | '~' | '%' | '@'));
    let home = rest[0] == '~' && {
        let name = rest[1..].iter().take_while(|c| is_name(**c)).count();
        name > 0 && rest.get(name + 1) == Some(&'/')
    };
    (relative || absolute || home).then(|| tail(text, at)).filter(|end| *end > at)
}
