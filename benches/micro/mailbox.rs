//! A message to an actor and its reply, compared with a bare channel and a task.
use crate::fixture::runtime;
use dailyfeed::actors::bench_api::Echo;
use divan::black_box;
use tokio::sync::{mpsc, oneshot};

#[divan::bench]
fn round_trip(bencher: divan::Bencher) {
    let runtime = runtime(1);
    let echo = runtime.block_on(Echo::start()).unwrap();
    bencher.bench_local(|| runtime.block_on(echo.ask(black_box(7))).unwrap());
}

/// The same with the actor on another thread, as is usual in a server.
#[divan::bench]
fn round_trip_between_threads(bencher: divan::Bencher) {
    let runtime = runtime(2);
    let echo = runtime.block_on(Echo::start()).unwrap();
    bencher.bench_local(|| runtime.block_on(echo.ask(black_box(7))).unwrap());
}

#[divan::bench]
fn bare_channel(bencher: divan::Bencher) {
    let runtime = runtime(1);
    let ask = bare(&runtime);
    bencher.bench_local(|| runtime.block_on(bare_ask(&ask)));
}

#[divan::bench]
fn bare_channel_between_threads(bencher: divan::Bencher) {
    let runtime = runtime(2);
    let ask = bare(&runtime);
    bencher.bench_local(|| runtime.block_on(bare_ask(&ask)));
}

/// Sends a number with the channel for its reply.
type Ask = mpsc::Sender<(u64, oneshot::Sender<u64>)>;

/// Starts a task that replies to each message, without an actor.
fn bare(runtime: &tokio::runtime::Runtime) -> Ask {
    let (ask, mut asked) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(1_024);
    runtime.spawn(async move {
        while let Some((number, reply)) = asked.recv().await {
            let _ = reply.send(number);
        }
    });
    ask
}

async fn bare_ask(ask: &Ask) -> u64 {
    let (reply, answer) = oneshot::channel();
    ask.send((black_box(7), reply)).await.unwrap();
    answer.await.unwrap()
}
