//! Markers of read notifications.
use super::{Backend, fixtures, id};
use crate::domain::{EventKind, Fact, MemberId, Position};

conformance! {
    a_marker_moves_forward_only_and_with_an_event,
}

async fn a_marker_moves_forward_only_and_with_an_event(backend: &Backend) {
    let stores = backend.stores().await;
    let who = fixtures::member(&stores).await;
    assert_eq!(stores.markers.marker(who).await.unwrap(), Position(0));
    let move_marker = async |to| fixtures::changed(stores.markers.move_marker(who, Position(to)).await);
    assert_eq!(move_marker(0).await, None);
    assert_eq!(move_marker(5).await, Some(Position(2)));
    for older in [5, 4, 0] {
        assert_eq!(move_marker(older).await, None);
    }
    assert_eq!(stores.markers.marker(who).await.unwrap(), Position(5));
    let last = *fixtures::events(&stores).await.last().unwrap();
    assert_eq!((last.fact, last.position), (Fact::new(EventKind::NotificationsRead, who), Position(2)));
    fixtures::refused(stores.markers.move_marker(MemberId(id()), Position(7)).await);
}
