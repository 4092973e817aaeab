//! What the server keeps is for whoever runs it alone: keys and private texts lie in plain files.
use super::{StoreError, StoreResult};
use rustix::{fs::Mode, process::umask};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

/// Bits that let others in.
const OTHERS: u32 = 0o077;
/// How the names of what is ours begin; a data folder may hold what others put there.
const OURS: [&str; 4] = ["dailyfeed.", "activity.db", "search", "images"];

/// Makes the data folder where there is none, and sees to it that whatever this process makes from now on, here and in
/// folders below, has mode 0700 or 0600, whatever the umask was. What is there already stays as it is: where others may
/// get at it, a warning says so.
pub(super) fn guard(data_dir: &str) -> StoreResult<()> {
    umask(Mode::RWXG | Mode::RWXO);
    let folder = Path::new(data_dir);
    let failed = |error: io::Error| failed(error, data_dir);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    for (path, mode) in wider(folder).map_err(failed)? {
        tracing::warn!(path, mode, "other users can access this path; run `chmod go= PATH` to keep them out");
    }
    Ok(())
}

/// The folder, and what is ours in it, that has more bits than it should; in order.
fn wider(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if OURS.iter().any(|ours| name.starts_with(ours)) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let modes = paths.into_iter().filter_map(|path| {
        // Gone since it was listed: another's concern.
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
        (mode & OTHERS != 0).then(|| (path.display().to_string(), format!("{mode:04o}")))
    });
    Ok(modes.collect())
}

fn failed(error: io::Error, data_dir: &str) -> StoreError {
    StoreError::Unusable { path: data_dir.to_owned(), key: "data_dir", source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_read_is_named_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (name, mode) in [("dailyfeed.db", 0o644), ("activity.db", 0o600), ("search", 0o640), ("notes.txt", 0o644)] {
            fs::write(folder.path().join(name), "").unwrap();
            set(&folder.path().join(name), mode);
        }
        set(folder.path(), 0o755);
        let found = wider(folder.path()).unwrap();
        let named: Vec<_> =
            found.iter().map(|(path, mode)| (path.rsplit('/').next().unwrap(), mode.as_str())).skip(1).collect();
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (folder.path().to_str().unwrap(), "0755"));
        assert_eq!(named, [("dailyfeed.db", "0644"), ("search", "0640")]);
    }
}
