//! Posts on their way in: those of one commit share their statements, whatever their number.
use super::{
    commit::Commit,
    failed, images, json_ids,
    receipts::{self, Kept},
    writer::Verdict,
};
use crate::{
    domain::{EventKind, Fact, MemberId, Outcome, Position, Post, Receipt},
    storage::{StoreError, StoreResult},
};
use futures::FutureExt;
use std::collections::{HashMap, hash_map::Entry};
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
    let rows: Vec<_> = posts
        .iter()
        .map(|(p, at)| (p.id, p.author, &p.title, &p.content, &p.tags, &p.mentions, p.created_at.0, at.0, &p.images))
        .collect();
    let tags: Vec<_> = posts.iter().flat_map(|(post, _)| post.tags.iter().map(|tag| (&tag.tag, post.id))).collect();
    // One trip to the connection's thread for all three.
    let statements = "INSERT INTO posts (id, author_id, title, content, tags, mentions, created_at, position, \
        images) SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8 \
        FROM json_each(?); \
        INSERT INTO post_tags (tag, post_id) SELECT value->>0, value->>1 FROM json_each(?) \
        WHERE true ON CONFLICT DO NOTHING; \
        UPDATE members SET post_count = post_count + added.posts \
        FROM (SELECT value AS author, count(*) AS posts FROM json_each(?) GROUP BY value) added \
        WHERE members.id = added.author";
    let query = sqlx::query(statements)
        .bind(json(&rows)?)
        .bind(json(&tags)?)
        .bind(json_ids(posts.iter().map(|(post, _)| post.author.0)));
    query.execute(&mut commit.connection).await.map_err(failed)?;
    Ok(())
}

fn json(rows: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(rows).map_err(failed)
}

/// The writer is gone, which only happens when the process ends.
pub(super) fn gone(error: oneshot::error::RecvError) -> StoreError {
    failed(error)
}
