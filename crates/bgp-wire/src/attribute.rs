//! Path attributes that own their values, for building.

use crate::{
    AsPath, AsWidth, Asn, AttributeFlags, AttributeType, Community, EncodeError, ExtendedCommunity,
    Ipv6ExtendedCommunity, LargeCommunity,
};
use alloc::vec::Vec;
use bytes::{BufMut, Bytes};
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

    const fn octet(self) -> u8 {
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
    /// AS4_PATH (RFC 6793): type 17. Written by [`encode_attributes`] itself where it is needed.
    As4Path(AsPath),
    /// AS4_AGGREGATOR (RFC 6793): type 18, eight octets. Written by [`encode_attributes`] itself
    /// where it is needed.
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

    /// Octets of the whole attribute: flags, type, length and value.
    #[must_use]
    pub fn encoded_len(&self, as_width: AsWidth) -> usize {
        let len = self.value_len(as_width);
        let extended = len > 255 || self.flags().is_extended_length();
        len + if extended { 4 } else { 3 }
    }

    /// Writes the whole attribute.
    ///
    /// # Errors
    /// A value of more than 65535 octets, an AS path segment of more than 255 members, or a buffer
    /// without room; nothing is written then.
    pub fn encode(&self, as_width: AsWidth, out: &mut impl BufMut) -> Result<(), EncodeError> {
        if let Self::AsPath(path) | Self::As4Path(path) = self {
            path.check()?;
        }
        let len = self.value_len(as_width);
        if len > usize::from(u16::MAX) {
            return Err(EncodeError::AttributeTooLong { len });
        }
        let (needed, available) = (self.encoded_len(as_width), out.remaining_mut());
        if available < needed {
            return Err(EncodeError::BufferTooSmall { needed, available });
        }
        put_attribute_header(self.flags(), self.kind(), len, out);
        self.put_value(as_width, out);
        Ok(())
    }

    fn value_len(&self, as_width: AsWidth) -> usize {
        match self {
            Self::Origin(_) => 1,
            Self::AsPath(path) => path.value_len(as_width),
            Self::NextHop(_)
            | Self::MultiExitDisc(_)
            | Self::LocalPref(_)
            | Self::OriginatorId(_)
            | Self::OnlyToCustomer(_) => 4,
            Self::AtomicAggregate => 0,
            Self::Aggregator(_) => as_width.octets() + 4,
            Self::Communities(list) => 4 * list.len(),
            Self::ClusterList(list) => 4 * list.len(),
            Self::ExtendedCommunities(list) => 8 * list.len(),
            Self::As4Path(path) => path.value_len(AsWidth::Four),
            Self::As4Aggregator(_) => 8,
            Self::Ipv6ExtendedCommunities(list) => 20 * list.len(),
            Self::Aigp(_) => 11,
            Self::LargeCommunities(list) => 12 * list.len(),
            Self::Unknown { value, .. } => value.len(),
        }
    }

    fn put_value(&self, as_width: AsWidth, out: &mut impl BufMut) {
        match self {
            Self::Origin(origin) => out.put_u8(origin.octet()),
            Self::AsPath(path) => path.put(as_width, out),
            Self::NextHop(address) | Self::OriginatorId(address) => {
                out.put_slice(&address.octets());
            }
            Self::MultiExitDisc(value) | Self::LocalPref(value) => out.put_u32(*value),
            Self::AtomicAggregate => {}
            Self::Aggregator(aggregator) => aggregator.put(as_width, out),
            Self::Communities(list) => list.iter().for_each(|c| out.put_u32(c.0)),
            Self::ClusterList(list) => list.iter().for_each(|c| out.put_slice(&c.octets())),
            Self::ExtendedCommunities(list) => list.iter().for_each(|c| out.put_slice(&c.0)),
            Self::As4Path(path) => path.put(AsWidth::Four, out),
            Self::As4Aggregator(aggregator) => aggregator.put(AsWidth::Four, out),
            Self::Ipv6ExtendedCommunities(list) => list.iter().for_each(|c| out.put_slice(&c.0)),
            Self::Aigp(metric) => {
                out.put_slice(&[AIGP_TLV, 0, 11]);
                out.put_u64(*metric);
            }
            Self::LargeCommunities(list) => {
                for LargeCommunity {
                    global,
                    local_1,
                    local_2,
                } in list
                {
                    out.put_u32(*global);
                    out.put_u32(*local_1);
                    out.put_u32(*local_2);
                }
            }
            Self::OnlyToCustomer(asn) => out.put_u32(asn.0),
            Self::Unknown { value, .. } => out.put_slice(value),
        }
    }
}

/// The TLV of AIGP that holds the metric (RFC 7311 section 3).
pub(crate) const AIGP_TLV: u8 = 1;

impl Aggregator {
    fn put(&self, as_width: AsWidth, out: &mut impl BufMut) {
        match as_width {
            AsWidth::Two => out.put_u16(self.asn.to_two_octets()),
            AsWidth::Four => out.put_u32(self.asn.0),
        }
        out.put_slice(&self.address.octets());
    }

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

/// Writes flags, type and length of an attribute whose value has `len` octets, at most 65535.
#[inline]
pub(crate) fn put_attribute_header(
    flags: AttributeFlags,
    kind: AttributeType,
    len: usize,
    out: &mut impl BufMut,
) {
    if len > 255 || flags.is_extended_length() {
        let [high, low] = (len as u16).to_be_bytes();
        out.put_slice(&[flags.0 | AttributeFlags::EXTENDED_LENGTH, kind.0, high, low]);
    } else {
        out.put_slice(&[flags.0, kind.0, len as u8]);
    }
}

/// Writes attributes in the order given (RFC 4271 section 5 asks for ascending types), and where AS
/// numbers have two octets but one needs four, AS4_PATH and AS4_AGGREGATOR too (RFC 6793 section
/// 4.2.2). The block for [`UpdatePacker::reach`].
///
/// ```
/// use bgp_wire::{AsPath, AsWidth, Asn, Attribute, Origin, encode_attributes};
/// let mut block = Vec::new();
/// let attributes = [Attribute::Origin(Origin::Igp), Attribute::AsPath(AsPath::sequence([Asn(64512)]))];
/// encode_attributes(&attributes, AsWidth::Four, &mut block)?;
/// assert_eq!(block, [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfc, 0]);
/// # Ok::<(), bgp_wire::EncodeError>(())
/// ```
///
/// # Errors
/// Those of [`Attribute::encode`]. What was written before stays in `out`.
///
/// [`UpdatePacker::reach`]: crate::UpdatePacker::reach
pub fn encode_attributes(
    attributes: &[Attribute],
    as_width: AsWidth,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let [mut path, mut aggregator] = match as_width {
        AsWidth::Two => four_octet_companions(attributes),
        AsWidth::Four => [None, None],
    };
    for attribute in attributes {
        for companion in [&mut path, &mut aggregator] {
            if let Some(due) = companion.take_if(|c| c.kind() < attribute.kind()) {
                due.encode(as_width, out)?;
            }
        }
        attribute.encode(as_width, out)?;
    }
    path.iter()
        .chain(&aggregator)
        .try_for_each(|companion| companion.encode(as_width, out))
}

/// AS4_PATH and AS4_AGGREGATOR, where needed and not among the attributes already.
pub(crate) fn four_octet_companions(attributes: &[Attribute]) -> [Option<Attribute>; 2] {
    let given = |kind| attributes.iter().any(|a| a.kind() == kind);
    let path = attributes.iter().find_map(|a| match a {
        Attribute::AsPath(path) => path.as4_path(),
        _ => None,
    });
    let aggregator = attributes.iter().find_map(|a| match a {
        Attribute::Aggregator(it) if !it.asn.is_two_octets() => Some(*it),
        _ => None,
    });
    [
        path.filter(|_| !given(AttributeType::AS4_PATH))
            .map(Attribute::As4Path),
        aggregator
            .filter(|_| !given(AttributeType::AS4_AGGREGATOR))
            .map(Attribute::As4Aggregator),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn block(attributes: &[Attribute], width: AsWidth) -> Vec<u8> {
        let mut out = Vec::new();
        encode_attributes(attributes, width, &mut out).unwrap();
        out
    }

    #[test]
    fn a_wide_as_brings_its_companions_to_an_old_peer() {
        let attributes = [
            Attribute::AsPath(AsPath::sequence([70000, 2].map(Asn))),
            Attribute::Aggregator(Aggregator {
                asn: Asn(70000),
                address: [1, 2, 3, 4].into(),
            }),
            Attribute::LargeCommunities(vec![LargeCommunity {
                global: 1,
                local_1: 2,
                local_2: 3,
            }]),
        ];
        let old = block(&attributes, AsWidth::Two);
        let expected: Vec<u8> = [
            &[0x40, 2, 6, 2, 2, 0x5b, 0xa0, 0, 2][..],
            &[0xc0, 7, 6, 0x5b, 0xa0, 1, 2, 3, 4],
            &[0xc0, 17, 10, 2, 2, 0, 1, 0x11, 0x70, 0, 0, 0, 2],
            &[0xc0, 18, 8, 0, 1, 0x11, 0x70, 1, 2, 3, 4],
            &[0xc0, 32, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
        ]
        .concat();
        assert_eq!(old, expected);
        assert!(
            !block(&attributes, AsWidth::Four)
                .windows(2)
                .any(|w| w == [0xc0, 17])
        );
    }

    #[test]
    fn a_value_of_256_octets_has_an_extended_length() {
        let communities = Attribute::Communities(vec![Community(1); 64]);
        let out = block(core::slice::from_ref(&communities), AsWidth::Four);
        assert_eq!(out[..4], [0xd0, 8, 1, 0]);
        assert_eq!(out.len(), communities.encoded_len(AsWidth::Four));
    }

    #[test]
    fn flags_of_an_unknown_attribute_are_kept() {
        let unknown = Attribute::Unknown {
            flags: AttributeFlags(0xff),
            kind: AttributeType(99),
            value: Bytes::from_static(b"x"),
        };
        assert_eq!(block(&[unknown], AsWidth::Four), [0xff, 99, 0, 1, b'x']);
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut long = AsPath::sequence((1..=255).map(Asn));
        long.segments[0].members.push(Asn(1));
        let result = Attribute::AsPath(long).encode(AsWidth::Four, &mut Vec::new());
        assert_eq!(
            result,
            Err(EncodeError::TooManyMembers {
                count: 256,
                max: 255
            })
        );
        let result = Attribute::Communities(vec![Community(1); 16384])
            .encode(AsWidth::Four, &mut Vec::new());
        assert_eq!(result, Err(EncodeError::AttributeTooLong { len: 65536 }));
    }
}
