//! `HashQueue`: the queue in front of the password hasher, which shares its threads among accounts and networks.
//!
//! Each account and each network has a queue of its own, so that many attempts on one account, or from one network,
//! delay each other and not those of anybody else. Unlike an `actors/lanes.rs` lane, it knows no members (the caller is
//! not logged in yet), a job counts in two queues at once, and the number of jobs bounds the wait instead of a
//! deadline.
use super::caller::{Caller, Key};
use crate::actors::error::Error;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Jobs that wait or run in all, a few kilobytes each; one more is `Busy`.
const JOBS_MAX: usize = 1_024;
/// Jobs of one network, so that it takes more than a few networks to fill the queue.
const NETWORK_JOBS_MAX: usize = 256;
/// Jobs of one account, which run one after the other.
const ACCOUNT_JOBS_MAX: usize = 64;

/// All jobs that wait for a thread of the hasher or run on one.
#[derive(Default)]
pub(super) struct HashQueue(Arc<Mutex<Jobs>>);

#[derive(Default)]
struct Jobs {
    /// One entry for each account and each network with a job.
    queues: HashMap<Key, Queue>,
    count: usize,
}

/// The jobs of one account or one network.
struct Queue {
    jobs: usize,
    /// Permits of the jobs at the head of the queue, which wait for a thread or run on one.
    head: Arc<Semaphore>,
}

/// One job, counted in the queue of its account and in that of its network until it is dropped.
pub(super) struct Job {
    jobs: Arc<Mutex<Jobs>>,
    caller: Caller,
    account: Arc<Semaphore>,
    network: Arc<Semaphore>,
}

/// A job at the head of both queues.
pub(super) struct HeadOfQueue {
    // Dropped before the job, which removes an empty queue.
    _permits: [OwnedSemaphorePermit; 2],
    _job: Job,
}

impl HashQueue {
    /// Adds a job; up to `at_once` jobs of one network are at the head of its queue. Refuses `Busy` if the account's
    /// queue, the network's or the whole is full.
    pub(super) fn enter(&self, caller: Caller, at_once: usize) -> Result<Job, Error> {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = jobs.count >= JOBS_MAX
            || jobs.count_of(caller.account()) >= ACCOUNT_JOBS_MAX
            || jobs.count_of(caller.network()) >= NETWORK_JOBS_MAX;
        if full {
            return Err(Error::Busy("hasher"));
        }
        jobs.count += 1;
        let account = jobs.join(caller.account(), 1);
        let network = jobs.join(caller.network(), at_once);
        drop(jobs);
        Ok(Job { jobs: self.0.clone(), caller, account, network })
    }
}

impl Jobs {
    /// Returns the number of jobs of the account or network.
    fn count_of(&self, key: Key) -> usize {
        self.queues.get(&key).map_or(0, |queue| queue.jobs)
    }

    /// Counts a job in a queue, and returns the queue's head.
    fn join(&mut self, key: Key, at_once: usize) -> Arc<Semaphore> {
        let new = || Queue { jobs: 0, head: Arc::new(Semaphore::new(at_once)) };
        let queue = self.queues.entry(key).or_insert_with(new);
        queue.jobs += 1;
        queue.head.clone()
    }

    fn leave(&mut self, key: Key) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        queue.jobs -= 1;
        if queue.jobs == 0 {
            self.queues.remove(&key);
        }
    }
}

impl Job {
    /// Waits until the job is at the head of both queues.
    pub(super) async fn reach_head(self) -> Result<HeadOfQueue, Error> {
        let closed = |_| Error::Restarting("hasher");
        // Every job takes the account before the network, so two jobs never wait for each other.
        let account = self.account.clone().acquire_owned().await.map_err(closed)?;
        let network = self.network.clone().acquire_owned().await.map_err(closed)?;
        Ok(HeadOfQueue { _permits: [account, network], _job: self })
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.count -= 1;
        jobs.leave(self.caller.account());
        jobs.leave(self.caller.network());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn caller(account: &str, network: u8) -> Caller {
        Caller::new(account, std::net::IpAddr::from([192, 0, 2, network]))
    }

    #[test]
    fn many_jobs_of_one_account_delay_no_other() {
        let queue = HashQueue::default();
        let mut crowd: Vec<_> = (0..ACCOUNT_JOBS_MAX).map(|_| queue.enter(caller("a", 1), 2).unwrap()).collect();
        assert!(matches!(queue.enter(caller("a", 1), 2), Err(Error::Busy(_))), "the account's queue is full");
        let first = crowd.pop().unwrap().reach_head().now_or_never().unwrap().unwrap();
        assert!(crowd.pop().unwrap().reach_head().now_or_never().is_none(), "one job of an account at a time");
        let other = queue.enter(caller("b", 1), 2).unwrap().reach_head().now_or_never();
        assert!(other.is_some(), "another account of the same network is not behind it");
        let third = queue.enter(caller("c", 1), 2).unwrap();
        assert!(third.reach_head().now_or_never().is_none(), "two jobs of a network at a time");
        assert!(queue.enter(caller("c", 2), 2).unwrap().reach_head().now_or_never().is_some());
        drop((first, other, crowd));
        assert!(queue.0.lock().unwrap().queues.is_empty(), "no queue is left");
    }

    #[test]
    fn one_network_cannot_fill_the_queue() {
        let queue = HashQueue::default();
        let name = |number: usize| number.to_string();
        let crowd: Vec<_> =
            (0..NETWORK_JOBS_MAX).map(|number| queue.enter(caller(&name(number), 1), 2).unwrap()).collect();
        assert!(matches!(queue.enter(caller("one more", 1), 2), Err(Error::Busy(_))));
        assert!(queue.enter(caller("one more", 2), 2).is_ok());
        drop(crowd);
        assert!(queue.enter(caller("one more", 1), 2).is_ok());
    }
}
