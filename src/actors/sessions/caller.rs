//! `Caller`: the account and the network of a password check, as keys of fixed size under which the hash queue and the
//! lockout count.
use aws_lc_rs::hmac;
use std::{net::IpAddr, sync::LazyLock};

/// A keyed hash of an account, a network or a pair of both. Its size does not depend on the client's input.
pub(super) type Key = [u8; 16];

/// Random for each process, so that no client can search for two accounts with the same key.
static SECRET: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()));

/// The account that a password is checked for, whether or not it exists, and the network of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) struct Caller {
    account: Key,
    network: Key,
}

impl Caller {
    /// Makes a caller; `account` is the key form of an e-mail address.
    pub(in crate::actors) fn new(account: &str, address: IpAddr) -> Self {
        Self { account: key(b'a', account.as_bytes()), network: key(b'n', &network(address)) }
    }

    /// Returns the key of the account, from any network.
    pub(super) fn account(self) -> Key {
        self.account
    }

    /// Returns the key of the network, for any account.
    pub(super) fn network(self) -> Key {
        self.network
    }

    /// Returns the key of the account together with the network.
    pub(super) fn pair(self) -> Key {
        key(b'p', &[self.account, self.network].concat())
    }
}

/// Returns the bytes of an IPv4 address, or of the /64 network of an IPv6 address, which one customer gets.
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

    fn caller(account: &str, address: &str) -> Caller {
        Caller::new(account, address.parse().unwrap())
    }

    #[test]
    fn a_pair_is_one_account_from_one_network() {
        let one = caller("a@b.kr", "2001:db8::1");
        assert_eq!(one, caller("a@b.kr", "2001:db8::2:3"), "one customer's addresses");
        let others =
            [caller("a@b.kr", "2001:db8:0:1::1"), caller("c@d.kr", "2001:db8::1"), caller("a@b.kr", "192.0.2.1")];
        assert!(others.iter().all(|other| other.pair() != one.pair()));
        assert_eq!(caller("a", "192.0.2.1"), caller("a", "::ffff:192.0.2.1"));
    }
}
