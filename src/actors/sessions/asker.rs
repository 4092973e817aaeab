//! Who wants a password checked: what is shared out and counted by, in keys of one size whatever the client sent.
use aws_lc_rs::hmac;
use std::{net::IpAddr, sync::LazyLock};

/// What something is counted under.
pub(super) type Key = [u8; 16];

/// Made at the start, so that nobody can look for two accounts under one key.
static SECRET: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()));

/// An account, known or not, and the network that asks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) struct Asker {
    account: Key,
    network: Key,
}

impl Asker {
    /// `account` is the key form of an e-mail address.
    pub(in crate::actors) fn new(account: &str, address: IpAddr) -> Self {
        Self { account: key(b'a', account.as_bytes()), network: key(b'n', &network(address)) }
    }

    /// The account, from wherever it is asked about.
    pub(super) fn account(self) -> Key {
        self.account
    }

    /// The network, whomever it asks about.
    pub(super) fn network(self) -> Key {
        self.network
    }

    /// The account as asked about from that network.
    pub(super) fn pair(self) -> Key {
        key(b'p', &[self.account, self.network].concat())
    }
}

/// An IPv4 address, or the IPv6 network that one customer is given (/64).
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

fn key(kind: u8, name: &[u8]) -> Key {
    let mut context = hmac::Context::with_key(&SECRET);
    context.update(&[kind]);
    context.update(name);
    let mut key = Key::default();
    key.copy_from_slice(&context.sign().as_ref()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(account: &str, address: &str) -> Asker {
        Asker::new(account, address.parse().unwrap())
    }

    #[test]
    fn a_pair_is_of_one_account_and_one_network() {
        let one = asker("a@b.kr", "2001:db8::1");
        assert_eq!(one, asker("a@b.kr", "2001:db8::2:3"), "one customer's addresses");
        let others = [asker("a@b.kr", "2001:db8:0:1::1"), asker("c@d.kr", "2001:db8::1"), asker("a@b.kr", "192.0.2.1")];
        assert!(others.iter().all(|other| other.pair() != one.pair()));
        assert_eq!(asker("a", "192.0.2.1"), asker("a", "::ffff:192.0.2.1"));
    }
}
