//! `Hasher`: hashes and checks passwords, which is slow on purpose, on a few threads behind a fair queue
//! (`hash_queue.rs`).
use super::{
    caller::Caller,
    hash_queue::{HashQueue, HeadOfQueue},
};
use crate::{
    actors::error::Error,
    domain::{Password, Receipt},
};
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{Context, SHA256};
use std::sync::{Arc, LazyLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes with argon2id, 19 MiB, two passes, parallelism 1: the crate's defaults, which are OWASP's. Cheap to clone.
///
/// A check keeps a thread busy for about 20 ms. One check of an account runs at a time, and as many of a network as
/// there are threads; further ones wait in the account's and network's own queues. A thousand attempts by one client
/// delay another client by one check.
#[derive(Clone)]
pub(in crate::actors) struct Hasher {
    threads: Arc<Semaphore>,
    thread_count: usize,
    queue: Arc<HashQueue>,
}

/// The right to one thread of the hasher for one hash or check.
pub(in crate::actors) struct HashPermit {
    _thread: OwnedSemaphorePermit,
    _queue: HeadOfQueue,
}

/// The result of checking a password against a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordCheck {
    Wrong,
    Right,
    /// Right, against an old hash of the password as typed: newer hashes are of its normalized form.
    RightAsTyped,
}

/// The hash of a random password: an unknown account is checked against it and so takes as long as a wrong password.
static UNKNOWN_ACCOUNT: LazyLock<String> =
    LazyLock::new(|| hash(&uuid::Uuid::new_v4().to_string()).unwrap_or_default());

impl Hasher {
    pub(in crate::actors) fn new(threads: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), thread_count: threads, queue: Arc::default() }
    }

    /// Waits for a thread. Refuses `Busy` if too many jobs wait, of the account, of the network or in all.
    pub(in crate::actors) async fn acquire(&self, caller: Caller) -> Result<HashPermit, Error> {
        let head = self.queue.enter(caller, self.thread_count)?.reach_head().await?;
        let thread = self.threads.clone().acquire_owned().await.map_err(|_| Error::Restarting("hasher"))?;
        Ok(HashPermit { _thread: thread, _queue: head })
    }

    /// Returns whether the hash was made with other parameters than those in use, and should be replaced.
    pub(super) fn is_outdated(hash: &str) -> bool {
        !hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    }
}

impl HashPermit {
    /// Returns the hash to store, in the PHC format.
    pub(super) async fn hash(self, password: Password) -> Result<String, Error> {
        self.run(move || hash(password.expose())).await?.ok_or(Error::Failed("hasher"))
    }

    /// Hashes as [`HashPermit::hash`] does, and has the receipt cover the password too: a repeated request with another
    /// password is another request.
    pub(in crate::actors) async fn hash_and_seal(
        self,
        password: Password,
        receipt: Option<Receipt>,
    ) -> Result<(String, Option<Receipt>), Error> {
        let work = move || {
            let hash = hash(password.expose())?;
            let Some(receipt) = receipt else { return Some((hash, None)) };
            Some((hash, Some(seal(receipt, &password)?)))
        };
        self.run(work).await?.ok_or(Error::Failed("hasher"))
    }

    /// Checks a password against a hash. Without a hash the result is `Wrong`, after the same time.
    pub(super) async fn verify(self, typed: String, hash: Option<String>) -> Result<PasswordCheck, Error> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| UNKNOWN_ACCOUNT.clone());
            let check = PasswordHash::new(&hash).map_or(PasswordCheck::Wrong, |hash| verify(&typed, &hash));
            if known { check } else { PasswordCheck::Wrong }
        })
        .await
    }

    /// Runs `work` on a blocking thread, which holds the permit until it ends: a client that goes away does not free it
    /// early.
    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let work = move || {
            let _permit = self;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting("hasher"))
    }
}

fn verify(typed: &str, hash: &PasswordHash) -> PasswordCheck {
    let matches = |password: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
    let password = Password::typed(typed);
    if matches(password.expose()) {
        PasswordCheck::Right
    } else if password.expose() != typed && matches(typed) {
        PasswordCheck::RightAsTyped
    } else {
        PasswordCheck::Wrong
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

/// Makes the fingerprint of a receipt depend on the password: through a hash as slow as the stored one, with a salt of
/// the receipt's own. So a leaked receipt reveals no more of the password than a leaked account.
fn seal(receipt: Receipt, password: &Password) -> Option<Receipt> {
    let salt = sha256(&[receipt.scope.as_bytes(), receipt.key.as_bytes()]);
    let mut slow = [0; 32];
    Argon2::default().hash_password_into(password.expose().as_bytes(), &salt[..16], &mut slow).ok()?;
    let fingerprint = sha256(&[&receipt.fingerprint, &slow]);
    Some(Receipt { fingerprint, ..receipt })
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        // The lengths keep `ab, c` apart from `a, bc`.
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, Timestamp};

    const HOME: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn password(text: &str) -> Password {
        Password::new("password", text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_matches_its_password_and_no_other() {
        let hasher = Hasher::new(1);
        let permit = async || hasher.acquire(Caller::new("a@b.kr", HOME)).await.unwrap();
        let hash = permit().await.hash(password("Passw0rd!")).await.unwrap();
        assert!(!Hasher::is_outdated(&hash), "{hash}");
        let check = async |typed: &str, hash| permit().await.verify(typed.to_owned(), hash).await.unwrap();
        assert_eq!(check("Passw0rd!", Some(hash.clone())).await, PasswordCheck::Right);
        assert_eq!(check("Ｐassｗ0rd！", Some(hash.clone())).await, PasswordCheck::Right, "the same in another width");
        assert_eq!(check("passw0rd!", Some(hash)).await, PasswordCheck::Wrong);
        assert_eq!(check("Passw0rd!", None).await, PasswordCheck::Wrong);
        let old_hash = super::hash("Ｐassｗ0rd!").unwrap();
        assert_eq!(check("Ｐassｗ0rd!", Some(old_hash.clone())).await, PasswordCheck::RightAsTyped);
        assert_eq!(check("Passw0rd!", Some(old_hash)).await, PasswordCheck::Wrong);
    }

    #[test]
    fn a_sealed_receipt_depends_on_its_password() {
        let receipt = |key: &str| Receipt {
            scope: "signup:a@b.kr".to_owned(),
            key: key.to_owned(),
            fingerprint: [7; 32],
            answer: Answer { status: 201, location: String::new(), body: String::new() },
            at: Timestamp(0),
        };
        let sealed = |key: &str, text: &str| seal(receipt(key), &password(text)).unwrap().fingerprint;
        let first = sealed("k", "Passw0rd!");
        assert_eq!(first, sealed("k", "Passw0rd!"));
        assert_ne!(first, sealed("k", "Passw0rd?"));
        assert_ne!(first, sealed("l", "Passw0rd!"));
    }
}
