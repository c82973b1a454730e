//! Packing many prefixes into few UPDATEs.

use crate::attribute_encode::{encode_with, put_attribute_header};
use crate::header::header;
use crate::{
    Afi, AsWidth, Attribute, AttributeFlags, AttributeType, EncodeError, Family, HEADER_LEN,
    MessageType, NextHop,
};
use alloc::vec::Vec;
use bytes::BufMut;
use ipnet::IpNet;

/// Packs many prefixes with one set of attributes, or many withdrawals, into few UPDATEs.
///
/// IPv4 unicast with an IPv4 next hop goes into the NLRI field, with its withdrawals into Withdrawn
/// Routes; everything else into MP_REACH_NLRI and MP_UNREACH_NLRI, which stand first among the
/// attributes (RFC 7606 section 5.1).
///
/// ```
/// use bgp_wire::{Family, MAX_MESSAGE, UpdatePacker};
/// let mut out = Vec::new();
/// let mut packer = UpdatePacker::unreach(Family::IPV4_UNICAST, MAX_MESSAGE)?;
/// packer.push(&mut out, "10.0.0.0/8".parse()?);
/// packer.push(&mut out, "192.0.2.1/32".parse()?);
/// packer.finish(&mut out);
/// assert_eq!(out[19..], [0, 7, 8, 10, 32, 192, 0, 2, 1, 0, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpdatePacker {
    family: Family,
    /// Whether prefixes are of IPv4.
    v4: bool,
    /// What stands before the prefixes of each message, its lengths still open, and what stands
    /// behind them.
    fixed: Vec<u8>,
    /// Octets of `fixed` that stand before the prefixes.
    head: usize,
    lengths: Lengths,
    /// Prefixes of one message: from `start` up to `limit` of `out`. A prefix that would end behind
    /// `limit` starts the next.
    start: usize,
    limit: usize,
    /// Octets of prefixes that one message has room for.
    room: usize,
    /// A message is under way.
    open: bool,
}

/// Which length fields enclose the prefixes, beside the header's. Offsets from the message's start.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    /// None: the NLRI field.
    Nlri,
    /// Withdrawn Routes Length, followed by an empty attribute list.
    Withdrawn,
    /// Total Path Attribute Length, and the attribute's own.
    Multiprotocol,
}

/// Offset of Withdrawn Routes Length.
const WITHDRAWN_LEN: usize = HEADER_LEN;
/// Offset of Total Path Attribute Length where nothing is withdrawn.
const ATTRIBUTES_LEN: usize = HEADER_LEN + 2;
/// Offset of the first attribute where nothing is withdrawn.
const ATTRIBUTES: usize = HEADER_LEN + 4;
/// Octets of flags, type and extended length.
const EXTENDED_HEADER: usize = 4;
/// Octets of a path identifier.
const PATH_ID: usize = 4;
/// Octets of the longest IPv6 prefix, and IPv4 prefix, with their length octet.
const MAX_PREFIX_V6: usize = 17;
const MAX_PREFIX_V4: usize = 5;

impl UpdatePacker {
    /// Packs prefixes of `family` that are reachable by `next_hop`.
    ///
    /// `attributes` is a block of [`encode_attributes`](crate::encode_attributes) without NEXT_HOP
    /// and MP_REACH_NLRI; it is not looked at beyond the types and lengths. `max_message` is the
    /// session's limit.
    ///
    /// # Errors
    /// [`EncodeError::NextHop`] for an IPv4 next hop of an IPv6 family;
    /// [`EncodeError::MessageTooLong`] where the attributes leave no room for a prefix;
    /// [`EncodeError::PrefixFamily`] for a family whose NLRI are not plain prefixes.
    pub fn reach(
        family: Family,
        next_hop: NextHop,
        attributes: &[u8],
        max_message: u16,
    ) -> Result<Self, EncodeError> {
        let mut fixed = start(attributes.len());
        if let (Family::IPV4_UNICAST, NextHop::V4(address)) = (family, next_hop) {
            let (before, after) = attributes.split_at(next_hop_position(attributes));
            fixed.extend_from_slice(before);
            Attribute::NextHop(address).encode(AsWidth::Four, &mut fixed)?;
            fixed.extend_from_slice(after);
            return Self::nlri(fixed, max_message);
        }
        let head = put_reach_head(family, next_hop, &mut fixed)?;
        fixed.extend_from_slice(attributes);
        Self::new(family, fixed, head, Lengths::Multiprotocol, max_message)
    }

    /// [`UpdatePacker::reach`] with attributes that are not encoded yet, NEXT_HOP not among them.
    ///
    /// ```
    /// use bgp_wire::{Asn, AsPath, AsWidth, Attribute, Family, MAX_MESSAGE, NextHop, Origin, UpdatePacker};
    /// let attributes = [Attribute::Origin(Origin::Igp), Attribute::AsPath(AsPath::sequence([Asn(64512)]))];
    /// let next_hop = NextHop::V4([192, 0, 2, 1].into());
    /// let mut packer =
    ///     UpdatePacker::reach_with(Family::IPV4_UNICAST, next_hop, &attributes, AsWidth::Four, MAX_MESSAGE)?;
    /// let mut out = Vec::new();
    /// packer.push(&mut out, "10.0.0.0/8".parse()?);
    /// packer.finish(&mut out);
    /// assert_eq!(out.len(), 45);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`UpdatePacker::reach`] and of [`Attribute::encode`].
    #[inline]
    pub fn reach_with(
        family: Family,
        next_hop: NextHop,
        attributes: &[Attribute],
        as_width: AsWidth,
        max_message: u16,
    ) -> Result<Self, EncodeError> {
        let mut fixed = start(USUAL_ATTRIBUTES);
        if let (Family::IPV4_UNICAST, NextHop::V4(address)) = (family, next_hop) {
            let next_hop = Some(Attribute::NextHop(address));
            encode_with(attributes, next_hop, as_width, &mut fixed)?;
            return Self::nlri(fixed, max_message);
        }
        let head = put_reach_head(family, next_hop, &mut fixed)?;
        encode_with(attributes, None, as_width, &mut fixed)?;
        Self::new(family, fixed, head, Lengths::Multiprotocol, max_message)
    }

    /// For prefixes in the NLRI field, behind `fixed`.
    fn nlri(mut fixed: Vec<u8>, max_message: u16) -> Result<Self, EncodeError> {
        let len = fixed.len() - ATTRIBUTES;
        put_len(&mut fixed, ATTRIBUTES_LEN, len);
        let head = fixed.len();
        Self::new(
            Family::IPV4_UNICAST,
            fixed,
            head,
            Lengths::Nlri,
            max_message,
        )
    }

    /// Packs prefixes of `family` that are not reachable any more.
    ///
    /// # Errors
    /// [`EncodeError::MessageTooLong`] for a limit that leaves no room for a prefix;
    /// [`EncodeError::PrefixFamily`] for a family whose NLRI are not plain prefixes.
    pub fn unreach(family: Family, max_message: u16) -> Result<Self, EncodeError> {
        let mut fixed = start(0);
        if family == Family::IPV4_UNICAST {
            let lengths = Lengths::Withdrawn;
            return Self::new(family, fixed, ATTRIBUTES_LEN, lengths, max_message);
        }
        put_extended_header(&mut fixed, AttributeType::MP_UNREACH_NLRI);
        put_family(&mut fixed, family);
        let head = fixed.len();
        Self::new(family, fixed, head, Lengths::Multiprotocol, max_message)
    }

    fn new(
        family: Family,
        fixed: Vec<u8>,
        head: usize,
        lengths: Lengths,
        max_message: u16,
    ) -> Result<Self, EncodeError> {
        let longest = match family.prefix_bits() {
            Some(32) => PATH_ID + MAX_PREFIX_V4,
            Some(_) => PATH_ID + MAX_PREFIX_V6,
            None => return Err(EncodeError::PrefixFamily(family)),
        };
        let (len, max) = (fixed.len() + longest, usize::from(max_message));
        if len > max {
            return Err(EncodeError::MessageTooLong { len, max });
        }
        let (v4, room) = (family.afi == Afi::IPV4, max - fixed.len());
        Ok(Self {
            family,
            v4,
            fixed,
            head,
            lengths,
            start: 0,
            limit: 0,
            room,
            open: false,
        })
    }

    /// Adds a prefix to the message under way at the end of `out`, or completes that and starts the
    /// next.
    ///
    /// From the first push to [`UpdatePacker::finish`] nothing else may write to `out`. A prefix of
    /// the other address family is a fault of the caller: it panics in debug builds and adds
    /// nothing in release builds.
    #[inline]
    pub fn push(&mut self, out: &mut Vec<u8>, prefix: IpNet) {
        match prefix {
            IpNet::V4(net) if self.v4 => {
                let [a, b, c, d] = net.network().octets();
                self.push_octets(out, [net.prefix_len(), a, b, c, d], net.prefix_len());
            }
            IpNet::V6(net) if !self.v4 => {
                let mut octets = [net.prefix_len(); MAX_PREFIX_V6];
                octets[1..].copy_from_slice(&net.network().octets());
                self.push_octets(out, octets, net.prefix_len());
            }
            _ => debug_assert!(false, "{prefix} is not of {}", self.family),
        }
    }

    /// [`UpdatePacker::push`] with a path identifier in front, for a session that negotiated them for
    /// the family (RFC 7911). All prefixes of a message must have one, or none.
    #[inline]
    pub fn push_path(&mut self, out: &mut Vec<u8>, path_id: u32, prefix: IpNet) {
        let bits = prefix.prefix_len();
        let mut octets = [0; PATH_ID + MAX_PREFIX_V6];
        octets[..PATH_ID].copy_from_slice(&path_id.to_be_bytes());
        octets[PATH_ID] = bits;
        match prefix {
            IpNet::V4(net) if self.v4 => {
                octets[PATH_ID + 1..][..4].copy_from_slice(&net.network().octets());
            }
            IpNet::V6(net) if !self.v4 => {
                octets[PATH_ID + 1..].copy_from_slice(&net.network().octets());
            }
            _ => return debug_assert!(false, "{prefix} is not of {}", self.family),
        }
        let len = PATH_ID + 1 + usize::from(bits.div_ceil(8));
        self.push_len(out, octets, len);
    }

    /// Adds a prefix of `bits` bits.
    #[inline]
    fn push_octets<const N: usize>(&mut self, out: &mut Vec<u8>, octets: [u8; N], bits: u8) {
        self.push_len(out, octets, 1 + usize::from(bits.div_ceil(8)));
    }

    /// Adds the first `len` octets. All are written and cut to size behind, which is faster than
    /// the least copy.
    #[inline]
    fn push_len<const N: usize>(&mut self, out: &mut Vec<u8>, octets: [u8; N], len: usize) {
        if !self.open || out.len() + len > self.limit {
            self.next_message(out);
        }
        let end = out.len() + len;
        out.extend_from_slice(&octets);
        out.truncate(end);
    }

    #[cold]
    #[inline(never)]
    fn next_message(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        out.reserve(self.fixed.len() + self.room);
        out.extend_from_slice(&self.fixed[..self.head]);
        self.start = out.len();
        self.limit = out.len() + self.room;
        self.open = true;
    }

    /// Completes the message under way. Without any push nothing is written.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.close(out);
    }

    /// Appends the tail and fills the lengths in.
    fn close(&mut self, out: &mut Vec<u8>) {
        if !self.open {
            return;
        }
        self.open = false;
        let prefixes = out.len() - self.start;
        out.extend_from_slice(&self.fixed[self.head..]);
        let message = &mut out[self.start - self.head..];
        let len = message.len();
        put_len(message, 16, len);
        match self.lengths {
            Lengths::Nlri => {}
            Lengths::Withdrawn => put_len(message, WITHDRAWN_LEN, prefixes),
            Lengths::Multiprotocol => {
                let before = ATTRIBUTES + EXTENDED_HEADER;
                put_len(message, ATTRIBUTES_LEN, len - ATTRIBUTES);
                put_len(message, before - 2, self.head - before + prefixes);
            }
        }
    }
}

/// Writes the End-of-RIB marker of a family (RFC 4724 section 2): 23 or 29 octets. Panics where
/// `out` has room for fewer.
pub fn encode_end_of_rib(family: Family, out: &mut impl BufMut) {
    if family == Family::IPV4_UNICAST {
        out.put_slice(&header(MessageType::UPDATE, 23));
        out.put_slice(&[0; 4]);
        return;
    }
    let [high, low] = family.afi.0.to_be_bytes();
    out.put_slice(&header(MessageType::UPDATE, 29));
    out.put_slice(&[
        0,
        0,
        0,
        6,
        AttributeFlags::OPTIONAL,
        AttributeType::MP_UNREACH_NLRI.0,
    ]);
    out.put_slice(&[3, high, low, family.safi.0]);
}

/// Octets that the attributes of most routes fit in.
const USUAL_ATTRIBUTES: usize = 192;

/// A message without anything, with room for as many octets of attributes and for MP_REACH_NLRI.
fn start(attributes: usize) -> Vec<u8> {
    const MULTIPROTOCOL: usize = 48;
    let mut fixed = Vec::with_capacity(ATTRIBUTES + MULTIPROTOCOL + attributes);
    fixed.extend_from_slice(&header(MessageType::UPDATE, 0));
    fixed.extend_from_slice(&[0; 4]);
    fixed
}

/// Starts MP_REACH_NLRI. Where its prefixes begin.
fn put_reach_head(
    family: Family,
    next_hop: NextHop,
    fixed: &mut Vec<u8>,
) -> Result<usize, EncodeError> {
    if family.afi == Afi::IPV6 && matches!(next_hop, NextHop::V4(_)) {
        return Err(EncodeError::NextHop(family));
    }
    let (octets, len) = next_hop.to_octets();
    put_extended_header(fixed, AttributeType::MP_REACH_NLRI);
    put_family(fixed, family);
    fixed.put_u8(len as u8);
    fixed.extend_from_slice(&octets[..len]);
    fixed.put_u8(0);
    Ok(fixed.len())
}

fn put_extended_header(out: &mut Vec<u8>, kind: AttributeType) {
    let flags = AttributeFlags(AttributeFlags::OPTIONAL | AttributeFlags::EXTENDED_LENGTH);
    put_attribute_header(flags, kind, 0, out);
}

fn put_family(out: &mut Vec<u8>, family: Family) {
    out.put_u16(family.afi.0);
    out.put_u8(family.safi.0);
}

/// Writes a length that fits, as the message does.
fn put_len(message: &mut [u8], at: usize, len: usize) {
    message[at..at + 2].copy_from_slice(&(len as u16).to_be_bytes());
}

/// Where NEXT_HOP belongs in a block of attributes in ascending order: behind ORIGIN and AS_PATH.
fn next_hop_position(attributes: &[u8]) -> usize {
    let mut rest = attributes;
    while let [flags, kind, tail @ ..] = rest {
        if *kind > AttributeType::NEXT_HOP.0 {
            break;
        }
        let len = match (AttributeFlags(*flags).is_extended_length(), tail) {
            (false, [len, ..]) => 3 + usize::from(*len),
            (true, [high, low, ..]) => 4 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => break,
        };
        rest = rest.get(len..).unwrap_or(&[]);
    }
    attributes.len() - rest.len()
}
