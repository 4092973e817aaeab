//! Room that is set aside on the disk, so that a database can be opened where there is none left.
use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

const FILE: &str = "dailyfeed.reserve";
/// What SQLite writes before it reads a database whose log was removed in order: 32 KiB of shared memory each, for two
/// databases; and a block or two for the names of new files. Any more would only let some writes through before the rest fail.
const BYTES: usize = 2 * 32 * 1_024 + 8 * 1_024;

/// The file that takes the room.
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// In that folder.
    pub(super) fn of(data_dir: &str) -> Self {
        Self { path: PathBuf::from(data_dir).join(FILE) }
    }

    /// Takes the room where it is not taken yet. Where there is none, there is no reserve until there is.
    pub(super) fn keep(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() >= BYTES as u64) {
            return;
        }
        if let Err(error) = self.fill() {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot reserve disk space");
            self.give_up();
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        // Written, because a length alone takes no room.
        file.write_all(&vec![1; BYTES])?;
        file.sync_all()
    }

    /// Gives the room back; says whether there was any.
    pub(super) fn give_up(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_until_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::of(folder.path().to_str().unwrap());
        assert!(!reserve.give_up());
        reserve.keep();
        reserve.keep();
        assert_eq!(fs::metadata(&reserve.path).unwrap().len(), BYTES as u64);
        assert!(reserve.give_up() && !reserve.path.exists());
    }
}
