//! The peers of the effective policy on this node, and their passwords.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use antrea_bgp_api::{Kind, ObjectRef, Peer, SecretValue};

use crate::obstacle::Family;
use crate::report::{ReasonCode, Report, Severity};
use crate::{Effect, PeerSpec, PeerState};

use super::Engine;
use super::ledger::Topic;
use super::passwords::canonical_key;

impl Engine {
    /// Brings the speaker's peers to what the policy, the node and the Secret say.
    pub(super) fn sync_peers(&mut self) {
        if let Some(used) = self.secrets.keys().next() {
            self.secret = used.clone();
        }
        self.peer_problems();
        let Some(mut running) = self.running.take() else {
            return;
        };
        let policy = &running.candidate.policy;
        let wanted: BTreeMap<IpAddr, PeerSpec> = (policy.peers.iter())
            .filter_map(|peer| self.peer_spec(peer, &running.peers).ok())
            .map(|spec| (spec.peer.address, spec))
            .collect();
        let started = std::mem::take(&mut running.started);
        for address in running
            .peers
            .keys()
            .filter(|address| !started && !wanted.contains_key(address))
        {
            self.effects.push_back(Effect::RemovePeer(*address));
        }
        for (address, spec) in &wanted {
            let former = running.peers.get(address);
            if former == Some(spec) && !started {
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

    /// What becomes of a valid peer of the effective policy, where these are configured.
    pub(super) fn peer_state(
        &self,
        peer: &Peer,
        configured: &BTreeMap<IpAddr, PeerSpec>,
    ) -> PeerState {
        match self.peer_spec(peer, configured) {
            Ok(_) => PeerState::Configured,
            Err(state) => state,
        }
    }

    /// What a valid peer is to be configured with, where these are; or why it is not to be.
    fn peer_spec(
        &self,
        peer: &Peer,
        configured: &BTreeMap<IpAddr, PeerSpec>,
    ) -> Result<PeerSpec, PeerState> {
        let family = Family::of(&peer.address);
        let enabled = (self.node.as_ref()).is_some_and(|node| node.families.enabled(family));
        if !enabled {
            return Err(PeerState::Skipped(family));
        }
        let known = self.sources.is_known(Kind::Secret);
        let password = match self.secrets.values().next() {
            _ if !known => former_password(peer, configured)?,
            None => None,
            Some(Some(passwords)) => passwords.of(peer),
            // It may hold a password; but what runs without that goes on.
            Some(None) => former_password(peer, configured)?,
        };
        Ok(PeerSpec {
            peer: peer.clone(),
            password,
        })
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
            self.ledger.only(Topic::Peers, None);
            self.ledger.only(Topic::Passwords, None);
            return;
        };
        let candidate = Arc::clone(&running.candidate);
        let policy = ObjectRef::cluster(Kind::BgpPolicy, candidate.name.clone());
        self.ledger.only(Topic::Peers, Some(&policy));
        let positions = candidate.policy.peer_positions.iter();
        let skipped = (candidate.policy.peers.iter().zip(positions))
            .filter_map(|(peer, at)| match self.peer_spec(peer, &running.peers) {
                Err(PeerState::Skipped(family)) => Some(Report {
                    severity: Severity::Warning,
                    object: policy.clone(),
                    field: Some(format!("spec.bgpPeers[{at}]")),
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
            self.ledger.only(Topic::Passwords, None);
            return;
        }
        self.secret_problems(&candidate.policy.peers);
    }

    /// What there is to say about the Secret that counts and these peers, and that the others do
    /// not count.
    fn secret_problems(&mut self, peers: &[Peer]) {
        let mut secrets = self.secrets.iter();
        let Some((used, passwords)) = secrets.next() else {
            return;
        };
        let problems = (passwords.as_ref())
            .map(|passwords| passwords.problems(peers))
            .unwrap_or_default();
        self.ledger.set(used, Topic::Passwords, problems);
        for object in secrets.map(|(object, _)| object) {
            let ignored = Report {
                severity: Severity::Warning,
                object: object.clone(),
                field: None,
                code: ReasonCode::SecretIgnored,
                message: format!(
                    "is ignored: the passwords are taken from {used}; remove one of the two"
                ),
            };
            self.ledger.set(object, Topic::Passwords, vec![ignored]);
        }
    }
}

/// The password that a configured peer has, if it is known whether there is one. One of another AS
/// number is another peer.
fn former_password(
    peer: &Peer,
    configured: &BTreeMap<IpAddr, PeerSpec>,
) -> Result<Option<SecretValue>, PeerState> {
    match configured.get(&peer.address) {
        Some(former) if former.peer.asn == peer.asn => Ok(former.password.clone()),
        _ => Err(PeerState::AwaitingSecret),
    }
}
