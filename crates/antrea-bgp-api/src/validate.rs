//! Judging a policy: what it means, and what in it means nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use crate::{BGPPeer, BGPPolicySpec, Confederation, Selector, ServiceAdvertisement, ServiceIpType};

/// The least, the most and the default of one field.
pub(crate) struct Bounds {
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) default: Option<i64>,
}

/// Ranges of the numbers in a policy, the same in the CRD and in [`validate`].
pub(crate) mod bounds {
    use super::Bounds;

    const fn new(min: i64, max: i64, default: Option<i64>) -> Bounds {
        Bounds { min, max, default }
    }

    /// 0 (RFC 7607) and 4294967295 (RFC 7300) are reserved.
    pub(crate) const ASN: Bounds = new(1, 4_294_967_294, None);
    pub(crate) const PORT: Bounds = new(1, 65_535, Some(179));
    pub(crate) const MULTIHOP_TTL: Bounds = new(1, 255, Some(1));
    pub(crate) const GRACEFUL_RESTART_TIME: Bounds = new(1, 3600, Some(120));
    pub(crate) const HOLD_TIME: Bounds = new(3, 65_535, Some(90));
    pub(crate) const KEEPALIVE_INTERVAL: Bounds = new(1, 65_534, None);
    pub(crate) const CONNECT_RETRY: Bounds = new(2, 65_535, None);
    pub(crate) const IDLE_HOLD_TIME: Bounds = new(1, 3600, None);
}

/// What [`validate`] makes of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// The policy, without the elements that are invalid; `None` if the policy as a whole is.
    pub policy: Option<Policy>,
    /// Everything that was found, in the order of the fields.
    pub issues: Vec<Issue>,
}

/// Something in a policy that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Path of the field from the object's root: `spec.bgpPeers[1].asn`.
    pub field: String,
    /// The value found, as it would be written; empty where there is none.
    pub value: String,
    /// What is wrong with it, and what to write instead.
    pub message: String,
    /// How much of the policy it disables.
    pub scope: Scope,
}

/// How much of a policy an [`Issue`] disables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The whole policy: it is no candidate on any Node.
    Policy,
    /// Only the peer or IP type that the field belongs to.
    Element,
    /// Nothing: the field has no effect.
    Notice,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        if !self.value.is_empty() {
            write!(f, "{:?}: ", self.value)?;
        }
        f.write_str(&self.message)
    }
}

/// A policy whose values are all in range, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Selects the Nodes.
    pub node_selector: Selector,
    /// AS number of the local BGP process.
    pub local_asn: u32,
    /// TCP port to listen on.
    pub listen_port: u16,
    /// Membership in a confederation.
    pub confederation: Option<ConfederationMembership>,
    /// The types of Service addresses that are advertised.
    pub service_ip_types: BTreeSet<ServiceIpType>,
    /// Whether an address with a `Cluster` traffic policy goes while no endpoint is ready anywhere.
    pub withdraw_when_no_endpoints: bool,
    /// Whether Pod CIDRs are advertised.
    pub pod: bool,
    /// Whether Egress IPs are advertised.
    pub egress: bool,
    /// The peers, in the order in which they are written; no two have one address.
    pub peers: Vec<Peer>,
    /// Where each of [`peers`](Self::peers) stands in `spec.bgpPeers`, counted from 0: invalid ones
    /// are left out.
    pub peer_positions: Vec<usize>,
}

/// Membership in a confederation (RFC 5065), in range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfederationMembership {
    /// AS number that the confederation shows to the outside.
    pub identifier: u32,
    /// AS numbers of the other members.
    pub member_asns: BTreeSet<u32>,
}

/// A peer whose values are all in range, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address of the peer, canonical: an IPv4-mapped address is the IPv4 address.
    pub address: IpAddr,
    /// TCP port that the peer listens on.
    pub port: u16,
    /// AS number of the peer.
    pub asn: u32,
    /// TTL of packets to an external peer.
    pub multihop_ttl: u8,
    /// GTSM (RFC 5082): send 255, accept at least 256 minus `multihop_ttl`.
    pub ttl_security: bool,
    /// Whether graceful restart is offered.
    pub graceful_restart: bool,
    /// Restart time offered, in seconds.
    pub graceful_restart_time: u16,
    /// Hold time offered, in seconds.
    pub hold_time: u16,
    /// Seconds between KEEPALIVEs; `None`: a third of the negotiated hold time.
    pub keepalive_interval: Option<u16>,
    /// Seconds between attempts to connect; `None`: the speaker's own choice.
    pub connect_retry: Option<u16>,
    /// Seconds to stay idle after a reset; `None`: the speaker's own damping.
    pub idle_hold_time_after_reset: Option<u16>,
}

/// Judges a policy's spec: fills in defaults, drops the elements that are invalid, and names
/// everything that is wrong or without effect.
///
/// An invalid nodeSelector, localASN, listenPort or confederation disables the policy; an invalid
/// peer, an unknown IP type or a second peer with the same address disables that element alone.
#[must_use]
pub fn validate(spec: &BGPPolicySpec) -> Validated {
    let mut found = Findings::default();
    let node_selector = node_selector(spec, &mut found);
    let local_asn = found
        .policy()
        .number("spec.localASN", Some(spec.local_asn), &bounds::ASN);
    let listen_port = found
        .policy()
        .number("spec.listenPort", spec.listen_port, &bounds::PORT);
    let confederation = spec
        .confederation
        .as_ref()
        .map(|c| confederation(c, &mut found));
    let service = spec.advertisements.service.as_ref();
    let service_ip_types = service.map(|s| ip_types(s, &mut found)).unwrap_or_default();
    let (peer_positions, peers) = peers(&spec.bgp_peers, &mut found).into_iter().unzip();
    if spec.drain_on_taints.is_some() {
        found.no_effect("spec.drainOnTaints");
    }
    let policy = || {
        Some(Policy {
            node_selector: node_selector?,
            local_asn: local_asn?,
            listen_port: listen_port?,
            confederation: match confederation {
                Some(membership) => Some(membership?),
                None => None,
            },
            service_ip_types,
            withdraw_when_no_endpoints: service
                .and_then(|s| s.withdraw_when_no_endpoints)
                .unwrap_or(false),
            pod: spec.advertisements.pod.is_some(),
            egress: spec.advertisements.egress.is_some(),
            peers,
            peer_positions,
        })
    };
    Validated {
        policy: policy(),
        issues: found.issues,
    }
}

fn node_selector(spec: &BGPPolicySpec, found: &mut Findings) -> Option<Selector> {
    Selector::new(&spec.node_selector)
        .map_err(|e| {
            let field = format!("spec.nodeSelector.{}", e.field);
            found.add(Scope::Policy, field, e.value, e.message);
        })
        .ok()
}

fn confederation(written: &Confederation, found: &mut Findings) -> Option<ConfederationMembership> {
    let field = "spec.confederation.identifier";
    let identifier = found
        .policy()
        .number(field, written.identifier, &bounds::ASN);
    // Every member is looked at, so that all mistakes are reported at once.
    let members: Vec<_> = (written.member_asns.iter().enumerate())
        .map(|(index, asn)| {
            let field = format!("spec.confederation.memberASNs[{index}]");
            found.policy().number(&field, Some(*asn), &bounds::ASN)
        })
        .collect();
    let member_asns = members.into_iter().collect::<Option<_>>();
    Some(ConfederationMembership {
        identifier: identifier?,
        member_asns: member_asns?,
    })
}

fn ip_types(service: &ServiceAdvertisement, found: &mut Findings) -> BTreeSet<ServiceIpType> {
    let mut known = BTreeSet::new();
    for (index, ip_type) in service.ip_types.iter().enumerate() {
        if let ServiceIpType::Unknown(word) = ip_type {
            let field = format!("spec.advertisements.service.ipTypes[{index}]");
            let message = "unknown IP type; write ClusterIP, ExternalIP or LoadBalancerIP";
            found.add(Scope::Element, field, word.clone(), message);
        } else {
            known.insert(ip_type.clone());
        }
    }
    known
}

/// The valid peers, each with its position.
fn peers(written: &[BGPPeer], found: &mut Findings) -> Vec<(usize, Peer)> {
    let mut peers = Vec::with_capacity(written.len());
    let mut first_at = BTreeMap::new();
    for (index, peer) in written.iter().enumerate() {
        let field = format!("spec.bgpPeers[{index}]");
        let Some(valid) = self::peer(&field, peer, found) else {
            continue;
        };
        if let Some(first) = first_at.get(&valid.address) {
            let message = format!(
                "spec.bgpPeers[{first}] already has this address and is used; remove one of them"
            );
            found.add(
                Scope::Element,
                format!("{field}.address"),
                peer.address.clone(),
                message,
            );
            continue;
        }
        first_at.insert(valid.address, index);
        peers.push((index, valid));
    }
    peers
}

fn peer(field: &str, written: &BGPPeer, found: &mut Findings) -> Option<Peer> {
    let address = peer_address(&written.address)
        .map_err(|message| {
            let field = format!("{field}.address");
            found.add(Scope::Element, field, written.address.clone(), message);
        })
        .ok();
    if written.bfd.is_some() {
        found.no_effect(&format!("{field}.bfd"));
    }
    let mut numbers = Numbers {
        found,
        scope: Scope::Element,
    };
    let path = |name: &str| format!("{field}.{name}");
    let asn = numbers.number(&path("asn"), Some(written.asn), &bounds::ASN);
    let port = numbers.number(&path("port"), written.port, &bounds::PORT);
    let ttl = numbers.number(
        &path("multihopTTL"),
        written.multihop_ttl,
        &bounds::MULTIHOP_TTL,
    );
    let graceful_restart_time = numbers.number(
        &path("gracefulRestartTimeSeconds"),
        written.graceful_restart_time_seconds,
        &bounds::GRACEFUL_RESTART_TIME,
    );
    let hold_time = numbers.number(
        &path("holdTimeSeconds"),
        written.hold_time_seconds,
        &bounds::HOLD_TIME,
    );
    let keepalive_interval = numbers.optional(
        &path("keepaliveIntervalSeconds"),
        written.keepalive_interval_seconds,
        &bounds::KEEPALIVE_INTERVAL,
    );
    let connect_retry = numbers.optional(
        &path("connectRetrySeconds"),
        written.connect_retry_seconds,
        &bounds::CONNECT_RETRY,
    );
    let idle_hold_time_after_reset = numbers.optional(
        &path("idleHoldTimeAfterResetSeconds"),
        written.idle_hold_time_after_reset_seconds,
        &bounds::IDLE_HOLD_TIME,
    );
    let peer = Peer {
        address: address?,
        port: port?,
        asn: asn?,
        multihop_ttl: ttl?,
        ttl_security: written.ttl_security_enabled.unwrap_or(false),
        graceful_restart: written.graceful_restart_enabled.unwrap_or(true),
        graceful_restart_time: graceful_restart_time?,
        hold_time: hold_time?,
        keepalive_interval: keepalive_interval?,
        connect_retry: connect_retry?,
        idle_hold_time_after_reset: idle_hold_time_after_reset?,
    };
    match peer.keepalive_interval {
        Some(interval) if interval >= peer.hold_time => {
            let message = format!(
                "the session would expire between two KEEPALIVEs; write less than the hold time \
                 of {} s, a third of it at best",
                peer.hold_time
            );
            let field = path("keepaliveIntervalSeconds");
            found.add(Scope::Element, field, interval.to_string(), message);
            None
        }
        _ => Some(peer),
    }
}

/// The canonical form of a peer's address, or why it can be none.
///
/// # Errors
///
/// What is wrong with the text, in words for its author.
pub fn peer_address(text: &str) -> Result<IpAddr, &'static str> {
    if text.is_empty() {
        return Err("write the IP address of the peer");
    }
    // `fe80::1%eth0` does not parse: say what it is rather than that it is no address.
    let (text, zone) = text
        .split_once('%')
        .map_or((text, None), |(a, zone)| (a, Some(zone)));
    let not_an_address = "not an IPv4 or IPv6 address; names are not resolved";
    let address: IpAddr = text.parse().map_err(|_| not_an_address)?;
    let address = address.to_canonical();
    // 169.254.0.0/16 is not refused: clouds peer over it, and with one such link it is unambiguous.
    if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        return Err("a link-local address is ambiguous without an interface; write a global one");
    }
    if zone.is_some() {
        return Err(not_an_address);
    }
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err("not the address of one peer; write a unicast address");
    }
    Ok(address)
}

#[derive(Default)]
struct Findings {
    issues: Vec<Issue>,
}

impl Findings {
    fn add(
        &mut self,
        scope: Scope,
        field: String,
        value: impl Into<String>,
        message: impl Into<String>,
    ) {
        let (value, message) = (value.into(), message.into());
        self.issues.push(Issue {
            field,
            value,
            message,
            scope,
        });
    }

    fn no_effect(&mut self, field: &str) {
        let message = "reserved for a later version; it has no effect yet";
        self.add(Scope::Notice, field.to_owned(), "", message);
    }

    /// Numbers whose being out of range disables the policy.
    fn policy(&mut self) -> Numbers<'_> {
        Numbers {
            found: self,
            scope: Scope::Policy,
        }
    }
}

struct Numbers<'a> {
    found: &'a mut Findings,
    scope: Scope,
}

impl Numbers<'_> {
    /// The number, or its default; `None` if it is out of range or missing without a default.
    fn number<T: TryFrom<i64>>(
        &mut self,
        field: &str,
        value: Option<i64>,
        bounds: &Bounds,
    ) -> Option<T> {
        let Some(value) = value.or(bounds.default) else {
            let message = format!(
                "missing; write a number from {} to {}",
                bounds.min, bounds.max
            );
            self.found.add(self.scope, field.to_owned(), "", message);
            return None;
        };
        let in_range = (bounds.min..=bounds.max).contains(&value);
        let number = T::try_from(value).ok().filter(|_| in_range);
        if number.is_none() {
            let message = format!(
                "out of range; write a number from {} to {}",
                bounds.min, bounds.max
            );
            self.found
                .add(self.scope, field.to_owned(), value.to_string(), message);
        }
        number
    }

    /// The number if there is one; the outer `None` if it is out of range.
    fn optional<T: TryFrom<i64>>(
        &mut self,
        field: &str,
        value: Option<i64>,
        bounds: &Bounds,
    ) -> Option<Option<T>> {
        match value {
            Some(_) => self.number(field, value, bounds).map(Some),
            None => Some(None),
        }
    }
}
