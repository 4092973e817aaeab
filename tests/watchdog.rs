//! The watchdog: a server with a frozen runtime exits by itself, logs the stacks of its threads, and can be restarted.
use dailyfeed::{app::Server, config::Config, telemetry, watchdog};
use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

/// Environment variable of the child process, which runs this test again: the folder of its server.
const FOLDER: &str = "DAILYFEED_TEST_FREEZE";
/// The watchdog needs 30 s and the time of its report, more on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(180);

#[inline(never)]
fn worker_that_waits_for_ever(lock: &Mutex<mpsc::Receiver<()>>) {
    // The first thread holds the lock and waits for a message that never arrives; the others wait for the lock.
    let _ = lock.lock().map(|held| held.recv());
}

/// Starts a server and blocks every thread of its runtime.
fn freeze(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config::for_tests(folder);
    telemetry::init_tracing(&config.log);
    let _server = runtime.block_on(Server::start(config)).unwrap();
    let (_sender, receiver) = mpsc::channel();
    let lock = Arc::new(Mutex::new(receiver));
    for _ in 0..2 {
        let lock = lock.clone();
        runtime.spawn(async move { worker_that_waits_for_ever(&lock) });
    }
    // This thread does not belong to the runtime. It waits until the watchdog ends the process.
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(TIMEOUT);
}

#[tokio::test]
async fn a_frozen_server_exits_with_its_own_code_and_logs_thread_stacks() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        std::thread::spawn(move || freeze(Path::new(&folder))).join().unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_frozen_server_exits_with_its_own_code_and_logs_thread_stacks"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output =
        tokio::time::timeout(TIMEOUT, child.wait_with_output()).await.expect("the server ends by itself").unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(watchdog::EXIT_CODE), "{log}");
    assert!(log.contains("the runtime does not answer"), "{log}");
    assert!(log.contains("worker_that_waits_for_ever"), "{log}");
    let again = Server::start(Config::for_tests(folder.path())).await.unwrap();
    again.shutdown().await;
}
