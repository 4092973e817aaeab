//! Tests of sessions with several processes over one store: revocations and keys that another process stored.
use super::{
    key_sync::KeySync,
    keyring::{PUBLISHED_FOR, Verified},
};
use crate::{
    actors::{
        for_tests::TestServer,
        lease::{
            Lease,
            for_tests::{Answer, TestLeases},
        },
    },
    domain::{Refusal, SessionId, SigningKey, Timestamp},
    storage::{SessionsToEnd, Work},
};
use std::time::{Duration, Instant};

const WAIT_MAX: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);
/// Larger than the id of every session.
const LATER: SessionId = SessionId(1 << 52);

/// Waits until the token is refused.
async fn assert_revoked(server: &TestServer, token: &str) {
    let verify = || server.actors.sessions.verify(token);
    let revoked = async {
        while verify().is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, revoked).await.expect("the token is refused");
    assert_eq!(verify().unwrap_err(), Refusal::TokenRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_another_process_stored_is_in_force() {
    let server = TestServer::start().await;
    let (until, store) = (Timestamp::now().after(HOUR), &server.stores.sessions);
    let [(one, ended), (other, kept)] = [server.log_in().await, server.log_in().await];
    store.end_sessions(ended.member, SessionsToEnd::One(ended.session), until).await.unwrap();
    assert_revoked(&server, &one).await;
    assert!(server.actors.sessions.verify(&other).is_ok());

    let (third, _) = server.log_in().await;
    let known = store.credentials(kept.member).await.unwrap().unwrap();
    let same = known.password_hash.clone();
    store.change_password(kept, known, same, LATER, until).await.unwrap();
    assert_revoked(&server, &third).await;
    assert!(server.actors.sessions.verify(&other).is_ok(), "the session that changed the password");
    store.end_sessions(kept.member, SessionsToEnd::All { before: LATER }, until).await.unwrap();
    assert_revoked(&server, &other).await;
}

/// The keys of one process.
async fn process(server: &TestServer) -> KeySync {
    let lease = Lease::new(&server.stores.leases, Work::SigningKeys);
    KeySync::start(server.stores.sessions.clone(), lease, HOUR, DAY).await.unwrap()
}

fn sign(process: &KeySync, at: Timestamp) -> String {
    process.keyring().sign(crate::domain::MemberId(7), SessionId(9), Timestamp(i64::MAX), at).unwrap().0
}

fn verify(process: &KeySync, token: &str, at: Timestamp) -> Result<Verified, Refusal> {
    process.keyring().verify(token, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_signs_when_every_process_has_read_it() {
    let server = TestServer::start().await;
    let [one, other] = [process(&server).await, process(&server).await];
    let key = async || server.stores.sessions.keys().await.unwrap().unwrap();
    let (old, due) = (key().await.primary.id, Timestamp::now().after(DAY + HOUR));
    let before = sign(&one, due);
    one.check(due).await.unwrap();
    assert_ne!(key().await.primary.id, old);
    let signs = due.after(PUBLISHED_FOR);
    for at in [due, signs.before(SECOND)] {
        let verified = verify(&other, &sign(&one, at), at).expect("signed with the key that the other process has");
        assert!(!verified.under_old_key);
    }
    // The other process reads the keys while the new one is published.
    other.read().await.unwrap();
    let after = sign(&one, signs);
    assert!(!verify(&other, &after, signs).unwrap().under_old_key);
    assert!(verify(&other, &before, signs).unwrap().under_old_key, "its client should get a new token");
    assert!(!verify(&other, &before, signs.before(SECOND)).unwrap().under_old_key, "but not before the new key signs");

    // The old key verifies until the last token that it signed has expired.
    let last = sign(&one, signs.before(SECOND));
    let expires = signs.after(HOUR).before(SECOND);
    one.check(expires).await.unwrap();
    assert!(verify(&one, &last, expires.before(SECOND)).is_ok());
    one.check(expires.after(HOUR)).await.unwrap();
    assert!(one.keyring().lacks_key_of(&last) && !one.keyring().lacks_key_of(&after));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_once_by_processes_that_check_at_once() {
    let server = TestServer::start().await;
    let [one, other] = [process(&server).await, process(&server).await];
    let due = Timestamp::now().after(DAY + HOUR);
    let (first, second) = tokio::join!(one.check(due), other.check(due));
    first.and(second).unwrap();
    let keys = server.stores.sessions.keys().await.unwrap().unwrap();
    assert_eq!(keys.others.len(), 1);
    let at = due.after(PUBLISHED_FOR);
    assert!(verify(&one, &sign(&other, at), at).is_ok() && verify(&other, &sign(&one, at), at).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sole_key_signs_at_once() {
    let server = TestServer::start().await;
    let one = process(&server).await;
    let (store, now) = (&server.stores.sessions, Timestamp::now());
    let compromised = store.keys().await.unwrap().unwrap().primary;
    let token = sign(&one, now);
    // As if an operator had disabled every key.
    let far = now.after(DAY);
    let new = SigningKey { id: uuid::Uuid::new_v4(), secret: [1; 32], created_at: now, replaced_at: None };
    store.rotate_key(Some(compromised.id), new.clone(), far).await.unwrap();
    one.read().await.unwrap();
    assert!(one.keyring().lacks_key_of(&token));
    assert!(!verify(&one, &sign(&one, now), now).unwrap().under_old_key);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_for_an_unknown_key_once_per_second() {
    let server = TestServer::start().await;
    let one = process(&server).await;
    let started = Instant::now();
    let mut tokens = Vec::new();
    for number in 0..2 {
        let (store, now) = (&server.stores.sessions, Timestamp::now());
        let present = store.keys().await.unwrap().unwrap().primary.id;
        let key = SigningKey { id: uuid::Uuid::new_v4(), secret: [number; 32], created_at: now, replaced_at: None };
        store.rotate_key(Some(present), key, Timestamp(0)).await.unwrap();
        let signs = now.after(PUBLISHED_FOR);
        let token = sign(&process(&server).await, signs);
        assert!(one.keyring().lacks_key_of(&token));
        assert_eq!(verify(&one, &token, signs).unwrap_err(), Refusal::TokenInvalid);
        one.read_for_unknown_key(started + SECOND / 2 * u32::from(number)).await;
        tokens.push((token, signs));
    }
    let known = |one: &KeySync| [0, 1].map(|number: usize| verify(one, &tokens[number].0, tokens[number].1).is_ok());
    assert_eq!(known(&one), [true, false], "half a second after the first read");
    one.read_for_unknown_key(started + SECOND).await;
    assert_eq!(known(&one), [true, true]);
    assert!(!one.keyring().lacks_key_of("made up"), "no token");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_only_with_the_lease() {
    let leases = TestLeases::new();
    let server = TestServer::start_with(|stores| stores.leases = leases.clone()).await;
    let primary = async || server.stores.sessions.keys().await.unwrap().unwrap().primary.id;
    let (first, due) = (primary().await, Timestamp::now().after(DAY + HOUR));
    for (answer, replaced) in [(Answer::Refused, false), (Answer::Failed, false), (Answer::Granted, true)] {
        leases.set(answer);
        server.actors.sessions.check_keys(due).await.unwrap();
        assert_eq!(primary().await != first, replaced, "{answer:?}");
    }
}
