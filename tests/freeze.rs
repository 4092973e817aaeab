//! A server whose runtime freezes ends by itself, says where its threads stood, and leaves data that the next one reads.
use dailyfeed::{app::Server, config::Config, telemetry, watchdog};
use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

/// Set for the child, which is this test once more: the folder of its server.
const FOLDER: &str = "DAILYFEED_TEST_FREEZE";
/// The watchdog takes 30 s and a report; a machine that does much else besides takes longer.
const PATIENCE: Duration = Duration::from_secs(180);

#[inline(never)]
fn worker_that_waits_for_ever(lock: &Mutex<mpsc::Receiver<()>>) {
    // The first holds the lock and waits for a message that never comes; the others wait for the lock.
    let _ = lock.lock().map(|held| held.recv());
}

/// Starts a server, and has every thread of its runtime wait for another.
fn freeze(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config::for_tests(folder);
    telemetry::init_tracing(&config.log);
    let _server = runtime.block_on(Server::start(config)).unwrap();
    let (_tell, told) = mpsc::channel();
    let lock = Arc::new(Mutex::new(told));
    for _ in 0..2 {
        let lock = lock.clone();
        runtime.spawn(async move { worker_that_waits_for_ever(&lock) });
    }
    // This thread is none of the runtime's. It waits until the watchdog ends the process, or in vain.
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(PATIENCE);
}

#[tokio::test]
async fn a_frozen_server_ends_with_its_own_exit_code_and_says_where_its_threads_stood() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        std::thread::spawn(move || freeze(Path::new(&folder))).join().unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "a_frozen_server_ends_with_its_own_exit_code_and_says_where_its_threads_stood",
        ])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends by itself").unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(watchdog::EXIT_CODE), "{log}");
    assert!(log.contains("the runtime does not answer"), "{log}");
    assert!(log.contains("worker_that_waits_for_ever"), "{log}");
    let again = Server::start(Config::for_tests(folder.path())).await.unwrap();
    again.shutdown().await;
}
