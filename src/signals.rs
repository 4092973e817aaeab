//! [`Signals`]: handles the signals that stop the server, and ignores others that would kill it.
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens to every signal that ends a process by default, except SIGKILL and those of faults. Rust's runtime ignores
/// SIGPIPE: a closed reader is an error of the write.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    user: [Signal; 2],
    /// SIGXFSZ is only ignored: a file that reaches its limit (`ulimit -f`) is an error of the write, like a full disk.
    _file_size: Signal,
}

impl Signals {
    /// Installs the handlers, which replace the default actions.
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

    /// Waits for a signal that stops the server and returns its name. Logs every other signal.
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
