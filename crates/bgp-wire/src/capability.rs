//! Capabilities (RFC 5492).

use crate::{Afi, Asn, EncodeError, Family, Safi};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{BufMut, Bytes};
use core::fmt;

/// A capability of an OPEN. Those that are not known, or whose value does not have the form that its RFC gives, are kept
/// bit for bit as [`Capability::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// A family that the speaker wants to exchange (RFC 4760 section 8): code 1.
    MultiProtocol(Family),
    /// ROUTE-REFRESH (RFC 2918): code 2.
    RouteRefresh,
    /// IPv4 routes with IPv6 next hops (RFC 8950 section 4): code 5.
    ExtendedNextHop(Vec<ExtendedNextHop>),
    /// Messages of up to 65535 octets (RFC 8654): code 6.
    ExtendedMessage,
    /// The speaker's role towards the peer (RFC 9234): code 9.
    Role(Role),
    /// Graceful restart (RFC 4724, RFC 8538): code 64.
    GracefulRestart(GracefulRestart),
    /// Four-octet AS numbers, with the speaker's own (RFC 6793): code 65.
    FourOctetAsn(Asn),
    /// Several paths of a prefix (RFC 7911): code 69.
    AddPath(Vec<AddPathFamily>),
    /// Begin and end of refresh (RFC 7313): code 70.
    EnhancedRouteRefresh,
    /// Long-lived graceful restart (RFC 9494): code 71.
    LongLivedGracefulRestart(Vec<LongLivedFamily>),
    /// Host and domain name (draft-walton-bgp-hostname-capability): code 73.
    Fqdn {
        /// The host name.
        host: String,
        /// The domain name; may be empty.
        domain: String,
    },
    /// The speaker's software and its version (draft-ietf-idr-software-version): code 75.
    SoftwareVersion(String),
    /// Any other capability.
    Unknown {
        /// The capability code.
        code: u8,
        /// The value: at most 255 octets.
        value: Bytes,
    },
}

/// A family of IPv4 that may have next hops of another AFI (RFC 8950 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedNextHop {
    /// The family of the routes.
    pub family: Family,
    /// The AFI of the next hop.
    pub next_hop: Afi,
}

/// A role of RFC 9234 section 4.1, seen from the speaker that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Role {
    /// A transit provider: 0.
    Provider,
    /// A route server: 1.
    RouteServer,
    /// A client of a route server: 2.
    RouteServerClient,
    /// A customer: 3.
    Customer,
    /// A peer: 4.
    Peer,
    /// An unassigned value.
    Other(u8),
}

/// Graceful restart (RFC 4724 section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GracefulRestart {
    /// Restart State, R: the speaker has restarted, and the peer must not wait for its End-of-RIB.
    pub restarting: bool,
    /// N of RFC 8538: NOTIFICATIONs keep routes too, and Cease/Hard Reset does not.
    pub notification: bool,
    /// Restart Time in seconds: 0 to 4095. Larger values are sent as 4095.
    pub time: u16,
    /// The families, each with its Forwarding State.
    pub families: Vec<GracefulRestartFamily>,
}

/// A family in [`GracefulRestart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GracefulRestartFamily {
    /// The family.
    pub family: Family,
    /// Forwarding State, F: forwarding went on through the restart.
    pub forwarding: bool,
}

/// A family in [`Capability::AddPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddPathFamily {
    /// The family.
    pub family: Family,
    /// The directions.
    pub mode: AddPathMode,
}

/// The Send/Receive field of RFC 7911 section 4, seen from the speaker that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddPathMode {
    /// Able to receive several paths: 1.
    Receive,
    /// Able to send several paths: 2.
    Send,
    /// Both: 3.
    Both,
}

/// A family in [`Capability::LongLivedGracefulRestart`] (RFC 9494 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LongLivedFamily {
    /// The family.
    pub family: Family,
    /// Forwarding State, F.
    pub forwarding: bool,
    /// Long-lived Stale Time in seconds: 0 to 16777215. Larger values are sent as the largest.
    pub stale_time: u32,
}
