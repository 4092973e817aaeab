//! Keeps the data folder private to the user that runs the server: its files hold keys and private texts in the clear.
use super::{StoreError, StoreResult};
use rustix::{fs::Mode, process::umask};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

/// Permission bits of the group and of others.
const OTHERS: u32 = 0o077;
/// Prefixes of the names of the server's own files; a data folder may hold files of other programs.
const OWN_PREFIXES: [&str; 4] = ["dailyfeed.", "activity.db", "search", "images"];

/// Creates the data folder if it does not exist, and sets the umask so that every file and folder that this process
/// makes from now on has mode 0600 or 0700. Does not change existing files, but warns of each one that others can
/// access.
pub(super) fn guard(data_dir: &str) -> StoreResult<()> {
    umask(Mode::RWXG | Mode::RWXO);
    let folder = Path::new(data_dir);
    let failed = |error: io::Error| unusable(error, data_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    for (path, mode) in accessible_to_others(folder).map_err(failed)? {
        tracing::warn!(path, mode, "other users can access this path; run `chmod go= PATH` to keep them out");
    }
    Ok(())
}

/// Lists the folder and the server's own files in it that have any of the bits of [`OTHERS`], sorted by path, with
/// their modes.
fn accessible_to_others(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let modes = paths.into_iter().filter_map(|path| {
        // A file that was deleted since it was listed needs no warning.
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
        (mode & OTHERS != 0).then(|| (path.display().to_string(), format!("{mode:04o}")))
    });
    Ok(modes.collect())
}

fn unusable(error: io::Error, data_dir: &str) -> StoreError {
    StoreError::Unusable { path: data_dir.to_owned(), key: "data_dir", source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_others_can_read_are_listed_with_their_modes() {
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (name, mode) in [("dailyfeed.db", 0o644), ("activity.db", 0o600), ("search", 0o640), ("notes.txt", 0o644)] {
            fs::write(folder.path().join(name), "").unwrap();
            set(&folder.path().join(name), mode);
        }
        set(folder.path(), 0o755);
        let found = accessible_to_others(folder.path()).unwrap();
        let named: Vec<_> =
            found.iter().map(|(path, mode)| (path.rsplit('/').next().unwrap(), mode.as_str())).skip(1).collect();
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (folder.path().to_str().unwrap(), "0755"));
        assert_eq!(named, [("dailyfeed.db", "0644"), ("search", "0640")]);
    }
}
