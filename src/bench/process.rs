//! [`Process`]: CPU time and memory of a process, read from `/proc` (Linux).
use anyhow::Context;

/// Ticks per second of the times in `/proc`. Linux shows 100, independent of its timer frequency.
const TICKS_PER_SECOND: u64 = 100;

/// A snapshot of a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    /// Resident memory in bytes.
    pub(super) resident: u64,
    /// CPU time of all threads in microseconds, with a resolution of 10 ms.
    pub(super) cpu_us: u64,
}

impl Process {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("no such process")?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("found no VmRSS in its status")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("no such process")?;
        // The name in parentheses may contain any character. The field after it is the third.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| {
            fields.get(field - 3).context("too few fields in its stat")?.parse::<u64>().map_err(anyhow::Error::from)
        };
        let cpu_us = (ticks(14)? + ticks(15)?) * (1_000_000 / TICKS_PER_SECOND);
        Ok(Self { resident: kib * 1024, cpu_us })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_reads_its_own_figures() {
        let process = Process::of(std::process::id()).unwrap();
        assert!(process.resident > 1024 * 1024 && process.resident < 1 << 40);
        assert!(process.cpu_us < 24 * 3_600 * 1_000_000);
    }
}
