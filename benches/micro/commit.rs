//! Posts that share a commit, compared with the same rows by the bare library, and with a bare append and sync.
use crate::fixture::runtime;
use dailyfeed::{
    config::Config,
    domain::{MemberId, Post, PostAudience, PostCounts, PostId, Timestamp},
    seed,
    storage::Stores,
};
use futures::future::join_all;
use sqlx::{Connection, SqliteConnection};
use std::{
    fs::File,
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
};

const SIZES: [usize; 3] = [1, 32, 256];
static NEXT: AtomicU64 = AtomicU64::new(1 << 50);

fn post(author: MemberId) -> Post {
    Post {
        id: PostId(NEXT.fetch_add(64, Ordering::Relaxed)),
        author,
        title: None,
        content: "오늘 한강에서 자전거를 탔는데 바람이 정말 시원했다".to_owned(),
        audience: PostAudience::Public,
        tags: Vec::new(),
        mentions: Vec::new(),
        images: Vec::new(),
        counts: PostCounts::default(),
        created_at: Timestamp::now(),
        edited_at: None,
    }
}

#[divan::bench(args = SIZES, sample_count = 30, sample_size = 4)]
fn posts_and_events(bencher: divan::Bencher, together: usize) {
    let (runtime, folder) = (runtime(2), tempfile::tempdir().unwrap());
    let config = Config::for_tests(folder.path());
    let options = seed::Options { members: 10, posts: 0, follows: 0, celebrity: false, likes: 0, seed: 1 };
    runtime.block_on(seed::run(&config, &options)).unwrap();
    let stores = runtime.block_on(Stores::open(&config)).unwrap();
    let author = runtime.block_on(stores.sessions.credentials_by_email("seed0@example.com")).unwrap().unwrap().member;
    bencher.counter(divan::counter::ItemsCount::new(together)).bench_local(|| {
        let all = join_all((0..together).map(|_| stores.posts.create_post(post(author), None)));
        for answer in runtime.block_on(all) {
            answer.unwrap();
        }
    });
}

/// The same rows in one transaction, one statement each, with the server's settings of SQLite.
#[divan::bench(args = SIZES, sample_count = 30, sample_size = 4)]
fn bare_sqlx(bencher: divan::Bencher, together: usize) {
    let (runtime, folder) = (runtime(2), tempfile::tempdir().unwrap());
    let mut connection = runtime.block_on(async {
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("bare.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let tables = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
            CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER, content TEXT); \
            CREATE TABLE events (position INTEGER PRIMARY KEY, post INTEGER)";
        sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
        connection
    });
    bencher.counter(divan::counter::ItemsCount::new(together)).bench_local(|| {
        runtime.block_on(async {
            let mut transaction = connection.begin().await.unwrap();
            for _ in 0..together {
                let Post { id, author, content, .. } = post(MemberId(1));
                let insert = sqlx::query("INSERT INTO posts VALUES (?, ?, ?)");
                let insert = insert.bind(id.0 as i64).bind(author.0 as i64).bind(content);
                insert.execute(&mut *transaction).await.unwrap();
                let event = sqlx::query("INSERT INTO events (post) VALUES (?)").bind(id.0 as i64);
                event.execute(&mut *transaction).await.unwrap();
            }
            transaction.commit().await.unwrap();
        });
    });
}

/// The time of the disk for a write of one page and its sync.
#[divan::bench(sample_count = 30, sample_size = 4)]
fn bare_append_and_sync(bencher: divan::Bencher) {
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::create(folder.path().join("log")).unwrap();
    bencher.bench_local(|| {
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
    });
}
