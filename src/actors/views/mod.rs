//! `Views`: counts views of posts. A read of a post records its view without waiting, and the actor counts recorded
//! views in batches.
mod actor;

use super::{mailbox::Mailbox, supervisor::Supervisor};
use crate::{
    domain::{MemberId, PostId, Timestamp},
    storage::{View, ViewStore},
};
use quick_cache::sync::Cache;
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number of views that wait to be counted. Further ones are dropped, which `dailyfeed_views_dropped_total`
/// counts: a lost view breaks no rule.
const WAITING_MAX: usize = 8_192;
/// Views of the present hour that are remembered, 32 bytes each, so that a repeated view costs no write.
const REMEMBERED_MAX: usize = 100_000;

/// The messages of the views actor.
pub(super) enum Message {
    /// Counts the views that wait.
    CountViews,
}

/// Handle of the views. Cheap to clone.
#[derive(Clone)]
pub(super) struct Views {
    mailbox: Mailbox<Message>,
    waiting: Arc<Mutex<Vec<View>>>,
    remembered: Arc<Cache<View, ()>>,
}

impl Views {
    pub(super) async fn start(supervisor: &Supervisor, store: Arc<dyn ViewStore>) -> Self {
        let waiting: Arc<Mutex<Vec<View>>> = Arc::default();
        let state = actor::State { store, waiting: waiting.clone() };
        let make = move || (actor::ViewsActor, state.clone());
        let mailbox = supervisor.spawn_part(&supervisor.add_part("views"), None, make).await;
        Self { mailbox, waiting, remembered: Arc::new(Cache::new(REMEMBERED_MAX)) }
    }

    /// Records that the viewer read the post; the actor counts it with `count_views`. Never waits; a second view within
    /// the same hour does nothing.
    pub(super) fn record(&self, viewer: MemberId, post: PostId) {
        let view = View { post, viewer, hour: Timestamp::now().0 / 3_600_000 };
        if self.remembered.get(&view).is_some() {
            return;
        }
        self.remembered.insert(view, ());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            metrics::counter!("dailyfeed_views_dropped_total").increment(1);
            return;
        }
        waiting.push(view);
        drop(waiting);
        // A message counts up to `BATCH_MAX` views, so a full mailbox holds enough messages for every view that waits.
        // A view that waits while the actor restarts is counted by a later message.
        let _ = self.mailbox.tell(Message::CountViews);
    }
}
