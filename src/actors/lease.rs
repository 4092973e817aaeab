//! `Lease`: asked before each round of the work that one process of a deployment does at a time.
use crate::storage::{Leases, Work};
use std::sync::Arc;

/// The lease of one kind of work. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lease {
    leases: Arc<dyn Leases>,
    work: Work,
}

impl Lease {
    pub(super) fn new(leases: &Arc<dyn Leases>, work: Work) -> Self {
        Self { leases: leases.clone(), work }
    }

    /// Returns whether this process does the next round. The round is skipped, and counted as skipped, while another
    /// process has the lease and while nobody can tell who has it.
    pub(super) async fn is_held(&self) -> bool {
        let work = self.work.name();
        match self.leases.hold(self.work).await {
            Ok(true) => return true,
            Ok(false) => tracing::debug!(work, "another process has the lease; round skipped"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(work, error, "cannot ask for the lease; round skipped");
            }
        }
        metrics::counter!("dailyfeed_rounds_skipped_total", "work" => work).increment(1);
        false
    }
}

/// Leases that a test grants and takes away.
#[cfg(test)]
pub(super) mod for_tests {
    use super::*;
    use crate::storage::{StoreError, StoreResult};
    use async_trait::async_trait;
    use std::{collections::HashMap, time::Duration};
    use tokio::sync::watch;

    /// The node number of the process.
    pub(in crate::actors) const NODE: u8 = 5;
    const WAIT_MAX: Duration = Duration::from_secs(60);

    /// The answer to every request for a lease.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in crate::actors) enum Answer {
        Granted,
        Refused,
        Failed,
    }

    /// Gives the same answer for all work, and counts the requests.
    pub(in crate::actors) struct TestLeases {
        answer: watch::Sender<Answer>,
        requests: watch::Sender<HashMap<Work, usize>>,
    }

    impl TestLeases {
        /// Makes leases that are refused at first.
        pub(in crate::actors) fn new() -> Arc<Self> {
            Arc::new(Self { answer: watch::channel(Answer::Refused).0, requests: watch::channel(HashMap::new()).0 })
        }

        /// Gives this answer from now on.
        pub(in crate::actors) fn set(&self, answer: Answer) {
            self.answer.send_replace(answer);
        }

        /// Waits until the lease of the work has been asked for so often.
        pub(in crate::actors) async fn asked(&self, work: Work, times: usize) {
            let mut requests = self.requests.subscribe();
            let wait = async {
                loop {
                    let asked = requests.borrow_and_update().get(&work).copied().unwrap_or_default();
                    if asked >= times {
                        return;
                    }
                    requests.changed().await.unwrap();
                }
            };
            tokio::time::timeout(WAIT_MAX, wait).await.expect("the lease is asked for")
        }
    }

    #[async_trait]
    impl Leases for TestLeases {
        async fn hold(&self, work: Work) -> StoreResult<bool> {
            self.requests.send_modify(|requests| *requests.entry(work).or_default() += 1);
            let answer = *self.answer.borrow();
            match answer {
                Answer::Granted => Ok(true),
                Answer::Refused => Ok(false),
                Answer::Failed => Err(StoreError::Busy { backend: "test" }),
            }
        }

        async fn node(&self) -> StoreResult<u8> {
            Ok(NODE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::for_tests::{NODE, TestLeases};
    use crate::actors::for_tests::TestServer;

    #[tokio::test(flavor = "multi_thread")]
    async fn ids_contain_the_number_of_the_process() {
        let leases = TestLeases::new();
        let server = TestServer::start_with(|stores| stores.leases = leases.clone()).await;
        assert_eq!(server.member.0 >> 6 & 63, u64::from(NODE));
        let server = TestServer::start().await;
        assert_eq!(server.member.0 >> 6 & 63, 0, "the embedded profile has one process");
    }
}
