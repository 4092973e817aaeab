//! Signals: TERM, INT and QUIT shut the server down in order; others do not end it.
use crate::{limited_server::LimitedServer, support::until};

#[tokio::test]
async fn other_signals_do_not_end_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = LimitedServer::start(folder.path(), "true", folder.path().join("log")).await;
    let who = server.member().await;
    for signal in ["-HUP", "-USR1", "-USR2", "-PIPE", "-XFSZ", "-HUP"] {
        server.signal(signal).await;
    }
    until(async || server.log().contains("configuration reload is not available yet").then_some(())).await;
    until(async || (server.log().contains("SIGUSR1") && server.log().contains("SIGUSR2")).then_some(())).await;
    who.post("글").await;
    server.assert_runs();
    server.stop().await;
}

#[tokio::test]
async fn term_int_and_quit_shut_the_server_down() {
    for signal in ["-TERM", "-INT", "-QUIT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = LimitedServer::start(folder.path(), "true", folder.path().join("log")).await;
        server.signal(signal).await;
        assert!(server.wait().await.success(), "{signal}: {}", server.log());
    }
}
