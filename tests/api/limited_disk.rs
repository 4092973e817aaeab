//! Test helper: a small disk that can be filled, either a tmpfs or a limit on the size of files.
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Size of the tmpfs: room for some hundred posts.
const BYTES: usize = 24 << 20;
/// Largest size of a file, in bytes, while the disk counts as full and files are limited. Less than the WAL of a
/// database after a few writes, more than what SQLite writes before it can read one.
const LIMIT: u64 = 40 << 10;

/// A folder on a disk that can be filled.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// Mounts a tmpfs if this machine permits it. Otherwise limits the size of files (`RLIMIT_FSIZE`): the system then
    /// refuses writes as it does on a full disk.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={BYTES}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        let mounted = mount.is_ok_and(|status| status.success());
        Self { folder, mounted }
    }

    /// Always limits the size of files.
    pub(crate) fn of_limited_files() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), mounted: false }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the text of SQLite's error on this full disk.
    pub(crate) fn error_text(&self) -> &'static str {
        if self.mounted { "database or disk is full" } else { "disk" }
    }

    /// Whether a full disk refuses even the smallest write.
    pub(crate) fn refuses_every_write(&self) -> bool {
        self.mounted
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Fills the disk. With limited files the limit applies to a running process, if there is one.
    pub(crate) fn fill(&self, process: Option<u32>) {
        if !self.mounted {
            self.limit(process, &LIMIT.to_string());
            return;
        }
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    /// Frees the space again.
    pub(crate) fn empty(&self, process: Option<u32>) {
        if self.mounted {
            fs::remove_file(self.filler()).unwrap();
        } else {
            self.limit(process, "unlimited");
        }
    }

    /// Returns the shell command to run before a process starts while the disk is full.
    pub(crate) fn shell_prefix(&self) -> String {
        // The unit is 512 bytes, in some shells 1,024. Only the soft limit, so that it can be raised again.
        if self.mounted { "true".to_owned() } else { format!("ulimit -S -f {}", LIMIT / 512) }
    }

    fn limit(&self, process: Option<u32>, bytes: &str) {
        let Some(process) = process else { return };
        let limit = format!("--fsize={bytes}:");
        let status = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status().unwrap();
        assert!(status.success(), "prlimit sets the size limit of files");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}
