//! The audience of a post in every place that can show it: for each audience, which viewer sees the post where, and
//! what a viewer who saw it still sees after a change. `domain/visibility.rs` implements the rule.
use super::post_world::{Change, PLACES, World, read_to_own_post};

/// A cell that is decided: `+` shown, `-` not shown. On streams after a change: `+` kept, `-` taken back, `.` never
/// shown, so nothing is taken back.
type Row = &'static str;

const NOWHERE: Row = "- ---- -- ----- -- - - -- -";

/// Which viewer sees a post of each audience that names two of them.
#[rustfmt::skip]
const VIEWERS: [(&str, [Row; 5]); 4] = [
    //              home  feeds author tag  direct search mention events streams act
    ("public", [
        /* author    */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* follower  */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* mentioned */ "- ++++ ++ +++++ ++ + + -- +",
        /* both      */ "+ ++++ ++ +++++ ++ + + ++ +",
        /* stranger  */ "- ++++ ++ +++++ ++ - + -- +",
    ]),
    ("followers", [
        /* author    */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* follower  */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* mentioned */ NOWHERE,
        /* both      */ "+ ++++ ++ +++++ ++ + + ++ +",
        /* stranger  */ NOWHERE,
    ]),
    ("mentioned", [
        /* author    */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* follower  */ NOWHERE,
        /* mentioned */ "- ++++ ++ +++++ ++ + + -- +",
        /* both      */ "+ ++++ ++ +++++ ++ + + ++ +",
        /* stranger  */ NOWHERE,
    ]),
    ("self", [
        /* author    */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* follower  */ NOWHERE,
        /* mentioned */ NOWHERE,
        /* both      */ NOWHERE,
        /* stranger  */ NOWHERE,
    ]),
];

const CHANGES: [Change; 7] = [
    Change::Unfollow,
    Change::Unmention,
    Change::Block,
    Change::Mute,
    Change::Delete,
    Change::Deactivate,
    Change::Private,
];

/// The places that still show the post after each change, in the order of `CHANGES`.
#[rustfmt::skip]
const CHANGED: [(&str, [Row; 7]); 4] = [
    ("public", [
        /* unfollow  */ "- ++++ ++ +++++ ++ + + ++ +",
        /* unmention */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* block     */ NOWHERE,
        /* mute      */ "- ---- +- +++++ ++ - - -- +",
        /* delete    */ NOWHERE,
        /* deactivate*/ NOWHERE,
        /* private   */ NOWHERE,
    ]),
    ("followers", [
        /* unfollow  */ NOWHERE,
        /* unmention */ "+ ++++ ++ +++++ ++ - + ++ +",
        /* block     */ NOWHERE,
        /* mute      */ "- ---- +- +++++ ++ - - -- +",
        /* delete    */ NOWHERE,
        /* deactivate*/ NOWHERE,
        /* private   */ NOWHERE,
    ]),
    ("mentioned", [
        /* unfollow  */ "- ++++ ++ +++++ ++ + + ++ +",
        /* unmention */ NOWHERE,
        /* block     */ NOWHERE,
        /* mute      */ "- ---- +- +++++ ++ - - -- +",
        /* delete    */ NOWHERE,
        /* deactivate*/ NOWHERE,
        /* private   */ NOWHERE,
    ]),
    ("self", ["- ---- -- ----- -- - - .. -"; 7]),
];

/// The indexes of the streams among the places, and of the viewer who is a follower and named.
const OPEN: usize = 16;
const REPLAYED: usize = 17;
const BOTH: usize = 3;

/// Returns the cells of a row, in the order of `PLACES`.
fn cells(row: Row) -> Vec<char> {
    let cells: Vec<char> = row.chars().filter(|cell| *cell != ' ').collect();
    assert_eq!(cells.len(), PLACES.len(), "{row}");
    cells
}

/// Whether each of the viewers follows the author, and is named by the post.
const VIEWERS_ARE: [(bool, bool); 4] = [(true, false), (false, true), (true, true), (false, false)];

async fn viewers_of(audience: &'static str) {
    let (_, rows) = VIEWERS.into_iter().find(|(of, _)| *of == audience).unwrap();
    let world = World::new(audience, &VIEWERS_ARE).await;
    for ((viewer, row), who) in
        world.viewers.iter().zip(rows).zip(["author", "follower", "mentioned", "both", "stranger"])
    {
        let cells = cells(row);
        world.check_places(&viewer.member, &cells, who).await;
        let case = format!("{audience} post, {who}");
        assert_eq!(viewer.shown, cells[OPEN] == '+', "{case}: open stream");
        let mut replayed = viewer.member.stream(Some(&viewer.opened)).await;
        let part = read_to_own_post(&viewer.member, &mut replayed, world.post).await;
        assert_eq!(part.created && !part.taken_back, cells[REPLAYED] == '+', "{case}: replayed stream");
    }
    world.server.shutdown().await;
}

async fn change(audience: &'static str, change: Change) {
    let (_, rows) = CHANGED.into_iter().find(|(of, _)| *of == audience).unwrap();
    let at = CHANGES.iter().position(|one| *one == change).unwrap();
    let cells = cells(rows[at]);
    let mut world = World::new(audience, &[(true, true)]).await;
    let (_, before) = VIEWERS.into_iter().find(|(of, _)| *of == audience).unwrap();
    let case = format!("{change:?}");
    world.check_places(&world.viewers[1].member, &self::cells(before[BOTH]), "before").await;
    world.apply(change).await;
    let mut viewer = world.viewers.remove(1);
    world.check_places(&viewer.member, &cells, &case).await;
    let mut replayed = viewer.member.stream(Some(&viewer.cursor)).await;
    for (place, stream) in [(OPEN, &mut viewer.stream), (REPLAYED, &mut replayed)] {
        let part = read_to_own_post(&viewer.member, stream, world.post).await;
        let kept = if viewer.shown { if part.taken_back { '-' } else { '+' } } else { '.' };
        assert_eq!(kept, cells[place], "{audience} post, {case}: {} stream", PLACES[place]);
        assert!(viewer.shown || !part.created && !part.taken_back, "{audience} post, {case}: {}", PLACES[place]);
    }
    // The places do not change again.
    world.check_places(&viewer.member, &cells, &format!("{case}, once more")).await;
    world.server.shutdown().await;
}

macro_rules! matrix {
    ($($audience:ident: $name:literal),*) => {
        $(mod $audience {
            use super::Change;

            #[tokio::test]
            async fn is_seen_by_its_viewers_alone() {
                super::viewers_of($name).await;
            }

            matrix!(@changes $name; unfollow: Unfollow, unmention: Unmention, block: Block, mute: Mute, delete: Delete,
                deactivate: Deactivate, private: Private);
        })*
    };
    (@changes $name:literal; $($test:ident: $change:ident),*) => {
        $(#[tokio::test]
        async fn $test() {
            super::change($name, Change::$change).await;
        })*
    };
}

matrix! { public: "public", followers: "followers", mentioned: "mentioned", oneself: "self" }
