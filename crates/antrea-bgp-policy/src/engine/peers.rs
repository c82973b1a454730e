//! The peers of the effective policy on this node, and their passwords.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use antrea_bgp_api::{Kind, ObjectRef, Peer};

use crate::obstacle::Family;
use crate::report::{ReasonCode, Report, Severity};
use crate::{Effect, PeerSpec, PeerState};

use super::Engine;
use super::ledger::Topic;
use super::passwords::canonical_key;

impl Engine {
    /// Brings the speaker's peers to what the policy, the node and the Secret say.
    pub(super) fn sync_peers(&mut self) {
        self.peer_problems();
        let Some(mut running) = self.running.take() else {
            return;
        };
        let policy = &running.candidate.policy;
        let wanted: BTreeMap<IpAddr, PeerSpec> = (policy.peers.iter())
            .filter(|peer| self.peer_state(peer) == PeerState::Configured)
            .map(|peer| {
                let password = self.passwords.values().next().and_then(|p| p.of(peer));
                (
                    peer.address,
                    PeerSpec {
                        peer: peer.clone(),
                        password,
                    },
                )
            })
            .collect();
        for address in running
            .peers
            .keys()
            .filter(|address| !wanted.contains_key(address))
        {
            self.effects.push_back(Effect::RemovePeer(*address));
        }
        for (address, spec) in &wanted {
            let former = running.peers.get(address);
            if former == Some(spec) {
                continue;
            }
            if let Some(former) = former {
                self.tell_password_removed(former, spec);
            }
            self.effects
                .push_back(Effect::SetPeer(Box::new(spec.clone())));
        }
        running.peers = wanted;
        self.running = Some(running);
    }

    /// What becomes of a valid peer of the effective policy.
    pub(super) fn peer_state(&self, peer: &Peer) -> PeerState {
        let family = Family::of(&peer.address);
        let enabled = self
            .node
            .as_ref()
            .is_some_and(|node| node.families.enabled(family));
        if !enabled {
            PeerState::Skipped(family)
        } else if !self.passwords_known() {
            PeerState::AwaitingSecret
        } else {
            PeerState::Configured
        }
    }

    /// Whether no password is unknown. A Secret that is there and cannot be decoded may hold some,
    /// unless its last good form still counts.
    fn passwords_known(&self) -> bool {
        let unreadable = self.secret_unreadable && self.passwords.is_empty();
        self.sources.is_known(Kind::Secret) && !unreadable
    }

    fn tell_password_removed(&mut self, former: &PeerSpec, present: &PeerSpec) {
        let same = former.peer.asn == present.peer.asn;
        if !same || former.password.is_none() || present.password.is_some() {
            return;
        }
        let Peer { address, asn, .. } = present.peer;
        self.ledger.tell(Report {
            severity: Severity::Warning,
            object: self.secret.clone(),
            field: Some(canonical_key(address, asn)),
            code: ReasonCode::PasswordRemoved,
            message: format!("the password of peer {address} is gone: its sessions go on without"),
        });
    }

    fn peer_problems(&mut self) {
        let Some(running) = &self.running else {
            self.ledger
                .retain(|_, topic| !matches!(topic, Topic::Peers | Topic::Passwords));
            return;
        };
        let candidate = Arc::clone(&running.candidate);
        let policy = ObjectRef::cluster(Kind::BgpPolicy, candidate.name.clone());
        self.ledger
            .retain(|object, topic| topic != Topic::Peers || *object == policy);
        let skipped = (candidate.policy.peers.iter())
            .filter_map(|peer| match self.peer_state(peer) {
                PeerState::Skipped(family) => Some(Report {
                    severity: Severity::Warning,
                    object: policy.clone(),
                    field: Some("spec.bgpPeers".to_owned()),
                    code: ReasonCode::PeerSkipped,
                    message: format!(
                        "peer {} is left out on node {}, which has neither a Pod CIDR nor an \
                         InternalIP of {family}",
                        peer.address, self.node_name
                    ),
                }),
                _ => None,
            })
            .collect();
        self.ledger.set(&policy, Topic::Peers, skipped);
        if candidate.policy.peers.is_empty() {
            // The Secret is not needed, so nothing in it matters.
            self.ledger.retain(|_, topic| topic != Topic::Passwords);
            return;
        }
        for passwords in self.passwords.values() {
            let problems = passwords.problems(&candidate.policy.peers);
            self.ledger
                .set(passwords.object(), Topic::Passwords, problems);
        }
    }
}
