//! `dailyfeed audit`: names every counter that drifted, and the number of open departures.
use crate::{
    config::Config,
    storage::{self, StoreError},
};

/// Recomputes every counter, prints the drift and the open departures to standard error, and returns the number of wrong
/// rows. Only reads, so a server can be running.
pub async fn run(config: &Config) -> Result<u64, StoreError> {
    let (drifts, departures) = storage::audit(config).await?;
    for drift in &drifts {
        eprintln!("{}: {} rows have drifted", drift.counter, drift.rows);
    }
    if departures > 0 {
        eprintln!("open departures: {departures}; their counters are still being changed");
    }
    Ok(drifts.iter().map(|drift| drift.rows).sum())
}
