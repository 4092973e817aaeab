//! Disk space reserved in a file, so that the databases can be opened on a full disk.
use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

const FILE: &str = "dailyfeed.reserve";
/// The bytes that SQLite writes before it reads a database without a write-ahead log: 32 KiB of shared memory for each
/// of two databases, and a block or two for the names of new files. A larger reserve would only delay the failing
/// writes.
const BYTES: usize = 2 * 32 * 1_024 + 8 * 1_024;

/// The file that reserves disk space.
pub(crate) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Makes the reserve of a data folder. Reserves nothing yet.
    pub(crate) fn new(data_dir: &str) -> Self {
        Self { path: PathBuf::from(data_dir).join(FILE) }
    }

    /// Reserves the space unless it is reserved. On a full disk a later call tries again.
    pub(crate) fn keep(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() >= BYTES as u64) {
            return;
        }
        if let Err(error) = self.fill() {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot reserve disk space");
            self.release();
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        // Written, because a sparse file reserves no space.
        file.write_all(&vec![1; BYTES])?;
        file.sync_all()
    }

    /// Releases the space and returns whether any was reserved.
    pub(crate) fn release(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_reserved_until_released() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path().to_str().unwrap());
        assert!(!reserve.release());
        reserve.keep();
        reserve.keep();
        assert_eq!(fs::metadata(&reserve.path).unwrap().len(), BYTES as u64);
        assert!(reserve.release() && !reserve.path.exists());
    }
}
