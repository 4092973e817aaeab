//! Makes an index of everything there is, beside the one that answers searches meanwhile.
use super::{
    Message,
    shared::{Begun, Shared},
};
use crate::{
    actors::{
        Error,
        health::Part,
        mailbox::Mailbox,
        pauses::{Pauses, SIDE_MAX},
    },
    config::Config,
    domain::{CommentId, MemberId, Position, PostId},
    storage::{IndexChange, IndexSize, SearchIndex, SearchStore, Stores},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Rows that are read in one step.
const STEP: usize = 1_000;
/// Events that are read in one step.
const EVENTS: usize = 256;
/// Documents after which an index that answers already shows what it has.
const SHOWN_EVERY: u64 = 20_000;

/// What was built.
#[derive(Debug, Clone, Copy)]
pub struct Built {
    /// How large it is.
    pub size: IndexSize,
    /// How long it took.
    pub elapsed: Duration,
}

/// Fills an index. Committed and complete when this returns, up to the position returned or a little further.
async fn fill(
    shared: &Shared,
    index: &Arc<dyn SearchIndex>,
    answers: bool,
    built: &AtomicU64,
) -> Result<Position, Error> {
    // Read first: what is committed while rows are read is read again from the log, which changes nothing.
    let mut position = *shared.log.head().borrow();
    let mut filling = Filling { index, answers, built, shown: 0 };
    let mut after = MemberId(0);
    loop {
        let members = shared.members.members_from(after, STEP).await?;
        let Some(last) = members.last() else { break };
        after = last.id;
        filling.put(members.into_iter().map(|member| IndexChange::PutMember(Box::new(member)))).await?;
    }
    let mut after = PostId(0);
    loop {
        let posts = shared.posts.posts_from(after, STEP).await?;
        let Some(last) = posts.last() else { break };
        after = last.id;
        filling.put(posts.into_iter().map(IndexChange::PutPost)).await?;
    }
    let mut after = CommentId(0);
    loop {
        let comments = shared.comments.comments_from(after, STEP).await?;
        let Some(last) = comments.last() else { break };
        after = last.id;
        filling.put(comments.into_iter().map(IndexChange::PutComment)).await?;
    }
    catch_up(shared, index, &mut position, Position(u64::MAX)).await?;
    index.commit(position, true).await?;
    Ok(position)
}

struct Filling<'a> {
    index: &'a Arc<dyn SearchIndex>,
    answers: bool,
    built: &'a AtomicU64,
    shown: u64,
}

impl Filling<'_> {
    async fn put(&mut self, changes: impl Iterator<Item = IndexChange>) -> Result<(), Error> {
        let changes: Vec<IndexChange> = changes.collect();
        let count = changes.len() as u64;
        self.index.apply(changes).await?;
        let built = self.built.fetch_add(count, Ordering::Relaxed) + count;
        if self.answers && built - self.shown >= SHOWN_EVERY {
            self.shown = built;
            self.index.commit(Position(0), false).await?;
        }
        Ok(())
    }
}

/// Takes in what the log has up to `until`.
pub(super) async fn catch_up(
    shared: &Shared,
    index: &Arc<dyn SearchIndex>,
    position: &mut Position,
    until: Position,
) -> Result<(), Error> {
    while *position < until {
        let mut batch = shared.log.read(*position, EVENTS).await?;
        let whole = batch.len() == EVENTS;
        batch.retain(|event| event.position <= until);
        let Some(last) = batch.last() else { return Ok(()) };
        shared.take_in(index, &batch).await?;
        *position = last.position;
        if !whole {
            return Ok(());
        }
    }
    Ok(())
}

/// Builds an index and lets it take over. `begun` is one that answers searches from its beginning, because there is
/// no other.
pub(super) async fn build(
    shared: &Shared,
    mailbox: &Mailbox<Message>,
    begun: Option<Arc<dyn SearchIndex>>,
) -> Result<Built, Error> {
    let started = Instant::now();
    let answers = begun.is_some();
    let index = match begun {
        Some(index) => index,
        None => shared.store.begin(shared.log.epoch()).await?,
    };
    shared.built.store(0, Ordering::Relaxed);
    let position = fill(shared, &index, answers, &shared.built).await?;
    let (done, told) = oneshot::channel();
    let size_of = index.clone();
    mailbox.tell(Message::Adopt { index, position, done })?;
    // Not told means that the actor failed over it.
    told.await.unwrap_or(Err(Error::Restarting("search")))?;
    sweep(&*shared.store).await;
    let built = Built { size: size_of.size(), elapsed: started.elapsed() };
    let IndexSize { documents, bytes } = built.size;
    tracing::info!(documents, bytes, elapsed_ms = built.elapsed.as_millis() as u64, "search index built");
    Ok(built)
}

/// Removes what is left of other indexes. What cannot be removed now is removed the next time.
pub(super) async fn sweep(store: &dyn SearchStore) {
    if let Err(error) = store.sweep().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "files of old search indexes are left");
    }
}

/// Fills each index that was begun because there was none.
pub(super) async fn build_begun(shared: Arc<Shared>, mailbox: Mailbox<Message>, mut begun: mpsc::Receiver<Begun>) {
    while let Some((index, _turn)) = begun.recv().await {
        build_first(&shared, &mailbox, index).await;
    }
}

/// Builds until it has worked: searches see part of everything until then.
async fn build_first(shared: &Shared, mailbox: &Mailbox<Message>, mut begun: Arc<dyn SearchIndex>) {
    let mut pauses = Pauses::up_to(SIDE_MAX);
    loop {
        match build(shared, mailbox, Some(begun.clone())).await {
            Ok(_) => {
                shared.builds.send_modify(|builds| builds.done += 1);
                shared.unbuilt.set(false);
                return;
            }
            Err(error) => super::build_failed(shared, &error),
        }
        shared.unbuilt.set(true);
        tokio::time::sleep(pauses.next()).await;
        match shared.store.begin(shared.log.epoch()).await {
            Ok(next) => {
                shared.show(next.clone());
                std::mem::replace(&mut begun, next).close().await;
                sweep(&*shared.store).await;
            }
            Err(error) => super::build_failed(shared, &error.into()),
        }
    }
}

/// Builds an index where no server runs, and makes it the live one.
pub async fn build_offline(stores: &Stores, config: &Config) -> Result<Built, Error> {
    let started = Instant::now();
    let index = stores.search.begin(stores.log.epoch()).await?;
    let (shared, _) = Shared::new(stores, Part::new("search"), config);
    fill(&shared, &index, false, &shared.built).await?;
    stores.search.make_live().await?;
    sweep(&*stores.search).await;
    let built = Built { size: index.size(), elapsed: started.elapsed() };
    index.close().await;
    Ok(built)
}
