//! Posts on their way in: those of one commit share their statements, whatever their number.
use super::{
    bulk::{Bulk, Query},
    commit::Commit,
    failed, images, json_ids,
    receipts::{self, Kept},
    signed,
    writer::Verdict,
};
use crate::{
    domain::{EventKind, Fact, MemberId, Outcome, Position, Post, Receipt},
    storage::{StoreError, StoreResult},
};
use futures::FutureExt;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::LazyLock,
};
use tokio::sync::oneshot;

/// What one publication is answered with.
type Published = StoreResult<Outcome<Position>>;

/// A post that waits for its commit.
pub(super) struct Publication {
    pub(super) post: Post,
    pub(super) receipt: Option<Receipt>,
    pub(super) reply: oneshot::Sender<Published>,
}

/// Stores them all, or none where the store fails.
pub(super) async fn publish(commit: &mut Commit, publications: Vec<Publication>) -> Verdict {
    let (items, replies): (Vec<_>, Vec<_>) =
        publications.into_iter().map(|Publication { post, receipt, reply }| ((post, receipt), reply)).unzip();
    let stored = commit.attempt(move |commit| store(commit, items).boxed()).await;
    Box::new(move |durable| {
        let answers: Vec<Published> = match (stored, durable) {
            (Ok(answers), Ok(())) => answers,
            (Err(error), _) | (_, Err(error)) => replies.iter().map(|_| Err(error.again())).collect(),
        };
        for (reply, answer) in replies.into_iter().zip(answers) {
            // The caller may have given up waiting; what was committed stays committed.
            let _ = reply.send(answer);
        }
    })
}

async fn store(commit: &mut Commit, items: Vec<(Post, Option<Receipt>)>) -> StoreResult<Vec<Published>> {
    let with_receipt = || items.iter().filter_map(|(_, receipt)| receipt.as_ref());
    let mut known = HashMap::new();
    if with_receipt().next().is_some() {
        known = receipts::known(&mut commit.connection, with_receipt()).await?;
    }
    let (mut posts, mut kept, mut answers) = (Vec::new(), Vec::new(), Vec::with_capacity(items.len()));
    for (post, receipt) in &items {
        if let Some(receipt) = receipt {
            match known.entry((receipt.scope.clone(), receipt.key.clone())) {
                Entry::Occupied(before) => {
                    answers.push(before.get().answer_for(&receipt.fingerprint).map(Outcome::Repeated));
                    continue;
                }
                Entry::Vacant(first) => {
                    if let Err(refused) = put_images(commit, post).await? {
                        answers.push(Err(refused));
                        continue;
                    }
                    first.insert(Kept::from(receipt));
                    kept.push(receipt);
                }
            }
        } else if let Err(refused) = put_images(commit, post).await? {
            answers.push(Err(refused));
            continue;
        }
        let fact = Fact::new(EventKind::PostCreated, post.author).on_post(post.id);
        let position = commit.emit(fact);
        commit.emit_mentions(fact, &[], &mentioned(post));
        answers.push(Ok(Outcome::Done(position)));
        posts.push((post, position));
    }
    if !posts.is_empty() {
        insert(commit, &posts).await?;
    }
    if !kept.is_empty() {
        receipts::insert_all(&mut commit.connection, kept.into_iter()).await?;
    }
    Ok(answers)
}

/// Whom a post names.
pub(super) fn mentioned(post: &Post) -> Vec<MemberId> {
    post.mentions.iter().map(|mention| mention.member).collect()
}

/// Puts a post's images on it. A refusal is the answer of this post alone, and has changed nothing.
async fn put_images(commit: &mut Commit, post: &Post) -> StoreResult<StoreResult<()>> {
    if post.images.is_empty() {
        return Ok(Ok(()));
    }
    let ids: Vec<_> = post.images.iter().map(|picture| picture.id).collect();
    match images::put_on_post(&mut commit.connection, post.author, post.id, &ids).await {
        Ok(_) => Ok(Ok(())),
        Err(StoreError::Refused(refusal)) => Ok(Err(refusal.into())),
        Err(error) => Err(error),
    }
}

/// Rows, tags and the authors' counters. The events are the caller's.
pub(super) async fn insert(commit: &mut Commit, posts: &[(&Post, Position)]) -> StoreResult<()> {
    let rows = posts.iter().map(|(post, at)| row(post, *at)).collect::<StoreResult<Vec<_>>>()?;
    POSTS.run(&mut commit.connection, &rows, bind).await?;
    let tags: Vec<_> = posts.iter().flat_map(|(post, _)| post.tags.iter().map(|tag| (&tag.tag, post.id.0))).collect();
    if !tags.is_empty() {
        let bind = |query: Query, (tag, post): &(&String, u64)| query.bind((*tag).clone()).bind(signed(*post));
        TAGS.run(&mut commit.connection, &tags, bind).await?;
    }
    let count = "UPDATE members SET post_count = post_count + added.posts \
        FROM (SELECT value AS author, count(*) AS posts FROM json_each(?) GROUP BY value) added \
        WHERE members.id = added.author";
    let count = sqlx::query(count).bind(json_ids(posts.iter().map(|(post, _)| post.author.0)));
    count.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

static POSTS: LazyLock<Bulk> = LazyLock::new(|| {
    let insert = "INSERT INTO posts (id, author_id, title, content, tags, mentions, created_at, position, images)";
    Bulk::new(insert, 9, "")
});
static TAGS: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::new("INSERT INTO post_tags (tag, post_id)", 2, "ON CONFLICT DO NOTHING"));

/// A post as a row: tags, mentions and images are kept as JSON.
struct Row<'a> {
    post: &'a Post,
    position: Position,
    lists: [String; 3],
}

fn row(post: &Post, position: Position) -> StoreResult<Row<'_>> {
    Ok(Row { post, position, lists: [json(&post.tags)?, json(&post.mentions)?, json(&post.images)?] })
}

fn bind(query: Query, Row { post, position, lists: [tags, mentions, images] }: &Row<'_>) -> Query {
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
}

fn json(list: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(list).map_err(failed)
}

/// The writer is gone, which only happens when the process ends.
pub(super) fn gone(error: oneshot::error::RecvError) -> StoreError {
    failed(error)
}
