//! Password hashing: slow on purpose, so it has its own threads and its own queue.
use crate::{actors::Error, domain::Password};
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// Hashes that may wait for a thread. At 20 ms each and two threads the last of them waits under a second.
const WAITING_MAX: usize = 64;

/// argon2id with 19 MiB, two passes and one lane: the crate's defaults, which are OWASP's.
#[derive(Clone)]
pub(in crate::actors) struct Hasher {
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A hash that no password has, so that an unknown account takes as long as a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(&uuid::Uuid::new_v4().to_string()).unwrap_or_default());

impl Hasher {
    pub(in crate::actors) fn new(threads: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), places: Arc::new(Semaphore::new(threads + WAITING_MAX)) }
    }

    /// The hash to store, in the PHC format.
    pub(in crate::actors) async fn hash(&self, password: Password) -> Result<String, Error> {
        self.run(move || hash(password.expose())).await?.ok_or(Error::Late("hasher"))
    }

    /// Whether the password is the one behind the hash; never, where there is no hash.
    pub(in crate::actors) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let parsed = PasswordHash::new(&hash).ok();
            let matches =
                parsed.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            known && matches
        })
        .await
    }

    /// A new hash, where the stored one was made with other parameters than today's.
    pub(in crate::actors) fn is_outdated(hash: &str) -> bool {
        !hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Busy("hasher"))?;
        let Ok(thread) = self.threads.clone().acquire_owned().await else { return Err(Error::Restarting("hasher")) };
        // The permits go with the work: a client that goes away does not make room for more of it.
        let work = move || {
            let _held = (place, thread);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting("hasher"))
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let hasher = Hasher::new(1);
        let hash = hasher.hash(Password::new("password", "Passw0rd!").unwrap()).await.unwrap();
        assert!(!Hasher::is_outdated(&hash), "{hash}");
        assert!(hasher.verify("Passw0rd!".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("passw0rd!".to_owned(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("Passw0rd!".to_owned(), None).await.unwrap());
    }
}
