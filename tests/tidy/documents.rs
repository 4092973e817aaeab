//! Documents: files that ARCHITECTURE.md names exist, and links between Markdown files resolve.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders below which ARCHITECTURE.md names files.
const ROOTS: &[&str] = &["", "src"];

/// Markdown that describes the present; the change log and results of former runs describe the past.
pub(crate) fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in ["", "docs", "docs/adr", "loadtests"] {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    paths.retain(|path| !path.ends_with("CHANGELOG.md"));
    let read = |path: PathBuf| (path.strip_prefix(root).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(read).collect()
}

/// `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((names, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

/// The paths of source files in a text: code spans that contain a slash and end like a file.
fn named_files(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_file = |span: &&str| {
        let ends = [".rs", ".sql", ".md", ".txt"].iter().any(|end| span.ends_with(end));
        ends && span.contains('/') && !span.contains(['<', ' '])
    };
    spans.filter(is_file).flat_map(expanded).collect()
}

/// The targets of links to files of this repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains(':') && !target.contains(' ')).collect()
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let files = named_files(&text);
    assert!(files.len() > 80, "{} files were found", files.len());
    let missing: Vec<_> =
        files.iter().filter(|file| !ROOTS.iter().any(|folder| root.join(folder).join(file).is_file())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_link_between_documents_resolves() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for (path, text) in documents() {
        let folder = root.join(path.parent().unwrap());
        let unresolved = links(&text).into_iter().filter(|target| !folder.join(target).exists());
        missing.extend(unresolved.map(|target| format!("{}: {target}", path.display())));
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn files_and_links_are_found_in_a_text() {
    let text = "See `a/{b,c}.rs` and `d.rs`, [the guide](docs/x.md#y), [a site](https://x.y), `e/<f>.rs`.";
    assert_eq!(named_files(text), ["a/b.rs", "a/c.rs"]);
    assert_eq!(links(text), ["docs/x.md"]);
}
