//! Communities: RFC 1997, RFC 4360, RFC 5701, RFC 8092.

use core::fmt;
use core::marker::PhantomData;

/// A community (RFC 1997): by convention an AS number and a value of it. Displayed as `64512:100`,
/// or by its well-known name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Community(pub u32);

impl Community {
    /// Graceful shutdown (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// Accept own (RFC 7611).
    pub const ACCEPT_OWN: Self = Self(0xffff_0001);
    /// The route is long-lived stale (RFC 9494).
    pub const LLGR_STALE: Self = Self(0xffff_0006);
    /// The route must not be kept as long-lived stale (RFC 9494).
    pub const NO_LLGR: Self = Self(0xffff_0007);
    /// Drop traffic (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xffff_029a);
    /// Not beyond the confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
    /// To no peer (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xffff_ff02);
    /// To no external peer, members of the confederation included (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xffff_ff03);
    /// Not to bilateral peers (RFC 3765).
    pub const NO_PEER: Self = Self(0xffff_ff04);

    /// The community `asn:value`.
    #[must_use]
    pub const fn new(asn: u16, value: u16) -> Self {
        Self((asn as u32) << 16 | value as u32)
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::GRACEFUL_SHUTDOWN => f.write_str("graceful-shutdown"),
            Self::ACCEPT_OWN => f.write_str("accept-own"),
            Self::LLGR_STALE => f.write_str("llgr-stale"),
            Self::NO_LLGR => f.write_str("no-llgr"),
            Self::BLACKHOLE => f.write_str("blackhole"),
            Self::NO_EXPORT => f.write_str("no-export"),
            Self::NO_ADVERTISE => f.write_str("no-advertise"),
            Self::NO_EXPORT_SUBCONFED => f.write_str("no-export-subconfed"),
            Self::NO_PEER => f.write_str("no-peer"),
            Self(other) => write!(f, "{}:{}", other >> 16, other & 0xffff),
        }
    }
}

/// An extended community (RFC 4360): eight octets, the first one or two its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ExtendedCommunity(pub [u8; 8]);

impl ExtendedCommunity {
    /// Whether it is kept when a route leaves the AS (RFC 4360 section 2: bit T is 0).
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        self.0[0] & 0x40 == 0
    }
}

impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind, subtype, a, b, c, d, e, g] = self.0;
        match subtype {
            2 => f.write_str("rt:")?,
            3 => f.write_str("soo:")?,
            _ => return write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
        let low = u16::from_be_bytes([e, g]);
        match kind & 0x3f {
            0 => write!(
                f,
                "{}:{}",
                u16::from_be_bytes([a, b]),
                u32::from_be_bytes([c, d, e, g])
            ),
            1 => write!(f, "{a}.{b}.{c}.{d}:{low}"),
            2 => write!(f, "{}:{low}", u32::from_be_bytes([a, b, c, d])),
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

/// An IPv6 address specific extended community (RFC 5701): twenty octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Ipv6ExtendedCommunity(pub [u8; 20]);

/// A large community (RFC 8092). Displayed as `64512:1:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LargeCommunity {
    /// Global Administrator: an AS number.
    pub global: u32,
    /// Local Data Part 1.
    pub local_1: u32,
    /// Local Data Part 2.
    pub local_2: u32,
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global, self.local_1, self.local_2)
    }
}

/// The values of an attribute that is a list of `N` octets each, borrowed from the message.
#[derive(Clone, Copy, Debug)]
pub struct ListView<'a, T, const N: usize> {
    octets: &'a [u8],
    values: PhantomData<T>,
}

impl<'a, T, const N: usize> ListView<'a, T, N> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self {
            octets,
            values: PhantomData,
        }
    }

    /// The values, in the order sent.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone + use<'a, T, N>
    where
        T: From<[u8; N]>,
    {
        self.octets
            .as_chunks::<N>()
            .0
            .iter()
            .map(|octets| T::from(*octets))
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.octets.len() / N
    }

    /// Whether there is none. Such attributes are malformed, so never in what a view yields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets on the wire.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
}

/// [`Community`] values of a message.
pub type Communities<'a> = ListView<'a, Community, 4>;
/// [`ExtendedCommunity`] values of a message.
pub type ExtendedCommunities<'a> = ListView<'a, ExtendedCommunity, 8>;
/// [`Ipv6ExtendedCommunity`] values of a message.
pub type Ipv6ExtendedCommunities<'a> = ListView<'a, Ipv6ExtendedCommunity, 20>;
/// [`LargeCommunity`] values of a message.
pub type LargeCommunities<'a> = ListView<'a, LargeCommunity, 12>;
/// Cluster identifiers of a message (RFC 4456).
pub type ClusterList<'a> = ListView<'a, core::net::Ipv4Addr, 4>;

/// As on the wire.
impl From<[u8; 4]> for Community {
    #[inline]
    fn from(octets: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(octets))
    }
}

/// As on the wire.
impl From<[u8; 8]> for ExtendedCommunity {
    #[inline]
    fn from(octets: [u8; 8]) -> Self {
        Self(octets)
    }
}

/// As on the wire.
impl From<[u8; 20]> for Ipv6ExtendedCommunity {
    #[inline]
    fn from(octets: [u8; 20]) -> Self {
        Self(octets)
    }
}

/// As on the wire.
impl From<[u8; 12]> for LargeCommunity {
    #[inline]
    fn from(octets: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = octets;
        Self {
            global: u32::from_be_bytes([a, b, c, d]),
            local_1: u32::from_be_bytes([e, f, g, h]),
            local_2: u32::from_be_bytes([i, j, k, l]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn shown_as_operators_write_them() {
        assert_eq!(Community::new(64512, 100).to_string(), "64512:100");
        assert_eq!(Community::NO_EXPORT.to_string(), "no-export");
        let target = ExtendedCommunity([0x00, 0x02, 0xfc, 0x00, 0, 0, 0, 7]);
        assert_eq!(target.to_string(), "rt:64512:7");
        let wide = ExtendedCommunity([0x02, 0x02, 0, 1, 0, 0, 0, 7]);
        assert_eq!(wide.to_string(), "rt:65536:7");
        let opaque = ExtendedCommunity([0x03, 0x0b, 0, 0, 0, 0, 0, 7]);
        assert_eq!(opaque.to_string(), "0x030b000000000007");
    }
}
