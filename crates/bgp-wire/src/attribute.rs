//! Path attributes that own their values, for building.

use crate::{
    AsPath, Asn, AttributeFlags, AttributeType, Community, ExtendedCommunity,
    Ipv6ExtendedCommunity, LargeCommunity,
};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::net::Ipv4Addr;

/// ORIGIN (RFC 4271 section 5.1.1): how the route came into BGP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Origin {
    /// From the interior of the originating AS: 0.
    #[default]
    Igp,
    /// From EGP: 1.
    Egp,
    /// By other means: 2.
    Incomplete,
}

impl Origin {
    pub(crate) const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            0 => Some(Self::Igp),
            1 => Some(Self::Egp),
            2 => Some(Self::Incomplete),
            _ => None,
        }
    }

    pub(crate) const fn octet(self) -> u8 {
        match self {
            Self::Igp => 0,
            Self::Egp => 1,
            Self::Incomplete => 2,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Igp => "IGP",
            Self::Egp => "EGP",
            Self::Incomplete => "incomplete",
        })
    }
}

/// AGGREGATOR and AS4_AGGREGATOR (RFC 4271 section 5.1.7, RFC 6793): who formed an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Aggregator {
    /// The AS.
    pub asn: Asn,
    /// The BGP identifier.
    pub address: Ipv4Addr,
}

/// A path attribute with its value. Written with the flags that its RFC prescribes;
/// [`Attribute::Unknown`] keeps its own.
///
/// MP_REACH_NLRI and MP_UNREACH_NLRI are not among them: they are how an UPDATE carries prefixes,
/// not a property of a route. See [`Update::announce`](crate::Update::announce) and
/// [`UpdatePacker`](crate::UpdatePacker).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attribute {
    /// ORIGIN (RFC 4271 section 5.1.1): type 1, one octet.
    Origin(Origin),
    /// AS_PATH (RFC 4271 section 5.1.2): type 2.
    ///
    /// ```text
    /// | segment type (1) | number of members (1) | members (2 or 4 each) | next segment …
    /// ```
    AsPath(AsPath),
    /// NEXT_HOP (RFC 4271 section 5.1.3): type 3, four octets. Of the IPv4 unicast prefixes in the
    /// NLRI field.
    NextHop(Ipv4Addr),
    /// MULTI_EXIT_DISC (RFC 4271 section 5.1.4): type 4, four octets; lower is better.
    MultiExitDisc(u32),
    /// LOCAL_PREF (RFC 4271 section 5.1.5): type 5, four octets; higher is better. Never to eBGP
    /// peers.
    LocalPref(u32),
    /// ATOMIC_AGGREGATE (RFC 4271 section 5.1.6): type 6, no value.
    AtomicAggregate,
    /// AGGREGATOR (RFC 4271 section 5.1.7): type 7, six or eight octets.
    Aggregator(Aggregator),
    /// COMMUNITIES (RFC 1997): type 8, four octets each.
    Communities(Vec<Community>),
    /// ORIGINATOR_ID (RFC 4456): type 9, four octets. Within an AS only.
    OriginatorId(Ipv4Addr),
    /// CLUSTER_LIST (RFC 4456): type 10, four octets each. Within an AS only.
    ClusterList(Vec<Ipv4Addr>),
    /// EXTENDED COMMUNITIES (RFC 4360): type 16, eight octets each.
    ExtendedCommunities(Vec<ExtendedCommunity>),
    /// AS4_PATH (RFC 6793): type 17. Written by [`encode_attributes`](crate::encode_attributes) itself where it is needed.
    As4Path(AsPath),
    /// AS4_AGGREGATOR (RFC 6793): type 18, eight octets. Written by
    /// [`encode_attributes`](crate::encode_attributes) itself where it is needed.
    As4Aggregator(Aggregator),
    /// IPv6 Address Specific Extended Community (RFC 5701): type 25, twenty octets each.
    Ipv6ExtendedCommunities(Vec<Ipv6ExtendedCommunity>),
    /// AIGP (RFC 7311): type 26, the accumulated metric in one TLV of eleven octets.
    Aigp(u64),
    /// LARGE_COMMUNITY (RFC 8092): type 32, twelve octets each.
    LargeCommunities(Vec<LargeCommunity>),
    /// OTC, Only to Customer (RFC 9234): type 35, four octets: the AS that sent the route down or
    /// sideways first.
    OnlyToCustomer(Asn),
    /// Any other attribute, bit for bit. The Extended Length flag is set anew from the value's
    /// length where it must be.
    Unknown {
        /// The flags, all eight bits.
        flags: AttributeFlags,
        /// The type code.
        kind: AttributeType,
        /// The value: at most 65535 octets.
        value: Bytes,
    },
}

impl Attribute {
    /// The type code.
    #[must_use]
    pub const fn kind(&self) -> AttributeType {
        match self {
            Self::Origin(_) => AttributeType::ORIGIN,
            Self::AsPath(_) => AttributeType::AS_PATH,
            Self::NextHop(_) => AttributeType::NEXT_HOP,
            Self::MultiExitDisc(_) => AttributeType::MULTI_EXIT_DISC,
            Self::LocalPref(_) => AttributeType::LOCAL_PREF,
            Self::AtomicAggregate => AttributeType::ATOMIC_AGGREGATE,
            Self::Aggregator(_) => AttributeType::AGGREGATOR,
            Self::Communities(_) => AttributeType::COMMUNITIES,
            Self::OriginatorId(_) => AttributeType::ORIGINATOR_ID,
            Self::ClusterList(_) => AttributeType::CLUSTER_LIST,
            Self::ExtendedCommunities(_) => AttributeType::EXTENDED_COMMUNITIES,
            Self::As4Path(_) => AttributeType::AS4_PATH,
            Self::As4Aggregator(_) => AttributeType::AS4_AGGREGATOR,
            Self::Ipv6ExtendedCommunities(_) => AttributeType::IPV6_EXTENDED_COMMUNITIES,
            Self::Aigp(_) => AttributeType::AIGP,
            Self::LargeCommunities(_) => AttributeType::LARGE_COMMUNITY,
            Self::OnlyToCustomer(_) => AttributeType::ONLY_TO_CUSTOMER,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// The flags that the attribute is written with.
    #[must_use]
    pub fn flags(&self) -> AttributeFlags {
        match self {
            Self::Unknown { flags, .. } => *flags,
            known => known
                .kind()
                .category()
                .unwrap_or(AttributeFlags::OPTIONAL_TRANSITIVE),
        }
    }
}

/// The TLV of AIGP that holds the metric (RFC 7311 section 3).
pub(crate) const AIGP_TLV: u8 = 1;

impl Aggregator {
    /// Reads six or eight octets.
    pub(crate) fn from_octets(value: &[u8]) -> Option<Self> {
        let (asn, address) = match *value {
            [a, b, c, d, e, f] => (Asn(u32::from(u16::from_be_bytes([a, b]))), [c, d, e, f]),
            [a, b, c, d, e, f, g, h] => (Asn(u32::from_be_bytes([a, b, c, d])), [e, f, g, h]),
            _ => return None,
        };
        Some(Self {
            asn,
            address: address.into(),
        })
    }
}
