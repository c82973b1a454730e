//! What a router is told.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The configuration of a router.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// Its own AS; inside a confederation its member AS.
    pub asn: u32,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// Whom it peers with. Each session carries the family of its address.
    pub neighbors: Vec<Neighbor>,
    /// Prefixes that it announces. BIRD only: the others are here to receive.
    pub originate: Vec<IpNet>,
    /// Whether it offers graceful restart (RFC 4724). ExaBGP only: the others always do.
    pub graceful_restart: bool,
    /// Whether it keeps routes after a NOTIFICATION too (RFC 8538). FRR and GoBGP only.
    pub graceful_notification: bool,
    /// The confederation that it is in (RFC 5065), for routers that have confederations.
    pub confederation: Option<Confederation>,
}

impl RouterConfig {
    /// A router that announces nothing and is in no confederation.
    pub fn new(
        asn: u32,
        router_id: Ipv4Addr,
        neighbors: impl IntoIterator<Item = Neighbor>,
    ) -> Self {
        Self {
            asn,
            router_id,
            neighbors: neighbors.into_iter().collect(),
            originate: Vec::new(),
            graceful_restart: true,
            graceful_notification: false,
            confederation: None,
        }
    }
}

/// A confederation, as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confederation {
    /// The AS that strangers see.
    pub identifier: u32,
    /// The AS numbers of the other members.
    pub members: Vec<u32>,
}

/// One session of a router.
#[derive(Debug, Clone)]
pub struct Neighbor {
    /// The router's own address.
    pub local: IpAddr,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The neighbour's AS.
    pub asn: u32,
    /// Signs the session's segments (RFC 2385).
    pub password: Option<String>,
    /// Whether packets are sent with a TTL of 255, and no others accepted (RFC 5082).
    pub ttl_security: bool,
}

impl Neighbor {
    /// A session without a password or TTL security.
    #[must_use]
    pub fn new(local: IpAddr, address: IpAddr, asn: u32) -> Self {
        Self {
            local,
            address,
            asn,
            password: None,
            ttl_security: false,
        }
    }

    /// The family of the session.
    pub(super) fn family(&self) -> &'static str {
        family(self.address)
    }
}

/// The word that most routers have for the family of an address.
pub(super) fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}
