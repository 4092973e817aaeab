//! Ends a process whose runtime has stopped answering, so that whatever started it starts it again.
//!
//! A deadlock between worker threads stops every request, the health routes and the shutdown with them: nothing inside
//! the runtime can notice it. [`Watchdog`] is a thread outside the runtime. It has the runtime run an empty task every
//! second; after 30 seconds without one it writes each thread's stack to the log (`stacks.rs`) and ends
//! the process with [`EXIT_CODE`].
mod stacks;

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// Exit code of a process that the watchdog ended; `EX_SOFTWARE` of `sysexits.h`. 1 is every other failure.
pub const EXIT_CODE: i32 = 70;
/// How often the runtime is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Turns of [`EVERY`] without an answer after which the process ends. Turns are counted, not time: a process that was
/// stopped for a minute and goes on has not frozen.
const UNANSWERED_MAX: u32 = 30;
/// How long the report may take. A thread that froze may hold the lock that the log needs.
const REPORT_MAX: Duration = Duration::from_secs(5);

/// The watching thread. It ends when this is dropped.
#[must_use = "the watchdog ends when it is dropped"]
pub struct Watchdog {
    _stop: SyncSender<()>,
}

impl Watchdog {
    /// Watches a runtime, and ends the process once it has frozen.
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

/// Returns when the watchdog was dropped, or when the runtime has left [`UNANSWERED_MAX`] turns unanswered.
fn watch(runtime: &Handle, stopped: &Receiver<()>, every: Duration) -> Outcome {
    let mut unanswered = 0;
    // One question at a time: a runtime that is late is not given more to do.
    let (mut asked, mut answer) = ask(runtime);
    loop {
        // Nothing is ever sent: this is a pause that ends at once when the watchdog is dropped.
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
            // A task that was dropped unrun says that the runtime is shutting down.
            Err(mpsc::TryRecvError::Disconnected) => return Outcome::Stopped,
            Err(mpsc::TryRecvError::Empty) => unanswered += 1,
        }
        if unanswered >= UNANSWERED_MAX {
            return Outcome::Frozen;
        }
    }
}

/// Has the runtime say when it ran this.
fn ask(runtime: &Handle) -> (Instant, Receiver<Instant>) {
    let (tell, answer) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = tell.try_send(Instant::now());
    });
    (Instant::now(), answer)
}

fn end() {
    let (tell, told) = mpsc::sync_channel(1);
    let report = std::thread::Builder::new().name("stacks".to_owned()).spawn(move || {
        let seconds = UNANSWERED_MAX * u32::try_from(EVERY.as_secs()).unwrap_or(1);
        tracing::error!(seconds, exit_code = EXIT_CODE, "the runtime does not answer; ending the process");
        for thread in stacks::of_every_thread() {
            tracing::error!(thread = thread.name, state = thread.state, stack = thread.frames, "stack of a thread at the freeze");
        }
        let _ = tell.send(());
    });
    if report.is_ok() {
        let _ = told.recv_timeout(REPORT_MAX);
    }
    std::process::exit(EXIT_CODE);
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(10);

    fn watched(runtime: &Handle) -> (SyncSender<()>, Receiver<Outcome>) {
        let ((stop, stopped), (tell, told)) = (mpsc::sync_channel(0), mpsc::channel());
        let runtime = runtime.clone();
        std::thread::spawn(move || tell.send(watch(&runtime, &stopped, QUICK)));
        (stop, told)
    }

    #[test]
    fn a_runtime_whose_threads_all_wait_for_each_other_has_frozen() {
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
