//! Tests of hidden counts: exact for every number of blocks, at a cost that the number of blocks does not multiply.
use super::{
    hidden_counts::{HiddenCounts, ORDINARY_MAX},
    test_support::{Read, Recording, comment},
};
use crate::{
    config::Config,
    domain::{Comment, CommentId, MemberCard, MemberId, Post, PostId, Relations, VisiblePost},
    storage::{BlockedCounts, Import, ImportedLike, NewMember, PostStore, Stores},
};
use std::sync::Arc;

/// The likes of each post: the first members like it.
const LIKES: [(u64, u64); 4] = [(10, 0), (11, 3), (12, 40), (13, 900)];

struct Deployment {
    stores: Stores,
    /// The store without the recording.
    stored: Arc<dyn PostStore>,
    posts: Arc<Recording>,
    hidden_counts: HiddenCounts,
    _folder: tempfile::TempDir,
}

/// Stores 1,000 members with numbers from 1,001 on, and posts with likes.
async fn deployment() -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = Stores::open(&Config::for_tests(folder.path())).await.unwrap();
    let members = (1_001..=2_000).map(|number| NewMember::for_tests(number, &format!("member{number}"))).collect();
    let posts = LIKES.iter().map(|(id, _)| Post::for_tests(*id, MemberId(1_001))).collect();
    let like = |post: u64, number: u64| ImportedLike {
        id: post * 10_000 + number,
        post: PostId(post),
        author: MemberId(1_001),
        member: MemberId(1_001 + number),
    };
    let likes = LIKES.iter().flat_map(|(post, likes)| (0..*likes).map(|number| like(*post, number))).collect();
    stores.housekeeping.import(Import { members, posts, likes, ..Import::default() }).await.unwrap();
    let stored = stores.posts.clone();
    let recording = Arc::new(Recording::new(stored.clone()));
    stores.posts = recording.clone();
    let hidden_counts = HiddenCounts::new(&stores, 1 << 20);
    Deployment { stores, stored, posts: recording, hidden_counts, _folder: folder }
}

/// A member with blocks of the odd numbers below `below`.
fn relations(member: u64, below: u64) -> Relations {
    Relations {
        member: MemberId(member),
        home_authors: Arc::new([]),
        blocked: (1..below).step_by(2).map(MemberId).collect(),
        muted: Vec::new(),
    }
}

impl Deployment {
    /// Returns the numbers of likes by blocked members that are hidden, in the order of `LIKES`.
    async fn hidden_likes(&self, relations: &Relations) -> [u64; 4] {
        let ids: Vec<PostId> = LIKES.iter().map(|(id, _)| PostId(*id)).collect();
        let mut posts: Vec<VisiblePost> = Vec::new();
        for post in self.stored.posts(&ids).await.unwrap() {
            let (id, handle) = (post.author, "m".to_owned());
            let card = MemberCard { id, display_name: handle.clone(), handle, avatar: None };
            posts.push(VisiblePost::plain(Arc::new(post), Arc::new(card)));
        }
        self.hidden_counts.hide_in_posts(relations, &mut posts).await.unwrap();
        ids.iter()
            .map(|id| posts.iter().find(|visible| visible.post.id == *id).unwrap().hidden_counts.likes)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }
}

#[tokio::test]
async fn a_viewer_without_blocks_reads_nothing() {
    let deployment = deployment().await;
    assert_eq!(deployment.hidden_likes(&relations(1, 0)).await, [0; 4]);
    assert_eq!(deployment.posts.take(), []);
}

#[tokio::test]
async fn participants_are_read_once_for_all_viewers_and_few_blocks_are_sought() {
    let deployment = deployment().await;
    // Five of the members have an odd number below 1,010.
    assert_eq!(deployment.hidden_likes(&relations(1, 1_010)).await, [0, 2, 5, 5]);
    let pairs = relations(1, 1_010).blocked.len() as u64;
    assert!(pairs <= ORDINARY_MAX);
    let read = [Read::Participants { posts: 2, in_lane: false }, Read::Pairs { pairs, in_lane: false }];
    assert_eq!(deployment.posts.take(), read);
    assert_eq!(deployment.hidden_likes(&relations(2, 1_006)).await, [0, 2, 3, 3]);
    let pairs = relations(2, 1_006).blocked.len() as u64;
    assert_eq!(deployment.posts.take(), [Read::Pairs { pairs, in_lane: false }]);
    deployment.hidden_counts.invalidate_post(PostId(11));
    deployment.hidden_likes(&relations(2, 1_006)).await;
    assert_eq!(deployment.posts.take()[0], Read::Participants { posts: 1, in_lane: false });
}

#[tokio::test]
async fn ten_thousand_blocks_cost_no_more_than_the_likes_and_a_popular_post_is_counted_once_a_minute() {
    let deployment = deployment().await;
    let blocks = relations(1, 20_000);
    assert_eq!(blocks.blocked.len(), 10_000);
    assert_eq!(deployment.hidden_likes(&blocks).await, [0, 2, 20, 450]);
    let few = Read::Participants { posts: 2, in_lane: false };
    assert_eq!(deployment.posts.take(), [few, Read::Participants { posts: 1, in_lane: true }]);
    assert_eq!(deployment.hidden_likes(&blocks).await, [0, 2, 20, 450]);
    assert_eq!(deployment.posts.take(), [], "everything is cached");
    // One block more: the popular post is counted anew at once.
    assert_eq!(deployment.hidden_likes(&relations(1, 20_002)).await, [0, 2, 20, 450]);
    assert_eq!(deployment.posts.take(), [Read::Participants { posts: 1, in_lane: true }]);
}

#[tokio::test]
async fn hidden_counts_of_comments_are_the_same_for_few_and_for_many_acts() {
    let deployment = deployment().await;
    let comments = &deployment.stores.comments;
    comments.create_comment(comment(50, 10, None, 1_001), None).await.unwrap();
    for number in 0..4 {
        comments.create_comment(comment(51 + number, 10, Some(50), 1_001 + number), None).await.unwrap();
        deployment.stores.likes.like_comment(90 + number, MemberId(1_001 + number), CommentId(50), true).await.unwrap();
    }
    let stored = comments.comment_by_id(CommentId(50)).await.unwrap().unwrap();
    let popular = Comment { like_count: 100_000, ..stored.clone() };
    let expected = [BlockedCounts { comment: CommentId(50), likes: 2, replies: 2, below: 2 }];
    for below in [1_010, 20_000] {
        for comment in [&stored, &popular] {
            let comments = std::slice::from_ref(comment);
            assert_eq!(deployment.hidden_counts.of_comments(&relations(1, below), comments).await.unwrap(), expected);
        }
    }
}
