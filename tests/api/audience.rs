//! The audience of a post: how it is chosen, its refusals, and the members who see the post, its comments and its likes.
use crate::{
    common::Member,
    notifications::unread,
    search::{found, search, word},
    support::{NONE, TestServer, eventually, fields, ids, member, problem, start_server},
};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const AUDIENCES: [&str; 4] = ["public", "followers", "mentioned", "self"];

/// Creates a post for an audience and returns its id.
pub(crate) async fn post_for(author: &Member, audience: &str, content: &str) -> u64 {
    let body = json!({"content": content, "audience": audience});
    let post = author.ok(Method::POST, "/api/posts", body).await;
    assert_eq!(post["audience"], audience);
    post["id"].as_u64().unwrap()
}

/// Returns once the member's reads reflect every write that was answered before.
pub(crate) async fn settle(who: &Member) {
    who.ok(Method::PATCH, "/api/members/me", json!({"bio": word()})).await;
}

async fn privacy(who: &Member, level: &str) {
    who.ok(Method::PATCH, "/api/members/me", json!({"privacy": level})).await;
}

fn path_of(post: u64) -> String {
    format!("/api/posts/{post}")
}

async fn sees(who: &Member, post: u64) -> bool {
    let answer = who.send(Method::GET, &path_of(post), Value::Null).await;
    if answer.status() == 200 {
        return true;
    }
    problem(answer, 404, "POST_NOT_FOUND").await;
    false
}

#[tokio::test]
async fn without_a_choice_the_audience_is_what_the_privacy_says() {
    let author = member().await;
    for (level, expected) in [("PUBLIC", "public"), ("FOLLOWERS", "followers"), ("PRIVATE", "self")] {
        privacy(&author, level).await;
        for body in [json!({"content": "글"}), json!({"content": "글", "audience": null})] {
            let post = author.ok(Method::POST, "/api/posts", body).await;
            assert_eq!(post["audience"], expected, "{level}");
            assert_eq!(author.get(&path_of(post["id"].as_u64().unwrap())).await["audience"], expected);
        }
        for audience in AUDIENCES {
            post_for(&author, audience, "글").await;
        }
    }
    let mine = author.get("/api/timeline/posts/mine").await;
    let shown: Vec<&str> =
        mine["items"].as_array().unwrap()[..4].iter().map(|post| post["audience"].as_str().unwrap()).collect();
    assert_eq!(shown, ["self", "mentioned", "followers", "public"]);
    assert_eq!(author.me().await["postCount"], 18, "posts of every audience are counted");
}

#[tokio::test]
async fn a_later_privacy_does_not_change_the_audience() {
    let (author, stranger) = (member().await, member().await);
    let open = author.post("모두에게").await;
    privacy(&author, "FOLLOWERS").await;
    let closed = author.post("팔로워에게").await;
    settle(&stranger).await;
    assert_eq!((sees(&stranger, open).await, sees(&stranger, closed).await), (false, false));
    privacy(&author, "PUBLIC").await;
    settle(&stranger).await;
    assert_eq!((sees(&stranger, open).await, sees(&stranger, closed).await), (true, false));
}

#[tokio::test]
async fn unknown_audiences_are_refused() {
    let who = member().await;
    let post = who.post("글").await;
    for (audience, code) in [
        (json!("PUBLIC"), "UNKNOWN_VALUE"),
        (json!("friends"), "UNKNOWN_VALUE"),
        (json!(""), "UNKNOWN_VALUE"),
        (json!(1), "INVALID_FORMAT"),
        (json!(["public"]), "INVALID_FORMAT"),
    ] {
        for (method, path) in [(Method::POST, "/api/posts".to_owned()), (Method::PUT, path_of(post))] {
            let body = json!({"content": "글", "audience": audience});
            let refused = who.refused(method, &path, body, 422, "VALIDATION_FAILED").await;
            assert_eq!(fields(&refused), [("audience".to_owned(), code.to_owned())], "{audience}");
        }
    }
}

#[tokio::test]
async fn an_edit_cannot_change_the_audience() {
    let author = member().await;
    for audience in AUDIENCES {
        let post = post_for(&author, audience, "처음").await;
        for other in AUDIENCES.into_iter().filter(|other| *other != audience) {
            for content in ["처음", "나중"] {
                let body = json!({"content": content, "audience": other});
                author.refused(Method::PUT, &path_of(post), body, 422, "AUDIENCE_FIXED").await;
            }
        }
        let kept = author.get(&path_of(post)).await;
        assert_eq!(
            (&kept["content"], &kept["editedAt"], &kept["audience"]),
            (&json!("처음"), &Value::Null, &json!(audience))
        );
        for body in [json!({"content": "둘째", "audience": audience}), json!({"content": "셋째"})] {
            let edited = author.ok(Method::PUT, &path_of(post), body.clone()).await;
            assert_eq!((&edited["content"], &edited["audience"]), (&body["content"], &json!(audience)));
        }
    }
    let (other, post) = (member().await, post_for(&author, "public", "글").await);
    let body = json!({"content": "글", "audience": "self"});
    other.refused(Method::PUT, &path_of(post), body, 403, "POST_UPDATE_FORBIDDEN").await;
}

#[tokio::test]
async fn a_repeated_key_with_another_audience_is_refused() {
    let who = member().await;
    let post = async |audience: &str| {
        let request = who.request(Method::POST, "/api/posts").header("idempotency-key", "audience-1");
        request.json(&json!({"content": "글", "audience": audience})).send().await.unwrap()
    };
    let first = post("followers").await.text().await.unwrap();
    assert_eq!(post("followers").await.text().await.unwrap(), first);
    problem(post("self").await, 422, "IDEMPOTENCY_KEY_REUSED").await;
}

/// An author and the members of each relation to the author's posts.
struct Cast {
    author: Member,
    stranger: Member,
    follower: Member,
    /// Mentioned in the posts, and no follower.
    mentioned: Member,
}

impl Cast {
    async fn new(server: Option<&TestServer>) -> Self {
        let one = async || match server {
            Some(server) => server.member().await,
            None => member().await,
        };
        let cast = Self { author: one().await, stranger: one().await, follower: one().await, mentioned: one().await };
        cast.follower.follow(&cast.author).await;
        cast
    }

    /// Creates a post for each audience that mentions `mentioned`, in the order of `AUDIENCES`.
    async fn posts(&self, text: &str) -> [u64; 4] {
        let content = format!("{text} @{}", self.mentioned.handle().await);
        let mut posts = [0; 4];
        for (post, audience) in posts.iter_mut().zip(AUDIENCES) {
            *post = post_for(&self.author, audience, &content).await;
        }
        for who in self.with_rows().map(|(who, _)| who) {
            settle(who).await;
        }
        posts
    }

    /// The members, each with the indices of the posts that it sees.
    fn with_rows(&self) -> impl Iterator<Item = (&Member, Vec<usize>)> {
        [
            (&self.author, vec![0, 1, 2, 3]),
            (&self.stranger, vec![0]),
            (&self.follower, vec![0, 1]),
            (&self.mentioned, vec![0, 2]),
        ]
        .into_iter()
    }
}

#[tokio::test]
async fn each_audience_sees_the_post_in_every_list() {
    let server = start_server(|_| {}).await;
    let cast = Cast::new(Some(&server)).await;
    let (word, tag) = (word(), format!("표{}", cast.author.id));
    let posts = cast.posts(&format!("{word} #{tag}")).await;
    for (who, seen) in cast.with_rows() {
        let expected: Vec<u64> = seen.iter().rev().map(|index| posts[*index]).collect();
        for (index, post) in posts.into_iter().enumerate() {
            assert_eq!(sees(who, post).await, seen.contains(&index), "{}", AUDIENCES[index]);
        }
        for path in [
            format!("/api/timeline/members/{}/posts", cast.author.id),
            format!("/api/timeline/tags/{tag}/posts"),
            "/api/timeline/posts/recent?limit=100".to_owned(),
        ] {
            let mut page = ids(&who.get(&path).await);
            page.retain(|id| posts.contains(id));
            assert_eq!(page, expected, "{path}");
        }
        let mut hits = found(&search(who, "post", &format!("q={word}")).await, "post");
        hits.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(hits, expected);
    }
    assert_eq!(ids(&cast.follower.get("/api/timeline/posts/followings").await), [posts[1], posts[0]]);
    cast.mentioned.follow(&cast.author).await;
    let home = |page: &Value| ids(page) == [posts[2], posts[1], posts[0]];
    eventually(&cast.mentioned, "/api/timeline/posts/followings", home).await;
}

#[tokio::test]
async fn only_the_audience_can_like_and_comment() {
    let cast = Cast::new(None).await;
    let posts = cast.posts("글").await;
    for (index, post) in posts.into_iter().enumerate() {
        let comment = cast.author.comment(post, None, "첫 댓글").await;
        for (who, _) in cast.with_rows().filter(|(_, seen)| !seen.contains(&index)) {
            let body = json!({"content": "댓글"});
            for (method, path, body) in [
                (Method::POST, format!("/api/posts/{post}/comments"), body),
                (Method::GET, format!("/api/posts/{post}/comments"), Value::Null),
                (Method::PUT, format!("/api/posts/{post}/like"), Value::Null),
                (Method::DELETE, format!("/api/posts/{post}/like"), Value::Null),
                (Method::GET, format!("/api/posts/{post}/likes"), Value::Null),
                (Method::PUT, path_of(post), json!({"content": "남의 글"})),
                (Method::DELETE, path_of(post), Value::Null),
            ] {
                who.refused(method, &path, body, 404, "POST_NOT_FOUND").await;
            }
            for (method, path) in [
                (Method::GET, format!("/api/comments/{comment}")),
                (Method::GET, format!("/api/comments/{comment}/replies")),
                (Method::PUT, format!("/api/comments/{comment}/like")),
            ] {
                who.refused(method, &path, Value::Null, 404, "COMMENT_NOT_FOUND").await;
            }
        }
        for (who, _) in cast.with_rows().filter(|(_, seen)| seen.contains(&index)) {
            who.like(post).await;
            who.comment(post, Some(comment), "답글").await;
        }
    }
    let comments = format!("/api/members/{}/comments", cast.author.id);
    assert_eq!((ids(&cast.stranger.get(&comments).await).len(), ids(&cast.author.get(&comments).await).len()), (2, 8));
}

#[tokio::test]
async fn a_mention_notifies_only_members_who_see_the_post() {
    let cast = Cast::new(None).await;
    let posts = cast.posts("글").await;
    let page = cast.mentioned.get("/api/notifications").await;
    let about: Vec<u64> =
        page["items"].as_array().unwrap().iter().map(|item| item["postId"].as_u64().unwrap()).collect();
    assert_eq!((about, unread(&cast.mentioned).await), (vec![posts[2], posts[0]], 2));
    // Hidden notifications appear and disappear with the post.
    cast.mentioned.follow(&cast.author).await;
    eventually(&cast.mentioned, "/api/notifications", |page| ids(page).len() == 3).await;
    cast.mentioned.unfollow(&cast.author).await;
    eventually(&cast.mentioned, "/api/notifications", |page| ids(page).len() == 2).await;
}

#[tokio::test]
async fn an_edit_changes_who_is_mentioned() {
    let (author, one, other) = (member().await, member().await, member().await);
    let text = async |who: &Member| json!({"content": format!("@{} 에게", who.handle().await)});
    let post = post_for(&author, "mentioned", text(&one).await["content"].as_str().unwrap()).await;
    settle(&one).await;
    assert_eq!((sees(&one, post).await, sees(&other, post).await), (true, false));
    author.ok(Method::PUT, &path_of(post), text(&other).await).await;
    for who in [&one, &other] {
        settle(who).await;
    }
    assert_eq!((sees(&one, post).await, sees(&other, post).await), (false, true));
    assert_eq!((unread(&one).await, unread(&other).await), (0, 1));
    let feed = format!("/api/timeline/members/{}/posts", author.id);
    assert_eq!((ids(&one.get(&feed).await), ids(&other.get(&feed).await)), (vec![], vec![post]));
}

#[tokio::test]
async fn a_restarted_server_knows_the_audiences() {
    let server = start_server(|_| {}).await;
    let mut cast = Cast::new(Some(&server)).await;
    let posts = cast.posts("글").await;
    let server = server.restart(async |_| {}).await;
    let base = server.base.clone();
    for who in [&mut cast.author, &mut cast.follower, &mut cast.mentioned, &mut cast.stranger] {
        who.base.clone_from(&base);
    }
    cast.mentioned.follow(&cast.author).await;
    settle(&cast.mentioned).await;
    let home = async |who: &Member| ids(&who.get("/api/timeline/posts/followings").await);
    assert_eq!(home(&cast.follower).await, [posts[1], posts[0]]);
    assert_eq!(home(&cast.mentioned).await, [posts[2], posts[1], posts[0]]);
    assert_eq!(home(&cast.author).await, [posts[3], posts[2], posts[1], posts[0]]);
    assert_eq!(home(&cast.stranger).await, NONE);
}
