//! Lanes: bounded concurrency for one kind of expensive request, with a share for each member.
//!
//! Ordinary requests run on the threads of the server and are bounded by bytes (one page of texts of bounded length).
//! Requests that cost more share a [`Lane`]:
//!
//! - A lane has a few permits, of which one member holds one or two. Further requests of that member wait at the
//!   member's own gate instead of in the queue of the lane, so each member has at most as many requests in that queue
//!   as it can hold permits.
//! - A bounded number of requests of one member waits; one more is refused at once (`TooManyAtOnce`, 429). The time
//!   that a request waits is bounded too (`Busy`, 503).
//! - A [`LanePermit`] has a [`Deadline`] that the work itself checks, so that threads and SQL statements end together
//!   with the request. A caller that goes away ends its work as well.
//!
//! `docs/adr/0018-lanes.md` lists the requests that use a lane, with the reasons. Password checks have a queue of their
//! own, which shares out threads among accounts and networks instead of members: `sessions/hash_queue.rs`.
use super::error::Error;
use crate::domain::{Deadline, DeadlineGuard, MemberId, Refusal};
use rustc_hash::FxHashMap;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limits of one lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneLimits {
    /// Requests that run at once, of all members together.
    pub(super) permits: usize,
    /// Requests of one member that run at once.
    pub(super) member_permits: usize,
    /// Requests of one member that wait beside those that run; one more is refused.
    pub(super) member_waiting_max: usize,
    /// The longest time that a request waits for its permit.
    pub(super) wait_max: Duration,
    /// The longest time that a request runs after that.
    pub(super) time_max: Duration,
}

impl LaneLimits {
    /// Returns the limits of work that keeps a core busy: one permit per core and at least two, of which one member
    /// never holds all.
    pub(super) fn one_per_core() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits: cores.max(2), member_permits: (cores / 2).clamp(1, 2), ..Self::default() }
    }
}

impl Default for LaneLimits {
    /// Two permits, so that no single member fills the lane. `wait_max` and `time_max` together are shorter than a
    /// request (`http.request_timeout_ms`, 10 s).
    fn default() -> Self {
        Self {
            permits: 2,
            member_permits: 1,
            member_waiting_max: 8,
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
    limits: LaneLimits,
    permits: Arc<Semaphore>,
    /// Members with a request that runs or waits, and so at most as many entries as such requests.
    members: Mutex<FxHashMap<MemberId, Share>>,
}

/// The requests of one member in the lane.
struct Share {
    gate: Arc<Semaphore>,
    requests: usize,
}

/// Counts one request, which runs or waits, in its member's [`Share`] until it is dropped.
struct CountedRequest {
    lane: Lane,
    member: MemberId,
}

/// The right to run one request in the lane. Dropping it ends the work.
pub(super) struct LanePermit {
    deadline: Deadline,
    name: &'static str,
    _guard: DeadlineGuard,
    held: Arc<Held>,
}

/// The semaphore permits of a [`LanePermit`]. Work on a thread holds them as well, so that a caller that goes away
/// frees them only when its thread has ended.
struct Held {
    _lane: OwnedSemaphorePermit,
    _gate: OwnedSemaphorePermit,
    _request: CountedRequest,
}

impl Lane {
    pub(super) fn new(name: &'static str, limits: LaneLimits) -> Self {
        let permits = Arc::new(Semaphore::new(limits.permits));
        Self(Arc::new(Inner { name, limits, permits, members: Mutex::default() }))
    }

    /// Waits for a permit. Refuses `TooManyAtOnce`; `Busy` after `wait_max`.
    pub(super) async fn enter(&self, member: MemberId) -> Result<LanePermit, Error> {
        let (gate, request) = self.count_request(member).inspect_err(|_| self.count_refusal("refused"))?;
        let Inner { name, limits, permits, .. } = &*self.0;
        let acquire = async { Some((gate.acquire_owned().await.ok()?, permits.clone().acquire_owned().await.ok()?)) };
        let Ok(Some((gate, lane))) = tokio::time::timeout(limits.wait_max, acquire).await else {
            self.count_refusal("busy");
            return Err(Error::Busy(name));
        };
        let (deadline, guard) = Deadline::within(limits.time_max);
        let held = Arc::new(Held { _lane: lane, _gate: gate, _request: request });
        Ok(LanePermit { deadline, name, _guard: guard, held })
    }

    /// Waits for a permit and runs `work` with its deadline. Refuses what [`Lane::enter`] and `work` refuse; `Late`.
    pub(super) async fn run<T, F: Future<Output = Result<T, Error>>>(
        &self,
        member: MemberId,
        work: impl FnOnce(Deadline) -> F,
    ) -> Result<T, Error> {
        let permit = self.enter(member).await?;
        permit.within(work(permit.deadline())).await
    }

    /// Counts a request of the member and returns the member's gate. Refuses `TooManyAtOnce`.
    fn count_request(&self, member: MemberId) -> Result<(Arc<Semaphore>, CountedRequest), Refusal> {
        let LaneLimits { member_permits, member_waiting_max, .. } = self.0.limits;
        let max = member_permits + member_waiting_max;
        let mut members = self.0.members.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Share { gate: Arc::new(Semaphore::new(member_permits)), requests: 0 };
        let share = members.entry(member).or_insert_with(new);
        if share.requests >= max {
            return Err(Refusal::TooManyAtOnce { max });
        }
        share.requests += 1;
        let gate = share.gate.clone();
        drop(members);
        Ok((gate, CountedRequest { lane: self.clone(), member }))
    }

    fn count_refusal(&self, outcome: &'static str) {
        metrics::counter!("dailyfeed_lane_refusals_total", "lane" => self.0.name, "outcome" => outcome).increment(1);
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let mut members = self.lane.0.members.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(share) = members.get_mut(&self.member) else { return };
        share.requests -= 1;
        if share.requests == 0 {
            members.remove(&self.member);
        }
    }
}

impl LanePermit {
    /// Returns the deadline, which the work checks.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline.clone()
    }

    /// Returns `Late` after the deadline. Work in steps calls it between two steps.
    pub(super) fn check_deadline(&self) -> Result<(), Error> {
        if self.deadline.has_passed() { Err(Error::Late(self.name)) } else { Ok(()) }
    }

    /// Awaits `work`, and drops it at the deadline: `Late`.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let deadline = self.deadline.at().into();
        tokio::time::timeout_at(deadline, work).await.unwrap_or(Err(Error::Late(self.name)))
    }

    /// Runs `work` on a blocking thread, which holds the permit until it ends. A panic in `work` is `Restarting` for
    /// this request only.
    pub(super) async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Deadline) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let held = self.held.clone();
        let deadline = self.deadline();
        let done = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(deadline)
        });
        self.within(async {
            done.await.unwrap_or_else(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    lane = self.name,
                    "work in the lane panicked"
                );
                Err(Error::Restarting(self.name))
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const LIMITS: LaneLimits = LaneLimits {
        permits: 2,
        member_permits: 1,
        member_waiting_max: 1,
        wait_max: Duration::from_secs(2),
        time_max: Duration::from_secs(5),
    };
    const ONE: MemberId = MemberId(1);
    const OTHER: MemberId = MemberId(2);
    const THIRD: MemberId = MemberId(3);

    #[tokio::test(start_paused = true)]
    async fn one_member_does_not_fill_a_lane() {
        let lane = Lane::new("test", LIMITS);
        let first = lane.enter(ONE).await.unwrap();
        let mut second = Box::pin(lane.enter(ONE));
        assert!(second.as_mut().now_or_never().is_none(), "the second request waits at the member's gate");
        let refused = lane.enter(ONE).await.err();
        assert!(matches!(refused, Some(Error::Refused(Refusal::TooManyAtOnce { max: 2 }))), "{refused:?}");
        let others = lane.enter(OTHER).now_or_never().expect("the lane has a permit").unwrap();
        drop(first);
        let second = second.await.unwrap();
        assert!(matches!(lane.enter(THIRD).await, Err(Error::Busy("test"))), "both permits are held");
        drop((second, others));
        assert!(lane.0.members.lock().unwrap().is_empty(), "no member is remembered");
        assert_eq!(lane.0.permits.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_at_its_deadline() {
        let lane = Lane::new("test", LIMITS);
        let late = lane.run(ONE, |_| std::future::pending::<Result<(), Error>>()).await;
        assert!(matches!(late, Err(Error::Late("test"))), "{late:?}");
        assert_eq!(lane.0.permits.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_cancelled_request_ends_its_work_and_keeps_its_permit_until_then() {
        let lane = Lane::new("test", LaneLimits { time_max: Duration::from_secs(600), ..LIMITS });
        let (tell, passed) = std::sync::mpsc::channel();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let permit = lane.enter(ONE).await.unwrap();
        let mut work = Box::pin(permit.run_blocking(move |deadline| {
            let _ = wait.recv();
            let _ = tell.send(deadline.has_passed());
            Ok(())
        }));
        assert!(work.as_mut().now_or_never().is_none());
        drop(work);
        drop(permit);
        assert_eq!(lane.0.permits.available_permits(), 1, "the thread still holds its permit");
        go_on.send(()).unwrap();
        let passed = tokio::task::spawn_blocking(move || passed.recv().unwrap()).await.unwrap();
        assert!(passed, "the deadline of the thread has passed with its caller");
    }

    #[tokio::test]
    async fn a_panic_in_a_lane_fails_one_request() {
        let lane = Lane::new("test", LIMITS);
        let permit = lane.enter(ONE).await.unwrap();
        let failed = permit.run_blocking::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(Error::Restarting("test"))), "{failed:?}");
    }
}
