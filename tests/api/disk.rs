//! A small disk that can be filled: a file system of its own, or files that are not allowed to grow.
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Bytes of it: room for some hundred posts.
const BYTES: usize = 24 << 20;
/// Bytes that a file may have once the disk counts as full, where files are limited. Less than the log of any database that
/// has taken a few writes, more than what SQLite writes before it can read one.
const LIMIT: u64 = 40 << 10;

/// A folder whose room comes to an end.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
    mounted: bool,
}

impl Disk {
    /// A file system of its own where this machine lets root mount one; else files are limited (`RLIMIT_FSIZE`), which the
    /// system refuses to exceed as it does a full disk.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={BYTES}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        let mounted = mount.is_ok_and(|status| status.success());
        Self { folder, mounted }
    }

    /// Always by limiting files.
    pub(crate) fn of_limited_files() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), mounted: false }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What SQLite says of it.
    pub(crate) fn words(&self) -> &'static str {
        if self.mounted { "database or disk is full" } else { "disk" }
    }

    /// Whether not even the smallest write fits, once it is full.
    pub(crate) fn takes_nothing(&self) -> bool {
        self.mounted
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Leaves no room: for a process that runs, where one does.
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

    /// Makes room again.
    pub(crate) fn empty(&self, process: Option<u32>) {
        if self.mounted {
            fs::remove_file(self.filler()).unwrap();
        } else {
            self.limit(process, "unlimited");
        }
    }

    /// What a shell has to be told before it starts a process while the disk is full.
    pub(crate) fn first(&self) -> String {
        // In units of 512 bytes, of 1,024 in some shells; the soft limit alone, so that it can be raised again.
        if self.mounted { "true".to_owned() } else { format!("ulimit -S -f {}", LIMIT / 512) }
    }

    fn limit(&self, process: Option<u32>, bytes: &str) {
        let Some(process) = process else { return };
        let limit = format!("--fsize={bytes}:");
        let status = Command::new("prlimit").args(["--pid", &process.to_string(), &limit]).status().unwrap();
        assert!(status.success(), "the limit of files is set");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}
