//! 256 events of the log: out of memory, as readers who keep up do; out of the database; and the bare library's rows.
use crate::fixture::runtime;
use dailyfeed::{
    config::Config,
    domain::{EventKind, Position},
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
    let options = seed::Options { members: 100, posts: 2_000, follows: 10, celebrity: false, seed: 1 };
    runtime(2).block_on(seed::run(&config, &options)).unwrap();
    (folder, config)
}

#[divan::bench]
fn read_from_disk(bencher: divan::Bencher) {
    let ((_folder, config), runtime) = (filled(), runtime(2));
    // The memory of a store that was just opened is empty.
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

#[divan::bench]
fn kinds_to_numbers_and_back() -> Option<EventKind> {
    EventKind::from_code(black_box(EventKind::PostLiked).code())
}
