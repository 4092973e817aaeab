//! Password hashing: slow on purpose, so it has its own threads, and a queue that is shared out.
use super::{
    asker::Asker,
    lanes::{Ahead, Lanes},
};
use crate::{
    actors::Error,
    domain::{Password, Receipt, Refusal},
};
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest::{Context, SHA256};
use std::sync::{Arc, LazyLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// argon2id with 19 MiB, two passes and one lane: the crate's defaults, which are OWASP's.
///
/// A check takes about 20 ms of a thread. Of one account one is done at a time, of one network as many as there are
/// threads; the others wait in lanes of their own (`lanes.rs`), so that who asks a thousand times delays the next by one
/// round of the threads.
#[derive(Clone)]
pub(in crate::actors) struct Hasher {
    threads: Arc<Semaphore>,
    at_once: usize,
    lanes: Arc<Lanes>,
}

/// A thread that is one's own for one piece of work.
pub(in crate::actors) struct Turn {
    _thread: OwnedSemaphorePermit,
    _ahead: Ahead,
}

/// Whether a password is the one behind a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    Right,
    /// As it was typed, and not in the form that hashes are made of today.
    RightAsTyped,
}

/// A hash that no password has, so that an unknown account takes as long as a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(&uuid::Uuid::new_v4().to_string()).unwrap_or_default());

impl Hasher {
    pub(in crate::actors) fn new(threads: usize) -> Self {
        Self { threads: Arc::new(Semaphore::new(threads)), at_once: threads, lanes: Arc::default() }
    }

    /// Waits for a thread; `Busy` where too many wait already, of the account, of the network or in all.
    pub(in crate::actors) async fn turn(&self, asker: Asker) -> Result<Turn, Error> {
        let ahead = self.lanes.enter(asker, self.at_once)?.ahead().await?;
        let thread = self.threads.clone().acquire_owned().await.map_err(|_| Error::Restarting("hasher"))?;
        Ok(Turn { _thread: thread, _ahead: ahead })
    }

    /// A new hash is due: the stored one was made with other parameters than today's.
    pub(super) fn is_outdated(hash: &str) -> bool {
        !hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    }
}

impl Turn {
    /// This turn, unless something is against it now that it has come; then the next one has it.
    pub(super) fn unless(self, refused: impl FnOnce() -> Result<(), Refusal>) -> Result<Self, Error> {
        refused()?;
        Ok(self)
    }

    /// The hash to store, in the PHC format.
    pub(super) async fn hash(self, password: Password) -> Result<String, Error> {
        self.run(move || hash(password.expose())).await?.ok_or(Error::Late("hasher"))
    }

    /// The same for a request that may be repeated: its receipt then stands for the password too.
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
        self.run(work).await?.ok_or(Error::Late("hasher"))
    }

    /// Whether the password is the one behind the hash; never, where there is no hash.
    pub(super) async fn verify(self, typed: String, hash: Option<String>) -> Result<Verdict, Error> {
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let verdict = PasswordHash::new(&hash).map_or(Verdict::Wrong, |hash| verify(&typed, &hash));
            if known { verdict } else { Verdict::Wrong }
        })
        .await
    }

    /// The turn goes with the work: a client that goes away does not make room for more of it.
    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let work = move || {
            let _turn = self;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Restarting("hasher"))
    }
}

fn verify(typed: &str, hash: &PasswordHash) -> Verdict {
    let is = |password: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
    let password = Password::typed(typed);
    if is(password.expose()) {
        Verdict::Right
    } else if password.expose() != typed && is(typed) {
        Verdict::RightAsTyped
    } else {
        Verdict::Wrong
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

/// Makes the fingerprint stand for the password: by a hash as slow as the stored one, under a salt of the receipt's
/// own, so that who reads the receipt is no nearer to the password than who reads the account.
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
        // Lengths keep the parts apart.
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
    async fn a_hash_knows_its_password_and_no_other() {
        let hasher = Hasher::new(1);
        let turn = async || hasher.turn(Asker::new("a@b.kr", HOME)).await.unwrap();
        let hash = turn().await.hash(password("Passw0rd!")).await.unwrap();
        assert!(!Hasher::is_outdated(&hash), "{hash}");
        let verdict = async |typed: &str, hash| turn().await.verify(typed.to_owned(), hash).await.unwrap();
        assert_eq!(verdict("Passw0rd!", Some(hash.clone())).await, Verdict::Right);
        assert_eq!(verdict("Ｐassｗ0rd！", Some(hash.clone())).await, Verdict::Right, "the same in another width");
        assert_eq!(verdict("passw0rd!", Some(hash)).await, Verdict::Wrong);
        assert_eq!(verdict("Passw0rd!", None).await, Verdict::Wrong);
        let of_old = super::hash("Ｐassｗ0rd!").unwrap();
        assert_eq!(verdict("Ｐassｗ0rd!", Some(of_old.clone())).await, Verdict::RightAsTyped);
        assert_eq!(verdict("Passw0rd!", Some(of_old)).await, Verdict::Wrong);
    }

    #[test]
    fn a_sealed_receipt_is_of_one_password() {
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
