//! Encodes and decodes cursors, compared with base64 of the same number of bytes.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use dailyfeed::domain::{
    Epoch, Position, PostId,
    cursor::{FeedCursor, ListKind, StreamCursor},
};
use divan::black_box;

const CURSOR: FeedCursor = FeedCursor {
    pinned: StreamCursor { epoch: Epoch(2_345_678_901), position: Position(1_234_567) },
    before: PostId(7_288_591_360_000_064),
};

#[divan::bench]
fn encode() -> String {
    black_box(CURSOR).encode(ListKind::Home, 7)
}

#[divan::bench]
fn decode(bencher: divan::Bencher) {
    let text = CURSOR.encode(ListKind::Home, 7);
    bencher.bench_local(|| FeedCursor::decode(black_box(&text), ListKind::Home, 7).unwrap());
}

#[divan::bench]
fn bare_base64_encode() -> String {
    URL_SAFE_NO_PAD.encode(black_box([7_u8; 22]))
}
