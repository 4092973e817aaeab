//! What takes the current password of a member who is logged in: a new one, and leaving.
use super::{Message, Sessions, asker::Asker, hasher::Verdict};
use crate::{
    actors::Error,
    domain::{FieldError, Identity, Password, Reason, Refusal},
    storage::Credentials,
};
use std::net::IpAddr;

/// How often a check is done again because the credentials changed between it and the commit that relies on it.
pub(super) const TRIES: usize = 3;

impl Sessions {
    /// Sets a new password and ends every other session. Refuses `Invalid` for a wrong current one, `LoginLocked`,
    /// `TokenRevoked`.
    pub async fn change_password(
        &self,
        identity: Identity,
        current: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<(), Error> {
        const FIELD: &str = "currentPassword";
        for _ in 0..TRIES {
            let (asker, checked) = self.prove(identity, FIELD, current, address).await?;
            let hash = self.hasher.turn(asker).await?.hash(new.clone()).await?;
            let message = |reply| Message::ChangePassword { identity, checked, hash, reply };
            match self.slots.of(identity.member).ask(message).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                done => return done,
            }
        }
        Err(wrong(FIELD))
    }

    /// Takes the member and all that the member wrote out of every view. Refuses as `change_password`.
    pub async fn deactivate(&self, identity: Identity, password: &str, address: IpAddr) -> Result<(), Error> {
        const FIELD: &str = "password";
        for _ in 0..TRIES {
            let (_, checked) = self.prove(identity, FIELD, password, address).await?;
            match self.slots.of(identity.member).ask(|reply| Message::Leave { identity, checked, reply }).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    // Gone from every view at once, for everybody: the answer waits until the projection has it.
                    self.timeline.wrote(identity.member);
                    self.timeline.caught_up(identity.member).await;
                    return Ok(());
                }
            }
        }
        Err(wrong(FIELD))
    }

    /// Checks the current password, counted like a login of the account from there, and for the account alone: a token
    /// in the wrong hands guesses no faster from many addresses.
    async fn prove(
        &self,
        identity: Identity,
        field: &'static str,
        password: &str,
        address: IpAddr,
    ) -> Result<(Asker, Credentials), Error> {
        let known = self.shared.sessions.credentials(identity.member).await?.ok_or(Refusal::TokenRevoked)?;
        let asker = Asker::new(&known.email_key, address);
        let keys = [asker.pair(), asker.account()];
        self.shared.lockout.check(&keys)?;
        let turn = self.hasher.turn(asker).await?.unless(|| self.shared.lockout.count(&keys));
        let verdict = turn?.verify(password.to_owned(), Some(known.password_hash.clone())).await?;
        if verdict == Verdict::Wrong {
            return Err(wrong(field));
        }
        self.shared.lockout.forgive(&keys);
        Ok((asker, known))
    }
}

fn wrong(field: &'static str) -> Error {
    Refusal::from(FieldError { field, reason: Reason::WrongPassword }).into()
}
