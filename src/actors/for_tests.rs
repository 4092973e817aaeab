//! `TestServer`: the actors and stores of one process with one member, for tests of several domains.
use super::{Actors, Supervisor, sessions::Client};
use crate::{
    config::Config,
    domain::{Email, Handle, Identity, MemberId, Password, Patch, Profile, ProfilePatch},
    storage::Stores,
};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

/// The longest time that a test waits.
const TIMEOUT: Duration = Duration::from_secs(60);
const EMAIL: &str = "who@example.com";
const PASSWORD: &str = "Passw0rd!";
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server without listeners, in a folder of its own. Stops when it is dropped.
pub(super) struct TestServer {
    pub(super) actors: Actors,
    pub(super) stores: Stores,
    pub(super) config: Config,
    pub(super) member: MemberId,
    _supervisor: Supervisor,
    _folder: tempfile::TempDir,
}

impl TestServer {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts it with changed stores.
    pub(super) async fn start_with(change: impl FnOnce(&mut Stores)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let mut stores = Stores::open(&config).await.unwrap();
        change(&mut stores);
        let (actors, supervisor) = Actors::start(stores.clone(), &config).await.unwrap();
        let profile = ProfilePatch { member_name: Patch::Set("이름".to_owned()), ..ProfilePatch::default() };
        let (email, handle) = (Email::new(EMAIL).unwrap(), Handle::new("member1").unwrap());
        let draft = actors.members.draft_member(email, handle, Profile::new(profile).unwrap());
        let (member, password) = (draft.member.id, Password::new("password", PASSWORD).unwrap());
        actors.members.sign_up(draft, password, None, HOME).await.unwrap();
        Self { actors, stores, config, member, _supervisor: supervisor, _folder: folder }
    }

    /// Logs the member in; returns the access token and its identity.
    pub(super) async fn log_in(&self) -> (String, Identity) {
        let client = Client { device: String::new(), address: HOME };
        let (tokens, _) = self.actors.sessions.log_in(EMAIL, PASSWORD, client).await.unwrap().value;
        let verified = self.actors.sessions.verify(&tokens.access).unwrap();
        (tokens.access, verified.identity)
    }
}

/// Polls until `look` returns a value, for at most [`TIMEOUT`].
pub(super) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, looking).await.expect("the condition holds within the timeout")
}
