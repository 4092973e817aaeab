//! Views of posts: noted by reads without making them wait, counted together.
mod actor;

use super::{Supervisor, mailbox::Mailbox};
use crate::{
    domain::{MemberId, PostId, Timestamp},
    storage::{View, ViewStore},
};
use quick_cache::sync::Cache;
use std::sync::{Arc, Mutex, PoisonError};

/// Views that may wait to be counted; further ones are dropped and counted as such. A view is no promise.
const WAITING_MAX: usize = 8_192;
/// Views of this hour that are remembered, so that looking again costs nothing: 32 bytes each.
const REMEMBERED: usize = 100_000;

/// What the views actor can be told.
pub(super) enum Message {
    /// There is something to count.
    Count,
}

/// Where reads leave their views.
#[derive(Clone)]
pub(super) struct Views {
    mailbox: Mailbox<Message>,
    waiting: Arc<Mutex<Vec<View>>>,
    remembered: Arc<Cache<View, ()>>,
}

impl Views {
    pub(super) async fn start(supervisor: &Supervisor, store: Arc<dyn ViewStore>) -> Self {
        let waiting: Arc<Mutex<Vec<View>>> = Arc::default();
        let of_actor = waiting.clone();
        let make = move || (actor::ViewsActor, (store.clone(), of_actor.clone()));
        let mailbox = supervisor.spawn_part(&supervisor.part("views"), None, make).await;
        Self { mailbox, waiting, remembered: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// Notes that the member looked at the post. Never waits.
    pub(super) fn saw(&self, viewer: MemberId, post: PostId) {
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
        // One signal is enough for all that wait; a full mailbox holds one already.
        let _ = self.mailbox.tell(Message::Count);
    }
}
