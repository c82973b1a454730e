//! Writing path attributes.

use crate::attribute::AIGP_TLV;
use crate::{
    Aggregator, AsPath, AsWidth, Attribute, AttributeFlags, AttributeType, EncodeError,
    LargeCommunity,
};
use bytes::BufMut;

impl Attribute {
    /// Octets of the whole attribute: flags, type, length and value.
    #[must_use]
    pub fn encoded_len(&self, as_width: AsWidth) -> usize {
        let len = self.value_len(as_width);
        head_len(self.flags(), len) + len
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
            Self::Aigp(_) => AIGP_LEN,
            Self::LargeCommunities(list) => 12 * list.len(),
            Self::Unknown { value, .. } => value.len(),
        }
    }

    /// Writes the whole attribute.
    ///
    /// # Errors
    /// A value of more than 65535 octets, an AS path segment of more than 255 members, or a buffer
    /// without room; nothing is written then.
    #[inline]
    pub fn encode(&self, as_width: AsWidth, out: &mut impl BufMut) -> Result<(), EncodeError> {
        let kind = self.kind();
        match self {
            Self::Origin(origin) => put_short(kind, [origin.octet()], out),
            Self::AsPath(path) => put_path(kind, path, as_width, out),
            Self::NextHop(address) | Self::OriginatorId(address) => {
                put_short(kind, address.octets(), out)
            }
            Self::MultiExitDisc(value) | Self::LocalPref(value) => {
                put_short(kind, value.to_be_bytes(), out)
            }
            Self::AtomicAggregate => put_short(kind, [], out),
            Self::Aggregator(it) => put_aggregator(kind, it, as_width, out),
            Self::Communities(list) => put_list(kind, list, |it| it.0.to_be_bytes(), out),
            Self::ClusterList(list) => put_list(kind, list, |it| it.octets(), out),
            Self::ExtendedCommunities(list) => put_list(kind, list, |it| it.0, out),
            Self::As4Path(path) => put_path(kind, path, AsWidth::Four, out),
            Self::As4Aggregator(it) => put_aggregator(kind, it, AsWidth::Four, out),
            Self::Ipv6ExtendedCommunities(list) => put_list(kind, list, |it| it.0, out),
            Self::Aigp(metric) => {
                let [a, b, c, d, e, f, g, h] = metric.to_be_bytes();
                let tlv = [AIGP_TLV, 0, AIGP_LEN as u8, a, b, c, d, e, f, g, h];
                put_short(kind, tlv, out)
            }
            Self::LargeCommunities(list) => put_list(kind, list, large_octets, out),
            Self::OnlyToCustomer(asn) => put_short(kind, asn.0.to_be_bytes(), out),
            Self::Unknown { flags, value, .. } => {
                put_head(*flags, kind, value.len(), out)?;
                out.put_slice(value);
                Ok(())
            }
        }
    }
}

/// Octets of AIGP's TLV.
const AIGP_LEN: usize = 11;

fn large_octets(community: &LargeCommunity) -> [u8; 12] {
    let mut octets = [0; 12];
    let parts = [community.global, community.local_1, community.local_2];
    for (to, part) in octets.as_chunks_mut().0.iter_mut().zip(parts) {
        *to = part.to_be_bytes();
    }
    octets
}

/// The flags that a known type is written with.
#[inline(always)]
fn flags_of(kind: AttributeType) -> AttributeFlags {
    kind.category()
        .unwrap_or(AttributeFlags::OPTIONAL_TRANSITIVE)
}

/// Writes an attribute of a known type whose value has `N` octets, at most [`AIGP_LEN`], all at once.
#[inline(always)]
fn put_short<const N: usize>(
    kind: AttributeType,
    value: [u8; N],
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    has_room(3 + N, out)?;
    let mut octets = [0; 3 + AIGP_LEN];
    octets[..3].copy_from_slice(&[flags_of(kind).0, kind.0, N as u8]);
    octets[3..3 + N].copy_from_slice(&value);
    out.put_slice(&octets[..3 + N]);
    Ok(())
}

#[inline]
fn put_aggregator(
    kind: AttributeType,
    it: &Aggregator,
    as_width: AsWidth,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let [a, b, c, d] = it.address.octets();
    match as_width {
        AsWidth::Two => {
            let [high, low] = it.asn.to_two_octets().to_be_bytes();
            put_short(kind, [high, low, a, b, c, d], out)
        }
        AsWidth::Four => {
            let [w, x, y, z] = it.asn.0.to_be_bytes();
            put_short(kind, [w, x, y, z, a, b, c, d], out)
        }
    }
}

#[inline]
fn put_path(
    kind: AttributeType,
    path: &AsPath,
    as_width: AsWidth,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    path.check()?;
    put_head(flags_of(kind), kind, path.value_len(as_width), out)?;
    path.put(as_width, out);
    Ok(())
}

#[inline]
fn put_list<T, const N: usize>(
    kind: AttributeType,
    list: &[T],
    octets: impl Fn(&T) -> [u8; N],
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    put_head(flags_of(kind), kind, N * list.len(), out)?;
    put_each(list, octets, out);
    Ok(())
}

/// Writes what `octets` makes of each item. Some at a time: a buffer looks for room each time that
/// something is written.
#[inline]
pub(crate) fn put_each<T, const N: usize>(
    list: &[T],
    octets: impl Fn(&T) -> [u8; N],
    out: &mut impl BufMut,
) {
    const AT_ONCE: usize = 8;
    let mut buffer = [[0; N]; AT_ONCE];
    for some in list.chunks(AT_ONCE) {
        for (to, item) in buffer.iter_mut().zip(some) {
            *to = octets(item);
        }
        out.put_slice(buffer[..some.len()].as_flattened());
    }
}

/// Octets of flags, type and length.
#[inline]
const fn head_len(flags: AttributeFlags, len: usize) -> usize {
    if len > u8::MAX as usize || flags.is_extended_length() {
        4
    } else {
        3
    }
}

/// Writes flags, type and length, if the value fits too.
#[inline]
fn put_head(
    flags: AttributeFlags,
    kind: AttributeType,
    len: usize,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    if len > usize::from(u16::MAX) {
        return Err(EncodeError::AttributeTooLong { len });
    }
    has_room(head_len(flags, len) + len, out)?;
    put_attribute_header(flags, kind, len, out);
    Ok(())
}

#[inline]
fn has_room(needed: usize, out: &impl BufMut) -> Result<(), EncodeError> {
    let available = out.remaining_mut();
    if available < needed {
        return Err(EncodeError::BufferTooSmall { needed, available });
    }
    Ok(())
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
    encode_with(attributes, None, as_width, out)
}

/// [`encode_attributes`] with NEXT_HOP in its place among them.
#[inline]
pub(crate) fn encode_with(
    attributes: &[Attribute],
    next_hop: Option<Attribute>,
    as_width: AsWidth,
    out: &mut impl BufMut,
) -> Result<(), EncodeError> {
    let [path, aggregator] = match as_width {
        AsWidth::Two => four_octet_companions(attributes),
        AsWidth::Four => [None, None],
    };
    let companions = [next_hop, path, aggregator];
    let mut due = companions.iter().flatten().peekable();
    for attribute in attributes {
        while let Some(companion) = due.next_if(|it| it.kind() < attribute.kind()) {
            companion.encode(as_width, out)?;
        }
        attribute.encode(as_width, out)?;
    }
    due.try_for_each(|companion| companion.encode(as_width, out))
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
    use crate::{Asn, Community};
    use alloc::vec;
    use alloc::vec::Vec;
    use bytes::Bytes;

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
