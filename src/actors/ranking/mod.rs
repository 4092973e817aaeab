//! What is liked, viewed and commented most: follows the event log, and makes numbered generations to page through.
mod actor;
mod clock;
mod days;
mod generations;
mod marks;
pub(super) mod measured;
mod tables;
#[cfg(test)]
mod tests;

use super::{
    Error, Reply, Supervisor,
    health::{Part, Trouble},
    mailbox::Mailbox,
    reader,
    timeline::{FeedPage, Timeline},
};
use crate::{
    config::Config,
    domain::{
        Event, MemberId, Position, PostId, RANKED_MAX, RankedBy, Refusal, Surface, TOP_SHOWN, Timestamp, VisiblePost,
        Window,
        cursor::{ListKind, decode_list_cursor, encode_list_cursor},
    },
    storage::{PostStore, RankingStore, Stores},
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

/// Ranks that are looked at in one step once a page has come out short.
const SCAN_STEP: usize = 100;

/// What the ranking actor can be told.
pub(super) enum Message {
    /// Notes what a batch of events changed, and answers with the position to go on from.
    Apply { batch: Vec<Event>, reply: Reply<Position> },
    /// Takes the tables that were loaded for that life, then does a round.
    Loaded { tables: Box<Tables>, life: u64, reply: Reply<bool> },
    /// Makes generations where something changed. Answers whether the tables have to be loaded first.
    Round { reply: Reply<bool> },
    #[cfg(test)]
    Crash { reply: Reply<()> },
}

/// What the actor writes and everybody reads.
struct Shared {
    store: Arc<dyn RankingStore>,
    posts: Arc<dyn PostStore>,
    generations: Generations,
    days: Days,
    position: AtomicU64,
    /// Lives of the actor so far.
    lives: AtomicU64,
    part: Part,
    /// The rows could not be counted.
    uncounted: Trouble,
}

impl Shared {
    fn new(stores: &Stores, zone: TimeZone, head: Position, part: Part) -> Self {
        Self {
            store: stores.ranking.clone(),
            posts: stores.posts.clone(),
            generations: Generations::new(),
            days: Days::new(stores.ranking.clone(), zone),
            position: AtomicU64::new(head.0),
            lives: AtomicU64::new(0),
            uncounted: part.trouble(),
            part,
        }
    }

    /// The life that has begun last.
    fn life(&self) -> u64 {
        self.lives.load(Ordering::Acquire)
    }

    /// Everything up to this event has been noted.
    fn applied(&self, last: Option<&Event>) -> Position {
        let position = last.map_or(0, |event| event.position.0);
        Position(self.position.fetch_max(position, Ordering::AcqRel).max(position))
    }
}

/// The best posts of a day, as one viewer sees them.
#[derive(Debug, Clone)]
pub struct Top3 {
    /// Of the configured zone.
    pub date: Date,
    /// The scores do not change any more.
    pub frozen: bool,
    /// At most three, best first, each with its score.
    pub items: Vec<(u64, VisiblePost)>,
}

/// Ranked feeds and the best of each day, from outside. Reads skip the mailbox: they need no order.
#[derive(Clone)]
pub struct Ranking {
    shared: Arc<Shared>,
    timeline: Timeline,
    /// How long a reader waits for the first generation.
    patience: Duration,
    #[cfg(test)]
    mailbox: Mailbox<Message>,
}

impl Ranking {
    /// Starts the actor, its reader of the log, and the clock that wakes it. Tables are loaded beside, so that a large
    /// database does not delay the start.
    #[cfg_attr(
        not(test),
        expect(clippy::significant_drop_tightening, reason = "handles and mailboxes, no guard among them")
    )]
    pub(super) async fn start(supervisor: &Supervisor, stores: &Stores, timeline: Timeline, config: &Config) -> Self {
        // Checked with the configuration.
        let zone = TimeZone::get(&config.ranking.day_zone).unwrap_or(TimeZone::UTC);
        // Read first: what is committed while the tables are loaded is counted again, which changes nothing.
        let head = *stores.log.head().borrow();
        let shared = Arc::new(Shared::new(stores, zone, head, supervisor.part("ranking")));
        let state = shared.clone();
        let mailbox = supervisor.spawn_part(&shared.part, None, move || (actor::RankingActor, state.clone())).await;
        let reader = mailbox.clone();
        supervisor.spawn_background(reader::follow_for_part(stores.log.clone(), head, Arc::default(), move |batch| {
            let reader: Mailbox<Message> = reader.clone();
            async move { reader.ask(|reply| Message::Apply { batch, reply }).await }
        }));
        supervisor.spawn_background(clock::wake(shared.clone(), mailbox.clone()));
        let patience = Duration::from_millis(config.actors.answer_timeout_ms);
        Self {
            shared,
            timeline,
            patience,
            #[cfg(test)]
            mailbox,
        }
    }

    /// One page of a ranked feed, as the viewer sees it. Later pages are of the generation of the first; refuses
    /// `CursorExpired` where that is not kept any more, `Down` while the part is.
    pub async fn page(
        &self,
        viewer: MemberId,
        (by, window): (RankedBy, Window),
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        self.shared.part.check()?;
        let list = match by {
            RankedBy::Popularity => ListKind::MostPopular,
            RankedBy::Comments => ListKind::MostCommented,
        };
        let (generation, from) = match cursor {
            None => (self.newest(by, window).await?, 0),
            Some(text) => {
                let [number, rank] = decode_list_cursor(text, list, window as u64)?;
                let rank = usize::try_from(rank).ok().filter(|rank| *rank <= RANKED_MAX);
                let rank = rank.ok_or(Refusal::CursorInvalid)?;
                let kept = self.shared.generations.numbered(by, window, number);
                (kept.ok_or(Refusal::CursorExpired)?, rank)
            }
        };
        // Read first, so that a stream from there misses nothing that this page does not show yet.
        let stream = self.timeline.stream_cursor();
        let (items, to) = self.collect(viewer, &generation, from, limit).await?;
        let next = to.map(|rank| encode_list_cursor(list, window as u64, [generation.number, rank as u64]));
        Ok(FeedPage { items, next, stream })
    }

    async fn newest(&self, by: RankedBy, window: Window) -> Result<Arc<Generation>, Error> {
        let late = || Error::Late("ranking");
        tokio::time::timeout(self.patience, self.shared.generations.made()).await.map_err(|_| late())?;
        self.shared.generations.newest(by, window).ok_or_else(late)
    }

    /// Posts from that rank on that the viewer may see, and the rank to go on from; none where all were looked at.
    async fn collect(
        &self,
        viewer: MemberId,
        generation: &Generation,
        from: usize,
        limit: usize,
    ) -> Result<(Vec<VisiblePost>, Option<usize>), Error> {
        let viewer = self.timeline.viewer(viewer).await?;
        let (mut items, mut at, mut step) = (Vec::with_capacity(limit), from, limit);
        while let Some(rest) = generation.posts.get(at..).filter(|rest| !rest.is_empty()) {
            if items.len() >= limit {
                return Ok((items, Some(at)));
            }
            let looked_at = &rest[..step.min(rest.len())];
            let seen = self.timeline.posts(&viewer, looked_at, Surface::Feed).await?;
            let room = limit - items.len();
            // Up to the last that has room: what is behind it belongs to the next page.
            at += match seen.get(room - 1).filter(|_| seen.len() > room) {
                Some(last) => 1 + looked_at.iter().position(|post| *post == last.post.id).unwrap_or_default(),
                None => looked_at.len(),
            };
            items.extend(seen.into_iter().take(room));
            step = SCAN_STEP;
        }
        Ok((items, None))
    }

    /// The three best posts of that day, or of today, as the viewer sees them: what is deleted or hidden gives way to
    /// the next. Refuses a day that has not begun, and `Down` while the part is.
    pub async fn top3(&self, viewer: MemberId, date: Option<Date>) -> Result<Top3, Error> {
        self.shared.part.check()?;
        let best = self.shared.days.best(date, Timestamp::now()).await?;
        let ids: Vec<PostId> = best.posts.iter().map(|scored| scored.post).collect();
        let viewer = self.timeline.viewer(viewer).await?;
        let seen = self.timeline.posts(&viewer, &ids, Surface::Feed).await?;
        let scored = |seen: VisiblePost| {
            let scored = best.posts.iter().find(|scored| scored.post == seen.post.id)?;
            Some((scored.score, seen))
        };
        let items = seen.into_iter().filter_map(scored).take(TOP_SHOWN).collect();
        Ok(Top3 { date: best.date, frozen: best.frozen, items })
    }

    /// Events up to here are not needed any more.
    pub(super) fn position(&self) -> Position {
        Position(self.shared.position.load(Ordering::Acquire))
    }

    /// Makes the actor fail.
    #[cfg(test)]
    pub(super) async fn crash(&self) -> Result<(), Error> {
        self.mailbox.ask(|reply| Message::Crash { reply }).await
    }
}
