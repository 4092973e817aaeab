//! Lanes: how one member's expensive requests are kept from taking everybody's share.
//!
//! The rule: work on the threads that answer requests is bounded by bytes (one page of texts of bounded length). What
//! costs more has a lane of its own:
//!
//! - A lane has a few places, and one member has one or two of them. Further requests of that member wait at the
//!   member's own gate and not in the lane's queue, so that each member stands in that queue at most as often as it may
//!   have places.
//! - A bounded number of one member's requests wait; one more is refused at once (`TooManyAtOnce`, 429). Waiting has an
//!   end too (`Busy`, 503).
//! - A place comes with a [`Deadline`] that the work itself asks: threads and statements end, not only the request.
//!   The end of the caller ends the work too.
//!
//! `docs/adr/0018-lanes.md` says which requests have one, and why.
use super::Error;
use crate::domain::{Deadline, MemberId, Refusal, Waiting};
use rustc_hash::FxHashMap;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a lane lets through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    /// Requests that work at once, of all members.
    pub(super) places: usize,
    /// Of these, one member's.
    pub(super) each_max: usize,
    /// Requests of one member that wait beside those that work; one more is refused.
    pub(super) waiting_each_max: usize,
    /// How long a request waits for its place.
    pub(super) wait_max: Duration,
    /// How long it may then work.
    pub(super) time_max: Duration,
}

impl Width {
    /// For work that needs a core: as many places as there are cores, of which one member never has all.
    pub(super) fn of_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { places: cores.max(2), each_max: (cores / 2).clamp(1, 2), ..Self::default() }
    }
}

impl Default for Width {
    /// Two places, so that no single member fills the lane. Waiting and working together end before a request does
    /// (`http.request_timeout_ms`, 10 s).
    fn default() -> Self {
        Self {
            places: 2,
            each_max: 1,
            waiting_each_max: 8,
            wait_max: Duration::from_secs(2),
            time_max: Duration::from_secs(5),
        }
    }
}

/// One lane. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lane(Arc<Inner>);

struct Inner {
    name: &'static str,
    width: Width,
    places: Arc<Semaphore>,
    /// Members with a request that works or waits: as many as there are such requests at most.
    members: Mutex<FxHashMap<MemberId, Share>>,
}

/// One member's share of the lane.
struct Share {
    gate: Arc<Semaphore>,
    inside: usize,
}

/// A request that works or waits.
struct Inside {
    lane: Lane,
    member: MemberId,
}

/// A place in the lane, until it is dropped. That ends the work as well.
pub(super) struct Turn {
    deadline: Deadline,
    name: &'static str,
    _waiting: Waiting,
    held: Arc<Held>,
}

/// What a place is made of. Work on a thread holds it too, so that a caller that goes away makes no room for more.
struct Held {
    _place: OwnedSemaphorePermit,
    _gate: OwnedSemaphorePermit,
    _inside: Inside,
}

impl Lane {
    pub(super) fn new(name: &'static str, width: Width) -> Self {
        let places = Arc::new(Semaphore::new(width.places));
        Self(Arc::new(Inner { name, width, places, members: Mutex::default() }))
    }

    /// Waits for a place. Refuses `TooManyAtOnce`; `Busy` where others have kept all places for too long.
    pub(super) async fn enter(&self, member: MemberId) -> Result<Turn, Error> {
        let (gate, inside) = self.at_gate(member).inspect_err(|_| self.count("refused"))?;
        let Inner { name, width, places, .. } = &*self.0;
        let waiting = async { Some((gate.acquire_owned().await.ok()?, places.clone().acquire_owned().await.ok()?)) };
        let Ok(Some((gate, place))) = tokio::time::timeout(width.wait_max, waiting).await else {
            self.count("busy");
            return Err(Error::Busy(name));
        };
        let (deadline, waiting) = Deadline::within(width.time_max);
        let held = Arc::new(Held { _place: place, _gate: gate, _inside: inside });
        Ok(Turn { deadline, name, _waiting: waiting, held })
    }

    /// Enters, and works there until the end of the time. Refuses what [`Lane::enter`] and the work refuse; `Late`.
    pub(super) async fn run<T, F: Future<Output = Result<T, Error>>>(
        &self,
        member: MemberId,
        work: impl FnOnce(Deadline) -> F,
    ) -> Result<T, Error> {
        let turn = self.enter(member).await?;
        turn.within(work(turn.deadline())).await
    }

    fn at_gate(&self, member: MemberId) -> Result<(Arc<Semaphore>, Inside), Refusal> {
        let Width { each_max, waiting_each_max, .. } = self.0.width;
        let max = each_max + waiting_each_max;
        let mut members = self.0.members.lock().unwrap_or_else(PoisonError::into_inner);
        let share =
            members.entry(member).or_insert_with(|| Share { gate: Arc::new(Semaphore::new(each_max)), inside: 0 });
        if share.inside >= max {
            return Err(Refusal::TooManyAtOnce { max });
        }
        share.inside += 1;
        let gate = share.gate.clone();
        drop(members);
        Ok((gate, Inside { lane: self.clone(), member }))
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("dailyfeed_lane_refusals_total", "lane" => self.0.name, "outcome" => outcome).increment(1);
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut members = self.lane.0.members.lock().unwrap_or_else(PoisonError::into_inner);
        let left = members.get_mut(&self.member).map_or(0, |share| {
            share.inside -= 1;
            share.inside
        });
        if left == 0 {
            members.remove(&self.member);
        }
    }
}

impl Turn {
    /// For the work to ask.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline.clone()
    }

    /// `Late` where the time is over: for work in steps, between two of them.
    pub(super) fn in_time(&self) -> Result<(), Error> {
        if self.deadline.has_passed() { Err(Error::Late(self.name)) } else { Ok(()) }
    }

    /// Awaits work until the end of the time.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let at = self.deadline.at().into();
        tokio::time::timeout_at(at, work).await.unwrap_or(Err(Error::Late(self.name)))
    }

    /// Runs work on a thread of its own, which keeps the place until it ends. A panic in it is the answer to this one
    /// request.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(Deadline) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (held, deadline, name) = (self.held.clone(), self.deadline(), self.name);
        let done = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(deadline)
        });
        self.within(async {
            done.await.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, lane = name, "work in the lane panicked");
                Err(Error::Restarting(name))
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const WIDTH: Width = Width {
        places: 2,
        each_max: 1,
        waiting_each_max: 1,
        wait_max: Duration::from_secs(2),
        time_max: Duration::from_secs(5),
    };
    const ONE: MemberId = MemberId(1);
    const OTHER: MemberId = MemberId(2);
    const THIRD: MemberId = MemberId(3);

    #[tokio::test(start_paused = true)]
    async fn one_member_does_not_fill_a_lane() {
        let lane = Lane::new("test", WIDTH);
        let first = lane.enter(ONE).await.unwrap();
        let mut second = Box::pin(lane.enter(ONE));
        assert!(second.as_mut().now_or_never().is_none(), "it waits at the member's gate");
        let refused = lane.enter(ONE).await.err();
        assert!(matches!(refused, Some(Error::Refused(Refusal::TooManyAtOnce { max: 2 }))), "{refused:?}");
        let others = lane.enter(OTHER).now_or_never().expect("the lane has a place").unwrap();
        drop(first);
        let second = second.await.unwrap();
        assert!(matches!(lane.enter(THIRD).await, Err(Error::Busy("test"))), "both places are taken");
        drop((second, others));
        assert!(lane.0.members.lock().unwrap().is_empty(), "nobody is remembered");
        assert_eq!(lane.0.places.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_with_its_time() {
        let lane = Lane::new("test", WIDTH);
        let late = lane.run(ONE, |_| std::future::pending::<Result<(), Error>>()).await;
        assert!(matches!(late, Err(Error::Late("test"))), "{late:?}");
        assert_eq!(lane.0.places.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_ends_the_work_and_makes_no_room_before() {
        let lane = Lane::new("test", Width { time_max: Duration::from_secs(600), ..WIDTH });
        let (tell, told) = std::sync::mpsc::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let turn = lane.enter(ONE).await.unwrap();
        let mut work = Box::pin(turn.aside(move |deadline| {
            let _ = may_go_on.recv();
            let _ = tell.send(deadline.has_passed());
            Ok(())
        }));
        assert!(work.as_mut().now_or_never().is_none());
        drop(work);
        drop(turn);
        assert_eq!(lane.0.places.available_permits(), 1, "the thread has its place still");
        go_on.send(()).unwrap();
        let passed = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert!(passed, "the thread is told that nobody waits");
    }

    #[tokio::test]
    async fn a_panic_in_a_lane_is_one_answer() {
        let lane = Lane::new("test", WIDTH);
        let turn = lane.enter(ONE).await.unwrap();
        let failed = turn.aside::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(Error::Restarting("test"))), "{failed:?}");
    }
}
