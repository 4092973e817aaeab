//! Tests of the cost of notifications: visibility is decided from facts, and no post is loaded.
use super::Notifications;
use crate::{
    actors::{
        Supervisor, System,
        activity::Activity,
        catalog::test_support::{Read, Recording, comment},
        mailbox::Bounds,
        projection::{Projection, Rooms},
    },
    config::Config,
    domain::{MemberId, Post, PostId, RelationChange},
    storage::{NewMember, Stores},
};
use std::{sync::Arc, time::Duration};

const AUTHOR: u64 = 101;
const FAN: u64 = 102;
const OTHER: u64 = 103;
const POST: u64 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn counts_groups_and_lists_of_notifications_load_no_post() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    // The cache keeps no post, so that each load reaches the store.
    config.timeline.cache_bytes_max = 1;
    let mut stores = Stores::open(&config).await.unwrap();
    let recording = Arc::new(Recording::new(stores.posts.clone()));
    stores.posts = recording.clone();
    let bounds = Bounds { queue_max: 64, answer_timeout: Duration::from_secs(60) };
    let supervisor = Supervisor::start(System::default(), bounds).await.unwrap();
    let projection = Projection::start(&supervisor, &stores, &config).await.unwrap();
    let Rooms { catalog, visibility, .. } = projection.rooms();
    let activity = Activity::start(&supervisor, &stores, visibility.clone(), &config).await;
    let notifications = Notifications::new(&stores, catalog, visibility.clone(), activity);

    for number in [AUTHOR, FAN, OTHER] {
        stores.members.sign_up(NewMember::for_tests(number, &format!("member{number}")), None).await.unwrap();
    }
    stores.posts.create_post(Post::for_tests(POST, MemberId(AUTHOR)), None).await.unwrap();
    for liker in [FAN, OTHER] {
        stores.likes.like_post(liker, MemberId(liker), PostId(POST), true).await.unwrap();
    }
    stores.comments.create_comment(comment(2, POST, None, FAN), None).await.unwrap();
    recording.take();

    let author = MemberId(AUTHOR);
    assert_eq!(notifications.unread_count(author).await.unwrap(), 3);
    let groups = notifications.groups(author, None, 10).await.unwrap().items;
    assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(notifications.list(author, None, 10).await.unwrap().items.len(), 3);
    let reads = recording.take();
    assert!(!reads.is_empty() && reads.iter().all(|read| *read == Read::Facts), "{reads:?}");

    let block = RelationChange::Block { id: 9 };
    let blocked = stores.relations.change_relation(block, author, MemberId(FAN)).await.unwrap();
    visibility.note_write(author, blocked.at);
    assert_eq!(notifications.unread_count(author).await.unwrap(), 1);
}
