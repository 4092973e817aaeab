//! Properties of the source itself: which layer may import which, what may stand in a file, how long it may be, which
//! words it may use, and whether its documents name files that exist.
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/words.rs"]
mod words;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each layer, and the layers it may name. A file that is not listed here (`app`, `cli`, `seed`, ...) may import any
/// layer.
const LAYERS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("domain", &[]),
    ("storage", &["domain", "config"]),
    ("cluster", &["domain", "storage", "config"]),
    ("actors", &["domain", "storage", "config"]),
    ("http", &["domain", "actors", "cluster", "config"]),
];
/// Modules above the layers. No layer may import them.
const ABOVE: &[&str] = &["app", "audit", "bench", "cli", "client", "reindex", "seed", "telemetry", "watchdog"];
/// Crates that belong to one layer only.
const CRATES: &[(&str, &str)] = &[
    ("axum", "http"),
    ("axum_extra", "http"),
    ("tower_http", "http"),
    ("utoipa", "http"),
    ("ractor", "actors"),
    ("sqlx", "storage"),
    ("mongodb", "storage"),
    ("fred", "storage"),
    ("rskafka", "storage"),
    ("tantivy", "storage"),
    ("object_store", "storage"),
];
/// Crates that `domain` may not name, beside those of the other layers.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "tokio_util", "hyper", "hyper_util", "tower", "futures"];
/// Pieces in two halves, so that this file does not contain them.
const BANNED: &[(&str, &str)] = &[
    ("unbounded", "_channel"),
    ("todo", "!("),
    ("unimplemented", "!("),
    // `common::client()` has a time limit; these two have none.
    ("Client::ne", "w()"),
    ("reqwest::ge", "t("),
    ("#[ig", "nore"),
    ("#[al", "low("),
    ("#![al", "low("),
    // An error is logged as `&dyn Error`: as text it has lost its causes.
    ("%er", "ror"),
];
const LINES_MAX: usize = 300;
const MAIN_LINES_MAX: usize = 59;

/// The layer that a file belongs to, or the file beside the layers.
fn layer(path: &Path) -> Option<&str> {
    let mut parts = path.iter().map(|part| part.to_str().unwrap_or_default());
    (parts.next() == Some("src")).then(|| parts.next()).flatten()
}

/// The text without its comments.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Returns the offsets at which a path begins with this word.
fn starts<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        !code[..*at].chars().next_back().is_some_and(inside)
    })
}

/// The first names after `crate::`, or after enough `super::` to be there.
fn of_crate(code: &str, depth: usize) -> BTreeSet<&str> {
    let root = "super::".repeat(depth);
    let from_root = |prefix: &'static str| starts(code, prefix).map(move |at| at + prefix.len());
    let above = starts(code, "super::").filter(|at| code[*at..].starts_with(&root)).map(|at| at + root.len());
    from_root("crate::").chain(above).flat_map(|at| first_names(&code[at..])).collect()
}

/// `a::b` gives a; `{a::{b, c}, d as e}` gives a and d.
fn first_names(tree: &str) -> Vec<&str> {
    let Some(tree) = tree.strip_prefix('{') else { return vec![first_name(tree)] };
    let (mut depth, mut from, mut names) = (0, 0, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.push(first_name(tree[from..at].trim_start()));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether a crate is named: as the start of a path, or imported whole.
fn names_crate(code: &str, name: &str) -> bool {
    let imported = [format!("use {name};"), format!("use {name} as"), format!("extern crate {name}")];
    starts(code, &format!("{name}::")).next().is_some() || imported.iter().any(|import| code.contains(import))
}

fn imports(path: &Path, text: &str) -> Vec<String> {
    let Some(layer) = layer(path) else { return Vec::new() };
    let code = code(text);
    let mut wrong = Vec::new();
    if let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) {
        // `src/http/mod.rs` is one step below the crate, `src/http/posts.rs` two.
        let depth = path.iter().count() - 1 - usize::from(path.ends_with("mod.rs"));
        let layers = LAYERS.iter().map(|(name, _)| *name).chain(ABOVE.iter().copied());
        let not_allowed = layers.filter(|name| *name != layer && !allowed.contains(name));
        let named = of_crate(&code, depth);
        wrong.extend(not_allowed.filter(|name| named.contains(name)).map(|name| format!("names crate::{name}")));
    }
    let others = CRATES.iter().filter(|(name, owner)| *owner != layer && names_crate(&code, name));
    wrong.extend(others.map(|(name, owner)| format!("names {name}, which belongs to {owner}")));
    let outer = NOT_IN_DOMAIN.iter().filter(|name| layer == "domain" && names_crate(&code, name));
    wrong.extend(outer.map(|name| format!("names {name}")));
    wrong.into_iter().map(|what| format!("{} {what}", path.display())).collect()
}

fn shape(path: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let max = if path.ends_with("src/main.rs") { MAIN_LINES_MAX } else { LINES_MAX };
    if !text.starts_with("//! ") {
        wrong.push("does not start with a //! line".to_owned());
    }
    if text.lines().count() > max {
        wrong.push(format!("is longer than {max} lines"));
    }
    let banned = BANNED.iter().map(|(first, second)| format!("{first}{second}"));
    wrong.extend(banned.filter(|piece| text.contains(piece)).map(|piece| format!("contains {piece}")));
    wrong.into_iter().map(|what| format!("{} {what}", path.display())).collect()
}

/// Returns the public lines of the storage layer that show one of its backends.
fn exposed(face: &str, backends: &[&str]) -> Vec<String> {
    let public = |line: &&str| line.starts_with("pub");
    let shows = |line: &&str| {
        line.contains(" mod ") || backends.iter().any(|backend| line.contains(&format!(" use {backend}")))
    };
    face.lines().filter(public).filter(shows).map(str::to_owned).collect()
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["src", "tests", "benches", "examples"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "the source was not found");
    found
}

fn none_wrong(check: impl Fn(&Path, &str) -> Vec<String>) {
    let wrong: Vec<_> = sources().iter().flat_map(|(path, text)| check(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layers_only_look_down() {
    none_wrong(imports);
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    none_wrong(shape);
}

#[test]
fn backends_are_private() {
    let storage = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage");
    let entries = fs::read_dir(&storage).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    let backends: Vec<_> = folders.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert!(backends.contains(&"sqlite"));
    let shown = exposed(&fs::read_to_string(storage.join("mod.rs")).unwrap(), &backends);
    assert!(shown.is_empty(), "src/storage/mod.rs shows a backend: {}", shown.join("\n"));
}

#[test]
fn an_import_that_looks_up_or_aside_is_refused() {
    let refused = |path: &str, text: &str| !imports(Path::new(path), text).is_empty();
    for text in [
        "use crate::storage::Stores;",
        "use crate::storage;",
        "use crate::{\n    actors::{self, Error},\n    storage::Stores,\n};",
        "use crate::{actors::Error, storage as kept};",
        "use super::super::storage::Stores;",
        "fn f(stores: &crate::storage::Stores) {}",
        "pub use crate::app;",
        "use crate::seed::Options;",
    ] {
        assert!(refused("src/http/posts.rs", text), "{text}");
    }
    assert!(refused("src/http/mod.rs", "use super::{domain::Id, storage::Stores};"));
    assert!(refused("src/storage/mod.rs", "use crate::actors::Content;"));
    assert!(refused("src/cluster/mod.rs", "use crate::actors::Content;"));
    assert!(refused("src/config/mod.rs", "use crate::domain::Id;"));
    for text in [
        "use crate::{actors::storage, domain::seed};",
        "use super::storage;",
        "use crate::cluster::Slots;",
        "//! See crate::storage::Stores.\nfn f() {} // not crate::storage::Stores",
    ] {
        assert!(!refused("src/http/posts.rs", text), "{text}");
    }
    assert!(!refused("src/app.rs", "use crate::{actors, http, storage};"));
}

#[test]
fn a_crate_outside_its_layer_is_refused() {
    let refused = |path: &str, text: &str| !imports(Path::new(path), text).is_empty();
    for (name, owner) in CRATES {
        let text = format!("use {name}::Thing;");
        assert!(refused("src/app.rs", &text) && refused("src/domain/id.rs", &text), "{name}");
        assert!(!refused(&format!("src/{owner}/mod.rs"), &text), "{name}");
    }
    for name in NOT_IN_DOMAIN {
        assert!(refused("src/domain/id.rs", &format!("let x = {name}::y();")), "{name}");
    }
    assert!(refused("src/storage/mod.rs", "use ractor as r;"));
    assert!(refused("src/storage/mod.rs", "use axum;"));
    assert!(!refused("src/storage/mod.rs", "use std::axum::x;\n// not axum::Router"));
}

#[test]
fn a_file_out_of_shape_is_refused() {
    let refused = |path: &str, text: &str| !shape(Path::new(path), text).is_empty();
    let lines = |count: usize| format!("//! x{}", "\n".repeat(count));
    assert!(refused("src/x.rs", "use std::fs;") && refused("src/x.rs", "//!x"));
    assert!(!refused("src/x.rs", &lines(LINES_MAX)) && refused("tests/x.rs", &lines(LINES_MAX + 1)));
    assert!(!refused("src/main.rs", &lines(59)) && refused("src/main.rs", &lines(60)));
    for (first, second) in BANNED {
        assert!(refused("tests/x.rs", &format!("//! x\n{first}{second}")), "{first}{second}");
    }
}

#[test]
fn a_backend_that_is_shown_is_refused() {
    let shown = |face: &str| exposed(face, &["sqlite"]).len();
    assert_eq!(shown("pub mod sqlite;\npub(crate) mod sqlite;\npub use sqlite::Sqlite;"), 3);
    assert_eq!(shown("mod sqlite;\nuse sqlite::Sqlite;\npub use posts::PostStore;\npub struct Model;"), 0);
}
