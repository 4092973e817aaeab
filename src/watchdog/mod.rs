//! [`Watchdog`]: ends a process whose runtime is frozen, so that its service manager restarts it.
//!
//! A deadlock between worker threads stops every request, including health checks and the shutdown, and no code inside
//! the runtime can detect it. The watchdog is a thread outside the runtime. Every second it spawns an empty task on the
//! runtime; if none has run for 30 seconds, it logs the stack of each thread (`stacks.rs`) and ends the process with
//! [`EXIT_CODE`].
mod stacks;

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// Exit code of a process that the watchdog ends: `EX_SOFTWARE` of `sysexits.h`. Every other failure is 1.
pub const EXIT_CODE: i32 = 70;
/// Interval between two tasks.
const EVERY: Duration = Duration::from_secs(1);
/// Number of intervals without an answer after which the process ends. Intervals are counted, not time: a process that
/// was stopped for a minute (SIGSTOP) is not frozen.
const UNANSWERED_MAX: u32 = 30;
/// Maximum time of the report, because a frozen thread can hold the lock of the log.
const REPORT_MAX: Duration = Duration::from_secs(5);

/// The watchdog thread, which ends when this is dropped.
#[must_use = "the watchdog ends when it is dropped"]
pub struct Watchdog {
    _stop: SyncSender<()>,
}

impl Watchdog {
    /// Starts the thread. It ends the process once the runtime is frozen.
    pub fn start(runtime: Handle) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::sync_channel(0);
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            if watch(&runtime, &stopped, EVERY) == Outcome::Frozen {
                end();
            }
        })?;
        Ok(Self { _stop: stop })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Stopped,
    Frozen,
}

/// Returns when the watchdog is dropped, or when the runtime has not answered for [`UNANSWERED_MAX`] intervals.
fn watch(runtime: &Handle, stopped: &Receiver<()>, every: Duration) -> Outcome {
    let mut unanswered = 0;
    // One task at a time, so that a slow runtime does not get more work.
    let (mut asked, mut answer) = ask(runtime);
    loop {
        // The channel carries no message: this is a pause that ends early when the watchdog is dropped.
        if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
            return Outcome::Stopped;
        }
        match answer.try_recv() {
            Ok(at) => {
                let waited = at.saturating_duration_since(asked);
                metrics::gauge!("dailyfeed_runtime_answer_seconds").set(waited.as_secs_f64());
                unanswered = 0;
                (asked, answer) = ask(runtime);
            }
            // The runtime dropped the task without running it, so it is shutting down.
            Err(mpsc::TryRecvError::Disconnected) => return Outcome::Stopped,
            Err(mpsc::TryRecvError::Empty) => unanswered += 1,
        }
        if unanswered >= UNANSWERED_MAX {
            return Outcome::Frozen;
        }
    }
}

/// Spawns a task that sends the time at which it runs. Returns the time of the call and the receiver.
fn ask(runtime: &Handle) -> (Instant, Receiver<Instant>) {
    let (ran, answer) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = ran.try_send(Instant::now());
    });
    (Instant::now(), answer)
}

/// Logs the stacks of all threads, and ends the process.
fn end() {
    let (done, finished) = mpsc::sync_channel(1);
    let report = std::thread::Builder::new().name("stacks".to_owned()).spawn(move || {
        let seconds = UNANSWERED_MAX * u32::try_from(EVERY.as_secs()).unwrap_or(1);
        tracing::error!(seconds, exit_code = EXIT_CODE, "the runtime does not answer; ending the process");
        for thread in stacks::of_every_thread() {
            tracing::error!(
                thread = thread.name,
                state = thread.state,
                stack = thread.frames,
                "stack of a thread at the freeze"
            );
        }
        let _ = done.send(());
    });
    if report.is_ok() {
        let _ = finished.recv_timeout(REPORT_MAX);
    }
    std::process::exit(EXIT_CODE);
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(10);

    fn watched(runtime: &Handle) -> (SyncSender<()>, Receiver<Outcome>) {
        let (stop, stopped) = mpsc::sync_channel(0);
        let (sender, outcome) = mpsc::channel();
        let runtime = runtime.clone();
        std::thread::spawn(move || sender.send(watch(&runtime, &stopped, QUICK)));
        (stop, outcome)
    }

    #[test]
    fn a_runtime_whose_threads_are_deadlocked_is_frozen() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        let (_stop, outcome) = watched(runtime.handle());
        for _ in 0..2 {
            let held = held.clone();
            // One thread waits for a message that never comes, the other for its lock.
            runtime.spawn(async move { held.lock().is_ok_and(|held| held.recv().is_err()) });
        }
        assert_eq!(outcome.recv_timeout(Duration::from_secs(60)), Ok(Outcome::Frozen));
        drop(release);
    }

    #[test]
    fn a_runtime_that_answers_is_watched_until_the_watchdog_is_dropped() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (stop, outcome) = watched(runtime.handle());
        assert_eq!(outcome.recv_timeout(QUICK * (UNANSWERED_MAX + 10)), Err(RecvTimeoutError::Timeout));
        drop(stop);
        assert_eq!(outcome.recv_timeout(Duration::from_secs(60)), Ok(Outcome::Stopped));
    }
}
