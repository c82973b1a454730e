//! Every rule that can keep an address from being advertised.

use std::fmt;
use std::net::IpAddr;

use antrea_bgp_api::Kind;

use crate::{RouteType, SourceState};

/// An address family of routes and peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// An address that no router may send traffic to a node for. The API server refuses most of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpecialAddress {
    /// 0.0.0.0 or `::`.
    Unspecified,
    /// 127.0.0.0/8 or `::1`.
    Loopback,
    /// 169.254.0.0/16 or fe80::/10.
    LinkLocal,
    /// 224.0.0.0/4 or ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
}

impl SpecialAddress {
    /// What is special about an address, if anything is.
    #[must_use]
    pub const fn of(address: &IpAddr) -> Option<Self> {
        let (link_local, broadcast) = match address {
            IpAddr::V4(v4) => (v4.is_link_local(), v4.is_broadcast()),
            IpAddr::V6(v6) => (v6.is_unicast_link_local(), false),
        };
        if address.is_unspecified() {
            Some(Self::Unspecified)
        } else if address.is_loopback() {
            Some(Self::Loopback)
        } else if link_local {
            Some(Self::LinkLocal)
        } else if address.is_multicast() {
            Some(Self::Multicast)
        } else if broadcast {
            Some(Self::Broadcast)
        } else {
            None
        }
    }
}

impl fmt::Display for SpecialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unspecified => "the unspecified address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
        })
    }
}

/// The first rule that stops an address, in the order in which rules are asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Obstacle {
    /// The Node object of this node has not been seen, or is gone.
    NodeUnknown,
    /// No valid policy selects this node.
    NoEffectivePolicy {
        /// The names of invalid policies that select it, or might if they could be read.
        invalid: Vec<String>,
    },
    /// The effective policy advertises no routes of this origin.
    NotInPolicy {
        /// The policy.
        policy: String,
        /// What it does not advertise.
        origin: Origin,
    },
    /// Objects of the kind are needed and have not been listed yet.
    NotListed {
        /// The kind.
        kind: Kind,
        /// How its source is doing.
        state: SourceState,
    },
    /// There is no such object.
    NoSuchObject,
    /// There is such an object, and it cannot be decoded: what is wrong with it.
    Undecodable(String),
    /// Nothing that the effective policy could advertise has this address.
    NobodysAddress,
    /// The Service is headless: it has endpoints and no address of its own.
    Headless,
    /// The Service is of type ExternalName: it is an alias in DNS.
    ExternalName,
    /// Another proxy looks after the Service (label `service.kubernetes.io/service-proxy-name`).
    ForeignProxy(String),
    /// The Service has no address of any type yet.
    NoAddress,
    /// The load balancer gave host names only, and those cannot be routed.
    HostnameOnlyIngress,
    /// The text in the object is not an IP address.
    InvalidAddress(String),
    /// The address is one that is never advertised.
    SpecialAddress(SpecialAddress),
    /// The effective policy does not name this type of Service address.
    TypeNotSelected {
        /// The policy.
        policy: String,
        /// The type that its `ipTypes` leave out.
        route_type: RouteType,
    },
    /// An ingress address of a Service that is not of type LoadBalancer.
    NotLoadBalancer,
    /// The load balancer proxies: traffic must not go to the nodes for this address
    /// (`ipMode: Proxy`).
    ProxyIpMode,
    /// The node has neither a Pod CIDR nor an InternalIP of the family.
    FamilyNotEnabled(Family),
    /// All else is as it should be, but the effective policy has no peer of the family.
    NoPeer {
        /// The policy.
        policy: String,
        /// The family of the prefix.
        family: Family,
    },
    /// The traffic policy is Local, and this node has no usable endpoint of the family.
    NoLocalEndpoint {
        /// The family of the address, hence of the endpoints that count.
        family: Family,
        /// Ready endpoints of the family on other nodes.
        elsewhere: u32,
    },
    /// The traffic policy is Cluster, no node has a ready endpoint of the family, and the policy
    /// sets `withdrawWhenNoEndpoints`.
    NoReadyEndpoint(Family),
    /// The Egress is on another node.
    EgressElsewhere(String),
    /// The Egress has no node yet.
    EgressUnassigned,
    /// The Egress has no address yet.
    EgressWithoutAddress,
}

/// Where routes come from, as a policy's `advertisements` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Addresses of Services.
    Service,
    /// Pod CIDRs of the node.
    Pod,
    /// Addresses of Egresses.
    Egress,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Origin::Service => "Service addresses",
            Origin::Pod => "Pod CIDRs",
            Origin::Egress => "Egress addresses",
        })
    }
}

/// How many invalid policies are named.
const NAMED: usize = 3;

/// The invalid policies, as far as there are any: a few by name.
fn left_out(invalid: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if invalid.is_empty() {
        return Ok(());
    }
    let named = &invalid[..invalid.len().min(NAMED)];
    write!(f, " (left out as invalid: {}", named.join(", "))?;
    match invalid.len() - named.len() {
        0 => f.write_str(")"),
        more => write!(f, " and {more} more)"),
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::NodeUnknown => f.write_str("the Node object of this node is not known"),
            Obstacle::NoEffectivePolicy { invalid } => {
                f.write_str("no valid BGPPolicy selects this node")?;
                left_out(invalid, f)
            }
            Obstacle::NotInPolicy { policy, origin } => {
                write!(f, "BGPPolicy {policy} does not advertise {origin}")
            }
            Obstacle::NotListed { kind, state } => {
                write!(
                    f,
                    "objects of kind {kind} have not been listed yet (source: {state})"
                )
            }
            Obstacle::NoSuchObject => f.write_str("there is no such object"),
            Obstacle::Undecodable(why) => write!(f, "the object {why}"),
            Obstacle::NobodysAddress => {
                f.write_str("no Service, Egress or Pod CIDR that is known has it")
            }
            Obstacle::Headless => f.write_str("the Service is headless"),
            Obstacle::ExternalName => f.write_str("the Service is of type ExternalName"),
            Obstacle::ForeignProxy(name) => {
                write!(f, "the Service belongs to another proxy, {name:?}")
            }
            Obstacle::NoAddress => f.write_str("the Service has no address"),
            Obstacle::HostnameOnlyIngress => {
                f.write_str("the load balancer gave host names and no address")
            }
            Obstacle::InvalidAddress(text) => write!(f, "{text:?} is not an IP address"),
            Obstacle::SpecialAddress(special) => {
                write!(f, "it is {special}, which is never advertised")
            }
            Obstacle::TypeNotSelected { policy, route_type } => {
                write!(
                    f,
                    "BGPPolicy {policy} does not select the type {route_type}"
                )
            }
            Obstacle::NotLoadBalancer => f.write_str("the Service is not of type LoadBalancer"),
            Obstacle::ProxyIpMode => {
                f.write_str("the load balancer proxies this address (ipMode: Proxy)")
            }
            Obstacle::FamilyNotEnabled(family) => {
                write!(
                    f,
                    "the node has no {family} Pod CIDR and no {family} InternalIP"
                )
            }
            Obstacle::NoPeer { policy, family } => {
                write!(f, "BGPPolicy {policy} has no {family} peer to tell of it")
            }
            Obstacle::NoLocalEndpoint { family, elsewhere } => {
                write!(
                    f,
                    "the traffic policy is Local and this node has no usable {family} endpoint \
                     ({elsewhere} ready elsewhere)"
                )
            }
            Obstacle::NoReadyEndpoint(family) => {
                write!(
                    f,
                    "no node has a ready {family} endpoint, and the policy sets \
                     withdrawWhenNoEndpoints"
                )
            }
            Obstacle::EgressElsewhere(node) => write!(f, "the Egress is on node {node}"),
            Obstacle::EgressUnassigned => f.write_str("the Egress is not assigned to a node"),
            Obstacle::EgressWithoutAddress => f.write_str("the Egress has no address"),
        }
    }
}
