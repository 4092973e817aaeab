//! Signals that end the server do so in order, and others do not end it.
use crate::{served::Served, support::until};

#[tokio::test]
async fn a_signal_that_does_not_ask_for_the_end_does_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut served = Served::on(folder.path(), "true", folder.path().join("log")).await;
    let who = served.member().await;
    for signal in ["-HUP", "-USR1", "-USR2", "-PIPE", "-XFSZ", "-HUP"] {
        served.signal(signal).await;
    }
    until(async || served.log().contains("configuration reload is not available yet").then_some(())).await;
    until(async || (served.log().contains("SIGUSR1") && served.log().contains("SIGUSR2")).then_some(())).await;
    who.post("글").await;
    served.runs();
    served.stop().await;
}

#[tokio::test]
async fn every_signal_that_asks_for_the_end_ends_it_in_order() {
    for signal in ["-TERM", "-INT", "-QUIT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut served = Served::on(folder.path(), "true", folder.path().join("log")).await;
        served.signal(signal).await;
        assert!(served.ended().await.success(), "{signal}: {}", served.log());
    }
}
