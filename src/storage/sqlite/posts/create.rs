//! The command `create_post`: all posts of one commit share their statements.
use crate::{
    domain::{EventKind, Fact, MemberId, Mention, Outcome, Picture, Position, Post, Receipt, Refusal},
    storage::{
        Committed, StoreError, StoreResult,
        sqlite::{
            failed, images, json_ids, signed,
            writer::{
                Bulk, Commit, Query,
                receipts::{self, StoredReceipt},
            },
        },
    },
};
use std::{collections::HashMap, sync::LazyLock};

/// The answer of one `create_post`.
pub(crate) type CreatedPost = StoreResult<Committed<Outcome>>;

const ADD_POST_COUNTS: &str = "UPDATE members SET post_count = post_count + added.posts \
    FROM (SELECT value AS author, count(*) AS posts FROM json_each(?) GROUP BY value) added \
    WHERE members.id = added.author";

/// A post to be stored, and the receipt of its request.
#[derive(Clone, Copy)]
pub(crate) struct NewPost<'a> {
    pub(crate) post: &'a Post,
    pub(crate) receipt: Option<&'a Receipt>,
}

/// Stores the posts in their order. A refusal is the answer of one post; an error of the store fails all of them.
pub(crate) async fn create_posts(commit: &mut Commit, items: &[NewPost<'_>]) -> StoreResult<Vec<CreatedPost>> {
    let receipts = || items.iter().filter_map(|item| item.receipt);
    let mut known = HashMap::new();
    if receipts().next().is_some() {
        known = receipts::known(&mut commit.connection, receipts()).await?;
    }
    let mut posts = Vec::new();
    let mut new_receipts = Vec::new();
    let mut answers = Vec::with_capacity(items.len());
    for NewPost { post, receipt } in items.iter().copied() {
        let key = receipt.map(|receipt| (receipt.scope.clone(), receipt.key.clone()));
        if let (Some(receipt), Some(stored)) = (receipt, key.as_ref().and_then(|key| known.get(key))) {
            // The first request committed before, or is in this batch: the newest position so far covers it.
            let at = commit.head();
            let repeated = stored.answer_for(&receipt.fingerprint).map(Outcome::Repeated);
            answers.push(repeated.map(|value| Committed { value, at }));
            continue;
        }
        let images = match attach_images(commit, post).await? {
            Ok(images) => images,
            Err(refusal) => {
                answers.push(Err(refusal.into()));
                continue;
            }
        };
        if let (Some(receipt), Some(key)) = (receipt, key) {
            known.insert(key, StoredReceipt::from(receipt));
            new_receipts.push(receipt);
        }
        let fact = Fact::new(EventKind::PostCreated, post.author).about_post(post.id, post.audience);
        let position = commit.emit(fact);
        commit.emit_mentions(fact, &[], &mentioned(&post.mentions));
        answers.push(Ok(Committed { value: Outcome::Done, at: commit.head() }));
        posts.push(PlacedPost { post, images, position });
    }
    if !posts.is_empty() {
        insert(commit, &posts).await?;
    }
    if !new_receipts.is_empty() {
        receipts::insert_all(&mut commit.connection, new_receipts.into_iter()).await?;
    }
    Ok(answers)
}

/// Returns the mentioned members.
pub(crate) fn mentioned(mentions: &[Mention]) -> Vec<MemberId> {
    mentions.iter().map(|mention| mention.member).collect()
}

/// Attaches a post's images and returns them as stored. The inner error is the refusal of this post, which changed
/// nothing.
async fn attach_images(commit: &mut Commit, post: &Post) -> StoreResult<Result<Vec<Picture>, Refusal>> {
    if post.images.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let ids: Vec<_> = post.images.iter().map(|picture| picture.id).collect();
    match images::attach_to_post(&mut commit.connection, post.author, post.id, &ids).await {
        Ok(pictures) => Ok(Ok(pictures)),
        Err(StoreError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}

/// A post with its images as stored, whose descriptions can have changed since the draft, and the position of its event.
pub(crate) struct PlacedPost<'a> {
    pub(crate) post: &'a Post,
    pub(crate) images: Vec<Picture>,
    pub(crate) position: Position,
}

/// Inserts posts with their tags and counts them. The caller emits the events.
pub(crate) async fn insert(commit: &mut Commit, posts: &[PlacedPost<'_>]) -> StoreResult<()> {
    let rows = posts.iter().map(Row::new).collect::<StoreResult<Vec<_>>>()?;
    POSTS.run(&mut commit.connection, &rows, bind).await?;
    let tags = posts.iter().map(|placed| placed.post);
    let tags: Vec<_> = tags.flat_map(|post| post.tags.iter().map(|tag| (&tag.tag, post.id.0))).collect();
    if !tags.is_empty() {
        let bind = |query: Query, (tag, post): &(&String, u64)| query.bind((*tag).clone()).bind(signed(*post));
        TAGS.run(&mut commit.connection, &tags, bind).await?;
    }
    let count = sqlx::query(ADD_POST_COUNTS).bind(json_ids(posts.iter().map(|placed| placed.post.author.0)));
    count.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

static POSTS: LazyLock<Bulk> = LazyLock::new(|| {
    let insert = "INSERT INTO posts (id, author_id, title, content, tags, mentions, created_at, position, images, \
        audience)";
    Bulk::new(insert, 10, "")
});
static TAGS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("INSERT INTO post_tags (tag, post_id)", 2, "ON CONFLICT DO NOTHING"));

/// A row of `posts`; tags, mentions and images are stored as JSON.
struct Row<'a> {
    post: &'a Post,
    position: Position,
    tags: String,
    mentions: String,
    images: String,
}

impl<'a> Row<'a> {
    fn new(placed: &PlacedPost<'a>) -> StoreResult<Self> {
        let PlacedPost { post, ref images, position } = *placed;
        let (tags, mentions, images) = (json(&post.tags)?, json(&post.mentions)?, json(images)?);
        Ok(Self { post, position, tags, mentions, images })
    }
}

/// Binds the columns in the order of `POSTS`.
fn bind(query: Query, row: &Row<'_>) -> Query {
    let Row { post, position, tags, mentions, images } = row;
    query
        .bind(signed(post.id.0))
        .bind(signed(post.author.0))
        .bind(post.title.clone())
        .bind(post.content.clone())
        .bind(tags.clone())
        .bind(mentions.clone())
        .bind(post.created_at.0)
        .bind(signed(position.0))
        .bind(images.clone())
        .bind(post.audience.code())
}

fn json(list: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(list).map_err(failed)
}
