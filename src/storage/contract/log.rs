//! The log: in the order of commits, without holes, and nothing of what was refused.
use super::{draft, id, member, open, post};
use crate::{
    config::Config,
    domain::{EventKind, MemberId, Position, PostId, Timestamp},
    storage::Stores,
};

const END: Position = Position(u64::MAX);

#[tokio::test]
async fn a_refusal_leaves_no_event_and_no_hole() {
    let (stores, _folder) = open().await;
    let (a, b) = (member(&stores, "aaa").await, member(&stores, "bbb").await);
    let on = post(&stores, a, "글").await;
    assert!(stores.content.delete_post(b, on, Timestamp::now()).await.is_err());
    assert!(stores.content.like_post(id(), b, PostId(1), true).await.is_err());
    stores.content.like_post(id(), b, on, true).await.unwrap();
    let events = stores.log.read(Position(0), 100).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.fact.kind).collect();
    use EventKind::{MemberSignedUp as S, PostCreated as P, PostLiked as L};
    assert_eq!(kinds, [S, S, P, L]);
    assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(events.windows(2).all(|pair| pair[0].at_ns < pair[1].at_ns));
    assert_eq!(events[3].fact.target, Some(a));
    assert_eq!(*stores.log.head().borrow(), Position(4));
}

#[tokio::test]
async fn posts_of_one_commit_keep_their_places() {
    let (stores, _folder) = open().await;
    let author = member(&stores, "author").await;
    let drafts: Vec<_> = (0..200).map(|number| draft(author, &format!("글 {number}"))).collect();
    let ids: Vec<_> = drafts.iter().map(|draft| draft.id).collect();
    futures::future::join_all(drafts.into_iter().map(|draft| stores.content.publish(draft, None))).await;
    let events = stores.log.read(Position(1), 500).await.unwrap();
    assert_eq!(events.iter().map(|event| event.fact.post.unwrap()).collect::<Vec<_>>(), ids);
    let places = stores.content.newest_posts(PostId(u64::MAX), 500).await.unwrap();
    for event in &events {
        let place = places.iter().find(|place| Some(place.post) == event.fact.post).unwrap();
        assert_eq!((place.position, place.author), (event.position, author));
    }
    let of_author = stores.log.post_events(&[author], Position(100), END, 50).await.unwrap();
    assert_eq!(of_author, events[99..149]);
    assert!(stores.log.post_events(&[MemberId(1)], Position(0), END, 50).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_restart_goes_on_where_the_log_ended() {
    let (stores, folder) = open().await;
    let author = member(&stores, "author").await;
    post(&stores, author, "글").await;
    let (epoch, before) = (stores.log.epoch(), stores.log.read(Position(0), 10).await.unwrap());
    drop(stores);
    let config = Config::for_tests(folder.path());
    let mut again = Stores::open(&config).await;
    // The writer closes the file after its last handle is gone.
    while again.is_err() {
        tokio::task::yield_now().await;
        again = Stores::open(&config).await;
    }
    let again = again.unwrap();
    assert_eq!(again.log.epoch(), epoch);
    assert_eq!(again.log.read(Position(0), 10).await.unwrap(), before, "from the disk");
    post(&again, author, "다음").await;
    let events = again.log.read(Position(0), 10).await.unwrap();
    assert_eq!(events.last().unwrap().position, Position(before.len() as u64 + 1));
}

#[tokio::test]
async fn pruning_spares_what_a_reader_has_not_read() {
    let (stores, _folder) = open().await;
    let author = member(&stores, "author").await;
    for _ in 0..9 {
        post(&stores, author, "글").await;
    }
    let later = Timestamp(Timestamp::now().0 + 60_000);
    let pruned = stores.upkeep.prune(Timestamp::now(), later, Position(4)).await.unwrap();
    assert_eq!((pruned.events, stores.log.pruned_to().await.unwrap()), (4, Position(4)));
    let pruned = stores.upkeep.prune(Timestamp::now(), Timestamp(0), END).await.unwrap();
    assert_eq!(pruned.events, 0, "young events stay");
}

#[tokio::test]
async fn what_went_a_month_ago_is_purged_and_nothing_drifts() {
    let (stores, _folder) = open().await;
    let (leaver, other) = (member(&stores, "leaver").await, member(&stores, "other").await);
    let on = post(&stores, other, "글").await;
    let gone = post(&stores, other, "지운 글").await;
    stores.members.follow(id(), leaver, other).await.unwrap();
    stores.content.like_post(id(), leaver, on, true).await.unwrap();
    let long_ago = Timestamp(0);
    stores.content.delete_post(other, gone, long_ago).await.unwrap();
    stores.members.deactivate(leaver, long_ago).await.unwrap();
    let pruned = stores.upkeep.prune(Timestamp::now(), long_ago, END).await.unwrap();
    assert_eq!((pruned.posts, pruned.members), (1, 1));
    assert_eq!(stores.upkeep.audit().await.unwrap(), []);
    assert!(!stores.members.handle_taken("leaver").await.unwrap());
}
