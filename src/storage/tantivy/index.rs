//! `SearchIndex` on Tantivy: one open index with its only writer.
use super::{
    IndexOptions,
    admission::{ViewerRights, posts_mentioning},
    blocking,
    collect::{ColumnCache, TopHits},
    failed,
    open::CommitPayload,
    query::{FixedStatistics, tantivy_query},
    schema::{Fields, register_tokenizers},
};
use crate::{
    domain::{Position, SearchKind},
    storage::{Hit, IndexChange, IndexCheckpoint, IndexSize, SearchIndex, SearchRequest, StoreError, StoreResult},
};
use async_trait::async_trait;
use rustc_hash::FxHashSet;
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

/// The longest wait of a search for a permit; then it is refused as `Busy`.
const PERMIT_WAIT_MAX: Duration = Duration::from_secs(2);
/// The longest wait of `close` for merges, which can take minutes. An unfinished merge loses nothing: its segments
/// stay.
const CLOSE_MAX: Duration = Duration::from_secs(1);
/// Share of a segment's documents that may be deleted before the segment is merged with others.
const DELETED_MAX: f32 = 0.3;

/// An open index and its only writer.
pub(super) struct TantivyIndex {
    inner: Arc<Inner>,
    search_permits: Arc<Semaphore>,
}

struct Inner {
    fields: Fields,
    /// `None` once it is closed. Locked while it writes; no other lock is taken while it is locked.
    writer: Mutex<Option<IndexWriter>>,
    reader: IndexReader,
    columns: Arc<ColumnCache>,
    checkpoint: RwLock<IndexCheckpoint>,
    /// Set when a search finds a damaged file.
    damaged: AtomicBool,
}

impl TantivyIndex {
    /// Creates an empty index in the empty folder `path`.
    pub(super) fn create(path: &Path, options: IndexOptions, checkpoint: IndexCheckpoint) -> StoreResult<Self> {
        let (schema, _) = Fields::new();
        let settings = IndexSettings::default();
        let index = Index::builder().schema(schema).settings(settings).create_in_dir(path).map_err(failed)?;
        Self::new(index, options, checkpoint).map_err(failed)
    }

    /// Takes the writer's lock of the index, and makes its reader.
    pub(super) fn new(mut index: Index, options: IndexOptions, checkpoint: IndexCheckpoint) -> tantivy::Result<Self> {
        register_tokenizers(&index);
        // A search reads several segments at once if cores are free.
        index.set_default_multithread_executor()?;
        let (_, fields) = Fields::new();
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writer_options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(options.memory_bytes)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(writer_options)?;
        writer.set_merge_policy(merge_policy());
        let inner = Inner {
            fields,
            writer: Mutex::new(Some(writer)),
            reader,
            columns: Arc::default(),
            checkpoint: RwLock::new(checkpoint),
            damaged: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner), search_permits: options.search_permits })
    }
}

fn merge_policy() -> Box<LogMergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DELETED_MAX);
    Box::new(policy)
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
                IndexChange::PutComment { comment, on } => {
                    put(SearchKind::Comment, comment.id.0, fields.comment(&comment, on))?;
                }
                IndexChange::PutMember(member) => {
                    put(SearchKind::Member, member.id.0, fields.member(&member))?;
                }
                IndexChange::RemovePost(post) => {
                    writer.delete_term(fields.key_term(SearchKind::Post, post.0));
                    writer.delete_term(Term::from_field_u64(fields.post, post.0));
                }
                IndexChange::HidePost(post) => {
                    writer.delete_term(fields.key_term(SearchKind::Post, post.0));
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

    fn commit(&self, checkpoint: IndexCheckpoint) -> StoreResult<()> {
        let payload = serde_json::to_string(&CommitPayload::of(checkpoint)).map_err(failed)?;
        let mut writer = self.writer();
        let mut commit = writer.as_mut().ok_or_else(closed).and_then(IndexWriter::prepare_commit).map_err(failed)?;
        commit.set_payload(&payload);
        commit.commit().map_err(failed)?;
        drop(writer);
        self.reader.reload().map_err(failed)?;
        self.columns.retain_segments(self.reader.searcher().segment_readers());
        *self.checkpoint.write().unwrap_or_else(PoisonError::into_inner) = checkpoint;
        Ok(())
    }

    fn find(&self, request: &SearchRequest) -> tantivy::Result<Vec<Hit>> {
        let query = tantivy_query(&self.fields, request);
        let searcher = self.reader.searcher();
        let viewer = request.viewer.clone();
        let mentioning = match request.kind {
            SearchKind::Post | SearchKind::Comment => {
                posts_mentioning(viewer.member(), &searcher, self.fields.mentioned, &self.columns)?
            }
            SearchKind::Member => FxHashSet::default(),
        };
        let hits = TopHits::new(request, ViewerRights { viewer, mentioning }, self.columns.clone());
        searcher.search_with_statistics_provider(&query, &hits, &FixedStatistics)
    }

    fn bytes(&self) -> u64 {
        let usage = self.reader.searcher().space_usage();
        usage.map_or(0, |usage| usage.total().get_bytes())
    }
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    fn checkpoint(&self) -> IndexCheckpoint {
        *self.inner.checkpoint.read().unwrap_or_else(PoisonError::into_inner)
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
        let checkpoint = IndexCheckpoint { position, complete, ..self.checkpoint() };
        let inner = self.inner.clone();
        blocking(move || inner.commit(checkpoint)).await
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
            // A rollback replaces the writer by one with the default policy.
            writer.set_merge_policy(merge_policy());
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        let inner = self.inner.clone();
        let Ok(Some(writer)) = blocking(move || Ok(inner.writer().take())).await else { return };
        let (done, merged) = oneshot::channel();
        // Not a blocking task of the runtime: the process must not wait for it when it ends.
        std::thread::spawn(move || {
            // A merge that fails has changed nothing yet.
            let _ = writer.wait_merging_threads();
            let _ = done.send(());
        });
        let _ = tokio::time::timeout(CLOSE_MAX, merged).await;
    }

    #[expect(clippy::significant_drop_tightening, reason = "a permit, not a lock: held while the thread searches")]
    async fn find(&self, request: SearchRequest) -> StoreResult<Vec<Hit>> {
        let permit = tokio::time::timeout(PERMIT_WAIT_MAX, self.search_permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(StoreError::Busy { backend: "search" }) };
        let inner = self.inner.clone();
        blocking(move || {
            let _permit = permit;
            inner.find(&request).map_err(|error| {
                if request.until.has_passed() {
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

/// Returns whether the error says that a file is damaged.
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
