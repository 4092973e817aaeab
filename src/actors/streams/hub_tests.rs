//! Tests of the hub: a fan-out that is blocked, and fan-outs beside which streams open, close and change their follows.
use super::{
    hub::{Hub, Pace},
    stream_queue::StreamQueue,
};
use crate::domain::{Event, EventAudience, EventKind as K, Fact, MemberId, Position, PostId};
use futures::{FutureExt, poll};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const AUTHOR: MemberId = MemberId(9);
const WAIT_MAX: Duration = Duration::from_secs(5);
/// More than any test offers.
const WAITING_MAX: usize = 100_000;
/// Members 1 to this many; each follows some of the others.
const MEMBERS: u64 = 6;

fn open(hub: &Hub, member: u64, authors: &[MemberId]) -> Arc<StreamQueue> {
    let queue = Arc::new(StreamQueue::new(MemberId(member)));
    hub.open(&queue, authors.into(), 20, || Position(0)).unwrap();
    queue
}

#[test]
fn a_home_feed_never_waits_for_a_fan_out() {
    let hub = Arc::new(Hub::new(9));
    let first = open(&hub, 1, &[AUTHOR]);
    let blocked = open(&hub, 2, &[AUTHOR]);
    let last = open(&hub, 3, &[AUTHOR]);
    open(&hub, 4, &[MemberId(8)]);
    let guard = blocked.block();
    let fact = Fact::new(K::PostCreated, AUTHOR).on_post(PostId(1));
    let event = Event { position: Position(1), at_ns: 0, fact };
    let offering = hub.clone();
    let fan_out = thread::spawn(move || offering.offer(&event, &mut Pace::default()).now_or_never());
    let begun = Instant::now();
    while first.is_idle() && last.is_idle() && begun.elapsed() < WAIT_MAX {
        thread::yield_now();
    }
    let (done, feeds) = mpsc::channel();
    let reading = hub;
    let read = thread::spawn(move || {
        // Also a member whose stream is being offered the event, and the author.
        for member in [4, 1, 9] {
            reading.note_on_screen(MemberId(member), [PostId(7)].into_iter());
        }
        done.send(()).unwrap();
    });
    let in_time = feeds.recv_timeout(WAIT_MAX);
    drop(guard);
    fan_out.join().unwrap();
    read.join().unwrap();
    in_time.expect("the page of another member does not wait");
}

/// A log of random events, and the follows as the projection has applied them.
struct World {
    log: Vec<Event>,
    /// The authors that each member watches before each event.
    watched_before: Vec<BTreeMap<MemberId, BTreeSet<MemberId>>>,
    applied: Mutex<Applied>,
}

/// The follows up to a position, each with the position of the last change.
#[derive(Clone, Default)]
struct Applied {
    position: Position,
    changed_at: BTreeMap<MemberId, Position>,
}

impl World {
    fn new(random: &mut StdRng, events: u64) -> Self {
        let members = || (1..=MEMBERS).map(MemberId);
        let mut watched: BTreeMap<_, _> = members().map(|member| (member, BTreeSet::from([member]))).collect();
        let (mut log, mut watched_before) = (Vec::new(), Vec::new());
        for position in 1..=events {
            let (actor, target) =
                (MemberId(random.random_range(1..=MEMBERS)), MemberId(random.random_range(1..=MEMBERS)));
            let follows = watched[&actor].contains(&target);
            let fact = match random.random_range(0..8) {
                0 | 1 if actor != target && follows => Fact::new(K::MemberUnfollowed, actor).to(target),
                0 | 1 if actor != target => Fact::new(K::MemberFollowed, actor).to(target),
                2 => Fact::new(K::DailyTop3Changed, MemberId(0)),
                3 => Fact::new(K::MemberBlocked, actor).to(target),
                _ => Fact::new(K::PostCreated, actor).on_post(PostId(position)),
            };
            watched_before.push(watched.clone());
            if let Some(authors) = watched.get_mut(&actor) {
                if fact.kind == K::MemberFollowed {
                    authors.insert(target);
                } else if fact.kind == K::MemberUnfollowed {
                    authors.remove(&target);
                }
            }
            log.push(Event { position: Position(position), at_ns: 0, fact });
        }
        watched_before.push(watched);
        Self { log, watched_before, applied: Mutex::default() }
    }

    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap()
    }

    /// Applies the next event. False after the last.
    fn apply_next(&self) -> bool {
        let mut applied = self.applied();
        let Some(event) = self.log.get(applied.position.0 as usize) else { return false };
        applied.position = event.position;
        if matches!(event.fact.kind, K::MemberFollowed | K::MemberUnfollowed) {
            applied.changed_at.insert(event.fact.member, event.position);
        }
        true
    }

    /// Offers the whole log, each event after it is applied.
    async fn deliver(&self, hub: &Hub, slice: usize) {
        let mut pace = Pace::new(slice);
        for event in &self.log {
            while self.applied().position < event.position {
                tokio::task::yield_now().await;
            }
            hub.offer(event, &mut pace).await;
            hub.change_watched(event);
            hub.set_offered_to(event.position);
        }
    }

    /// Opens a stream as `opening.rs` does. `meanwhile` runs where another task may.
    fn open(&self, hub: &Hub, member: MemberId, mut meanwhile: impl FnMut()) -> Stream {
        let queue = Arc::new(StreamQueue::new(member));
        loop {
            let read = self.applied().clone();
            let authors: Arc<[MemberId]> =
                self.watched_before[read.position.0 as usize][&member].iter().copied().collect();
            meanwhile();
            let live_from = hub.open(&queue, authors, usize::MAX, || self.applied().position).unwrap();
            meanwhile();
            if self.applied().changed_at.get(&member) == read.changed_at.get(&member) {
                return Stream { queue, live_from };
            }
            hub.close(&queue);
        }
    }

    /// Closes a stream and asserts that it was offered each event of its audience once, in order, up to a moment that
    /// is not before `offered_to`.
    fn close(&self, hub: &Hub, stream: &Stream) {
        let offered_to = hub.offered_to();
        hub.close(&stream.queue);
        let offered = stream.queue.first(usize::MAX).unwrap();
        let offered: Vec<u64> =
            offered.iter().map(|event| event.position).filter(|at| *at > stream.live_from).map(|at| at.0).collect();
        let member = stream.queue.member;
        let includes = |event: &&Event| {
            let authors: Vec<_> = self.watched_before[event.position.0 as usize - 1][&member].iter().copied().collect();
            event.position > stream.live_from && EventAudience::includes(&event.fact, member, &authors)
        };
        let expected: Vec<&Event> = self.log.iter().filter(includes).collect();
        let all: Vec<u64> = expected.iter().map(|event| event.position.0).collect();
        let least = expected.iter().filter(|event| event.position <= offered_to).count();
        assert!(offered.len() >= least, "lost: {offered:?} of {:?}", &all[..least]);
        assert_eq!(offered, all[..offered.len().min(all.len())], "after {:?}", stream.live_from);
    }
}

/// An open stream.
struct Stream {
    queue: Arc<StreamQueue>,
    live_from: Position,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_event_is_lost_or_doubled_while_streams_open_and_close(seed: u64, slice in 1_usize..5) {
        let mut random = StdRng::seed_from_u64(seed);
        let world = World::new(&mut random, 60);
        let hub = Hub::new(WAITING_MAX);
        let mut streams: Vec<Stream> = Vec::new();
        let run = async {
            let mut delivery = pin!(world.deliver(&hub, slice));
            // Each time that a fan-out gives way, other tasks run.
            while poll!(&mut delivery).is_pending() {
                match random.random_range(0..6) {
                    0 | 1 => {
                        world.apply_next();
                    }
                    2 if !streams.is_empty() => {
                        let stream = streams.swap_remove(random.random_range(0..streams.len()));
                        world.close(&hub, &stream);
                    }
                    _ if streams.len() < 30 => {
                        let member = MemberId(random.random_range(1..=MEMBERS));
                        let stream = world.open(&hub, member, || {
                            if random.random() {
                                world.apply_next();
                            }
                        });
                        streams.push(stream);
                    }
                    _ => {}
                }
            }
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
        prop_assert_eq!(hub.offered_to(), Position(60));
        for stream in &streams {
            world.close(&hub, stream);
        }
        prop_assert!(hub.has_no_lists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_open_and_close_streams_lose_no_event() {
    let mut random = StdRng::seed_from_u64(7);
    let world = Arc::new(World::new(&mut random, 3_000));
    let hub = Arc::new(Hub::new(WAITING_MAX));
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|seed| {
            let (world, hub, over) = (world.clone(), hub.clone(), over.clone());
            thread::spawn(move || {
                let mut random = StdRng::seed_from_u64(seed);
                let mut streams: Vec<Stream> = Vec::new();
                while !over.load(Ordering::Acquire) {
                    let member = MemberId(random.random_range(1..=MEMBERS));
                    streams.push(world.open(&hub, member, thread::yield_now));
                    hub.note_on_screen(member, [PostId(1)].into_iter());
                    if streams.len() > random.random_range(0..40) {
                        let stream = streams.swap_remove(random.random_range(0..streams.len()));
                        world.close(&hub, &stream);
                    }
                }
                streams.iter().for_each(|stream| world.close(&hub, stream));
            })
        })
        .collect();
    let (delivered, hub_of_delivery) = (world.clone(), hub.clone());
    let delivery = tokio::spawn(async move { delivered.deliver(&hub_of_delivery, 3).await });
    while world.apply_next() {
        tokio::task::yield_now().await;
    }
    delivery.await.unwrap();
    over.store(true, Ordering::Release);
    for client in clients {
        client.join().unwrap();
    }
    assert!(hub.has_no_lists());
}

#[test]
fn opening_and_closing_wait_for_one_slice_at_most() {
    let hub = Hub::new(9);
    let queues: Vec<_> = (0..10).map(|member| open(&hub, 100 + member, &[AUTHOR])).collect();
    let event = Event { position: Position(1), at_ns: 0, fact: Fact::new(K::PostCreated, AUTHOR) };
    let run = async {
        let mut pace = Pace::new(4);
        let mut fan_out = pin!(hub.offer(&event, &mut pace));
        assert!(poll!(&mut fan_out).is_pending(), "the fan-out gives way after a slice");
        assert_eq!(queues.iter().filter(|queue| !queue.is_idle()).count(), 4);
        hub.close(&queues[0]);
        hub.close(&queues[9]);
        let late = open(&hub, 200, &[AUTHOR]);
        fan_out.await;
        late
    };
    let late = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
    for queue in &queues[1..9] {
        assert_eq!(queue.first(9).unwrap().len(), 1);
    }
    assert!(late.first(9).is_none_or(|events| events.len() <= 1));
}
