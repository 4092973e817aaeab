//! Refresh tokens that rotate, access tokens that are revoked, and keys that sign.
use super::{
    Backend,
    fixtures::{events, hours_from_now, member, members},
    id,
};
use crate::{
    domain::{EventKind, MemberId, Session, SessionId, SigningKey, Timestamp},
    storage::{Credentials, SessionsToEnd, Stores},
};
use futures::future::join_all;
use uuid::Uuid;

conformance! {
    sessions_are_listed_last_used_first,
    a_used_or_ended_refresh_token_does_not_rotate,
    ended_sessions_are_revoked_until_their_tokens_expire,
    one_of_twenty_concurrent_key_rotations_succeeds,
    replaced_keys_verify_until_they_are_disabled,
}

pub(super) fn session_of(member: MemberId) -> Session {
    let now = Timestamp::now();
    Session {
        id: SessionId(id()),
        member,
        device: "시험기".to_owned(),
        address: "192.0.2.1".to_owned(),
        created_at: now,
        last_used_at: now,
        expires_at: hours_from_now(1),
        secret: [7; 32],
        rotation: 0,
        rotated_at: now,
    }
}

/// Returns the current credentials of a member.
pub(super) async fn checked(stores: &Stores, member: MemberId) -> Credentials {
    stores.sessions.credentials(member).await.unwrap().unwrap()
}

pub(super) async fn log_in(stores: &Stores, member: MemberId) -> Session {
    let session = session_of(member);
    stores.sessions.create_session(session.clone(), checked(stores, member).await, None).await.unwrap();
    session
}

async fn rotate(stores: &Stores, id: SessionId, rotation: u64, now: Timestamp) -> bool {
    let address = format!("2001:db8::{rotation}");
    stores
        .sessions
        .refresh_session(id, rotation, now, now.after(std::time::Duration::from_secs(60)), address)
        .await
        .unwrap()
        .value
}

fn key(secret: u8) -> SigningKey {
    SigningKey { id: Uuid::new_v4(), secret: [secret; 32], created_at: Timestamp::now(), replaced_at: None }
}

async fn sessions_are_listed_last_used_first(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    let (first, second, third) = (log_in(stores, one).await, log_in(stores, one).await, log_in(stores, one).await);
    log_in(stores, other).await;
    let (used_at, now) = (hours_from_now(2), Timestamp::now());
    assert!(rotate(stores, first.id, 0, used_at).await);
    let listed = async |now| {
        let sessions = stores.sessions.sessions(one, now).await.unwrap();
        sessions.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(now).await, [first.id, third.id, second.id]);
    assert_eq!(listed(used_at).await, [first.id]);

    let kept = stores.sessions.session(first.id).await.unwrap().unwrap();
    assert_eq!((kept.member, kept.device.as_str(), kept.secret), (one, "시험기", [7; 32]));
    assert_eq!((kept.rotation, kept.last_used_at, kept.rotated_at), (1, used_at, used_at));
    assert_eq!((kept.address.as_str(), kept.created_at), ("2001:db8::0", first.created_at));
    let logins = events(stores).await.iter().filter(|event| event.fact.kind == EventKind::MemberLoggedIn).count();
    assert_eq!(logins, 4);
}

async fn a_used_or_ended_refresh_token_does_not_rotate(backend: &Backend) {
    let stores = &backend.stores().await;
    let who = member(stores).await;
    let session = log_in(stores, who).await;
    let now = Timestamp::now();
    assert!(rotate(stores, session.id, 0, now).await);
    assert!(!rotate(stores, session.id, 0, now).await);
    assert!(!rotate(stores, session.id, 2, now).await);
    assert!(rotate(stores, session.id, 1, now).await);
    stores.sessions.end_sessions(who, SessionsToEnd::One(session.id), now).await.unwrap();
    assert!(!rotate(stores, session.id, 2, now).await);
    assert!(stores.sessions.session(session.id).await.unwrap().is_none());
}

async fn ended_sessions_are_revoked_until_their_tokens_expire(backend: &Backend) {
    let stores = &backend.stores().await;
    let [one, other] = members(stores).await;
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(log_in(stores, one).await.id);
    }
    let theirs = log_in(stores, other).await.id;
    let (until, now) = (hours_from_now(1), Timestamp::now());
    let end = async |which| {
        let mut ended = stores.sessions.end_sessions(one, which, until).await.unwrap().value;
        ended.sort_unstable();
        ended
    };
    assert_eq!(end(SessionsToEnd::One(theirs)).await, []);
    assert_eq!(end(SessionsToEnd::One(mine[0])).await, mine[..1]);
    assert_eq!(end(SessionsToEnd::One(mine[0])).await, []);
    let before = SessionId(id());
    assert_eq!(end(SessionsToEnd::AllBut { keep: mine[1], before }).await, mine[2..]);
    assert_eq!(end(SessionsToEnd::All { before }).await, mine[1..2]);
    assert!(stores.sessions.session(theirs).await.unwrap().is_some());

    let mut revoked = stores.sessions.revoked(now).await.unwrap();
    revoked.sort_unstable();
    assert_eq!(revoked, mine.iter().map(|id| (*id, until)).collect::<Vec<_>>());
    assert_eq!(stores.sessions.revoked(until).await.unwrap(), []);
    let logouts = events(stores).await.iter().filter(|event| event.fact.kind == EventKind::MemberLoggedOut).count();
    assert_eq!(logouts, 3);
}

async fn one_of_twenty_concurrent_key_rotations_succeeds(backend: &Backend) {
    let stores = &backend.stores().await;
    let first = key(0);
    stores.sessions.rotate_key(None, first.clone(), Timestamp(0)).await.unwrap();
    let racing = (1..=20).map(|secret| {
        let (stores, expected) = (stores.clone(), Some(first.id));
        let new = key(secret);
        tokio::spawn(
            async move { stores.sessions.rotate_key(expected, new, Timestamp(0)).await.unwrap().value.primary.id },
        )
    });
    let mut primaries: Vec<Uuid> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
    primaries.dedup();
    assert_eq!(primaries.len(), 1);
    assert_ne!(primaries[0], first.id);
    assert_eq!(stores.sessions.keys().await.unwrap().unwrap().others.len(), 1);
}

async fn replaced_keys_verify_until_they_are_disabled(backend: &Backend) {
    let stores = &backend.stores().await;
    let [first, second, third] =
        [(1, 0), (2, 1), (3, 2)].map(|(secret, hours)| SigningKey { created_at: hours_from_now(hours), ..key(secret) });
    let rotate = async |expected, new: &SigningKey, before| {
        let keys = stores.sessions.rotate_key(expected, new.clone(), before).await.unwrap().value;
        keys.others.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert!(rotate(None, &first, Timestamp(0)).await.is_empty());
    assert_eq!(rotate(Some(first.id), &second, second.created_at).await, [first.id]);
    assert_eq!(rotate(Some(second.id), &third, third.created_at).await, [second.id]);
    stores.sessions.disable_keys(hours_from_now(3)).await.unwrap();
    let keys = stores.sessions.keys().await.unwrap().unwrap();
    assert_eq!((keys.primary.id, keys.others.len()), (third.id, 0));
}
