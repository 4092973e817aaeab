//! Keeps the keyring like the keys in the store, which every process of a deployment shares: replaces the signing key,
//! and reads the keys that another process stored.
use super::{
    keyring::{Keyring, LEEWAY_SECONDS, PUBLISHED_FOR},
    random_bytes,
};
use crate::{
    actors::{error::Error, lease::Lease},
    domain::{SigningKey, Timestamp},
    storage::{Keys, SessionStore, StoreResult},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::MissedTickBehavior};

/// Interval at which each process reads the keys.
const READ_EVERY: Duration = Duration::from_secs(20);
/// The shortest time between two reads because of tokens with an unknown key. In between, such tokens are refused
/// without a read, so that made-up ones cost the store one query per second.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(1);
/// How much longer than its tokens a replaced key is kept.
const DISABLE_MARGIN: Duration = Duration::from_secs(60);

// A key signs when every process has had two intervals to read it, even if a clock is ahead.
const _: () = assert!(PUBLISHED_FOR.as_secs() > 2 * READ_EVERY.as_secs() + LEEWAY_SECONDS);

/// The keys in the store, and the keyring that follows them.
pub(super) struct KeySync {
    store: Arc<dyn SessionStore>,
    keyring: Arc<Keyring>,
    lease: Lease,
    /// The age at which a key is replaced.
    age_max: Duration,
    /// When the keys were last read because of an unknown key. Locked during such a read, so that there is one at a
    /// time and the other requests wait for it.
    last_unknown: Mutex<Option<Instant>>,
}

impl KeySync {
    /// Reads the keys, or makes the first one, and starts a keyring with them.
    pub(super) async fn start(
        store: Arc<dyn SessionStore>,
        lease: Lease,
        token_lifetime: Duration,
        age_max: Duration,
    ) -> StoreResult<Self> {
        let keyring = Arc::new(Keyring::new(&stored_keys(&*store).await?, token_lifetime));
        Ok(Self { store, keyring, lease, age_max, last_unknown: Mutex::default() })
    }

    pub(super) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Stores a new key if the newest one is too old, disables keys without valid tokens, and reads the keys.
    pub(super) async fn check(&self, now: Timestamp) -> Result<(), Error> {
        let rotated = if self.lease.is_held().await { self.rotate(now).await } else { Ok(()) };
        self.read().await.and(rotated)
    }

    async fn rotate(&self, now: Timestamp) -> Result<(), Error> {
        // A replaced key signs until the new one does; its last token expires after the lifetime of a token.
        let disable_before = now.before(PUBLISHED_FOR + self.keyring.lifetime() + DISABLE_MARGIN);
        self.store.disable_keys(disable_before).await?;
        let keys = stored_keys(&*self.store).await?;
        // A key of the future was made while the clock was wrong, and would sign only then.
        let is_of_the_future = keys.primary.created_at > now.after(PUBLISHED_FOR);
        if is_of_the_future || keys.primary.created_at.until(now) >= self.age_max {
            let keys = self.store.rotate_key(Some(keys.primary.id), new_key(now), disable_before).await?.value;
            tracing::info!(key = %keys.primary.id, "signing key stored");
        }
        Ok(())
    }

    /// Reads the keys into the keyring.
    pub(super) async fn read(&self) -> Result<(), Error> {
        if self.keyring.replace(&stored_keys(&*self.store).await?) {
            metrics::counter!("dailyfeed_key_rotations_total").increment(1);
        }
        Ok(())
    }

    /// Reads the keys because of a token with an unknown key, unless they were read for that reason within
    /// [`UNKNOWN_KEY_PAUSE`]. Waits for a read that is under way.
    pub(super) async fn read_for_unknown_key(&self, now: Instant) {
        let mut last = self.last_unknown.lock().await;
        if last.is_some_and(|last| now.saturating_duration_since(last) < UNKNOWN_KEY_PAUSE) {
            return;
        }
        // Set first: a caller that goes away during the read has used up its second.
        *last = Some(now);
        let read = self.read().await;
        drop(last);
        log_failure(read);
    }
}

/// Reads the keys every [`READ_EVERY`]. Runs until the process ends.
pub(super) async fn read_periodically(keys: Arc<KeySync>) {
    let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + READ_EVERY, READ_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        log_failure(keys.read().await);
    }
}

fn log_failure(read: Result<(), Error>) {
    if let Err(error) = read {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot read the signing keys");
    }
}

/// Returns the keys of the store. Makes the first one if there is none: of several processes that do so, one stores its
/// key.
async fn stored_keys(store: &dyn SessionStore) -> StoreResult<Keys> {
    match store.keys().await? {
        Some(keys) => Ok(keys),
        None => Ok(store.rotate_key(None, new_key(Timestamp::now()), Timestamp(0)).await?.value),
    }
}

fn new_key(now: Timestamp) -> SigningKey {
    SigningKey { id: uuid::Uuid::new_v4(), secret: random_bytes(), created_at: now, replaced_at: None }
}
