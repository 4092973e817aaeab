//! The two methods of [`Sessions`] that require the current password of a member who is logged in: `change_password`
//! and `deactivate`.
use super::{
    Sessions,
    caller::{Caller, Key},
    commands::SessionCommand,
    hasher::PasswordCheck,
};
use crate::{
    actors::error::Error,
    domain::{FieldError, Identity, Password, Reason, Refusal},
    storage::{Committed, Credentials},
};
use std::net::IpAddr;

/// Maximum number of checks for one request. A check is repeated if the credentials changed between it and the commit
/// that relies on it.
pub(super) const CHECKS_MAX: usize = 3;

impl Sessions {
    /// Changes the password and ends every other session. Refuses `Invalid` for a wrong current one, `LoginLocked`,
    /// `TokenRevoked`, `Busy`.
    pub async fn change_password(
        &self,
        identity: Identity,
        current: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<Committed<()>, Error> {
        const FIELD: &str = "currentPassword";
        for _ in 0..CHECKS_MAX {
            let (caller, checked) = self.check_password(identity, FIELD, current, address).await?;
            let hash = self.hasher.acquire(caller).await?.hash(new.clone()).await?;
            let change = |reply| SessionCommand::ChangePassword { identity, checked, hash, reply };
            match self.slots.mailbox_of(identity.member).ask(change).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                Err(error) => return Err(error),
                Ok(changed) => {
                    self.visibility.note_write(identity.member, changed.at);
                    return Ok(changed);
                }
            }
        }
        Err(wrong_password(FIELD))
    }

    /// Deactivates the member, whose posts and comments are hidden from everybody when this returns, and ends every
    /// session. Refuses what [`Sessions::change_password`] refuses, and `Late` as `Visibility::put_in_force` does.
    pub async fn deactivate(
        &self,
        identity: Identity,
        password: &str,
        address: IpAddr,
    ) -> Result<Committed<()>, Error> {
        const FIELD: &str = "password";
        for _ in 0..CHECKS_MAX {
            let (_, checked) = self.check_password(identity, FIELD, password, address).await?;
            let deactivate = |reply| SessionCommand::Deactivate { identity, checked, reply };
            match self.slots.mailbox_of(identity.member).ask(deactivate).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                Err(error) => return Err(error),
                Ok(deactivated) => {
                    self.visibility.put_in_force(identity.member, deactivated.at).await?;
                    return Ok(deactivated);
                }
            }
        }
        Err(wrong_password(FIELD))
    }

    /// Checks the current password. The attempt is counted for the account from that network, like a login, and for the
    /// account from any network too, so that a stolen token guesses no faster from many addresses.
    async fn check_password(
        &self,
        identity: Identity,
        field: &'static str,
        password: &str,
        address: IpAddr,
    ) -> Result<(Caller, Credentials), Error> {
        let known = self.shared.sessions.credentials(identity.member).await?.ok_or(Refusal::TokenRevoked)?;
        let caller = Caller::new(&known.email_key, address);
        let keys = [caller.pair(), caller.account()];
        self.shared.lockout.check(&keys)?;
        let check = self.count_and_verify(caller, &keys, password, Some(known.password_hash.clone())).await?;
        if check == PasswordCheck::Wrong {
            return Err(wrong_password(field));
        }
        self.shared.lockout.clear(&keys);
        Ok((caller, known))
    }

    /// Waits for a thread of the hasher, counts an attempt under `keys`, then checks the password against the hash. An
    /// attempt that is refused before its turn is not counted. Refuses `Busy`, `LoginLocked`.
    pub(super) async fn count_and_verify(
        &self,
        caller: Caller,
        keys: &[Key],
        password: &str,
        hash: Option<String>,
    ) -> Result<PasswordCheck, Error> {
        let permit = self.hasher.acquire(caller).await?;
        self.shared.lockout.count(keys)?;
        permit.verify(password.to_owned(), hash).await
    }
}

fn wrong_password(field: &'static str) -> Error {
    Refusal::from(FieldError { field, reason: Reason::WrongPassword }).into()
}
