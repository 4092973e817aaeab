//! Builds an index from all rows in the stores, while the live index answers searches, and hands it to the actor. An
//! index is never repaired, only built again.
use super::{
    Message,
    shared::{FirstBuild, Shared},
};
use crate::{
    actors::{
        backoff::{Backoff, PART_MAX},
        error::Error,
        health::Part,
        mailbox::Mailbox,
    },
    config::Config,
    domain::{CommentId, MemberId, Position, PostId},
    storage::{IndexChange, IndexSize, SearchIndex, SearchStore, Stores},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Rows read in one step.
const ROWS_STEP: usize = 1_000;
/// Events read in one step.
const EVENTS_STEP: usize = 256;
/// Documents after which a first index commits, so that searches find what it has so far.
const PARTIAL_COMMIT_EVERY: u64 = 20_000;

/// The outcome of a build.
#[derive(Debug, Clone, Copy)]
pub struct BuildReport {
    /// Size of the index.
    pub size: IndexSize,
    /// How long the build took.
    pub elapsed: Duration,
}

/// Fills an index with the members, posts and comments of the stores, and commits it as complete.
struct IndexFiller<'a> {
    shared: &'a Shared,
    index: Arc<dyn SearchIndex>,
    started: Instant,
    /// True for a first index, which answers searches while it is filled.
    commits_partially: bool,
    /// Documents in the last partial commit.
    committed_documents: u64,
}

impl<'a> IndexFiller<'a> {
    fn new(shared: &'a Shared, index: Arc<dyn SearchIndex>, commits_partially: bool) -> Self {
        shared.build_documents.store(0, Ordering::Relaxed);
        Self { shared, index, started: Instant::now(), commits_partially, committed_documents: 0 }
    }

    /// Fills and commits the index. Returns the position up to which it has every event.
    async fn fill(&mut self) -> Result<Position, Error> {
        // Read before the rows: an event that the rows reflect already is applied again, which changes nothing.
        let position = *self.shared.log.head().borrow();
        self.put_members().await?;
        self.put_posts().await?;
        self.put_comments().await?;
        let position = apply_log(self.shared, &self.index, position, Position(u64::MAX)).await?;
        self.index.commit(position, true).await?;
        Ok(position)
    }

    async fn put_members(&mut self) -> Result<(), Error> {
        let mut after = MemberId(0);
        loop {
            let members = self.shared.members.members_from(after, ROWS_STEP).await?;
            let Some(last) = members.last() else { return Ok(()) };
            after = last.id;
            self.put(members.into_iter().map(|member| IndexChange::PutMember(Box::new(member)))).await?;
        }
    }

    async fn put_posts(&mut self) -> Result<(), Error> {
        let mut after = PostId(0);
        loop {
            let posts = self.shared.posts.posts_from(after, ROWS_STEP).await?;
            let Some(last) = posts.last() else { return Ok(()) };
            after = last.id;
            self.put(posts.into_iter().map(IndexChange::PutPost)).await?;
        }
    }

    async fn put_comments(&mut self) -> Result<(), Error> {
        let mut after = CommentId(0);
        loop {
            let comments = self.shared.comments.comments_from(after, ROWS_STEP).await?;
            let Some(last) = comments.last() else { return Ok(()) };
            after = last.id;
            self.put(self.shared.put_comments(comments).await?.into_iter()).await?;
        }
    }

    async fn put(&mut self, changes: impl Iterator<Item = IndexChange>) -> Result<(), Error> {
        let changes: Vec<IndexChange> = changes.collect();
        let count = changes.len() as u64;
        self.index.apply(changes).await?;
        let documents = self.shared.build_documents.fetch_add(count, Ordering::Relaxed) + count;
        if self.commits_partially && documents - self.committed_documents >= PARTIAL_COMMIT_EVERY {
            self.committed_documents = documents;
            self.index.commit(Position(0), false).await?;
        }
        Ok(())
    }

    /// Fills the index and has the actor switch to it.
    async fn fill_and_switch(mut self, mailbox: &Mailbox<Message>) -> Result<BuildReport, Error> {
        let position = self.fill().await?;
        let (done, switched) = oneshot::channel();
        mailbox.tell(Message::SwitchIndex { index: self.index.clone(), position, done })?;
        // A dropped sender means that the actor failed while it switched.
        switched.await.unwrap_or(Err(Error::Restarting("search")))?;
        sweep(&*self.shared.store).await;
        let report = self.report();
        let IndexSize { documents, bytes } = report.size;
        tracing::info!(documents, bytes, elapsed_ms = report.elapsed.as_millis() as u64, "search index built");
        Ok(report)
    }

    fn report(&self) -> BuildReport {
        BuildReport { size: self.index.size(), elapsed: self.started.elapsed() }
    }
}

/// Applies the events after `position` up to `until`, or up to the end of the log. Returns the position of the last
/// one.
pub(super) async fn apply_log(
    shared: &Shared,
    index: &Arc<dyn SearchIndex>,
    mut position: Position,
    until: Position,
) -> Result<Position, Error> {
    while position < until {
        let mut batch = shared.log.read(position, EVENTS_STEP).await?;
        let at_end = batch.len() < EVENTS_STEP;
        batch.retain(|event| event.position <= until);
        let Some(last) = batch.last() else { break };
        shared.apply_events(index, &batch).await?;
        position = last.position;
        if at_end {
            break;
        }
    }
    Ok(position)
}

/// Builds a new index beside the live one, and has the actor switch to it.
pub(super) async fn reindex(shared: &Shared, mailbox: &Mailbox<Message>) -> Result<BuildReport, Error> {
    let index = shared.store.begin(shared.log.epoch()).await?;
    IndexFiller::new(shared, index, false).fill_and_switch(mailbox).await
}

/// Removes the files of replaced indexes. The next call removes files that cannot be removed now.
pub(super) async fn sweep(store: &dyn SearchStore) {
    if let Err(error) = store.sweep().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot remove the files of old search indexes");
    }
}

/// Builds each first index that `open_index.rs` begins. Runs until the process ends.
pub(super) async fn run_first_builds(
    shared: Arc<Shared>,
    mailbox: Mailbox<Message>,
    mut first_builds: mpsc::Receiver<FirstBuild>,
) {
    while let Some(FirstBuild { index, permit: _permit }) = first_builds.recv().await {
        build_first(&shared, &mailbox, index).await;
    }
}

/// Builds until one build succeeds, each time into another empty index: until then searches miss documents.
async fn build_first(shared: &Shared, mailbox: &Mailbox<Message>, mut index: Arc<dyn SearchIndex>) {
    let mut backoff = Backoff::up_to(PART_MAX);
    loop {
        match IndexFiller::new(shared, index.clone(), true).fill_and_switch(mailbox).await {
            Ok(_) => {
                shared.build_succeeded();
                shared.first_build_fault.set(false);
                return;
            }
            Err(error) => shared.build_failed(&error),
        }
        shared.first_build_fault.set(true);
        tokio::time::sleep(backoff.next()).await;
        match shared.store.begin(shared.log.epoch()).await {
            Ok(next) => {
                shared.set_index(next.clone());
                index.close().await;
                index = next;
                sweep(&*shared.store).await;
            }
            Err(error) => shared.build_failed(&error.into()),
        }
    }
}

/// Builds an index while no server runs, and makes it the live one.
#[expect(clippy::significant_drop_tightening, reason = "an index, no guard: held until it is closed")]
pub async fn build_offline(stores: &Stores, config: &Config) -> Result<BuildReport, Error> {
    let (shared, _) = Shared::new(stores, Part::new("search"), config);
    let index = stores.search.begin(stores.log.epoch()).await?;
    let mut filler = IndexFiller::new(&shared, index, false);
    filler.fill().await?;
    stores.search.make_live().await?;
    sweep(&*stores.search).await;
    let report = filler.report();
    filler.index.close().await;
    Ok(report)
}
