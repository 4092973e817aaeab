//! Tests of the window: order, pins, deletions, audiences, eviction.
use super::window::{PostWindow, Range, WindowScan};
use crate::{
    domain::{MemberId, Position, PostAudience, PostFacts, PostId, Standing},
    storage::PostRef,
};

fn post_ref(post: u64, author: u64, position: u64) -> PostRef {
    let audience = PostAudience::Public;
    PostRef { post: PostId(post), author: MemberId(author), position: Position(position), audience }
}

fn ids(scan: &WindowScan) -> Vec<u64> {
    scan.posts.iter().map(|entry| entry.post.0).collect()
}

fn window(posts_max: usize) -> PostWindow {
    let mut window = PostWindow::new(posts_max, Position(0));
    for (post, author) in [(10, 1), (20, 2), (30, 1), (40, 3), (50, 2)] {
        window.insert(post_ref(post, author, post));
    }
    window
}

/// A member who follows every author, and whom some posts mention.
const VIEWER: MemberId = MemberId(900);

/// Returns the newest posts by authors whom the viewer follows; `sees` excludes some of them.
fn by_authors(
    window: &PostWindow,
    authors: &[MemberId],
    sees: impl Fn(MemberId) -> bool,
    (before, pinned): (PostId, Position),
    limit: usize,
) -> WindowScan {
    let standing = |author| if sees(author) { Standing::Follower } else { Standing::Hidden };
    window.newest_by_authors(VIEWER, authors, standing, Range { before, pinned, limit })
}

/// Returns the newest posts by anybody but authors whom `sees` excludes.
fn by_anybody(
    window: &PostWindow,
    sees: impl Fn(MemberId) -> bool,
    (before, pinned): (PostId, Position),
    limit: usize,
) -> WindowScan {
    window.newest_by_anybody(VIEWER, |post| sees(post.author), Range { before, pinned, limit })
}

/// Sees every author.
const ALL: fn(MemberId) -> bool = |_| true;
const END: PostId = PostId(u64::MAX);
const NOW: Position = Position(u64::MAX);

#[test]
fn a_merge_is_newest_first() {
    let window = window(100);
    let authors = [MemberId(1), MemberId(2)];
    assert_eq!(ids(&by_authors(&window, &authors, ALL, (END, NOW), 10)), [50, 30, 20, 10]);
    assert_eq!(ids(&by_authors(&window, &authors, ALL, (PostId(30), NOW), 1)), [20]);
    assert_eq!(ids(&by_anybody(&window, ALL, (PostId(50), NOW), 2)), [40, 30]);
}

#[test]
fn a_post_after_the_pin_is_excluded() {
    let mut window = window(100);
    window.insert(post_ref(25, 1, 60));
    assert_eq!(ids(&by_authors(&window, &[MemberId(1)], ALL, (END, Position(55)), 10)), [30, 10]);
    assert_eq!(ids(&by_anybody(&window, ALL, (END, Position(55)), 10)), [50, 40, 30, 20, 10]);
    assert_eq!(ids(&by_authors(&window, &[MemberId(1)], ALL, (END, NOW), 10)), [30, 25, 10]);
}

#[test]
fn deleted_and_hidden_posts_are_excluded() {
    let mut window = window(100);
    window.remove(MemberId(1), PostId(30));
    let sees = |author| author != MemberId(2);
    assert_eq!(ids(&by_anybody(&window, sees, (END, NOW), 10)), [40, 10]);
    assert_eq!(ids(&by_authors(&window, &[MemberId(1), MemberId(2)], sees, (END, NOW), 10)), [10]);
    assert_eq!(ids(&by_anybody(&window, ALL, (END, NOW), 10)), [50, 40, 20, 10]);
}

#[test]
fn an_author_without_posts_takes_no_memory() {
    let mut window = window(100);
    assert_eq!(window.author_counts(), [3, 3]);
    window.remove(MemberId(3), PostId(40));
    assert_eq!(window.author_counts(), [2, 2]);
}

#[test]
fn a_full_window_returns_the_floor_of_an_unfilled_page() {
    let window = window(3);
    let found = by_anybody(&window, ALL, (END, NOW), 10);
    assert_eq!((ids(&found), found.floor), (vec![50, 40, 30], Some(PostId(21))));
    let found = by_authors(&window, &[MemberId(2)], ALL, (END, NOW), 1);
    assert_eq!((ids(&found), found.floor), (vec![50], None));
}

#[test]
fn a_first_page_equals_a_full_merge() {
    let mut window = PostWindow::new(1_000, Position(0));
    for number in 0_u64..500 {
        // Some authors write many posts early, others few posts late.
        let author = 1 + (number * number * 7 + number / 11) % 37;
        window.insert(post_ref(10 + number * 3, author, number));
        if number % 13 == 0 {
            window.remove(MemberId(author), PostId(10 + number * 3));
        }
    }
    let authors: Vec<_> = (1..=37).step_by(2).map(MemberId).collect();
    for limit in 1..60 {
        let first = by_authors(&window, &authors, ALL, (END, NOW), limit);
        let merged = by_authors(&window, &authors, ALL, (PostId(u64::MAX - 1), NOW), limit);
        assert_eq!(ids(&first), ids(&merged), "limit {limit}");
    }
}

#[test]
fn a_post_that_is_inserted_twice_is_kept_once() {
    let mut window = window(100);
    window.insert(post_ref(30, 1, 30));
    assert_eq!(window.post_count(), 5);
}

/// The posts 10 to 60 of author 1, in ascending order of audience and twice for the mentioned, and one of author 2.
fn window_of_audiences() -> PostWindow {
    use PostAudience::{Followers, Mentioned, Own, Public};
    let mut window = PostWindow::new(100, Position(0));
    for (post, audience) in [(10, Public), (20, Followers), (30, Mentioned), (40, Mentioned), (50, Own)] {
        window.insert(PostRef { audience, ..post_ref(post, 1, post) });
    }
    window.insert(post_ref(60, 2, 60));
    window.admit(PostId(40), VIEWER);
    window
}

#[test]
fn a_feed_by_authors_shows_each_viewer_the_posts_for_this_viewer() {
    let window = window_of_audiences();
    let authors = [MemberId(1), MemberId(2)];
    for (viewer, of_author_1, expected) in [
        (VIEWER, Standing::Follower, vec![60, 40, 20, 10]),
        (VIEWER, Standing::Stranger, vec![60, 40, 10]),
        (VIEWER, Standing::Hidden, vec![60]),
        (MemberId(7), Standing::Follower, vec![60, 20, 10]),
        (MemberId(7), Standing::Stranger, vec![60, 10]),
        (MemberId(1), Standing::Author, vec![60, 50, 40, 30, 20, 10]),
    ] {
        for before in [END, PostId(u64::MAX - 1)] {
            let standing = |author| if author == MemberId(1) { of_author_1 } else { Standing::Follower };
            let range = Range { before, pinned: NOW, limit: 10 };
            let found = window.newest_by_authors(viewer, &authors, standing, range);
            assert_eq!(ids(&found), expected, "{viewer:?}, {of_author_1:?}");
            for limit in 1..=expected.len() {
                let found = window.newest_by_authors(viewer, &authors, standing, Range { limit, ..range });
                assert_eq!(ids(&found), expected[..limit], "{viewer:?}, {of_author_1:?}, {limit}");
            }
        }
    }
    let standing = |_| Standing::Follower;
    let range = Range { before: END, pinned: NOW, limit: 10 };
    let other = window.newest_by_authors(VIEWER, &[MemberId(2)], standing, range);
    assert_eq!(ids(&other), [60], "a post that mentions the viewer is by another author");
}

#[test]
fn a_feed_by_anybody_knows_which_posts_mention_the_viewer() {
    let window = window_of_audiences();
    let range = Range { before: END, pinned: NOW, limit: 10 };
    let sees = |standing| move |post: PostFacts| post.visible_to(standing);
    assert_eq!(ids(&window.newest_by_anybody(VIEWER, sees(Standing::Stranger), range)), [60, 40, 10]);
    assert_eq!(ids(&window.newest_by_anybody(MemberId(7), sees(Standing::Stranger), range)), [60, 10]);
    assert_eq!(ids(&window.newest_by_anybody(MemberId(7), sees(Standing::Follower), range)), [60, 20, 10]);
}

#[test]
fn a_withdrawn_mention_a_deletion_and_an_eviction_take_restricted_posts_away() {
    let follower = |window: &PostWindow| ids(&by_authors(window, &[MemberId(1)], ALL, (END, NOW), 10));
    let mut window = window_of_audiences();
    window.withdraw(PostId(40), VIEWER);
    window.admit(PostId(30), VIEWER);
    assert_eq!(follower(&window), [30, 20, 10]);
    // A public post mentions the viewer.
    window.admit(PostId(10), VIEWER);
    window.remove(MemberId(1), PostId(30));
    assert_eq!(follower(&window), [20, 10]);
    assert_eq!((window.post_count(), window.size()), (6, 8));

    // Three posts, of which the two for the mentioned count once more for each viewer.
    let mut window = PostWindow::new(7, Position(0));
    for post in [10, 20, 30] {
        let audience = if post == 10 { PostAudience::Public } else { PostAudience::Mentioned };
        window.insert(PostRef { audience, ..post_ref(post, 1, post) });
        window.admit(PostId(post), VIEWER);
    }
    assert_eq!((follower(&window), window.size()), (vec![30, 20, 10], 7));
    window.admit(PostId(30), MemberId(7));
    let found = by_authors(&window, &[MemberId(1)], ALL, (END, NOW), 10);
    assert_eq!((ids(&found), found.floor, window.size()), (vec![30, 20], Some(PostId(11)), 7));
    window.admit(PostId(30), MemberId(8));
    assert_eq!((follower(&window), window.size()), (vec![30], 5));
}

#[test]
fn a_loaded_window_stops_at_the_first_eviction() {
    let mut window = PostWindow::new(5, Position(0));
    let mentioned = PostRef { audience: PostAudience::Mentioned, ..post_ref(30, 1, 30) };
    assert!(window.extend_back(&[post_ref(40, 1, 40), mentioned], &[(PostId(30), VIEWER)]));
    assert_eq!(window.size(), 4);
    assert!(!window.extend_back(&[post_ref(20, 1, 20), post_ref(10, 1, 10)], &[]));
    let found = by_authors(&window, &[MemberId(1)], ALL, (END, NOW), 10);
    assert_eq!((ids(&found), found.floor), (vec![40, 30, 20], Some(PostId(11))));
}
