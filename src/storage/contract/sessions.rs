//! Sessions and keys.
use super::{id, member, open};
use crate::{
    domain::{MemberId, Session, SessionId, SigningKey, Timestamp},
    storage::{End, Stores},
};
use uuid::Uuid;

async fn session(stores: &Stores, of: MemberId) -> SessionId {
    let now = Timestamp::now();
    let session = Session {
        id: SessionId(id()),
        member: of,
        device: "test".to_owned(),
        address: "127.0.0.1".to_owned(),
        created_at: now,
        last_used_at: now,
        expires_at: Timestamp(now.0 + 60_000),
        secret: [7; 32],
        generation: 0,
        rotated_at: now,
    };
    let id = session.id;
    stores.sessions.open_session(session).await.unwrap();
    id
}

fn key() -> SigningKey {
    SigningKey { id: Uuid::new_v4(), secret: [1; 32], created_at: Timestamp::now(), replaced_at: None }
}

#[tokio::test]
async fn of_fifty_rotations_at_once_one_happens() {
    let (stores, _folder) = open().await;
    let who = member(&stores, "who").await;
    let id = session(&stores, who).await;
    let now = Timestamp::now();
    let rotate = |_| stores.sessions.rotate(id, 0, now, Timestamp(now.0 + 60_000), "::1".to_owned());
    let rotated = futures::future::join_all((0..50).map(rotate)).await;
    assert_eq!(rotated.into_iter().filter(|rotated| *rotated.as_ref().unwrap()).count(), 1);
    assert_eq!(stores.sessions.session(id).await.unwrap().unwrap().generation, 1);
}

#[tokio::test]
async fn ended_sessions_are_gone_and_their_tokens_void() {
    let (stores, _folder) = open().await;
    let (who, other) = (member(&stores, "who").await, member(&stores, "other").await);
    let (a, b, c) = (session(&stores, who).await, session(&stores, who).await, session(&stores, who).await);
    let until = Timestamp(Timestamp::now().0 + 1_000_000);
    assert_eq!(stores.sessions.end_sessions(other, End::One(a), until).await.unwrap(), [], "another's session");
    assert_eq!(stores.sessions.end_sessions(who, End::One(a), until).await.unwrap(), [a]);
    let ended = stores.sessions.change_password(who, "new".to_owned(), c, until).await.unwrap();
    assert_eq!(ended, [b]);
    assert_eq!(stores.members.credentials(who).await.unwrap().unwrap().password_hash, "new");
    let left: Vec<_> = stores.sessions.sessions(who, Timestamp::now()).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [c]);
    let mut revoked: Vec<_> = stores.sessions.revoked(Timestamp::now()).await.unwrap();
    revoked.sort_unstable();
    assert_eq!(revoked, [(a, until), (b, until)]);
}

#[tokio::test]
async fn a_key_is_replaced_once_and_disabled_when_its_time_is_over() {
    let (stores, _folder) = open().await;
    assert!(stores.sessions.keys().await.unwrap().is_none());
    let first = key();
    let keys = stores.sessions.rotate_key(None, first.clone(), Timestamp(0)).await.unwrap();
    assert_eq!(keys.primary.id, first.id);
    // A second process that had the same thought gets the first one's key.
    let keys = stores.sessions.rotate_key(None, key(), Timestamp(0)).await.unwrap();
    assert_eq!(keys.primary.id, first.id);
    let second = key();
    let keys = stores.sessions.rotate_key(Some(first.id), second.clone(), Timestamp(0)).await.unwrap();
    assert_eq!((keys.primary.id, keys.others.len()), (second.id, 1));
    stores.sessions.disable_keys(Timestamp(Timestamp::now().0 + 1_000)).await.unwrap();
    assert!(stores.sessions.keys().await.unwrap().unwrap().others.is_empty());
}
