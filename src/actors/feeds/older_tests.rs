//! Tests of scans below the window: the limit of a scan past hidden posts.
use super::{Feed, FeedPage};
use crate::{
    actors::for_tests::{TestServer, until},
    domain::{MemberId, Post, PostAudience, markup},
    storage::{Import, NewMember},
};

const AUTHOR: MemberId = MemberId(7);
/// More than the steps of one page read.
const HIDDEN: u64 = 9_500;

fn post(id: u64, audience: PostAudience) -> Post {
    let content = "글 #표".to_owned();
    Post { tags: markup::find(&content).tags, content, audience, ..Post::for_tests(id, AUTHOR) }
}

fn ids(page: &FeedPage) -> Vec<u64> {
    page.items.iter().map(|item| item.post.id.0).collect()
}

#[tokio::test]
async fn a_feed_continues_behind_more_hidden_posts_than_one_page_skips() {
    let server = TestServer::start().await;
    let (oldest, newest) = (1_000, 1_000 + HIDDEN + 1);
    let mut posts = vec![post(oldest, PostAudience::Public)];
    posts.extend((1..=HIDDEN).map(|number| post(oldest + number, PostAudience::Own)));
    posts.push(post(newest, PostAudience::Public));
    let batch = Import { members: vec![NewMember::for_tests(AUTHOR.0, "author")], posts, ..Import::default() };
    server.stores.housekeeping.import(batch).await.unwrap();
    let read = async |cursor: Option<String>| {
        let feed = Feed::Tag("표".to_owned());
        server.actors.feeds.page(server.member, feed, cursor.as_deref(), 1).await.unwrap()
    };
    let first = until(async || Some(read(None).await).filter(|page| !page.items.is_empty())).await;
    assert_eq!(ids(&first), [newest]);
    let second = read(first.next).await;
    assert_eq!(ids(&second), [0; 0], "nothing but hidden posts was read");
    let third = read(second.next).await;
    assert_eq!((ids(&third), third.next), (vec![oldest], None));
}
