//! Reads 256 events from the database, and encodes an event as a CloudEvent; each compared with the bare library.
use crate::fixture::runtime;
use dailyfeed::{
    config::Config,
    domain::{CloudEvent, Event, EventKind, Fact, MemberId, Position, PostId},
    seed,
    storage::Stores,
};
use divan::black_box;
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;

const BATCH: usize = 256;

fn filled() -> (TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let options = seed::Options { members: 100, posts: 2_000, follows: 10, celebrity: false, likes: 0, seed: 1 };
    runtime(2).block_on(seed::run(&config, &options)).unwrap();
    (folder, config)
}

#[divan::bench]
fn read_from_disk(bencher: divan::Bencher) {
    let ((_folder, config), runtime) = (filled(), runtime(2));
    // A store that was just opened has no events in memory.
    let stores = runtime.block_on(Stores::open(&config)).unwrap();
    bencher.bench_local(|| {
        let events = runtime.block_on(stores.log.read(Position(0), BATCH)).unwrap();
        assert_eq!(events.len(), BATCH);
        events
    });
}

#[divan::bench]
fn read_from_disk_bare_sqlx(bencher: divan::Bencher) {
    let ((folder, _), runtime) = (filled(), runtime(2));
    let url = format!("sqlite://{}?mode=ro", folder.path().join("dailyfeed.db").display());
    let mut connection = runtime.block_on(SqliteConnection::connect(&url)).unwrap();
    bencher.bench_local(|| {
        let query = sqlx::query("SELECT * FROM events WHERE position > 0 ORDER BY position LIMIT 256");
        let rows = runtime.block_on(query.fetch_all(&mut connection)).unwrap();
        assert_eq!(rows.len(), BATCH);
        rows.iter().map(|row| row.get::<i64, _>(0)).sum::<i64>()
    });
}

fn event() -> Event {
    let fact = Fact::new(EventKind::PostLiked, MemberId(7_288_591_360_000_064)).on_post(PostId(7_288_591_360_000_128));
    let fact = fact.to(MemberId(7_288_591_360_000_192));
    Event { position: Position(1_234_567), at_ns: 1_764_000_000_000_000_001, fact }
}

/// The event as a CloudEvent in JSON, as other programs read it.
#[divan::bench]
fn to_cloud_event(bencher: divan::Bencher) {
    let event = event();
    bencher.bench_local(|| serde_json::to_vec(&CloudEvent::of(black_box(&event), "/dailyfeed")).unwrap());
}

/// Only the JSON of the CloudEvent.
#[divan::bench]
fn to_cloud_event_bare_json(bencher: divan::Bencher) {
    let cloud_event = CloudEvent::of(&event(), "/dailyfeed");
    bencher.bench_local(|| serde_json::to_vec(black_box(&cloud_event)).unwrap());
}
