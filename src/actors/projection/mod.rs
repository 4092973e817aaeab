//! Who sees what: follows the event log, answers feeds from it, and tells whoever is watching.
mod actor;
mod barrier;
mod cache;
mod changes;
mod feed;
mod hub;
mod hydrate;
pub(super) mod measured;
mod merge;
mod notices;
mod projection;
mod stream;
mod told;
mod viewer;
mod watcher;
mod window;

pub use feed::{Feed, FeedPage};
pub use notices::VisibleNotification;
pub use stream::{Live, Subscription};
pub use told::LiveEvent;
pub use viewer::Viewer;

use super::{Error, Reply, StartError, Supervisor, mailbox::Mailbox, reader};
use crate::{
    config::Config,
    domain::{
        Event, Identity, MemberCard, MemberId, Notification, Position, PostId, Surface, VisiblePost,
        cursor::StreamCursor,
    },
    storage::Stores,
};
use projection::Projection;
use std::sync::Arc;
use tokio::sync::watch;

/// What the timeline actor can be told.
pub(super) enum Message {
    /// Applies a batch of events, and answers with the position to go on from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// Feeds and streams, from outside. Reads skip the mailbox: they need no order.
#[derive(Clone)]
pub struct Timeline {
    projection: Arc<Projection>,
    #[cfg(test)]
    mailbox: Mailbox<Message>,
    streams_per_member: usize,
    replay_max: usize,
}

impl Timeline {
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(supervisor: &Supervisor, stores: &Stores, config: &Config) -> Result<Self, StartError> {
        let projection = Arc::new(Projection::new(stores, config));
        let state = projection.clone();
        let mailbox = supervisor.spawn("timeline", None, move || (actor::TimelineActor, state.clone())).await?;
        let reader = mailbox.clone();
        supervisor.spawn_background(reader::follow(stores.log.clone(), projection.applied(), move |batch| {
            let reader: Mailbox<Message> = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        Ok(Self {
            projection,
            #[cfg(test)]
            mailbox,
            streams_per_member: config.stream.per_member_max,
            replay_max: config.stream.replay_max,
        })
    }

    /// One page of a feed, as the viewer sees it.
    pub async fn feed(
        &self,
        viewer: MemberId,
        feed: Feed,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        self.projection.feed(&self.viewer(viewer).await?, feed, cursor, limit).await
    }

    /// The viewer is shown that page: the viewer's streams tell of its counts from now on.
    pub fn showed(&self, viewer: MemberId, page: &FeedPage) {
        self.projection.hub.saw(viewer, page.items.iter().map(|seen| seen.post.id));
    }

    /// Opens a stream of what happens to posts in the member's home feed, from a cursor on or from now.
    pub async fn open_stream(&self, identity: Identity, from: Option<&str>) -> Result<Subscription, Error> {
        let open = self.projection.clone().open(identity.member, from, self.streams_per_member, self.replay_max);
        open.await
    }

    /// Cards in the order asked; those who are not there are left out.
    pub(super) async fn cards(&self, ids: &[MemberId]) -> Result<Vec<Arc<MemberCard>>, Error> {
        Ok(self.projection.hydrator.cards(ids).await?)
    }

    /// The member as somebody who looks, with everything that the member wrote, followed or blocked taken in.
    pub(super) async fn viewer(&self, member: MemberId) -> Result<Viewer, Error> {
        self.projection.barrier.wait(member).await;
        Ok(self.projection.viewer(member).await?)
    }

    /// Posts in the order asked, as the viewer sees them; those that cannot be seen are left out. At most 1,000 ids.
    pub(super) async fn posts(
        &self,
        viewer: &Viewer,
        ids: &[PostId],
        surface: Surface,
    ) -> Result<Vec<VisiblePost>, Error> {
        self.projection.posts(viewer, ids, surface).await
    }

    /// Those notifications that the viewer may see, in the same order.
    pub(super) async fn notices(
        &self,
        viewer: &Viewer,
        notifications: &[Notification],
    ) -> Result<Vec<VisibleNotification>, Error> {
        self.projection.notices(viewer, notifications).await
    }

    /// One post as the viewer sees it.
    pub(super) async fn post(&self, viewer: MemberId, id: PostId) -> Result<Option<VisiblePost>, Error> {
        let viewer = self.viewer(viewer).await?;
        self.projection.hub.saw(viewer.member(), std::iter::once(id));
        Ok(self.posts(&viewer, &[id], Surface::Direct).await?.pop())
    }

    /// The member has just written something: the member's next read shows it.
    pub(super) fn wrote(&self, member: MemberId) {
        let head = *self.projection.log.head().borrow();
        self.projection.barrier.wrote(member, head);
    }

    /// Names everything that has been written so far, for whoever wants to read it from something slower.
    pub fn write_token(&self) -> String {
        let log = &self.projection.log;
        StreamCursor { epoch: log.epoch(), position: *log.head().borrow() }.encode()
    }

    /// Returns when what the member wrote is in every cached read.
    pub(super) async fn caught_up(&self, member: MemberId) {
        self.projection.barrier.wait(member).await;
    }

    /// Makes the actor fail.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }

    /// Where a stream that is opened now begins.
    pub(super) fn stream_cursor(&self) -> String {
        StreamCursor { epoch: self.projection.log.epoch(), position: self.projection.applied() }.encode()
    }

    /// Grows with what the timeline has taken in: what is up to there is judged by what is known there.
    pub(super) fn taken_in(&self) -> watch::Receiver<Position> {
        self.projection.follow()
    }

    /// The slowest reader's position: events up to here are needed by nobody but streams that resume.
    pub(super) fn position(&self) -> Position {
        self.projection.applied()
    }
}
