//! The two actions that require the current password of a member who is logged in: changing it, and deactivation.
use super::{Sessions, caller::Caller, commands::SessionCommand, hasher::PasswordCheck};
use crate::{
    actors::error::Error,
    domain::{FieldError, Identity, Password, Reason, Refusal},
    storage::Credentials,
};
use std::net::IpAddr;

/// How often a check is made, because the credentials changed between the check and the commit that relies on it.
pub(super) const CHECKS_MAX: usize = 3;

impl Sessions {
    /// Changes the password and ends every other session. Refuses `Invalid` for a wrong current one, `LoginLocked`,
    /// `TokenRevoked`.
    pub async fn change_password(
        &self,
        identity: Identity,
        current: &str,
        new: Password,
        address: IpAddr,
    ) -> Result<(), Error> {
        const FIELD: &str = "currentPassword";
        for _ in 0..CHECKS_MAX {
            let (caller, checked) = self.check_password(identity, FIELD, current, address).await?;
            let hash = self.hasher.acquire(caller).await?.hash(new.clone()).await?;
            let change = |reply| SessionCommand::ChangePassword { identity, checked, hash, reply };
            match self.slots.of(identity.member).ask(change).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                done => return done,
            }
        }
        Err(wrong_password(FIELD))
    }

    /// Deactivates the member: hides the member, posts and comments from everybody, before this returns. Refuses as
    /// [`Sessions::change_password`].
    pub async fn deactivate(&self, identity: Identity, password: &str, address: IpAddr) -> Result<(), Error> {
        const FIELD: &str = "password";
        for _ in 0..CHECKS_MAX {
            let (_, checked) = self.check_password(identity, FIELD, password, address).await?;
            let deactivate = |reply| SessionCommand::Deactivate { identity, checked, reply };
            match self.slots.of(identity.member).ask(deactivate).await {
                Err(Error::Refused(Refusal::LoginFailed)) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    // Waits until the projection has applied it, so that no view shows the member any more.
                    self.visibility.note_write(identity.member);
                    self.visibility.wait_for_own_writes(identity.member).await;
                    return Ok(());
                }
            }
        }
        Err(wrong_password(FIELD))
    }

    /// Checks the current password. The attempt counts like a login of the account from that network, and for the account
    /// alone as well: a stolen token does not guess faster from many addresses.
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
        let permit = self.hasher.acquire(caller).await?.if_allowed(|| self.shared.lockout.count(&keys));
        let check = permit?.verify(password.to_owned(), Some(known.password_hash.clone())).await?;
        if check == PasswordCheck::Wrong {
            return Err(wrong_password(field));
        }
        self.shared.lockout.forgive(&keys);
        Ok((caller, known))
    }
}

fn wrong_password(field: &'static str) -> Error {
    Refusal::from(FieldError { field, reason: Reason::WrongPassword }).into()
}
