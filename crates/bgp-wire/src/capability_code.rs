//! Capability codes.

use core::fmt;

/// Names for every capability code in use (IANA "Capability Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityCode(pub u8);

impl CapabilityCode {
    /// Multiprotocol extensions (RFC 4760).
    pub const MULTI_PROTOCOL: Self = Self(1);
    /// Route refresh (RFC 2918).
    pub const ROUTE_REFRESH: Self = Self(2);
    /// Outbound route filtering (RFC 5291).
    pub const OUTBOUND_ROUTE_FILTERING: Self = Self(3);
    /// Extended next hop encoding (RFC 8950).
    pub const EXTENDED_NEXT_HOP: Self = Self(5);
    /// Extended messages (RFC 8654).
    pub const EXTENDED_MESSAGE: Self = Self(6);
    /// BGPsec (RFC 8205).
    pub const BGPSEC: Self = Self(7);
    /// Multiple labels (RFC 8277).
    pub const MULTIPLE_LABELS: Self = Self(8);
    /// Role (RFC 9234).
    pub const ROLE: Self = Self(9);
    /// Graceful restart (RFC 4724).
    pub const GRACEFUL_RESTART: Self = Self(64);
    /// Four-octet AS numbers (RFC 6793).
    pub const FOUR_OCTET_ASN: Self = Self(65);
    /// Dynamic capabilities (draft-ietf-idr-dynamic-cap).
    pub const DYNAMIC: Self = Self(67);
    /// Multisession (draft-ietf-idr-bgp-multisession).
    pub const MULTISESSION: Self = Self(68);
    /// ADD-PATH (RFC 7911).
    pub const ADD_PATH: Self = Self(69);
    /// Enhanced route refresh (RFC 7313).
    pub const ENHANCED_ROUTE_REFRESH: Self = Self(70);
    /// Long-lived graceful restart (RFC 9494).
    pub const LONG_LIVED_GRACEFUL_RESTART: Self = Self(71);
    /// Routing policy distribution (draft-ietf-idr-rpd).
    pub const ROUTING_POLICY_DISTRIBUTION: Self = Self(72);
    /// Host and domain name (draft-walton-bgp-hostname-capability).
    pub const FQDN: Self = Self(73);
    /// BFD strict mode (draft-ietf-idr-bgp-bfd-strict-mode).
    pub const BFD_STRICT: Self = Self(74);
    /// Software version (draft-abraitis-bgp-version-capability).
    pub const SOFTWARE_VERSION: Self = Self(75);
    /// Paths limit (draft-abraitis-idr-addpath-paths-limit).
    pub const PATHS_LIMIT: Self = Self(76);
    /// Route refresh of before RFC 2918.
    pub const ROUTE_REFRESH_CISCO: Self = Self(128);

    /// The capability's name; `None` for a code without one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::MULTI_PROTOCOL => "multiprotocol",
            Self::ROUTE_REFRESH => "route refresh",
            Self::OUTBOUND_ROUTE_FILTERING => "outbound route filtering",
            Self::EXTENDED_NEXT_HOP => "extended next hop",
            Self::EXTENDED_MESSAGE => "extended message",
            Self::BGPSEC => "BGPsec",
            Self::MULTIPLE_LABELS => "multiple labels",
            Self::ROLE => "role",
            Self::GRACEFUL_RESTART => "graceful restart",
            Self::FOUR_OCTET_ASN => "four-octet AS number",
            Self::DYNAMIC => "dynamic capability",
            Self::MULTISESSION => "multisession",
            Self::ADD_PATH => "ADD-PATH",
            Self::ENHANCED_ROUTE_REFRESH => "enhanced route refresh",
            Self::LONG_LIVED_GRACEFUL_RESTART => "long-lived graceful restart",
            Self::ROUTING_POLICY_DISTRIBUTION => "routing policy distribution",
            Self::FQDN => "FQDN",
            Self::BFD_STRICT => "BFD strict mode",
            Self::SOFTWARE_VERSION => "software version",
            Self::PATHS_LIMIT => "paths limit",
            Self::ROUTE_REFRESH_CISCO => "route refresh (Cisco)",
            _ => return None,
        })
    }
}

impl fmt::Display for CapabilityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "capability {}", self.0),
        }
    }
}
