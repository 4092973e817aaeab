//! Two stores over one database: limits that two commands reach at once, and work that happens once.
use super::{
    Backend, FullList, Tampering,
    fixtures::{followed, hours_from_now, member, members, no_drift, post, refused},
    id,
    images::{create_image, create_post, image, shown},
    newcomer,
    two_writers::{ROUNDS, accepted, race, swapped, whole_log},
};
use crate::{
    domain::{
        BLOCKS_MAX, Event, EventKind as K, FOLLOW_REQUESTS_MAX, FOLLOWINGS_MAX, Fact, IMAGES_UNUSED_MAX, ImageId,
        MUTES_MAX, MemberId, Position, PostId, Privacy, ProfilePatch, Purpose, Refusal, RelationChange as R, Timestamp,
    },
    storage::{DEAD_LETTERS_MAX, DeadLetter, Import, ImportedFollow, NewMember, StoreError, StoreResult, Stores},
};

conformance! {
    follows_from_two_stores_stay_within_the_limit,
    follow_requests_from_two_stores_stay_within_the_limit,
    blocks_and_mutes_from_two_stores_stay_within_the_limit,
    unused_images_from_two_stores_stay_within_the_limit,
    dead_letters_from_two_stores_stay_within_the_limit,
    a_batch_applied_by_both_stores_notifies_once,
    an_image_gets_on_one_post,
    an_image_is_deleted_or_on_a_post,
    a_day_kept_by_both_stores_is_one_event,
}

/// Signs up that many members at once.
async fn crowd(stores: &Stores, count: usize) -> Vec<MemberId> {
    let crowd: Vec<NewMember> = (0..count).map(|_| newcomer(&format!("c{}", id()))).collect();
    let ids = crowd.iter().map(|new| new.id).collect();
    stores.housekeeping.import(Import { members: crowd, ..Import::default() }).await.unwrap();
    ids
}

/// Asserts that one of two answers is accepted, and the other one is refused for this reason.
fn assert_one<T: std::fmt::Debug>(one: StoreResult<T>, other: StoreResult<T>, reason: &Refusal) {
    let (first, second) = (accepted(&one), accepted(&other));
    assert!(first != second, "both accepted, or none: {one:?}, {other:?}");
    assert_eq!(refused(if first { other } else { one }), *reason);
}

async fn follows_from_two_stores_stay_within_the_limit(backend: &Backend) {
    let both = backend.two_stores().await;
    let fan = member(&both[0]).await;
    let ids = crowd(&both[0], FOLLOWINGS_MAX + 1).await;
    let follows = ids[..FOLLOWINGS_MAX - 1].iter();
    let follows = follows.map(|followee| ImportedFollow { id: id(), follower: fan, followee: *followee }).collect();
    both[0].housekeeping.import(Import { follows, ..Import::default() }).await.unwrap();
    let [a, b] = [ids[FOLLOWINGS_MAX - 1], ids[FOLLOWINGS_MAX]];
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let (first, second) =
            race(round, one.relations.follow(id(), fan, a), other.relations.follow(id(), fan, b)).await;
        assert_one(first, second, &Refusal::FollowLimit { max: FOLLOWINGS_MAX });
        assert_eq!(followed(one, fan).await.len(), FOLLOWINGS_MAX);
        for followee in [a, b] {
            one.relations.change_relation(R::Unfollow, fan, followee).await.unwrap();
        }
    }
    no_drift(&both[0]).await;
}

async fn follow_requests_from_two_stores_stay_within_the_limit(backend: &Backend) {
    let both = backend.two_stores().await;
    let ids = crowd(&both[0], FOLLOW_REQUESTS_MAX - 1).await;
    let [target, a, b] = members(&both[0]).await;
    let patch = ProfilePatch { privacy: Some(Privacy::Followers), ..ProfilePatch::default() };
    both[0].members.change_profile(target, patch, None).await.unwrap();
    (backend.tamper)(Tampering::FillList(FullList::FollowRequests, target)).await;
    assert_eq!(ids.len(), FOLLOW_REQUESTS_MAX - 1);
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let (first, second) =
            race(round, one.relations.follow(id(), a, target), other.relations.follow(id(), b, target)).await;
        assert_one(first, second, &Refusal::FollowRequestsFull { max: FOLLOW_REQUESTS_MAX });
        for requester in [a, b] {
            one.relations.change_relation(R::Unfollow, requester, target).await.unwrap();
        }
    }
}

async fn blocks_and_mutes_from_two_stores_stay_within_the_limit(backend: &Backend) {
    let both = backend.two_stores().await;
    crowd(&both[0], BLOCKS_MAX.max(MUTES_MAX) - 1).await;
    let [who, a, b] = members(&both[0]).await;
    (backend.tamper)(Tampering::FillList(FullList::Blocks, who)).await;
    (backend.tamper)(Tampering::FillList(FullList::Mutes, who)).await;
    let block = |id| R::Block { id };
    let mute = |id| R::Mute { id, until: None };
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let (first, second) = race(
            round,
            one.relations.change_relation(block(id()), who, a),
            other.relations.change_relation(block(id()), who, b),
        )
        .await;
        assert_one(first, second, &Refusal::BlockLimit { max: BLOCKS_MAX });
        let (first, second) = race(
            round,
            one.relations.change_relation(mute(id()), who, a),
            other.relations.change_relation(mute(id()), who, b),
        )
        .await;
        assert_one(first, second, &Refusal::MuteLimit { max: MUTES_MAX });
        for (undo, target) in [(R::Unblock, a), (R::Unblock, b), (R::Unmute, a), (R::Unmute, b)] {
            one.relations.change_relation(undo, who, target).await.unwrap();
        }
    }
}

async fn unused_images_from_two_stores_stay_within_the_limit(backend: &Backend) {
    let both = backend.two_stores().await;
    let owner = member(&both[0]).await;
    for _ in 1..IMAGES_UNUSED_MAX {
        create_image(&both[0], owner, Purpose::Post).await;
    }
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [a, b] = [image(owner, Purpose::Post), image(owner, Purpose::Post)];
        let ids = [a.picture.id, b.picture.id];
        let (first, second) = race(round, one.images.create_image(a, None), other.images.create_image(b, None)).await;
        assert_one(first, second, &Refusal::TooManyImages { max: IMAGES_UNUSED_MAX });
        let stored = one.images.images(&ids).await.unwrap();
        assert_eq!(stored.len(), 1);
        one.images.delete_image(owner, stored[0].picture.id).await.unwrap();
    }
}

fn event(position: u64, kind: K, member: u64) -> Event {
    let fact = Fact::new(kind, MemberId(member)).on_post(PostId(10)).to(MemberId(1));
    Event { position: Position(position), at_ns: Timestamp::now().0 * 1_000_000, fact }
}

fn dead_letter(event: Event) -> DeadLetter {
    let now = Timestamp::now();
    DeadLetter {
        event,
        message_key: format!("key-{}", event.position.0),
        payload: "{}".to_owned(),
        cause: "test".to_owned(),
        attempts: 1,
        first_at: now,
        last_at: now,
        next_at: hours_from_now(1),
    }
}

async fn dead_letters_from_two_stores_stay_within_the_limit(backend: &Backend) {
    let both = backend.two_stores().await;
    (backend.tamper)(Tampering::FillDeadLetters).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        // Both stores reject the same event, as two readers of one log do.
        let letter = dead_letter(event(round as u64 + 1, K::PostLiked, 2));
        let id = letter.event.position;
        let (first, second) =
            race(round, one.activity.add_dead_letter(letter.clone()), other.activity.add_dead_letter(letter)).await;
        assert!(first.is_ok() && second.is_ok(), "{first:?}, {second:?}");
        assert_eq!(one.activity.dead_letter_count().await.unwrap(), DEAD_LETTERS_MAX);
        let full = other.activity.add_dead_letter(dead_letter(event(1_000, K::PostLiked, 2))).await;
        assert!(matches!(full, Err(StoreError::Busy { .. })), "{full:?}");
        let (first, second) = race(round, one.activity.drop_dead_letter(id), other.activity.drop_dead_letter(id)).await;
        assert!(first.unwrap() != second.unwrap(), "it is dropped once");
    }
}

async fn a_batch_applied_by_both_stores_notifies_once(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let first = round as u64 * 3 + 1;
        let member = round as u64 + 2;
        let batch = [
            event(first, K::PostLiked, member),
            event(first + 1, K::PostLikeCancelled, member),
            event(first + 2, K::PostLiked, member + 1_000),
        ];
        let (all, part) = race(round, one.activity.apply(&batch), other.activity.apply(&batch[..2])).await;
        all.unwrap();
        part.unwrap();
        assert_eq!(one.activity.position().await.unwrap(), Position(first + 2));
        let notifications =
            other.activity.notifications(MemberId(1), Position(first - 1), Position(u64::MAX), 99).await;
        assert_eq!(notifications.unwrap().iter().map(|one| one.id.0).collect::<Vec<_>>(), [first + 2]);
    }
}

async fn an_image_gets_on_one_post(backend: &Backend) {
    let both = backend.two_stores().await;
    let author = member(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let contested = create_image(one, author, Purpose::Post).await;
        let (first, second) =
            race(round, create_post(one, author, &[contested]), create_post(other, author, &[contested])).await;
        assert!(accepted(&first) != accepted(&second), "{first:?}, {second:?}");
        let on = first.or(second).unwrap();
        assert_eq!(shown(one, on).await, [contested]);
    }
    no_drift(&both[0]).await;
}

async fn an_image_is_deleted_or_on_a_post(backend: &Backend) {
    let both = backend.two_stores().await;
    let author = member(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let [chosen, unused] =
            [create_image(one, author, Purpose::Post).await, create_image(one, author, Purpose::Post).await];
        let posting = async { (create_post(one, author, &[chosen]).await, create_post(one, author, &[unused]).await) };
        let deleting = async {
            let deleted = other.images.delete_image(author, chosen).await;
            (deleted, other.images.delete_unused_images(hours_from_now(1), 9).await)
        };
        let ((with_chosen, with_unused), (deleted, swept)) = race(round, posting, deleting).await;
        assert!(accepted(&deleted) && accepted(&swept));
        if let Ok(on) = with_chosen {
            assert_eq!(shown(one, on).await, [], "the owner's deletion removes it from the post");
        }
        let stored: Vec<ImageId> =
            one.images.images(&[chosen, unused]).await.unwrap().iter().map(|i| i.picture.id).collect();
        match with_unused {
            Ok(on) => assert_eq!((shown(one, on).await, stored), (vec![unused], vec![unused])),
            Err(_) => assert_eq!(stored, []),
        }
    }
    no_drift(&both[0]).await;
}

async fn a_day_kept_by_both_stores_is_one_event(backend: &Backend) {
    let both = backend.two_stores().await;
    let [author, _] = members(&both[0]).await;
    let day = |round: usize| format!("2026-03-{:02}", round + 1).parse().unwrap();
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let best = vec![post(one, author).await];
        let (first, second) = race(
            round,
            one.ranking.keep_day(day(round), best.clone(), None),
            other.ranking.keep_day(day(round), best.clone(), None),
        )
        .await;
        assert!(accepted(&first) && accepted(&second));
        assert_eq!(one.ranking.kept_day(day(round)).await.unwrap().unwrap().shown, best);
    }
    let log = whole_log(&both[1]).await;
    let changes: Vec<_> = log.iter().filter(|event| event.fact.kind == K::DailyTop3Changed).collect();
    assert_eq!(changes.len(), ROUNDS);
    for (round, change) in changes.iter().enumerate() {
        assert_eq!(both[0].ranking.top3_changed_at(change.position).await.unwrap(), Some(day(round)));
    }
}
