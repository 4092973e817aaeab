//! One index: opened, written, read.
use super::{
    blocking,
    collect::{FirstAfter, Opened},
    failed,
    open::Payload,
    query::{self, Fixed},
    schema::{Fields, register},
};
use crate::{
    domain::{Position, SearchKind},
    storage::{Hit, IndexChange, IndexCheckpoint, IndexSize, SearchIndex, StoreError, StoreResult, SearchRequest},
};
use async_trait::async_trait;
use std::{
    io::ErrorKind,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tantivy::{
    Index, IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term,
    index::IndexSettings,
    indexer::{IndexWriterOptions, LogMergePolicy},
};
use tokio::sync::{Semaphore, oneshot};

/// How long a search waits for its turn; then it is shed.
const TURN_MAX: Duration = Duration::from_secs(2);
/// How long closing waits for merges, which may take minutes; what they have not finished is not lost.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Part of a segment's documents that may be deleted before it is merged with others.
const DELETED_MAX: f32 = 0.3;

/// An open index, and its only writer.
pub(super) struct TantivyIndex {
    inner: Arc<Inner>,
    searches: Arc<Semaphore>,
}

struct Inner {
    fields: Fields,
    /// None once it is closed.
    writer: Mutex<Option<IndexWriter>>,
    reader: IndexReader,
    opened: Arc<Opened>,
    mark: RwLock<IndexCheckpoint>,
    /// A search has met files that say what cannot be.
    damaged: AtomicBool,
}

impl TantivyIndex {
    pub(super) fn create(path: &Path, memory: usize, searches: Arc<Semaphore>, mark: IndexCheckpoint) -> StoreResult<Self> {
        let (schema, _) = Fields::new();
        let settings = IndexSettings::default();
        let index = Index::builder().schema(schema).settings(settings).create_in_dir(path).map_err(failed)?;
        Self::of(index, memory, searches, mark).map_err(failed)
    }

    pub(super) fn of(
        mut index: Index,
        memory: usize,
        searches: Arc<Semaphore>,
        mark: IndexCheckpoint,
    ) -> tantivy::Result<Self> {
        register(&index);
        // A search looks into several segments at once where cores are free.
        index.set_default_multithread_executor()?;
        let (_, fields) = Fields::new();
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(memory)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        writer.set_merge_policy(merging());
        let (writer, opened) = (Mutex::new(Some(writer)), Arc::default());
        let inner = Inner { fields, writer, reader, opened, mark: RwLock::new(mark), damaged: AtomicBool::new(false) };
        Ok(Self { inner: Arc::new(inner), searches })
    }
}

/// Which segments become one, and when.
fn merging() -> Box<LogMergePolicy> {
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(DELETED_MAX);
    Box::new(merging)
}

impl Inner {
    fn writer(&self) -> MutexGuard<'_, Option<IndexWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(
        clippy::significant_drop_tightening,
        reason = "the writer's one lock, held while it writes; no other is taken under it"
    )]
    fn apply(&self, changes: Vec<IndexChange>) -> tantivy::Result<()> {
        let fields = &self.fields;
        let writer = self.writer();
        let writer = writer.as_ref().ok_or_else(closed)?;
        let put = |kind, id, document| {
            writer.delete_term(fields.key_term(kind, id));
            writer.add_document(document)
        };
        for change in changes {
            match change {
                IndexChange::PutPost(post) => {
                    put(SearchKind::Post, post.id.0, fields.post(&post))?;
                }
                IndexChange::PutComment(comment) => {
                    put(SearchKind::Comment, comment.id.0, fields.comment(&comment))?;
                }
                IndexChange::PutMember(member) => {
                    put(SearchKind::Member, member.id.0, fields.member(&member))?;
                }
                IndexChange::RemovePost(post) => {
                    writer.delete_term(fields.key_term(SearchKind::Post, post.0));
                    writer.delete_term(Term::from_field_u64(fields.post, post.0));
                }
                IndexChange::RemoveComment(comment) => {
                    writer.delete_term(fields.key_term(SearchKind::Comment, comment.0));
                }
                IndexChange::RemoveMember(member) => {
                    writer.delete_term(Term::from_field_u64(fields.author, member.0));
                }
            }
        }
        Ok(())
    }

    fn commit(&self, mark: IndexCheckpoint) -> StoreResult<()> {
        let payload = Payload::of(mark);
        let payload = serde_json::to_string(&payload).map_err(failed)?;
        let mut writer = self.writer();
        let mut commit = writer.as_mut().ok_or_else(closed).and_then(IndexWriter::prepare_commit).map_err(failed)?;
        commit.set_payload(&payload);
        commit.commit().map_err(failed)?;
        drop(writer);
        self.reader.reload().map_err(failed)?;
        self.opened.keep(self.reader.searcher().segment_readers());
        *self.mark.write().unwrap_or_else(PoisonError::into_inner) = mark;
        Ok(())
    }

    fn find(&self, wanted: &SearchRequest) -> tantivy::Result<Vec<Hit>> {
        let query = query::of(&self.fields, wanted);
        let searcher = self.reader.searcher();
        searcher.search_with_statistics_provider(&query, &FirstAfter::new(wanted, self.opened.clone()), &Fixed)
    }

    fn bytes(&self) -> u64 {
        let usage = self.reader.searcher().space_usage();
        usage.map_or(0, |usage| usage.total().get_bytes())
    }
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    fn checkpoint(&self) -> IndexCheckpoint {
        *self.inner.mark.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_damaged(&self) -> bool {
        self.inner.damaged.load(Ordering::Acquire)
    }

    fn documents(&self) -> u64 {
        self.inner.reader.searcher().num_docs()
    }

    fn size(&self) -> IndexSize {
        IndexSize { documents: self.documents(), bytes: self.inner.bytes() }
    }

    async fn apply(&self, changes: Vec<IndexChange>) -> StoreResult<()> {
        let inner = self.inner.clone();
        blocking(move || inner.apply(changes).map_err(failed)).await
    }

    async fn commit(&self, position: Position, complete: bool) -> StoreResult<()> {
        let (inner, mark) = (self.inner.clone(), IndexCheckpoint { position, complete, ..self.checkpoint() });
        blocking(move || inner.commit(mark)).await
    }

    #[expect(
        clippy::significant_drop_tightening,
        reason = "the writer's one lock, held while it writes; no other is taken under it"
    )]
    async fn roll_back(&self) -> StoreResult<()> {
        let inner = self.inner.clone();
        blocking(move || {
            let mut writer = inner.writer();
            let writer = writer.as_mut().ok_or_else(closed).map_err(failed)?;
            writer.rollback().map_err(failed)?;
            // What was rolled back began anew, with the policy of every new writer.
            writer.set_merge_policy(merging());
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        let inner = self.inner.clone();
        let Ok(Some(writer)) = blocking(move || Ok(inner.writer().take())).await else { return };
        let (done, told) = oneshot::channel();
        // A thread of its own: the process does not wait for it when it ends.
        std::thread::spawn(move || {
            // What fails here is not in the index yet, and so is no loss.
            let _ = writer.wait_merging_threads();
            let _ = done.send(());
        });
        let _ = tokio::time::timeout(CLOSE_MAX, told).await;
    }

    #[expect(clippy::significant_drop_tightening, reason = "a place, not a lock: kept for as long as the work takes")]
    async fn find(&self, wanted: SearchRequest) -> StoreResult<Vec<Hit>> {
        let turn = tokio::time::timeout(TURN_MAX, self.searches.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(StoreError::Busy { backend: "search" }) };
        let inner = self.inner.clone();
        blocking(move || {
            let _turn = turn;
            inner.find(&wanted).map_err(|error| {
                if wanted.until.has_passed() {
                    return StoreError::Late { backend: "search" };
                }
                if is_damage(&error) {
                    inner.damaged.store(true, Ordering::Release);
                }
                failed(error)
            })
        })
        .await
    }
}

/// Files that were read and say what cannot be.
fn is_damage(error: &TantivyError) -> bool {
    match error {
        TantivyError::DataCorruption(_) => true,
        TantivyError::IoError(error) => matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
        _ => false,
    }
}

fn closed() -> TantivyError {
    TantivyError::InvalidArgument("the index is closed".to_owned())
}
