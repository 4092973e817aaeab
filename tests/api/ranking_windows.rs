//! Time windows of rankings, on a database whose likes, views and comments are days and weeks old; and the helper
//! `Past`.
use crate::{
    common::Member,
    support::{TestServer, ids},
};
use dailyfeed::{
    config::Config,
    domain::{
        Comment, CommentId, Email, Handle, MemberId, Patch, Post, PostAudience, PostCounts, PostId, Privacy, Profile,
        ProfilePatch, Timestamp, first_id_at,
    },
    storage::{Import, ImportedLike, NewMember, Stores, View},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// A database that is filled with old data before a server starts on it.
pub(crate) struct Past {
    stores: Stores,
    folder: tempfile::TempDir,
}

/// Returns a unique id of that time.
fn id(at: Timestamp) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    first_id_at(at) + NEXT.fetch_add(1, Ordering::Relaxed) % 4_096
}

/// Returns the time `minutes` ago.
pub(crate) fn ago(minutes: i64) -> Timestamp {
    Timestamp(Timestamp::now().0 - minutes * 60_000)
}

fn post(author: MemberId, audience: PostAudience, at: Timestamp) -> Post {
    Post {
        id: PostId(id(at)),
        author,
        title: None,
        content: "옛 글".to_owned(),
        audience,
        tags: Vec::new(),
        images: Vec::new(),
        mentions: Vec::new(),
        counts: PostCounts::default(),
        created_at: at,
        edited_at: None,
    }
}

impl Past {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stores = Stores::open(&Config::for_tests(folder.path())).await.unwrap();
        Self { stores, folder }
    }

    /// Inserts a member who signed up a year ago.
    pub(crate) async fn member(&self) -> MemberId {
        let created_at = ago(365 * 24 * 60);
        let member = MemberId(id(created_at));
        let handle = format!("past{member}");
        let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
        let new = NewMember {
            id: member,
            email: Email::new(&format!("{handle}@example.com")).unwrap(),
            handle: Handle::new(&handle).unwrap(),
            password_hash: "hash".to_owned(),
            profile: Profile::new(profile).unwrap(),
            created_at,
        };
        self.stores.housekeeping.import(Import { members: vec![new], ..Import::default() }).await.unwrap();
        member
    }

    pub(crate) async fn set_privacy(&self, member: MemberId, privacy: Privacy) {
        let patch = ProfilePatch { privacy: Some(privacy), ..ProfilePatch::default() };
        self.stores.members.change_profile(member, patch, None).await.unwrap();
    }

    pub(crate) async fn post(&self, author: MemberId, at: Timestamp) -> u64 {
        let post = post(author, PostAudience::Public, at);
        let made = post.id.0;
        self.stores.posts.create_post(post, None).await.unwrap();
        made
    }

    /// Inserts posts of the last minutes in one commit, each with one like.
    pub(crate) async fn liked_posts(&self, author: MemberId, fan: MemberId, audience: PostAudience, count: usize) {
        let posts: Vec<Post> = (0..count).map(|_| post(author, audience, ago(10))).collect();
        let like = |post: &Post| ImportedLike { id: id(ago(5)), post: post.id, author, member: fan };
        let likes = posts.iter().map(like).collect();
        self.stores.housekeeping.import(Import { posts, likes, ..Import::default() }).await.unwrap();
    }

    pub(crate) async fn like(&self, who: MemberId, post: u64, at: Timestamp) {
        self.stores.likes.like_post(id(at), who, PostId(post), true).await.unwrap();
    }

    pub(crate) async fn view(&self, viewer: MemberId, post: u64, at: Timestamp) {
        let view = View { post: PostId(post), viewer, hour: at.0.div_euclid(3_600_000) };
        self.stores.views.count_views(vec![view]).await.unwrap();
    }

    pub(crate) async fn comment(&self, author: MemberId, post: u64, at: Timestamp) {
        let comment = Comment {
            id: CommentId(id(at)),
            post: PostId(post),
            parent: None,
            depth: 0,
            author,
            content: "옛 댓글".to_owned(),
            like_count: 0,
            reply_count: 0,
            below_count: 0,
            mentions: Vec::new(),
            deleted: false,
            created_at: at,
            edited_at: None,
        };
        self.stores.comments.create_comment(comment, None).await.unwrap();
    }

    /// Starts a server on the database.
    pub(crate) async fn start(self, zone: &str) -> TestServer {
        let Self { stores, folder } = self;
        drop(stores);
        TestServer::start_on(folder, |config| config.ranking.day_zone = zone.to_owned()).await
    }
}

async fn ranked(who: &Member, list: &str, window: &str) -> Vec<u64> {
    ids(&who.get(&format!("/api/timeline/posts/{list}?window={window}")).await)
}

#[tokio::test]
async fn a_window_counts_likes_and_views_of_its_time_only() {
    let past = Past::new().await;
    let (author, a, b, c) = (past.member().await, past.member().await, past.member().await, past.member().await);
    let month = ago(30 * 24 * 60);
    let (long_ago, days_ago, today) =
        (past.post(author, month).await, past.post(author, month).await, past.post(author, month).await);
    for who in [a, b, c] {
        past.like(who, long_ago, ago(20 * 24 * 60)).await;
        past.view(who, long_ago, ago(20 * 24 * 60)).await;
    }
    for who in [a, b] {
        past.like(who, days_ago, ago(3 * 24 * 60)).await;
    }
    past.like(a, today, ago(60)).await;
    let server = past.start("Asia/Seoul").await;
    let who = server.member().await;
    assert_eq!(ranked(&who, "most-popular", "all").await, [long_ago, days_ago, today]);
    assert_eq!(ranked(&who, "most-popular", "week").await, [days_ago, today, long_ago]);
    assert_eq!(ranked(&who, "most-popular", "day").await, [today, days_ago, long_ago]);
}

#[tokio::test]
async fn a_window_counts_comments_of_its_time_only() {
    let past = Past::new().await;
    let (author, fan) = (past.member().await, past.member().await);
    let (long_ago, days_ago, today) = (
        past.post(author, ago(50_000)).await,
        past.post(author, ago(50_000)).await,
        past.post(author, ago(50_000)).await,
    );
    for (post, count, at) in [(long_ago, 5, 30_000), (days_ago, 3, 5_000), (today, 1, 30)] {
        for _ in 0..count {
            past.comment(fan, post, ago(at)).await;
        }
    }
    let server = past.start("Asia/Seoul").await;
    let who = server.member().await;
    assert_eq!(ranked(&who, "most-commented", "all").await, [long_ago, days_ago, today]);
    assert_eq!(ranked(&who, "most-commented", "week").await, [days_ago, today, long_ago]);
    assert_eq!(ranked(&who, "most-commented", "day").await, [today, days_ago, long_ago]);
}

#[tokio::test]
async fn a_like_of_today_ranks_an_old_post_today() {
    let past = Past::new().await;
    let (author, a, b) = (past.member().await, past.member().await, past.member().await);
    let old = past.post(author, ago(200 * 24 * 60)).await;
    let popular = past.post(author, ago(100 * 24 * 60)).await;
    for who in [a, b] {
        past.like(who, popular, ago(90 * 24 * 60)).await;
    }
    let server = past.start("Asia/Seoul").await;
    let who = server.member().await;
    assert_eq!(ranked(&who, "most-popular", "day").await, [popular, old]);
    who.like(old).await;
    crate::support::eventually(&who, "/api/timeline/posts/most-popular", |page| ids(page) == [old, popular]).await;
    assert_eq!(ranked(&who, "most-popular", "week").await, [old, popular]);
    assert_eq!(ranked(&who, "most-popular", "all").await, [popular, old]);
}
