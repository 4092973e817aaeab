//! `Ranking`: the handle of the ranked feeds (most popular, most commented) and of the best posts of each day.
//!
//! `actor.rs`, which has a picture of the room, follows the event log and builds numbered generations; pages are read
//! from these without the actor.
mod actor;
pub(super) mod bench_api;
mod clock;
mod days;
mod dirty_posts;
mod generations;
mod old_views;
mod table;
mod tables;
#[cfg(test)]
mod tests;

use super::{
    error::{Error, Reply},
    feeds::FeedPage,
    health::{Fault, Part},
    lease::Lease,
    mailbox::Mailbox,
    reader,
    streams::Streams,
    supervisor::Supervisor,
    visibility::{Viewer, Visibility},
};
use crate::{
    config::Config,
    domain::{
        Event, MemberId, Position, PostId, RankedBy, RankingPeriod, Refusal, Surface, TOP_SHOWN, Timestamp,
        VisiblePost,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{RankingStore, Stores, Work},
};
use days::Days;
use generations::{Generation, Generations};
use jiff::{civil::Date, tz::TimeZone};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tables::Tables;

/// Ranks read in each step after the first one, if that did not fill the page.
const SCAN_STEP: usize = 100;

/// The messages of the ranking actor.
pub(super) enum Message {
    /// Marks the posts whose counts a batch of events changed. Replies with the position to continue after.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Hands over the tables that were loaded for an incarnation of the actor, which then rebuilds.
    TablesLoaded { tables: Box<Tables>, incarnation: u64, reply: Reply<Rebuilt> },
    /// Adds a generation to each ranking whose order changed.
    Rebuild { reply: Reply<Rebuilt> },
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// The outcome of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rebuilt {
    /// The generations are up to date.
    Done,
    /// No generation was built: the tables must be loaded first.
    TablesMissing,
}

/// The state that the actor writes and all clones of [`Ranking`] read. It outlives an incarnation of the actor.
struct Shared {
    store: Arc<dyn RankingStore>,
    generations: Generations,
    days: Days,
    /// The changes of every event up to here are marked or counted.
    position: AtomicU64,
    /// Number of incarnations of the actor so far.
    incarnations: AtomicU64,
    part: Part,
    /// Present while the tallies cannot be read.
    store_fault: Fault,
    lease: Lease,
}

impl Shared {
    fn new(stores: &Stores, zone: TimeZone, head: Position, part: Part) -> Self {
        Self {
            store: stores.ranking.clone(),
            generations: Generations::new(),
            days: Days::new(stores.ranking.clone(), zone),
            position: AtomicU64::new(head.0),
            incarnations: AtomicU64::new(0),
            store_fault: part.new_fault(),
            lease: Lease::new(&stores.leases, Work::Ranking),
            part,
        }
    }

    /// Returns the number of the newest incarnation.
    fn incarnation(&self) -> u64 {
        self.incarnations.load(Ordering::Acquire)
    }

    /// Advances the position to the last event of a batch, never back, and returns it.
    fn advance_position(&self, last: Option<&Event>) -> Position {
        let position = last.map_or(0, |event| event.position.0);
        Position(self.position.fetch_max(position, Ordering::AcqRel).max(position))
    }
}

/// One of the six ranked feeds.
#[derive(Debug, Clone, Copy)]
pub struct RankedFeed {
    /// The score that orders it.
    pub by: RankedBy,
    /// The time in which views, likes and comments count.
    pub period: RankingPeriod,
}

/// The best posts of a day, as visible to one viewer.
#[derive(Debug, Clone)]
pub struct Top3 {
    /// The day, in the configured time zone.
    pub date: Date,
    /// True if the scores do not change any more.
    pub frozen: bool,
    /// At most three, best first.
    pub items: Vec<TopPost>,
}

/// One of the best posts of a day.
#[derive(Debug, Clone)]
pub struct TopPost {
    /// Its score of that day.
    pub score: u64,
    /// The post.
    pub post: VisiblePost,
}

/// Handle of the ranked feeds and the best of each day. Reads skip the mailbox, as they need no order.
#[derive(Clone)]
pub struct Ranking {
    shared: Arc<Shared>,
    visibility: Visibility,
    streams: Streams,
    /// How long a reader waits for the first generation.
    first_generation_wait: Duration,
    #[cfg(test)]
    mailbox: Mailbox<Message>,
}

impl Ranking {
    /// Starts the actor, its log reader and its clock. The clock loads the tables in the background, so that a large
    /// database does not delay the start.
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(
        supervisor: &Supervisor,
        stores: &Stores,
        visibility: Visibility,
        streams: Streams,
        config: &Config,
    ) -> Self {
        // The configuration check has refused unknown zones.
        let zone = TimeZone::get(&config.ranking.day_zone).unwrap_or(TimeZone::UTC);
        // Read before the tables are loaded: an event in both is counted again, which changes nothing.
        let head = *stores.log.head().borrow();
        let shared = Arc::new(Shared::new(stores, zone, head, supervisor.add_part("ranking")));
        let state = shared.clone();
        let mailbox = supervisor.spawn_part(&shared.part, None, move || (actor::RankingActor, state.clone())).await;
        let actor = mailbox.clone();
        supervisor.spawn_background(reader::follow_for_part(stores.log.clone(), head, Arc::default(), move |batch| {
            let actor: Mailbox<Message> = actor.clone();
            async move { actor.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        supervisor.spawn_background(clock::run(shared.clone(), mailbox.clone()));
        Self {
            shared,
            visibility,
            streams,
            first_generation_wait: Duration::from_millis(config.actors.answer_timeout_ms),
            #[cfg(test)]
            mailbox,
        }
    }

    /// Returns one page of a ranked feed, as visible to the viewer. Later pages read the generation of the first one.
    /// A cursor names that generation and the last post of the page, so that it reveals no hidden post.
    /// Refuses `CursorInvalid`, `CursorExpired` if that generation was dropped or does not rank that post for the
    /// viewer, `Down` while the part is, and `Late` if there is no generation in time.
    pub async fn page(
        &self,
        viewer: MemberId,
        feed: RankedFeed,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        self.shared.part.require_up()?;
        let RankedFeed { by, period } = feed;
        let list = match by {
            RankedBy::Popularity => ListKind::MostPopular,
            RankedBy::Comments => ListKind::MostCommented,
        };
        let (generation, last) = match cursor {
            None => (self.newest_generation(feed).await?, None),
            Some(text) => {
                let [number, last] = decode_list_cursor(text, list, period as u64)?;
                let generation = self.shared.generations.numbered(by, period, number);
                (generation.ok_or(Refusal::CursorExpired)?, Some(PostId(last)))
            }
        };
        // Read before the posts, so that a stream from this cursor shows every change that the page does not.
        let stream = self.streams.cursor();
        let viewer = self.visibility.viewer(viewer).await?;
        let first_rank = match last {
            None => 0,
            Some(last) => self.rank_after(&viewer, &generation, last).await?,
        };
        let mut items = self.collect(&viewer, &generation.posts()[first_rank..], limit + 1).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more).map(|last| last.post.id);
        let next = last.map(|last| encode_list_cursor(list, period as u64, [generation.number, last.0]));
        Ok(FeedPage { items, next, stream })
    }

    /// Returns the rank after the post that a cursor names. Refuses `CursorExpired` for a post that the generation does
    /// not rank, and in the same way for one that is for some members only and hidden from the viewer: an invented
    /// cursor does not tell whether such a post exists.
    async fn rank_after(&self, viewer: &Viewer, generation: &Generation, last: PostId) -> Result<usize, Error> {
        let place = generation.place_of(last).ok_or(Refusal::CursorExpired)?;
        // A post for everybody that was hidden or deleted after the page was read is no secret.
        if !place.for_everybody
            && self.visibility.visible_posts(viewer, &[last], Surface::Direct, None).await?.is_empty()
        {
            return Err(Refusal::CursorExpired.into());
        }
        Ok(place.rank + 1)
    }

    /// Waits for the first rebuild, then returns the newest generation. Refuses `Late` if the rebuild takes too long.
    async fn newest_generation(&self, RankedFeed { by, period }: RankedFeed) -> Result<Arc<Generation>, Error> {
        let late = || Error::Late("ranking");
        let ready = self.shared.generations.wait_until_ready();
        tokio::time::timeout(self.first_generation_wait, ready).await.map_err(|_| late())?;
        self.shared.generations.newest(by, period).ok_or_else(late)
    }

    /// Returns the first `limit` of the `ranked` posts that are visible to the viewer.
    async fn collect(&self, viewer: &Viewer, ranked: &[PostId], limit: usize) -> Result<Vec<VisiblePost>, Error> {
        let mut items = Vec::with_capacity(limit);
        let (mut rest, mut step) = (ranked, limit);
        while items.len() < limit && !rest.is_empty() {
            let (candidates, later) = rest.split_at(step.min(rest.len()));
            items.extend(self.visibility.posts(viewer, candidates, Surface::Feed).await?);
            (rest, step) = (later, SCAN_STEP);
        }
        items.truncate(limit);
        Ok(items)
    }

    /// Returns the three best posts of a day, or of today, that are visible to the viewer: the next best replace
    /// deleted and hidden ones. Refuses `Invalid` for a day that has not begun, and `Down` while the part is.
    pub async fn top3(&self, viewer: MemberId, date: Option<Date>) -> Result<Top3, Error> {
        self.shared.part.require_up()?;
        let best = self.shared.days.best(date, Timestamp::now()).await?;
        let ids: Vec<PostId> = best.posts.iter().map(|scored| scored.post).collect();
        let viewer = self.visibility.viewer(viewer).await?;
        let visible = self.visibility.posts(&viewer, &ids, Surface::Feed).await?;
        let scored = |post: VisiblePost| {
            let scored = best.posts.iter().find(|scored| scored.post == post.post.id)?;
            Some(TopPost { score: scored.score, post })
        };
        let items = visible.into_iter().filter_map(scored).take(TOP_SHOWN).collect();
        Ok(Top3 { date: best.date, frozen: best.frozen, items })
    }

    /// Returns the position up to which the ranking needs no events any more.
    pub(super) fn position(&self) -> Position {
        Position(self.shared.position.load(Ordering::Acquire))
    }

    /// Makes the actor panic.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }
}
