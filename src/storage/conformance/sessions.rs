//! Sessions under concurrent commands: rotation, revocation and checked credentials.
use super::{
    Backend,
    fixtures::{events, hours_from_now, refused},
    id, member,
    tokens::{checked, log_in, session_of},
};
use crate::{
    domain::{Event, EventKind, Identity, MemberId, Position, Refusal, SessionId, SigningKey, Timestamp},
    storage::{NotBefore, SessionsToEnd, StoredRevocations, Stores},
};
use uuid::Uuid;

conformance! {
    one_of_fifty_concurrent_rotations_succeeds,
    an_ended_session_is_removed_and_its_tokens_are_revoked,
    a_command_checked_against_old_credentials_is_refused,
    an_ended_session_changes_nothing,
    a_session_without_a_row_is_revoked_too,
    every_revocation_is_announced_by_an_event_of_its_commit,
    revocations_are_found_by_the_positions_of_their_events,
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

/// A command that revokes tokens emits an event, whether or not a row of `sessions` is left; one that revokes nothing
/// emits none.
async fn every_revocation_is_announced_by_an_event_of_its_commit(backend: &Backend) {
    let stores = &backend.stores().await;
    let who = member(stores, "who").await;
    let until = hours_from_now(1);
    let here = async || {
        let session = session(stores, who).await;
        (Identity { member: who, session, expires_at: until }, checked(stores, who).await, SessionId(id()))
    };
    let newest = async || events(stores).await.last().copied().unwrap();
    let announced = async |kind: EventKind, before: Event| {
        let event = newest().await;
        assert!(event.position > before.position, "no event after {before:?}");
        assert_eq!((event.fact.kind, event.fact.member), (kind, who));
    };
    let end = async |which| stores.sessions.end_sessions(who, which, until).await.unwrap();

    let (identity, ..) = here().await;
    for which in [
        SessionsToEnd::One(identity.session),
        SessionsToEnd::Own(identity.session),
        SessionsToEnd::All { before: SessionId(id()) },
        SessionsToEnd::AllBut { keep: identity.session, before: SessionId(id()) },
    ] {
        let before = newest().await;
        end(which).await;
        announced(EventKind::MemberLoggedOut, before).await;
    }
    let before = newest().await;
    end(SessionsToEnd::One(identity.session)).await;
    assert_eq!(newest().await, before, "the session has ended before");

    let ((identity, known, next), before) = (here().await, newest().await);
    stores.sessions.change_password(identity, known, "new".to_owned(), next, until).await.unwrap();
    announced(EventKind::PasswordChanged, before).await;
    let ((identity, known, next), before) = (here().await, newest().await);
    stores.sessions.deactivate(identity, known, Timestamp::now(), next, until).await.unwrap();
    announced(EventKind::MemberDeactivated, before).await;
}

async fn revocations_are_found_by_the_positions_of_their_events(backend: &Backend) {
    let stores = &backend.stores().await;
    let (who, other) = (member(stores, "who").await, member(stores, "other").await);
    let (one, two, theirs) = (session(stores, who).await, session(stores, who).await, session(stores, other).await);
    let (until, before) = (hours_from_now(1), SessionId(id()));
    let start = events(stores).await.last().unwrap().position;
    for (member, which) in [
        (who, SessionsToEnd::One(one)),
        (who, SessionsToEnd::All { before }),
        (other, SessionsToEnd::One(one)),
        (other, SessionsToEnd::Own(theirs)),
    ] {
        stores.sessions.end_sessions(member, which, until).await.unwrap();
    }
    let between = async |after, end| stores.sessions.revocations_between(after, end).await.unwrap();
    let at = |events: u64| Position(start.0 + events);
    let single = |session| StoredRevocations { sessions: vec![(session, until)], members: vec![] };
    assert_eq!(between(at(0), at(1)).await, single(one));
    let older = NotBefore { before, keep: None, tokens_until: until };
    assert_eq!(between(at(1), at(2)).await, StoredRevocations { members: vec![(who, older)], ..single(two) });
    assert_eq!(between(at(2), at(3)).await, single(theirs), "another member's session was not ended");
    assert_eq!(between(at(3), Position(u64::MAX)).await, StoredRevocations::default());
    assert_eq!(between(start, at(3)).await.sessions.len(), 3);
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
