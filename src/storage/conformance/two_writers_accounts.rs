//! Two stores over one database: sign-ups, profiles, receipts, sessions, keys and markers that meet.
use super::{
    Backend, draft,
    fixtures::{hours_from_now, member, members, no_drift, post_counts, refused, remark},
    id, newcomer,
    tokens::{checked, log_in, session_of},
    two_writers::{ROUNDS, accepted, position_of, race, swapped, whole_log},
};
use crate::{
    domain::{
        Answer, EventKind as K, Handle, Identity, MemberId, Outcome, Patch, Position, ProfilePatch, Receipt, Refusal,
        SessionId, SigningKey, Timestamp,
    },
    storage::{NewMember, SessionsToEnd, Stores},
};
use uuid::Uuid;

conformance! {
    a_handle_and_an_address_are_given_out_once,
    a_handle_is_changed_to_by_one_member,
    profile_patches_of_two_devices_both_land,
    a_repeated_request_is_carried_out_once,
    a_refresh_token_rotates_once,
    an_ended_session_is_not_refreshed,
    a_login_beside_a_password_change_is_refused_or_ended,
    one_key_is_primary,
    a_marker_never_moves_back,
}

fn receipt(scope: &str, key: usize, body: &str) -> Receipt {
    Receipt {
        scope: scope.to_owned(),
        key: format!("key-{key}"),
        fingerprint: [7; 32],
        answer: Answer { status: 201, location: String::new(), body: body.to_owned() },
        at: Timestamp::now(),
    }
}

async fn a_handle_and_an_address_are_given_out_once(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let first = newcomer(&format!("one{round}"));
        // In every other round the handle is the same, else the address.
        let second = newcomer(&format!("two{round}"));
        let (second, taken) = if round % 8 < 4 {
            (NewMember { handle: first.handle.clone(), ..second }, Refusal::HandleTaken)
        } else {
            (NewMember { email: first.email.clone(), ..second }, Refusal::EmailTaken)
        };
        let ids = [first.id, second.id];
        let (first, second) = race(round, one.members.sign_up(first, None), other.members.sign_up(second, None)).await;
        assert!(accepted(&first) != accepted(&second), "{first:?}, {second:?}");
        let refusal = refused(if accepted(&first) { second } else { first });
        assert_eq!(refusal, taken);
        assert_eq!(one.members.cards(&ids).await.unwrap().len(), 1);
    }
    assert_eq!(whole_log(&both[0]).await.len(), ROUNDS);
}

async fn a_handle_is_changed_to_by_one_member(backend: &Backend) {
    let both = backend.two_stores().await;
    let [a, b] = members(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let wanted = Handle::new(&format!("wanted{round}")).unwrap();
        let (first, second) = race(
            round,
            one.members.change_handle(a, wanted.clone(), None),
            other.members.change_handle(b, wanted.clone(), None),
        )
        .await;
        assert!(accepted(&first) != accepted(&second), "{first:?}, {second:?}");
        let owner = one.members.member_by_handle(&wanted.key()).await.unwrap().unwrap();
        assert_eq!(owner.id, if accepted(&first) { a } else { b });
    }
    whole_log(&both[0]).await;
}

async fn profile_patches_of_two_devices_both_land(backend: &Backend) {
    let both = backend.two_stores().await;
    let who = member(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let (bio, location) = (format!("소개 {round}"), format!("서울 {round}"));
        let first = ProfilePatch { bio: Patch::Set(bio.clone()), ..ProfilePatch::default() };
        let second = ProfilePatch { location: Patch::Set(location.clone()), ..ProfilePatch::default() };
        let (first, second) =
            race(round, one.members.change_profile(who, first, None), other.members.change_profile(who, second, None))
                .await;
        assert!(accepted(&first) && accepted(&second));
        let profile = one.members.member(who).await.unwrap().unwrap().profile;
        assert_eq!((profile.bio, profile.location), (Some(bio), Some(location)));
    }
    // Both read the same version: the second write is refused.
    let read = both[0].members.member(who).await.unwrap().unwrap();
    let patch = |name: &str| ProfilePatch { display_name: Patch::Set(name.to_owned()), ..ProfilePatch::default() };
    let (first, second) = race(
        0,
        both[0].members.change_profile(who, patch("하나"), Some(read.clone())),
        both[1].members.change_profile(who, patch("둘"), Some(read)),
    )
    .await;
    assert!(accepted(&first) != accepted(&second), "{first:?}, {second:?}");
    whole_log(&both[0]).await;
}

async fn a_repeated_request_is_carried_out_once(backend: &Backend) {
    let both = backend.two_stores().await;
    let author = member(&both[0]).await;
    let scope = author.0.to_string();
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let posts = [draft(author, "글"), draft(author, "글")];
        let on = posts.each_ref().map(|post| post.id);
        let create = |stores: &Stores, number: usize| {
            let (posts, post) = (stores.posts.clone(), posts[number].clone());
            let receipt = receipt(&scope, round, &number.to_string());
            async move { posts.create_post(post, Some(receipt)).await.unwrap().value }
        };
        let (first, second) = race(round, create(one, 0), create(other, 1)).await;
        let done = usize::from(second == Outcome::Done);
        let repeated = if done == 0 { &second } else { &first };
        assert_eq!(*repeated, Outcome::Repeated(receipt(&scope, round, &done.to_string()).answer));
        assert_ne!(first, second);
        let stored = one.posts.posts(&on).await.unwrap();
        assert_eq!(stored.iter().map(|post| post.id).collect::<Vec<_>>(), [on[done]]);

        let comment = |stores: &Stores, number: usize| {
            let (comments, remark) = (stores.comments.clone(), remark(author, on[done], None));
            let receipt = receipt(&scope, round + 1_000, &number.to_string());
            async move { comments.create_comment(remark, Some(receipt)).await.unwrap().value }
        };
        let (first, second) = race(round, comment(one, 0), comment(other, 1)).await;
        assert!((first == Outcome::Done) != (second == Outcome::Done), "{first:?}, {second:?}");
        assert_eq!(post_counts(one, on[done]).await, Some([0, 0, 1]));
    }
    whole_log(&both[0]).await;
    no_drift(&both[0]).await;
}

async fn a_refresh_token_rotates_once(backend: &Backend) {
    let both = backend.two_stores().await;
    let who = member(&both[0]).await;
    let session = log_in(&both[0], who).await.id;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let rotate = |stores: &Stores| {
            let sessions = stores.sessions.clone();
            let (now, until) = (Timestamp::now(), hours_from_now(1));
            async move {
                let address = "::1".to_owned();
                sessions.refresh_session(session, round as u64, now, until, address).await.unwrap().value
            }
        };
        let (first, second) = race(round, rotate(one), rotate(other)).await;
        assert!(first != second, "the token was used twice, or never");
        assert_eq!(one.sessions.session(session).await.unwrap().unwrap().rotation, round as u64 + 1);
    }
}

async fn an_ended_session_is_not_refreshed(backend: &Backend) {
    let both = backend.two_stores().await;
    let who = member(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let session = log_in(one, who).await.id;
        let (now, until) = (Timestamp::now(), hours_from_now(1));
        let (refreshed, ended) = race(
            round,
            one.sessions.refresh_session(session, 0, now, until, "::1".to_owned()),
            other.sessions.end_sessions(who, SessionsToEnd::One(session), until),
        )
        .await;
        assert!(accepted(&refreshed));
        assert_eq!(ended.unwrap().value, [session]);
        assert!(one.sessions.session(session).await.unwrap().is_none());
        assert!(other.sessions.revoked(now).await.unwrap().iter().any(|(id, _)| *id == session));
    }
}

async fn a_login_beside_a_password_change_is_refused_or_ended(backend: &Backend) {
    let both = backend.two_stores().await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let who = member(one).await;
        let here = log_in(one, who).await;
        let (until, known) = (hours_from_now(1), checked(one, who).await);
        let identity = Identity { member: who, session: here.id, expires_at: until };
        let thief = session_of(who);
        let before = SessionId(id());
        let login = one.sessions.create_session(thief, known.clone(), None);
        let change = other.sessions.change_password(identity, known, "new".to_owned(), before, until);
        let (logged_in, changed) = race(round, login, change).await;
        accepted(&logged_in);
        changed.unwrap();
        let left = one.sessions.sessions(who, Timestamp::now()).await.unwrap();
        assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [here.id]);
    }
    whole_log(&both[0]).await;
}

async fn one_key_is_primary(backend: &Backend) {
    let both = backend.two_stores().await;
    let key = || SigningKey { id: Uuid::new_v4(), secret: [1; 32], created_at: Timestamp::now(), replaced_at: None };
    let mut expected = None;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let (a, b) = (key(), key());
        let new = [a.id, b.id];
        let (first, second) = race(
            round,
            one.sessions.rotate_key(expected, a, Timestamp(0)),
            other.sessions.rotate_key(expected, b, Timestamp(0)),
        )
        .await;
        let stored = one.sessions.keys().await.unwrap().unwrap();
        assert!(new.contains(&stored.primary.id));
        assert_eq!(stored.others.len(), round, "the key of the loser was not stored");
        for answer in [first, second] {
            assert_eq!(answer.unwrap().value.primary.id, stored.primary.id);
        }
        expected = Some(stored.primary.id);
    }
}

async fn a_marker_never_moves_back(backend: &Backend) {
    let both = backend.two_stores().await;
    let who: MemberId = member(&both[0]).await;
    for round in 0..ROUNDS {
        let (one, other) = swapped(round, &both);
        let last = Position(round as u64 * 10 + 9);
        let (moved, older) =
            race(round, one.markers.move_marker(who, last), other.markers.move_marker(who, Position(last.0 - 4))).await;
        assert!(moved.unwrap().value, "no other device has read as far");
        assert!(accepted(&older));
        assert_eq!(other.markers.marker(who).await.unwrap(), last);
    }
    let log = whole_log(&both[1]).await;
    assert!(position_of(&log, |event| event.fact.kind == K::NotificationsRead).is_some());
}
