//! What a BGP peer is to the engine.

use std::fmt;

use antrea_bgp_api::{Peer, SecretValue};

use crate::obstacle::Family;

/// All that the sessions with one peer are configured with; the peer's address is the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerSpec {
    /// The values of the policy, with defaults filled in.
    pub peer: Peer,
    /// The TCP MD5 password (RFC 2385), if there is one.
    pub password: Option<SecretValue>,
}

/// A peer of the effective policy, as [`Engine::peers`](crate::Engine::peers) yields it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerView<'a> {
    /// The values of the policy, with defaults filled in.
    pub peer: &'a Peer,
    /// Whether the sessions with the peer have a password.
    pub authenticated: bool,
    /// What the engine does with the peer.
    pub state: PeerState,
}

/// What the engine does with a valid peer of the effective policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerState {
    /// Handed on with [`SetPeer`](crate::Effect::SetPeer).
    Configured,
    /// Left out: the node has neither a Pod CIDR nor an InternalIP of the peer's family.
    Skipped(Family),
    /// Held back until the Secret of passwords can be read or is known to be absent: a session is
    /// never opened without a password that may exist. A peer that was configured before never
    /// waits, but keeps the password that it had, or had not.
    AwaitingSecret,
}

impl fmt::Display for PeerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerState::Configured => f.write_str("configured"),
            PeerState::Skipped(family) => write!(f, "skipped: the node has no {family}"),
            PeerState::AwaitingSecret => f.write_str("waiting for the Secret of passwords"),
        }
    }
}
