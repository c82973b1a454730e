//! The passwords of peers, by address and AS number.

use std::collections::BTreeMap;
use std::net::IpAddr;

use antrea_bgp_api::{ObjectRef, Peer, Secret, SecretValue};

use crate::report::{ReasonCode, Report, Severity};

/// The most octets that Linux takes as a key (`TCP_MD5SIG_MAXKEYLEN`).
const MAX_PASSWORD: usize = 80;

/// One Secret of passwords, read.
pub(super) struct Passwords {
    secret: ObjectRef,
    entries: BTreeMap<(IpAddr, u32), Entry>,
    /// What is wrong with the Secret whatever the peers are.
    problems: Vec<Report>,
}

struct Entry {
    key: String,
    value: SecretValue,
}

impl Passwords {
    pub(super) fn read(secret: &Secret, reference: ObjectRef) -> Self {
        let mut passwords = Self {
            secret: reference,
            entries: BTreeMap::new(),
            problems: Vec::new(),
        };
        for (key, value) in &secret.entries {
            passwords.add(key, value);
        }
        passwords
    }

    fn add(&mut self, key: &str, value: &SecretValue) {
        let Some(peer) = password_key(key) else {
            self.complain(
                ReasonCode::PasswordOdd,
                key,
                "names no peer; write ADDRESS-ASN, with _ for each : of an IPv6 address",
            );
            return;
        };
        let entry = Entry {
            key: key.to_owned(),
            value: value.clone(),
        };
        let Some(other) = self.entries.insert(peer, entry) else {
            return;
        };
        // Of two keys for one peer the one that people would write wins, then the first by text.
        let winner = rank(&other.key, peer) <= rank(key, peer);
        let (kept, dropped) = if winner {
            (&*other.key, key)
        } else {
            (key, &*other.key)
        };
        let message = format!("names the same peer as {kept}, which is used");
        let dropped = dropped.to_owned();
        if winner {
            self.entries.insert(peer, other);
        }
        self.complain(ReasonCode::PasswordAmbiguous, &dropped, &message);
    }

    fn complain(&mut self, code: ReasonCode, key: &str, message: &str) {
        let report = self.report(Severity::Warning, code, key, message);
        self.problems.push(report);
    }

    fn report(&self, severity: Severity, code: ReasonCode, key: &str, message: &str) -> Report {
        Report {
            severity,
            object: self.secret.clone(),
            field: Some(key.to_owned()),
            code,
            message: message.to_owned(),
        }
    }

    /// The password of a peer. An empty one is none.
    pub(super) fn of(&self, peer: &Peer) -> Option<SecretValue> {
        let entry = self.entries.get(&(peer.address, peer.asn))?;
        (!entry.value.as_bytes().is_empty()).then(|| entry.value.clone())
    }

    /// What there is to say about this Secret and these peers.
    pub(super) fn problems(&self, peers: &[Peer]) -> Vec<Report> {
        let mut problems = self.problems.clone();
        for (peer, entry) in &self.entries {
            if !peers.iter().any(|p| (p.address, p.asn) == *peer) {
                problems.push(self.report(
                    Severity::Warning,
                    ReasonCode::PasswordUnused,
                    &entry.key,
                    "no peer of the effective BGPPolicy has this address and AS number",
                ));
                continue;
            }
            let octets = entry.value.as_bytes();
            if octets.is_empty() {
                problems.push(self.report(
                    Severity::Warning,
                    ReasonCode::PasswordOdd,
                    &entry.key,
                    "the password is empty, which is none: the peer's sessions are not authenticated",
                ));
            }
            if octets.ends_with(b"\n") {
                problems.push(self.report(
                    Severity::Warning,
                    ReasonCode::PasswordOdd,
                    &entry.key,
                    "the password ends with a newline, which counts; take care that the peer's \
                     does too, or remove it",
                ));
            }
            if octets.len() > MAX_PASSWORD {
                problems.push(self.report(
                    Severity::Error,
                    ReasonCode::PasswordOdd,
                    &entry.key,
                    "the password is longer than the 80 octets that TCP MD5 takes; write a \
                     shorter one",
                ));
            }
        }
        problems.extend(
            peers
                .iter()
                .filter(|peer| !self.entries.contains_key(&(peer.address, peer.asn)))
                .map(|peer| {
                    self.report(
                        Severity::Info,
                        ReasonCode::PasswordMissing,
                        &canonical_key(peer.address, peer.asn),
                        "there is no password for this peer: its sessions are not authenticated",
                    )
                }),
        );
        problems
    }
}

/// The key under which a peer's password belongs. Kubernetes forbids `:` in it.
pub(super) fn canonical_key(address: IpAddr, asn: u32) -> String {
    format!("{}-{asn}", address.to_string().replace(':', "_"))
}

/// How far a key is from the canonical one; the smaller wins.
fn rank(key: &str, (address, asn): (IpAddr, u32)) -> u8 {
    if key == canonical_key(address, asn) {
        0
    } else if key == format!("{address}-{asn}") {
        1
    } else {
        2
    }
}

/// The peer whose password an entry of the Secret with this key is: its address and AS number, written `ADDRESS-ASN` with `_`
/// for each `:`. Addresses are compared as addresses, however they are written.
#[must_use]
pub fn password_key(key: &str) -> Option<(IpAddr, u32)> {
    let (address, asn) = key.rsplit_once('-')?;
    let address: IpAddr = address.replace('_', ":").parse().ok()?;
    let digits_only = asn.bytes().all(|b| b.is_ascii_digit());
    let asn = asn.parse().ok().filter(|asn| digits_only && *asn != 0)?;
    Some((address.to_canonical(), asn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_addresses_and_as_numbers_however_written() {
        let v6 = Some(("2001:db8::1".parse().unwrap(), 65000));
        assert_eq!(password_key("2001_db8__1-65000"), v6);
        assert_eq!(password_key("2001:db8::1-65000"), v6);
        assert_eq!(password_key("2001_0DB8_0_0_0_0_0_1-65000"), v6);
        let v4 = Some(("192.0.2.1".parse().unwrap(), 4_294_967_294));
        assert_eq!(password_key("192.0.2.1-4294967294"), v4);
        assert_eq!(password_key("__ffff_192.0.2.1-4294967294"), v4);
        for odd in [
            "",
            "192.0.2.1",
            "192.0.2.1-",
            "192.0.2.1-0",
            "192.0.2.1-+1",
            "host-65000",
        ] {
            assert_eq!(password_key(odd), None, "{odd}");
        }
    }
}
