//! Properties of the source itself: which layer may import which, what may stand in a file, and how long it may be.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each layer, and the layers it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("storage", &["domain", "config"]),
    ("actors", &["domain", "storage", "config"]),
    ("http", &["domain", "actors", "config"]),
    ("config", &[]),
];
/// Crates that belong to one layer only.
const CRATES: &[(&str, &str)] = &[
    ("axum", "http"),
    ("axum_extra", "http"),
    ("tower_http", "http"),
    ("ractor", "actors"),
    ("sqlx", "storage"),
    ("mongodb", "storage"),
    ("fred", "storage"),
    ("rskafka", "storage"),
    ("tantivy", "storage"),
    ("object_store", "storage"),
];
/// What the innermost layer does without.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "hyper", "futures"];
/// Pieces in two halves, so that this file does not contain them.
const BANNED: &[(&str, &str)] = &[
    ("unbounded", "_channel"),
    ("todo", "!("),
    ("unimplemented", "!("),
    ("#[ig", "nore"),
    ("#[al", "low("),
    ("#![al", "low("),
];
const LINES_MAX: usize = 300;
const MAIN_LINES_MAX: usize = 60;

fn layer(path: &Path) -> Option<&str> {
    let mut parts = path.iter().map(|part| part.to_str().unwrap_or_default());
    (parts.next() == Some("src")).then(|| parts.next()).flatten()
}

fn imports(path: &Path, text: &str) -> Vec<String> {
    let Some(layer) = layer(path) else { return Vec::new() };
    let squeezed: String = text.split_whitespace().collect();
    let mut wrong = Vec::new();
    if let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) {
        for (other, _) in LAYERS.iter().filter(|(name, _)| *name != layer && !allowed.contains(name)) {
            let braced = squeezed.split("usecrate::{").skip(1).any(|rest| {
                let list = rest.split(';').next().unwrap_or_default();
                let named = |with: &str| list.starts_with(with) || list.contains(&format!(",{with}"));
                named(&format!("{other}::"))
            });
            if braced || squeezed.contains(&format!("crate::{other}::")) {
                wrong.push(format!("{} names crate::{other}", path.display()));
            }
        }
    }
    for (name, owner) in CRATES.iter().filter(|(_, owner)| *owner != layer) {
        if names(text, name) {
            wrong.push(format!("{} names {name}, which belongs to {owner}", path.display()));
        }
    }
    let domain = NOT_IN_DOMAIN.iter().filter(|name| layer == "domain" && names(text, name));
    wrong.extend(domain.map(|name| format!("{} names {name}", path.display())));
    wrong
}

/// Whether a crate is named as the start of a path.
fn names(text: &str, name: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter().any(|line| {
        line.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
        })
    })
}

fn shape(path: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let max = if path.ends_with("src/main.rs") { MAIN_LINES_MAX } else { LINES_MAX };
    if !text.starts_with("//! ") {
        wrong.push(format!("{} does not start with a //! line", path.display()));
    }
    if text.lines().count() > max {
        wrong.push(format!("{} is longer than {max} lines", path.display()));
    }
    for (first, second) in BANNED {
        if text.contains(&format!("{first}{second}")) {
            wrong.push(format!("{} contains {first}{second}", path.display()));
        }
    }
    wrong
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src"), root.join("tests"), root.join("benches")];
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

#[test]
fn layers_only_look_down() {
    let wrong: Vec<_> = sources().iter().flat_map(|(path, text)| imports(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    let wrong: Vec<_> = sources().iter().flat_map(|(path, text)| shape(path, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn backends_are_private() {
    let storage = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/mod.rs");
    let text = fs::read_to_string(storage).unwrap();
    assert!(text.contains("mod sqlite;") && !text.contains("pub mod sqlite"));
}

#[test]
fn these_checks_can_fail() {
    let bad = |path: &str, text: &str| !imports(Path::new(path), text).is_empty();
    assert!(bad("src/http/posts.rs", "use crate::storage::Stores;"));
    assert!(bad("src/http/posts.rs", "use crate::{\n    actors::Error,\n    storage::Stores,\n};"));
    assert!(bad("src/domain/id.rs", "use tokio::sync::watch;"));
    assert!(bad("src/actors/mod.rs", "let pool = sqlx::SqlitePool::connect(x);"));
    assert!(bad("src/storage/mod.rs", "use ractor::Actor;"));
    assert!(!bad("src/actors/mod.rs", "use crate::storage::Stores;\n// not sqlx::query"));
    let misshapen = |text: &str| !shape(Path::new("src/x.rs"), text).is_empty();
    assert!(misshapen("use std::fs;"));
    assert!(misshapen(&format!("//! x\n{}", "\n".repeat(LINES_MAX))));
    assert!(BANNED.iter().all(|(first, second)| misshapen(&format!("//! x\n{first}{second}"))));
}
