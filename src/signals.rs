//! Signals: those that end the server in order, and those that must not end it at all.
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Every signal that would end the process if nobody listened, SIGKILL and faults of the program excepted. SIGPIPE is
/// ignored by Rust's runtime: a reader who goes away is an error of the write.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    user: [Signal; 2],
    /// Listened for and no more: a file that reaches its limit (`ulimit -f`) is an error of the write, like a full disk.
    _file_size: Signal,
}

impl Signals {
    /// From now on none of them does what it does by default.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            user: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for a signal to end, and returns its name; logs every other one.
    pub async fn end(&mut self) -> &'static str {
        let [one, two] = &mut self.user;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.quit.recv() => return "SIGQUIT",
                _ = self.hang_up.recv() => {
                    tracing::warn!(signal = "SIGHUP", "configuration reload is not available yet");
                }
                _ = one.recv() => tracing::warn!(signal = "SIGUSR1", "ignored signal"),
                _ = two.recv() => tracing::warn!(signal = "SIGUSR2", "ignored signal"),
            }
        }
    }
}
