//! The search index: commits, filters, sort keys and replacement.
use super::{Backend, id};
use crate::{
    domain::{
        Comment, CommentId, Deadline, Epoch, MemberId, Position, Post, PostAudience, PostCounts, PostId, SearchKey,
        SearchKind, SearchOrder, Standing, Timestamp, markup, search::Query,
    },
    storage::{
        CommentedPost, IndexChange, MemberVisibility, SearchIndex, SearchRequest, SearchViewer, StoreError, Stores,
    },
};
use std::{sync::Arc, time::Duration};

conformance! {
    a_change_is_searchable_once_committed,
    a_document_put_twice_is_found_once_in_its_last_version,
    documents_of_different_kinds_can_share_an_id,
    removing_a_post_removes_its_comments_and_removing_a_member_removes_everything,
    hiding_a_post_keeps_the_comments_on_it,
    a_sort_key_is_stable_under_writes,
    filters_restrict_the_hits,
    a_rolled_back_change_is_not_searchable,
    the_live_index_is_the_last_one_made_live,
    a_search_ends_when_its_deadline_passes,
}

pub(super) fn post(id: u64, author: u64, title: Option<&str>, content: &str) -> Post {
    Post {
        id: PostId(id),
        author: MemberId(author),
        title: title.map(str::to_owned),
        content: content.to_owned(),
        audience: PostAudience::Public,
        tags: markup::find(content).tags,
        images: Vec::new(),
        mentions: Vec::new(),
        counts: PostCounts::default(),
        created_at: Timestamp(id.cast_signed()),
        edited_at: None,
    }
}

pub(super) fn comment(id: u64, on: u64, author: u64, content: &str) -> Comment {
    Comment {
        id: CommentId(id),
        post: PostId(on),
        parent: None,
        depth: 0,
        author: MemberId(author),
        content: content.to_owned(),
        like_count: 0,
        reply_count: 0,
        below_count: 0,
        mentions: Vec::new(),
        deleted: false,
        created_at: Timestamp(id.cast_signed()),
        edited_at: None,
    }
}

/// Stores a comment on a public post of member 9.
fn put_comment(comment: Comment) -> IndexChange {
    let on = CommentedPost { post: comment.post, author: MemberId(9), audience: PostAudience::Public };
    IndexChange::PutComment { comment, on }
}

/// A viewer who follows some members, does not see one, and is a stranger to all others.
#[derive(Default)]
pub(super) struct TestViewer {
    pub(super) id: u64,
    pub(super) follows: Vec<u64>,
    pub(super) hidden: Option<u64>,
}

impl SearchViewer for TestViewer {
    fn member(&self) -> MemberId {
        MemberId(self.id)
    }

    fn visibility_of(&self, of: MemberId) -> MemberVisibility {
        let standing = match of.0 {
            other if self.hidden == Some(other) => Standing::Hidden,
            own if own == self.id => Standing::Author,
            other if self.follows.contains(&other) => Standing::Follower,
            _ => Standing::Stranger,
        };
        MemberVisibility { visible: standing != Standing::Hidden, standing }
    }
}

pub(super) fn request(kind: SearchKind, query: &str) -> SearchRequest {
    SearchRequest {
        kind,
        query: Query::parse(query),
        viewer: Arc::new(TestViewer { id: 99, ..TestViewer::default() }),
        author: None,
        post: None,
        tag: None,
        from: None,
        to: None,
        order: SearchOrder::Recent,
        after: None,
        id_max: u64::MAX,
        limit: 100,
        until: Deadline::after(Duration::from_secs(60)),
    }
}

pub(super) async fn ids(index: &Arc<dyn SearchIndex>, request: SearchRequest) -> Vec<u64> {
    index.find(request).await.unwrap().iter().map(|hit| hit.key.id).collect()
}

pub(super) async fn begin(stores: &Stores) -> Arc<dyn SearchIndex> {
    stores.search.begin(Epoch(7)).await.unwrap()
}

async fn a_change_is_searchable_once_committed(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    index.apply(vec![IndexChange::PutPost(post(1, 9, None, "한강"))]).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "한강")).await, [0; 0]);
    index.commit(Position(3), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "한강")).await, [1]);
    let checkpoint = index.checkpoint();
    assert_eq!((checkpoint.epoch, checkpoint.position, checkpoint.complete), (Epoch(7), Position(3), true));
    assert_eq!(index.documents(), 1);
}

async fn a_document_put_twice_is_found_once_in_its_last_version(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for text in ["처음", "다음", "마지막"] {
        index.apply(vec![IndexChange::PutPost(post(1, 9, None, text))]).await.unwrap();
    }
    index.commit(Position(1), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "처음")).await, [0; 0]);
    assert_eq!(ids(&index, request(SearchKind::Post, "마지막")).await, [1]);
    index.apply(vec![IndexChange::PutPost(post(1, 9, None, "또"))]).await.unwrap();
    index.commit(Position(2), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "마지막")).await, [0; 0]);
    assert_eq!(index.documents(), 1);
}

async fn documents_of_different_kinds_can_share_an_id(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    index.apply(vec![IndexChange::PutPost(post(5, 9, None, "같은 말"))]).await.unwrap();
    index.apply(vec![put_comment(comment(5, 4, 8, "같은 말"))]).await.unwrap();
    index.commit(Position(1), true).await.unwrap();
    for (kind, author) in [(SearchKind::Post, 9), (SearchKind::Comment, 8)] {
        let hits = index.find(request(kind, "같은")).await.unwrap();
        assert_eq!((hits.len(), hits[0].key.id, hits[0].author), (1, 5, MemberId(author)));
    }
    index.apply(vec![IndexChange::RemoveComment(CommentId(5))]).await.unwrap();
    index.commit(Position(2), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "같은")).await, [5]);
    assert_eq!(ids(&index, request(SearchKind::Comment, "같은")).await, [0; 0]);
}

async fn removing_a_post_removes_its_comments_and_removing_a_member_removes_everything(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    let changes = vec![
        IndexChange::PutPost(post(1, 9, None, "말")),
        IndexChange::PutPost(post(2, 8, None, "말")),
        put_comment(comment(11, 1, 8, "말")),
        put_comment(comment(12, 2, 9, "말")),
        put_comment(comment(13, 2, 8, "말")),
    ];
    index.apply(changes).await.unwrap();
    index.commit(Position(1), true).await.unwrap();
    index.apply(vec![IndexChange::RemovePost(PostId(1))]).await.unwrap();
    index.commit(Position(2), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Comment, "말")).await, [13, 12]);
    index.apply(vec![IndexChange::RemoveMember(MemberId(9))]).await.unwrap();
    index.commit(Position(3), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "말")).await, [2]);
    assert_eq!(ids(&index, request(SearchKind::Comment, "말")).await, [13]);
}

async fn hiding_a_post_keeps_the_comments_on_it(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    let changes = vec![IndexChange::PutPost(post(1, 9, None, "말")), put_comment(comment(11, 1, 8, "말"))];
    index.apply(changes).await.unwrap();
    index.apply(vec![IndexChange::HidePost(PostId(1))]).await.unwrap();
    index.commit(Position(1), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "말")).await, [0; 0]);
    assert_eq!(ids(&index, request(SearchKind::Comment, "말")).await, [11]);
}

async fn a_sort_key_is_stable_under_writes(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for number in 1..=30_u64 {
        let title = (number % 3 == 0).then_some("강");
        let text = format!("강물 {}", "그리고 강물 말 ".repeat((number % 7) as usize));
        index.apply(vec![IndexChange::PutPost(post(number, 9, title, &text))]).await.unwrap();
    }
    index.commit(Position(1), true).await.unwrap();
    let relevant = |query: &str| SearchRequest { order: SearchOrder::Relevance, ..request(SearchKind::Post, query) };
    let before = index.find(relevant("강물 말")).await.unwrap();
    // Other texts with the same words, of other lengths, in other segments.
    for number in 100..=160_u64 {
        index.apply(vec![IndexChange::PutPost(post(number, 9, None, &"강물 ".repeat(50)))]).await.unwrap();
        index.commit(Position(number), true).await.unwrap();
    }
    let after = index.find(SearchRequest { id_max: 99, ..relevant("강물 말") }).await.unwrap();
    assert_eq!(after, before);
    // Pages of one hit return the same hits as one page of all.
    let (mut paged, mut key): (Vec<SearchKey>, Option<SearchKey>) = (Vec::new(), None);
    loop {
        let page = index.find(SearchRequest { id_max: 99, limit: 4, after: key, ..relevant("강물 말") }).await.unwrap();
        let Some(last) = page.last() else { break };
        key = Some(last.key);
        paged.extend(page.iter().map(|hit| hit.key));
    }
    assert_eq!(paged, before.iter().map(|hit| hit.key).collect::<Vec<_>>());
    assert!(paged.windows(2).all(|pair| pair[0] > pair[1]));
}

async fn filters_restrict_the_hits(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    for (id, author, text) in [(10, 1, "말 #서울"), (20, 2, "말 #서울"), (30, 1, "말")] {
        index.apply(vec![IndexChange::PutPost(post(id, author, None, text))]).await.unwrap();
    }
    index.commit(Position(1), true).await.unwrap();
    let all = || request(SearchKind::Post, "말");
    assert_eq!(ids(&index, SearchRequest { author: Some(MemberId(1)), ..all() }).await, [30, 10]);
    assert_eq!(ids(&index, SearchRequest { tag: Some("서울".into()), ..all() }).await, [20, 10]);
    assert_eq!(ids(&index, SearchRequest { from: Some(Timestamp(20)), ..all() }).await, [30, 20]);
    assert_eq!(ids(&index, SearchRequest { to: Some(Timestamp(20)), ..all() }).await, [10]);
    assert_eq!(ids(&index, SearchRequest { id_max: 20, ..all() }).await, [20, 10]);
    assert_eq!(ids(&index, SearchRequest { limit: 1, ..all() }).await, [30]);
    assert_eq!(
        ids(&index, SearchRequest { tag: Some("서울".into()), ..request(SearchKind::Post, "-없는") }).await,
        [20, 10]
    );
}

async fn a_rolled_back_change_is_not_searchable(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    index.apply(vec![IndexChange::PutPost(post(1, 9, None, "말"))]).await.unwrap();
    index.commit(Position(1), true).await.unwrap();
    index.apply(vec![IndexChange::PutPost(post(2, 9, None, "말"))]).await.unwrap();
    index.roll_back().await.unwrap();
    index.apply(vec![IndexChange::PutPost(post(3, 9, None, "말"))]).await.unwrap();
    index.commit(Position(2), true).await.unwrap();
    assert_eq!(ids(&index, request(SearchKind::Post, "말")).await, [3, 1]);
}

async fn the_live_index_is_the_last_one_made_live(backend: &Backend) {
    let stores = backend.stores().await;
    assert!(stores.search.live().await.unwrap().is_none());
    let text = format!("말 {}", id());
    {
        let index = begin(&stores).await;
        index.apply(vec![IndexChange::PutPost(post(1, 9, None, &text))]).await.unwrap();
        index.commit(Position(5), true).await.unwrap();
        assert!(stores.search.live().await.unwrap().is_none());
        stores.search.make_live().await.unwrap();
    }
    let live = stores.search.live().await.unwrap().expect("a live index");
    assert_eq!(live.checkpoint().position, Position(5));
    assert_eq!(ids(&live, request(SearchKind::Post, "말")).await, [1]);
    // An index that was not made live changes nothing.
    begin(&stores).await;
    drop(live);
    assert_eq!(stores.search.live().await.unwrap().expect("a live index").checkpoint().position, Position(5));
}

async fn a_search_ends_when_its_deadline_passes(backend: &Backend) {
    let stores = backend.stores().await;
    let index = begin(&stores).await;
    index.apply(vec![IndexChange::PutPost(post(1, 9, None, "말"))]).await.unwrap();
    index.commit(Position(1), true).await.unwrap();
    let expired = SearchRequest { until: Deadline::after(Duration::ZERO), ..request(SearchKind::Post, "말") };
    assert!(matches!(index.find(expired).await, Err(StoreError::Late { .. })));
    assert_eq!(ids(&index, request(SearchKind::Post, "말")).await, [1]);
}
