//! Sessions under concurrent commands: rotation, revocation and checked credentials.
use super::{
    Backend,
    fixtures::{hours_from_now, refused},
    id, member,
    tokens::{checked, log_in, session_of},
};
use crate::{
    domain::{Identity, MemberId, Refusal, SessionId, SigningKey, Timestamp},
    storage::{NotBefore, SessionsToEnd, Stores},
};
use uuid::Uuid;

conformance! {
    one_of_fifty_concurrent_rotations_succeeds,
    an_ended_session_is_removed_and_its_tokens_are_revoked,
    a_command_checked_against_old_credentials_is_refused,
    an_ended_session_changes_nothing,
    a_session_without_a_row_is_revoked_too,
    a_key_is_replaced_once_and_disabled_after_its_time,
}

async fn session(stores: &Stores, of: MemberId) -> SessionId {
    log_in(stores, of).await.id
}

fn key() -> SigningKey {
    SigningKey { id: Uuid::new_v4(), secret: [1; 32], created_at: Timestamp::now(), replaced_at: None }
}

async fn one_of_fifty_concurrent_rotations_succeeds(backend: &Backend) {
    let stores = backend.stores().await;
    let who = member(&stores, "who").await;
    let id = session(&stores, who).await;
    let now = Timestamp::now();
    let rotate = |_| stores.sessions.refresh_session(id, 0, now, Timestamp(now.0 + 60_000), "::1".to_owned());
    let rotated = futures::future::join_all((0..50).map(rotate)).await;
    assert_eq!(rotated.into_iter().filter(|rotated| rotated.as_ref().unwrap().value).count(), 1);
    assert_eq!(stores.sessions.session(id).await.unwrap().unwrap().rotation, 1);
}

async fn an_ended_session_is_removed_and_its_tokens_are_revoked(backend: &Backend) {
    let stores = backend.stores().await;
    let (who, other) = (member(&stores, "who").await, member(&stores, "other").await);
    let (a, b, c) = (session(&stores, who).await, session(&stores, who).await, session(&stores, who).await);
    let until = Timestamp(Timestamp::now().0 + 1_000_000);
    assert_eq!(
        stores.sessions.end_sessions(other, SessionsToEnd::One(a), until).await.unwrap().value,
        [],
        "another's session"
    );
    assert_eq!(stores.sessions.end_sessions(who, SessionsToEnd::One(a), until).await.unwrap().value, [a]);
    let here = Identity { member: who, session: c, expires_at: until };
    let (before, known) = (SessionId(id()), checked(&stores, who).await);
    let ended = stores.sessions.change_password(here, known, "new".to_owned(), before, until).await.unwrap().value;
    assert_eq!(ended, [b]);
    let not_before = NotBefore { before, keep: Some(c), tokens_until: until };
    assert_eq!(stores.sessions.not_before(Timestamp::now()).await.unwrap(), [(who, not_before)]);
    assert_eq!(stores.sessions.not_before(until).await.unwrap(), []);
    assert_eq!(stores.sessions.credentials(who).await.unwrap().unwrap().password_hash, "new");
    let remaining: Vec<_> = stores.sessions.sessions(who, Timestamp::now()).await.unwrap();
    assert_eq!(remaining.iter().map(|session| session.id).collect::<Vec<_>>(), [c]);
    let mut revoked: Vec<_> = stores.sessions.revoked(Timestamp::now()).await.unwrap();
    revoked.sort_unstable();
    assert_eq!(revoked, [(a, until), (b, until)]);
}

async fn a_command_checked_against_old_credentials_is_refused(backend: &Backend) {
    let stores = &backend.stores().await;
    let who = member(stores, "who").await;
    let (here, known) = (session(stores, who).await, checked(stores, who).await);
    let (until, before) = (hours_from_now(1), SessionId(id()));
    let here = Identity { member: who, session: here, expires_at: until };
    let change =
        async |known, hash: &str| stores.sessions.change_password(here, known, hash.to_owned(), before, until).await;
    change(known.clone(), "new").await.unwrap();
    assert_eq!(refused(change(known.clone(), "newer").await), Refusal::LoginFailed);
    let (now, late) = (Timestamp::now(), session_of(who));
    assert_eq!(refused(stores.sessions.create_session(late, known.clone(), None).await), Refusal::LoginFailed);
    assert_eq!(refused(stores.sessions.deactivate(here, known, now, before, until).await), Refusal::LoginFailed);
    let today = checked(stores, who).await;
    assert_eq!((today.password_hash.as_str(), stores.sessions.sessions(who, now).await.unwrap().len()), ("new", 1));

    // The same password under another hash, stored only for the checked credentials.
    stores.sessions.create_session(session_of(who), today.clone(), Some("rehashed".to_owned())).await.unwrap();
    assert_eq!(refused(stores.sessions.create_session(session_of(who), today, None).await), Refusal::LoginFailed);
    let today = checked(stores, who).await;
    assert_eq!(today.password_hash, "rehashed");

    // Credentials checked before a deactivation do not restore the member.
    stores.sessions.deactivate(here, today.clone(), now, before, until).await.unwrap();
    assert_eq!(refused(stores.sessions.create_session(session_of(who), today, None).await), Refusal::LoginFailed);
    assert!(stores.members.member(who).await.unwrap().is_none());
    log_in(stores, who).await;
    assert!(stores.members.member(who).await.unwrap().is_some(), "a login restores the member");
}

async fn an_ended_session_changes_nothing(backend: &Backend) {
    let stores = &backend.stores().await;
    let (who, other) = (member(stores, "who").await, member(stores, "other").await);
    let (until, before) = (hours_from_now(1), SessionId(id()));
    let theirs = session(stores, other).await;
    let ended = session(stores, who).await;
    stores.sessions.end_sessions(who, SessionsToEnd::One(ended), until).await.unwrap();
    for session in [ended, theirs, SessionId(id())] {
        let (here, known) = (Identity { member: who, session, expires_at: until }, checked(stores, who).await);
        let change = stores.sessions.change_password(here, known.clone(), "new".to_owned(), before, until).await;
        assert_eq!(refused(change), Refusal::TokenRevoked);
        let deactivate = stores.sessions.deactivate(here, known, Timestamp::now(), before, until).await;
        assert_eq!(refused(deactivate), Refusal::TokenRevoked);
    }
}

async fn a_session_without_a_row_is_revoked_too(backend: &Backend) {
    let stores = &backend.stores().await;
    let who = member(stores, "who").await;
    let (missing, now, until) = (SessionId(id()), Timestamp::now(), hours_from_now(1));
    assert_eq!(stores.sessions.end_sessions(who, SessionsToEnd::One(missing), until).await.unwrap().value, []);
    assert_eq!(stores.sessions.revoked(now).await.unwrap(), []);
    assert_eq!(stores.sessions.end_sessions(who, SessionsToEnd::Own(missing), until).await.unwrap().value, [missing]);
    assert_eq!(stores.sessions.revoked(now).await.unwrap(), [(missing, until)]);
}

async fn a_key_is_replaced_once_and_disabled_after_its_time(backend: &Backend) {
    let stores = backend.stores().await;
    assert!(stores.sessions.keys().await.unwrap().is_none());
    let first = key();
    let keys = stores.sessions.rotate_key(None, first.clone(), Timestamp(0)).await.unwrap().value;
    assert_eq!(keys.primary.id, first.id);
    // A second concurrent rotation gets the key of the first.
    let keys = stores.sessions.rotate_key(None, key(), Timestamp(0)).await.unwrap().value;
    assert_eq!(keys.primary.id, first.id);
    let second = key();
    let keys = stores.sessions.rotate_key(Some(first.id), second.clone(), Timestamp(0)).await.unwrap().value;
    assert_eq!((keys.primary.id, keys.others.len()), (second.id, 1));
    stores.sessions.disable_keys(Timestamp(Timestamp::now().0 + 1_000)).await.unwrap();
    assert!(stores.sessions.keys().await.unwrap().unwrap().others.is_empty());
}
