//! What the timeline knows: the window, the caches beside it, and the streams that watch. One writer, many readers.
use super::{
    barrier::Barrier,
    changes::Changes,
    hub::Hub,
    hydrate::Hydrator,
    viewer::{Authors, Viewer},
    window::{BYTES_PER_POST, Window},
};
use crate::{
    actors::Error,
    config::Config,
    domain::{
        Event, EventKind, Fact, MemberId, Position, PostId, Privacy, Surface, Timestamp, VisiblePost, first_id_at,
    },
    storage::{
        CommentStore, EventLog, MarkerStore, MemberStore, PostRef, PostStore, RankingStore, StoreResult, Stores,
    },
};
use jiff::civil::Date;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Days remembered in `days_changed`.
const DAYS_CHANGED_KEPT: usize = 16;
/// Posts loaded in one step while the window is built.
const LOAD_STEP: usize = 10_000;

/// The state that the timeline's actor writes and everybody reads.
pub(super) struct Projection {
    pub(super) posts: Arc<dyn PostStore>,
    pub(super) comments: Arc<dyn CommentStore>,
    pub(super) markers: Arc<dyn MarkerStore>,
    members: Arc<dyn MemberStore>,
    ranking: Arc<dyn RankingStore>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) window: RwLock<Window>,
    pub(super) authors: RwLock<Authors>,
    pub(super) hydrator: Hydrator,
    pub(super) hub: Hub,
    pub(super) changes: Changes,
    pub(super) barrier: Barrier,
    applied: watch::Sender<Position>,
    /// Which days the newest changes of the best of a day were about: every open stream asks.
    days_changed: Mutex<VecDeque<(Position, Date)>>,
    posts_max: usize,
    days: u64,
}

impl Projection {
    pub(super) fn new(stores: &Stores, config: &Config) -> Self {
        let applied = watch::channel(Position(0)).0;
        let cache_bytes = config.timeline.cache_bytes_max as u64;
        Self {
            posts: stores.posts.clone(),
            comments: stores.comments.clone(),
            markers: stores.markers.clone(),
            members: stores.members.clone(),
            ranking: stores.ranking.clone(),
            log: stores.log.clone(),
            window: RwLock::default(),
            authors: RwLock::default(),
            hydrator: Hydrator::new(stores, cache_bytes),
            hub: Hub::new(config.stream.buffer_max),
            changes: Changes::default(),
            barrier: Barrier::new(applied.subscribe()),
            applied,
            days_changed: Mutex::default(),
            posts_max: (config.timeline.window_bytes_max / BYTES_PER_POST).max(1),
            days: u64::from(config.timeline.window_days),
        }
    }

    pub(super) fn applied(&self) -> Position {
        *self.applied.borrow()
    }

    pub(super) fn follow(&self) -> watch::Receiver<Position> {
        self.applied.subscribe()
    }

    /// Builds the window from the database: at start, and after the actor failed.
    pub(super) async fn rebuild(&self) -> StoreResult<Position> {
        let begun = Instant::now();
        // Read first: what is committed while the posts are loaded is applied again, which changes nothing.
        let head = *self.log.head().borrow();
        let mut window = Window::new(self.posts_max, head);
        let authors = Authors {
            deactivated: self.members.deactivated().await?.into_iter().collect(),
            non_public: self.members.non_public_authors().await?.into_iter().collect(),
        };
        let oldest = first_id_at(Timestamp::now().before(Duration::from_secs(self.days * 86_400)));
        let mut before = PostId(u64::MAX);
        loop {
            let places = self.posts.newest_posts(before, LOAD_STEP).await?;
            let room = self.posts_max - window.posts();
            let kept = places.iter().take(room).take_while(|place| place.post.0 >= oldest).count();
            window.extend_back(&places[..kept]);
            if let Some(left_out) = places.get(kept) {
                window.start_at(PostId(left_out.post.0 + 1));
                break;
            }
            let Some(last) = places.last().filter(|_| places.len() == LOAD_STEP) else { break };
            before = last.post;
        }
        let posts = window.posts();
        *self.window.write().unwrap_or_else(PoisonError::into_inner) = window;
        *self.authors.write().unwrap_or_else(PoisonError::into_inner) = authors;
        self.hydrator.everything_changed();
        self.applied.send_replace(head);
        // What happened between two lives of the actor was offered to nobody.
        self.hub.interrupt();
        self.hub.offered_to(head);
        metrics::gauge!("dailyfeed_window_posts").set(posts as f64);
        tracing::info!(posts, elapsed_ms = begun.elapsed().as_millis() as u64, "timeline window built");
        Ok(head)
    }

    /// Applies what happened, in order. Applying again what has been applied changes nothing.
    pub(super) async fn apply(&self, batch: &[Event]) -> Position {
        let applied = self.applied();
        let new = &batch[batch.partition_point(|event| event.position <= applied)..];
        let Some(last) = new.last() else { return applied };
        {
            let mut window = self.window.write().unwrap_or_else(PoisonError::into_inner);
            new.iter().for_each(|event| change(&mut window, event));
            window.applied = last.position;
            metrics::gauge!("dailyfeed_window_posts").set(window.posts() as f64);
        }
        if new.iter().any(|event| of_authors(event.fact.kind).is_some()) {
            let mut authors = self.authors.write().unwrap_or_else(PoisonError::into_inner);
            for event in new {
                of_authors(event.fact.kind).into_iter().for_each(|decide| decide(&mut authors, event.fact.member));
            }
        }
        // Before anybody may read at this position, nothing older may be cached; then the streams, who read too.
        new.iter().for_each(|event| self.invalidate(event));
        self.changes.add(new.iter().filter_map(|event| Some((event.position, counted(&event.fact)?))));
        self.applied.send_replace(last.position);
        self.warm(new).await;
        new.iter().for_each(|event| self.offer(event));
        self.hub.offered_to(last.position);
        let lag = self.log.head().borrow().0.saturating_sub(last.position.0);
        metrics::gauge!("dailyfeed_projection_lag_events").set(lag as f64);
        last.position
    }

    /// Which day the event at that position said something about.
    pub(super) async fn day_changed_at(&self, position: Position) -> StoreResult<Option<Date>> {
        let known = {
            let days = self.days_changed.lock().unwrap_or_else(PoisonError::into_inner);
            days.iter().find(|(at, _)| *at == position).map(|(_, date)| *date)
        };
        match known {
            Some(date) => Ok(Some(date)),
            None => self.ranking.top3_changed_at(position).await,
        }
    }

    fn invalidate(&self, event: &Event) {
        use EventKind as K;
        let fact = &event.fact;
        match fact.kind {
            K::PostUpdated | K::PostDeleted | K::PostRead | K::CommentCreated | K::CommentDeleted => {
                fact.post.into_iter().for_each(|post| self.hydrator.post_changed(post));
            }
            K::PostLiked | K::PostLikeCancelled => {
                fact.post.into_iter().for_each(|post| self.hydrator.post_changed(post));
                self.hydrator.likes_changed(fact.member);
            }
            K::MemberFollowed | K::MemberUnfollowed | K::FollowEnded | K::MemberMuted | K::MemberUnmuted => {
                self.hydrator.ties_changed(fact.member);
            }
            K::MemberBlocked | K::MemberUnblocked => {
                self.hydrator.ties_changed(fact.member);
                fact.target.into_iter().for_each(|other| self.hydrator.ties_changed(other));
            }
            K::ProfileChanged => self.hydrator.card_changed(fact.member),
            // Counters of posts all over change with those who come and go.
            K::MemberDeactivated | K::MemberRestored => {
                self.hydrator.card_changed(fact.member);
                self.hydrator.posts_changed();
            }
            K::PostCreated | K::CommentUpdated | K::CommentLiked | K::CommentLikeCancelled | K::CommentRead => {}
            K::MemberSignedUp | K::MemberLoggedIn | K::MemberLoggedOut => {}
            K::MemberMentioned | K::MentionWithdrawn => {}
            K::PostsPublic | K::PostsForFollowers | K::PostsPrivate => {}
            K::NotificationsRead | K::DailyTop3Changed => {}
            K::FollowRequested | K::FollowRequestWithdrawn => {}
            K::FollowRequestAccepted | K::FollowRequestDeclined | K::FollowerRemoved => {}
        }
    }

    /// Loads what streams are about to be told of, once: each of thousands would ask the store for itself.
    async fn warm(&self, new: &[Event]) {
        let shown = self.hub.awaited(new);
        if !shown.is_empty() {
            // A stream that finds nothing here asks the store after all.
            let _ = self.hydrator.load(&shown).await;
        }
        for event in new.iter().filter(|event| event.fact.kind == EventKind::DailyTop3Changed) {
            let Ok(Some(date)) = self.ranking.top3_changed_at(event.position).await else { continue };
            let mut days = self.days_changed.lock().unwrap_or_else(PoisonError::into_inner);
            days.truncate(DAYS_CHANGED_KEPT - 1);
            days.push_front((event.position, date));
        }
    }

    fn offer(&self, event: &Event) {
        let fact = &event.fact;
        self.hub.offer(event);
        match (fact.kind, fact.target) {
            (EventKind::MemberFollowed, Some(author)) => self.hub.follow(fact.member, author),
            (EventKind::MemberUnfollowed | EventKind::FollowEnded, Some(author)) => {
                self.hub.unfollow(fact.member, author);
            }
            _ => {}
        }
    }

    /// The member as somebody who looks.
    pub(super) async fn viewer(self: &Arc<Self>, member: MemberId) -> StoreResult<Viewer> {
        Ok(Viewer::new(self.hydrator.relations(member).await?, self.clone()))
    }

    /// Posts in the order asked, as the viewer sees them; those that cannot be seen are left out, and what members
    /// who block or are blocked did is not counted.
    pub(super) async fn posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
        surface: Surface,
    ) -> Result<Vec<VisiblePost>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut posts = self.hydrator.posts(viewer.member(), ids).await?;
        viewer.with_sight(surface, |sight| posts.retain(|seen| sight.post(seen.post.author)));
        let apart = &viewer.relations().blocked;
        if !apart.is_empty() && !posts.is_empty() {
            let ids: Vec<PostId> = posts.iter().map(|seen| seen.post.id).collect();
            for (id, hidden_counts) in self.posts.counts_by(&ids, apart).await? {
                posts.iter_mut().filter(|seen| seen.post.id == id).for_each(|seen| seen.hidden_counts = hidden_counts);
            }
        }
        Ok(posts)
    }
}

fn change(window: &mut Window, event: &Event) {
    let fact = &event.fact;
    match (fact.kind, fact.post) {
        (EventKind::PostCreated, Some(post)) => {
            window.insert(PostRef { post, author: fact.member, position: event.position });
        }
        (EventKind::PostDeleted, Some(post)) => window.remove(fact.member, post),
        _ => {}
    }
}

/// The post whose counts an event changes.
fn counted(fact: &Fact) -> Option<PostId> {
    use EventKind as K;
    let counts =
        matches!(fact.kind, K::PostLiked | K::PostLikeCancelled | K::PostRead | K::CommentCreated | K::CommentDeleted);
    fact.post.filter(|_| counts)
}

/// What an event says about everything that its member wrote.
fn of_authors(kind: EventKind) -> Option<fn(&mut Authors, MemberId)> {
    Some(match kind {
        EventKind::MemberDeactivated => Authors::deactivate,
        EventKind::MemberRestored => Authors::restore,
        EventKind::PostsPublic => |authors, member| authors.privacy_changed(member, Privacy::Public),
        EventKind::PostsForFollowers => |authors, member| authors.privacy_changed(member, Privacy::Followers),
        EventKind::PostsPrivate => |authors, member| authors.privacy_changed(member, Privacy::Private),
        _ => return None,
    })
}
