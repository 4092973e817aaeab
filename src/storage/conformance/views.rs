//! Folded views: rows are removed, and every count stays.
use super::{
    Backend,
    fixtures::{hours_from_now, member, members, no_drift, post, post_counts},
    newcomer,
    ranking::{tallies_of, view_at},
};
use crate::{
    domain::{MemberId, Position, PostId, Timestamp, first_hour},
    storage::{Import, PURGE_DAYS, Stores, VIEWS_KEPT_DAYS, View},
};

conformance! {
    folded_views_stay_counted_and_periods_do_not_change,
    a_view_after_its_post_was_folded_counts_once_more,
    an_audit_while_views_are_folded_finds_no_drift,
    a_deleted_post_with_folded_views_is_purged,
}

/// Returns the first hour whose views are kept.
fn kept_from() -> i64 {
    first_hour(hours_from_now(-(VIEWS_KEPT_DAYS as i64) * 24))
}

/// Returns the number of views of all time, by the post and by its tallies.
async fn views(stores: &Stores, post: PostId) -> [u64; 2] {
    let all = tallies_of(stores, post).await.map(|tallies| tallies.all.views).unwrap_or_default();
    [post_counts(stores, post).await.unwrap()[0], u64::from(all)]
}

async fn folded_views_stay_counted_and_periods_do_not_change(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, one, other] = members(stores).await;
    let (old, new) = (post(stores, author).await, post(stores, author).await);
    assert_eq!(stores.views.oldest_view().await.unwrap(), None);
    for days in [400, 30, 15, 13, 6, 0] {
        view_at(stores, one, old, hours_from_now(-24 * days)).await;
    }
    view_at(stores, other, old, hours_from_now(-24 * 30)).await;
    view_at(stores, other, new, hours_from_now(-1)).await;
    let before = tallies_of(stores, old).await.unwrap();
    assert_eq!((before.all.views, before.week.views, before.day.views, before.today.views), (7, 2, 1, 1));
    assert_eq!(stores.views.oldest_view().await.unwrap(), Some(hours_from_now(-24 * 400).0.div_euclid(3_600_000)));

    assert_eq!(stores.views.fold_views(kept_from()).await.unwrap(), 4);
    assert_eq!(tallies_of(stores, old).await.unwrap(), before);
    assert_eq!((views(stores, old).await, views(stores, new).await), ([7, 7], [1, 1]));
    assert!(stores.views.oldest_view().await.unwrap().unwrap() >= kept_from());
    assert_eq!(stores.views.fold_views(kept_from()).await.unwrap(), 0);
    no_drift(stores).await;
}

async fn a_view_after_its_post_was_folded_counts_once_more(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, reader] = members(stores).await;
    let on = post(stores, author).await;
    view_at(stores, reader, on, hours_from_now(-24 * 100)).await;
    assert_eq!(stores.views.fold_views(kept_from()).await.unwrap(), 1);
    for _ in 0..2 {
        view_at(stores, reader, on, Timestamp::now()).await;
    }
    assert_eq!(views(stores, on).await, [2, 2]);
    assert_eq!(tallies_of(stores, on).await.unwrap().week.views, 1);
    no_drift(stores).await;
}

async fn an_audit_while_views_are_folded_finds_no_drift(backend: &Backend) {
    let stores = backend.stores().await;
    let author = member(&stores).await;
    let crowd: Vec<_> = (0..1_234).map(|number| newcomer(&format!("crowd{number}"))).collect();
    let readers: Vec<MemberId> = crowd.iter().map(|new| new.id).collect();
    stores.housekeeping.import(Import { members: crowd, ..Import::default() }).await.unwrap();
    let posts = [post(&stores, author).await, post(&stores, author).await];
    for some in readers.chunks(500) {
        let view = |reader: &MemberId| View { post: posts[(reader.0 % 2) as usize], viewer: *reader, hour: 1 };
        stores.views.count_views(some.iter().map(view).collect()).await.unwrap();
    }
    let folding = stores.views.clone();
    let fold = tokio::spawn(async move { folding.fold_views(2).await.unwrap() });
    while !fold.is_finished() {
        no_drift(&stores).await;
        let counted = views(&stores, posts[0]).await[0] + views(&stores, posts[1]).await[0];
        assert_eq!(counted, readers.len() as u64);
    }
    assert_eq!(fold.await.unwrap(), readers.len() as u64);
    no_drift(&stores).await;
}

async fn a_deleted_post_with_folded_views_is_purged(backend: &Backend) {
    let stores = &backend.stores().await;
    let [author, reader] = members(stores).await;
    let on = post(stores, author).await;
    view_at(stores, reader, on, hours_from_now(-24 * 100)).await;
    view_at(stores, reader, on, Timestamp::now()).await;
    stores.posts.delete_post(author, on, Timestamp::now()).await.unwrap();
    assert_eq!(stores.views.fold_views(kept_from()).await.unwrap(), 1);
    no_drift(stores).await;
    let later = hours_from_now(PURGE_DAYS as i64 * 24 + 1);
    let pruned = stores.housekeeping.prune(later, Timestamp(0), Position(0)).await.unwrap();
    assert_eq!((pruned.posts, stores.views.oldest_view().await.unwrap()), (1, None));
    no_drift(stores).await;
}
