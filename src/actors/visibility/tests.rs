//! Tests of [`Visibility`]: decisions of purged members.
use super::Visibility;
use crate::{
    actors::catalog::Catalog,
    config::Config,
    domain::{Event, EventKind, Fact, MemberId, Position, Privacy},
    storage::{NewMember, Stores},
};
use tokio::sync::watch;

#[tokio::test]
async fn the_decisions_of_purged_members_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let stores = Stores::open(&config).await.unwrap();
    let (stays, purged) = (MemberId(1 << 30), MemberId(2 << 30));
    stores.members.sign_up(NewMember::for_tests(stays.0, "stays"), None).await.unwrap();
    let (_positions, applied) = watch::channel(Position(0));
    let visibility = Visibility::new(&stores, &config, Catalog::new(&stores, &config), applied);
    let fact = |kind, member| Event { position: Position(9), at_ns: 0, fact: Fact::new(kind, member) };
    let decided = [stays, purged]
        .map(|member| [fact(EventKind::PostsPrivate, member), fact(EventKind::MemberDeactivated, member)]);
    visibility.apply(decided.as_flattened());

    visibility.forget_purged().await.unwrap();
    let decision = |member| {
        let authors = visibility.shared.authors.read().unwrap();
        (authors.is_deactivated(member), authors.privacy_of(member))
    };
    assert_eq!(decision(stays), (true, Privacy::Private), "a deactivated member can be restored");
    assert_eq!(decision(purged), (false, Privacy::Public));
}
