//! Next hops.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A next hop, as NEXT_HOP and MP_REACH_NLRI carry it (RFC 4271, RFC 4760, RFC 2545, RFC 8950).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NextHop {
    /// An IPv4 address: 4 octets.
    V4(Ipv4Addr),
    /// An IPv6 address: 16 octets, or 32 with a link-local one behind it.
    V6 {
        /// The global address.
        global: Ipv6Addr,
        /// The link-local address, which is sent only to a peer on the same subnet (RFC 2545
        /// section 3).
        link_local: Option<Ipv6Addr>,
    },
}

impl NextHop {
    /// The address that counts: the IPv4 one, or the global IPv6 one.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        match *self {
            Self::V4(address) => IpAddr::V4(address),
            Self::V6 { global, .. } => IpAddr::V6(global),
        }
    }

    /// Octets in MP_REACH_NLRI: 4, 16 or 32.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self {
            Self::V4(_) => 4,
            Self::V6 {
                link_local: None, ..
            } => 16,
            Self::V6 {
                link_local: Some(_),
                ..
            } => 32,
        }
    }

    /// Reads the Next Hop field of MP_REACH_NLRI: 4, 16 or 32 octets.
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        if let Ok(v4) = <[u8; 4]>::try_from(octets) {
            return Some(Self::V4(v4.into()));
        }
        let (global, rest) = octets.split_first_chunk::<16>()?;
        let link_local = match rest {
            [] => None,
            rest => Some(<[u8; 16]>::try_from(rest).ok()?.into()),
        };
        Some(Self::V6 {
            global: (*global).into(),
            link_local,
        })
    }

    /// The octets, and how many of them count.
    pub(crate) fn to_octets(self) -> ([u8; 32], usize) {
        let mut octets = [0; 32];
        match self {
            Self::V4(address) => octets[..4].copy_from_slice(&address.octets()),
            Self::V6 { global, link_local } => {
                octets[..16].copy_from_slice(&global.octets());
                if let Some(link_local) = link_local {
                    octets[16..].copy_from_slice(&link_local.octets());
                }
            }
        }
        (octets, self.encoded_len())
    }
}

impl From<Ipv4Addr> for NextHop {
    fn from(address: Ipv4Addr) -> Self {
        Self::V4(address)
    }
}

impl From<Ipv6Addr> for NextHop {
    fn from(global: Ipv6Addr) -> Self {
        Self::V6 {
            global,
            link_local: None,
        }
    }
}

impl From<IpAddr> for NextHop {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6 {
                global,
                link_local: None,
            } => write!(f, "{global}"),
            Self::V6 {
                global,
                link_local: Some(local),
            } => write!(f, "{global} {local}"),
        }
    }
}
