//! Address families.

use core::fmt;
use core::net::IpAddr;
use ipnet::IpNet;

/// An Address Family Identifier (IANA "Address Family Numbers"). Unknown values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Afi(pub u16);

impl Afi {
    /// IPv4.
    pub const IPV4: Self = Self(1);
    /// IPv6.
    pub const IPV6: Self = Self(2);
    /// Layer 2 VPN (RFC 4761).
    pub const L2VPN: Self = Self(25);
    /// BGP-LS (RFC 9552).
    pub const LINK_STATE: Self = Self(16388);
}

/// A Subsequent Address Family Identifier (RFC 4760 section 6). Unknown values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Safi(pub u8);

impl Safi {
    /// Unicast forwarding.
    pub const UNICAST: Self = Self(1);
    /// Multicast forwarding (reverse path checks).
    pub const MULTICAST: Self = Self(2);
    /// Prefixes with MPLS labels (RFC 8277).
    pub const MPLS_LABEL: Self = Self(4);
    /// Multicast VPN (RFC 6514).
    pub const MCAST_VPN: Self = Self(5);
    /// VPLS (RFC 4761).
    pub const VPLS: Self = Self(65);
    /// EVPN (RFC 7432).
    pub const EVPN: Self = Self(70);
    /// BGP-LS (RFC 9552).
    pub const LINK_STATE: Self = Self(71);
    /// Segment routing policies (RFC 9830).
    pub const SR_POLICY: Self = Self(73);
    /// VPN prefixes with MPLS labels (RFC 4364, RFC 4659).
    pub const MPLS_VPN: Self = Self(128);
    /// Multicast VPN prefixes (RFC 6513).
    pub const MULTICAST_VPN: Self = Self(129);
    /// Route target constraint (RFC 4684).
    pub const ROUTE_TARGET: Self = Self(132);
    /// Flow specification (RFC 8955).
    pub const FLOWSPEC: Self = Self(133);
    /// VPN flow specification (RFC 8955).
    pub const FLOWSPEC_VPN: Self = Self(134);
}

/// An address family as BGP negotiates it: AFI and SAFI together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Family {
    /// The AFI.
    pub afi: Afi,
    /// The SAFI.
    pub safi: Safi,
}

impl Family {
    /// IPv4 unicast, the only family of a session that negotiated none (RFC 4760 section 8).
    pub const IPV4_UNICAST: Self = Self::new(Afi::IPV4, Safi::UNICAST);
    /// IPv6 unicast.
    pub const IPV6_UNICAST: Self = Self::new(Afi::IPV6, Safi::UNICAST);
    /// IPv4 multicast.
    pub const IPV4_MULTICAST: Self = Self::new(Afi::IPV4, Safi::MULTICAST);
    /// IPv6 multicast.
    pub const IPV6_MULTICAST: Self = Self::new(Afi::IPV6, Safi::MULTICAST);

    /// The family of an AFI and a SAFI.
    #[must_use]
    pub const fn new(afi: Afi, safi: Safi) -> Self {
        Self { afi, safi }
    }

    /// The unicast family of a prefix.
    #[must_use]
    pub const fn unicast_of(prefix: &IpNet) -> Self {
        match prefix {
            IpNet::V4(_) => Self::IPV4_UNICAST,
            IpNet::V6(_) => Self::IPV6_UNICAST,
        }
    }

    /// The unicast family of an address. An IPv4-mapped IPv6 address counts as IPv6.
    #[must_use]
    pub const fn unicast_of_address(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPV4_UNICAST,
            IpAddr::V6(_) => Self::IPV6_UNICAST,
        }
    }

    /// The address length of the family's prefixes in bits, where its NLRI are plain prefixes:
    /// unicast and multicast of IPv4 (32) and IPv6 (128). `None` for every other family, whose NLRI
    /// stay raw.
    #[must_use]
    pub const fn prefix_bits(self) -> Option<u8> {
        match (self.afi.0, self.safi.0) {
            (1, 1 | 2) => Some(32),
            (2, 1 | 2) => Some(128),
            _ => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.afi {
            Afi::IPV4 => f.write_str("ipv4")?,
            Afi::IPV6 => f.write_str("ipv6")?,
            Afi::L2VPN => f.write_str("l2vpn")?,
            Afi::LINK_STATE => f.write_str("link-state")?,
            Afi(other) => write!(f, "afi{other}")?,
        }
        f.write_str("-")?;
        match self.safi {
            Safi::UNICAST => f.write_str("unicast"),
            Safi::MULTICAST => f.write_str("multicast"),
            Safi::MPLS_LABEL => f.write_str("labeled-unicast"),
            Safi::MCAST_VPN => f.write_str("mcast-vpn"),
            Safi::VPLS => f.write_str("vpls"),
            Safi::EVPN => f.write_str("evpn"),
            Safi::LINK_STATE => f.write_str("link-state"),
            Safi::SR_POLICY => f.write_str("sr-policy"),
            Safi::MPLS_VPN => f.write_str("vpn"),
            Safi::MULTICAST_VPN => f.write_str("multicast-vpn"),
            Safi::ROUTE_TARGET => f.write_str("route-target"),
            Safi::FLOWSPEC => f.write_str("flowspec"),
            Safi::FLOWSPEC_VPN => f.write_str("flowspec-vpn"),
            Safi(other) => write!(f, "safi{other}"),
        }
    }
}

/// A set of those families whose NLRI are plain prefixes: unicast and multicast of IPv4 and IPv6.
/// `Copy`, one octet.
///
/// Other families carry raw NLRI in this crate, so nothing that is negotiated per family changes
/// how they decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FamilySet(u8);

impl FamilySet {
    /// No family.
    pub const EMPTY: Self = Self(0);
    /// All four families.
    pub const ALL: Self = Self(0b1111);

    /// The set with `family` in it. A family whose NLRI are not plain prefixes changes nothing.
    #[must_use]
    pub const fn with(self, family: Family) -> Self {
        Self(self.0 | Self::bit(family))
    }

    /// The set without `family`.
    #[must_use]
    pub const fn without(self, family: Family) -> Self {
        Self(self.0 & !Self::bit(family))
    }

    /// Whether `family` is in the set.
    #[must_use]
    pub const fn contains(self, family: Family) -> bool {
        self.0 & Self::bit(family) != 0
    }

    /// Whether the set has no family.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The families of the set.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        [
            Family::IPV4_UNICAST,
            Family::IPV4_MULTICAST,
            Family::IPV6_UNICAST,
            Family::IPV6_MULTICAST,
        ]
        .into_iter()
        .filter(move |f| self.contains(*f))
    }

    const fn bit(family: Family) -> u8 {
        match (family.afi.0, family.safi.0) {
            (1, 1) => 1,
            (1, 2) => 2,
            (2, 1) => 4,
            (2, 2) => 8,
            _ => 0,
        }
    }
}

impl FromIterator<Family> for FamilySet {
    fn from_iter<T: IntoIterator<Item = Family>>(iter: T) -> Self {
        iter.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_are_lower_case_words() {
        assert_eq!(Family::IPV4_UNICAST.to_string(), "ipv4-unicast");
        assert_eq!(Family::new(Afi(99), Safi(200)).to_string(), "afi99-safi200");
    }

    #[test]
    fn a_set_holds_only_families_of_plain_prefixes() {
        let set: FamilySet = [Family::IPV6_UNICAST, Family::new(Afi::IPV4, Safi::MPLS_VPN)]
            .into_iter()
            .collect();
        assert!(set.iter().eq([Family::IPV6_UNICAST]));
        assert!(set.without(Family::IPV6_UNICAST).is_empty());
    }
}
