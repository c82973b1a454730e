//! Path attribute types and flags.

use core::fmt;

/// The flags octet of a path attribute (RFC 4271 section 4.3). All eight bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct AttributeFlags(pub u8);

impl AttributeFlags {
    /// Optional: not every speaker knows the attribute.
    pub const OPTIONAL: u8 = 0x80;
    /// Transitive: passed on by speakers that do not know it.
    pub const TRANSITIVE: u8 = 0x40;
    /// Partial: passed on by a speaker that did not know it.
    pub const PARTIAL: u8 = 0x20;
    /// Extended Length: the length has two octets.
    pub const EXTENDED_LENGTH: u8 = 0x10;

    /// Flags of a well-known attribute.
    pub const WELL_KNOWN: Self = Self(Self::TRANSITIVE);
    /// Flags of an optional transitive attribute.
    pub const OPTIONAL_TRANSITIVE: Self = Self(Self::OPTIONAL | Self::TRANSITIVE);
    /// Flags of an optional non-transitive attribute.
    pub const OPTIONAL_NON_TRANSITIVE: Self = Self(Self::OPTIONAL);

    /// Whether the Optional bit is set.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        self.0 & Self::OPTIONAL != 0
    }

    /// Whether the Transitive bit is set.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        self.0 & Self::TRANSITIVE != 0
    }

    /// Whether the Partial bit is set.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        self.0 & Self::PARTIAL != 0
    }

    /// Whether the Extended Length bit is set.
    #[must_use]
    pub const fn is_extended_length(self) -> bool {
        self.0 & Self::EXTENDED_LENGTH != 0
    }

    /// The Optional and Transitive bits alone: those that a type prescribes.
    pub(crate) const fn category(self) -> u8 {
        self.0 & (Self::OPTIONAL | Self::TRANSITIVE)
    }
}

/// The type code of a path attribute (IANA "BGP Path Attributes"). Unknown values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct AttributeType(pub u8);

/// Declares the constants and their names from one table.
macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The attribute's name in its RFC; `None` for a code without one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    /// RFC 4271 section 5.1.1.
    ORIGIN = 1, "ORIGIN";
    /// RFC 4271 section 5.1.2.
    AS_PATH = 2, "AS_PATH";
    /// RFC 4271 section 5.1.3.
    NEXT_HOP = 3, "NEXT_HOP";
    /// RFC 4271 section 5.1.4.
    MULTI_EXIT_DISC = 4, "MULTI_EXIT_DISC";
    /// RFC 4271 section 5.1.5.
    LOCAL_PREF = 5, "LOCAL_PREF";
    /// RFC 4271 section 5.1.6.
    ATOMIC_AGGREGATE = 6, "ATOMIC_AGGREGATE";
    /// RFC 4271 section 5.1.7.
    AGGREGATOR = 7, "AGGREGATOR";
    /// RFC 1997.
    COMMUNITIES = 8, "COMMUNITIES";
    /// RFC 4456.
    ORIGINATOR_ID = 9, "ORIGINATOR_ID";
    /// RFC 4456.
    CLUSTER_LIST = 10, "CLUSTER_LIST";
    /// RFC 4760 section 3.
    MP_REACH_NLRI = 14, "MP_REACH_NLRI";
    /// RFC 4760 section 4.
    MP_UNREACH_NLRI = 15, "MP_UNREACH_NLRI";
    /// RFC 4360.
    EXTENDED_COMMUNITIES = 16, "EXTENDED COMMUNITIES";
    /// RFC 6793.
    AS4_PATH = 17, "AS4_PATH";
    /// RFC 6793.
    AS4_AGGREGATOR = 18, "AS4_AGGREGATOR";
    /// RFC 6514.
    PMSI_TUNNEL = 22, "PMSI_TUNNEL";
    /// RFC 9012.
    TUNNEL_ENCAPSULATION = 23, "Tunnel Encapsulation";
    /// RFC 5543.
    TRAFFIC_ENGINEERING = 24, "Traffic Engineering";
    /// RFC 5701.
    IPV6_EXTENDED_COMMUNITIES = 25, "IPv6 Address Specific Extended Community";
    /// RFC 7311.
    AIGP = 26, "AIGP";
    /// RFC 6514.
    PE_DISTINGUISHER_LABELS = 27, "PE Distinguisher Labels";
    /// RFC 9552.
    BGP_LS = 29, "BGP-LS";
    /// RFC 8092.
    LARGE_COMMUNITY = 32, "LARGE_COMMUNITY";
    /// RFC 8205.
    BGPSEC_PATH = 33, "BGPsec_PATH";
    /// RFC 9234.
    ONLY_TO_CUSTOMER = 35, "OTC";
    /// draft-ietf-bess-evpn-ipvpn-interworking.
    D_PATH = 36, "D-PATH";
    /// RFC 9015.
    SFP = 37, "SFP";
    /// RFC 9026.
    BFD_DISCRIMINATOR = 38, "BFD Discriminator";
    /// RFC 8669.
    PREFIX_SID = 40, "BGP Prefix-SID";
    /// RFC 6368.
    ATTR_SET = 128, "ATTR_SET";
}

impl AttributeType {
    /// The Optional and Transitive bits that a type prescribes, for the types that this crate
    /// checks.
    pub(crate) const fn category(self) -> Option<AttributeFlags> {
        Some(match self {
            Self::ORIGIN
            | Self::AS_PATH
            | Self::NEXT_HOP
            | Self::LOCAL_PREF
            | Self::ATOMIC_AGGREGATE => AttributeFlags::WELL_KNOWN,
            Self::MULTI_EXIT_DISC
            | Self::ORIGINATOR_ID
            | Self::CLUSTER_LIST
            | Self::MP_REACH_NLRI
            | Self::MP_UNREACH_NLRI
            | Self::AIGP => AttributeFlags::OPTIONAL_NON_TRANSITIVE,
            Self::AGGREGATOR
            | Self::COMMUNITIES
            | Self::EXTENDED_COMMUNITIES
            | Self::AS4_PATH
            | Self::AS4_AGGREGATOR
            | Self::IPV6_EXTENDED_COMMUNITIES
            | Self::LARGE_COMMUNITY
            | Self::ONLY_TO_CUSTOMER
            | Self::ATTR_SET => AttributeFlags::OPTIONAL_TRANSITIVE,
            _ => return None,
        })
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "attribute {}", self.0),
        }
    }
}
