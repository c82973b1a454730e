//! Capabilities (RFC 5492).

use crate::read::{self, Parsed};
use crate::{Afi, Asn, CapabilityCode, EncodeError, Family, Safi};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{BufMut, Bytes};

/// A capability of an OPEN. Those that are not known, or whose value does not have the form that
/// its RFC gives, are kept bit for bit as [`Capability::Unknown`].
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

impl Role {
    const fn from_octet(octet: u8) -> Self {
        match octet {
            0 => Self::Provider,
            1 => Self::RouteServer,
            2 => Self::RouteServerClient,
            3 => Self::Customer,
            4 => Self::Peer,
            other => Self::Other(other),
        }
    }

    const fn octet(self) -> u8 {
        match self {
            Self::Provider => 0,
            Self::RouteServer => 1,
            Self::RouteServerClient => 2,
            Self::Customer => 3,
            Self::Peer => 4,
            Self::Other(other) => other,
        }
    }

    /// Whether a speaker of this role and one of `other` may peer (RFC 9234 table 2).
    #[must_use]
    pub const fn fits(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Provider, Self::Customer)
                | (Self::Customer, Self::Provider)
                | (Self::RouteServer, Self::RouteServerClient)
                | (Self::RouteServerClient, Self::RouteServer)
                | (Self::Peer, Self::Peer)
        )
    }
}

const FORWARDING: u8 = 0x80;
const RESTARTING: u16 = 0x8000;
const NOTIFICATION: u16 = 0x4000;
const MAX_RESTART_TIME: u16 = 0x0fff;
const MAX_STALE_TIME: u32 = 0x00ff_ffff;

impl Capability {
    /// The capability code.
    #[must_use]
    pub const fn code(&self) -> CapabilityCode {
        match self {
            Self::MultiProtocol(_) => CapabilityCode::MULTI_PROTOCOL,
            Self::RouteRefresh => CapabilityCode::ROUTE_REFRESH,
            Self::ExtendedNextHop(_) => CapabilityCode::EXTENDED_NEXT_HOP,
            Self::ExtendedMessage => CapabilityCode::EXTENDED_MESSAGE,
            Self::Role(_) => CapabilityCode::ROLE,
            Self::GracefulRestart(_) => CapabilityCode::GRACEFUL_RESTART,
            Self::FourOctetAsn(_) => CapabilityCode::FOUR_OCTET_ASN,
            Self::AddPath(_) => CapabilityCode::ADD_PATH,
            Self::EnhancedRouteRefresh => CapabilityCode::ENHANCED_ROUTE_REFRESH,
            Self::LongLivedGracefulRestart(_) => CapabilityCode::LONG_LIVED_GRACEFUL_RESTART,
            Self::Fqdn { .. } => CapabilityCode::FQDN,
            Self::SoftwareVersion(_) => CapabilityCode::SOFTWARE_VERSION,
            Self::Unknown { code, .. } => CapabilityCode(*code),
        }
    }

    /// Reads a capability's value. Reserved bits are ignored, as the RFCs ask.
    pub(crate) fn from_value(code: u8, value: &[u8]) -> Self {
        Self::known(CapabilityCode(code), value).unwrap_or_else(|| Self::Unknown {
            code,
            value: Bytes::copy_from_slice(value),
        })
    }

    fn known(code: CapabilityCode, value: &[u8]) -> Option<Self> {
        match code {
            CapabilityCode::MULTI_PROTOCOL => read::whole(value, multi_protocol),
            CapabilityCode::ROUTE_REFRESH => value.is_empty().then_some(Self::RouteRefresh),
            CapabilityCode::EXTENDED_NEXT_HOP => {
                read::list(value, 6, extended_next_hop).map(Self::ExtendedNextHop)
            }
            CapabilityCode::EXTENDED_MESSAGE => value.is_empty().then_some(Self::ExtendedMessage),
            CapabilityCode::ROLE => match value {
                [role] => Some(Self::Role(Role::from_octet(*role))),
                _ => None,
            },
            CapabilityCode::GRACEFUL_RESTART => graceful_restart(value).map(Self::GracefulRestart),
            CapabilityCode::FOUR_OCTET_ASN => value
                .try_into()
                .ok()
                .map(|v| Self::FourOctetAsn(Asn(u32::from_be_bytes(v)))),
            CapabilityCode::ADD_PATH => read::list(value, 4, add_path_family).map(Self::AddPath),
            CapabilityCode::ENHANCED_ROUTE_REFRESH => {
                value.is_empty().then_some(Self::EnhancedRouteRefresh)
            }
            CapabilityCode::LONG_LIVED_GRACEFUL_RESTART => {
                read::list(value, 7, long_lived_family).map(Self::LongLivedGracefulRestart)
            }
            CapabilityCode::FQDN => read::whole(value, fqdn),
            CapabilityCode::SOFTWARE_VERSION => {
                read::whole(value, read::text).map(|t| Self::SoftwareVersion(t.to_owned()))
            }
            _ => None,
        }
    }

    /// Octets of code, length and value.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        2 + self.value_len()
    }

    fn value_len(&self) -> usize {
        match self {
            Self::MultiProtocol(_) | Self::FourOctetAsn(_) => 4,
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => 0,
            Self::ExtendedNextHop(entries) => 6 * entries.len(),
            Self::Role(_) => 1,
            Self::GracefulRestart(restart) => 2 + 4 * restart.families.len(),
            Self::AddPath(entries) => 4 * entries.len(),
            Self::LongLivedGracefulRestart(entries) => 7 * entries.len(),
            Self::Fqdn { host, domain } => 2 + host.len() + domain.len(),
            Self::SoftwareVersion(version) => 1 + version.len(),
            Self::Unknown { value, .. } => value.len(),
        }
    }

    /// Checks that the value fits its length field of one octet.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        match self.value_len() {
            0..=255 => Ok(()),
            len => Err(EncodeError::CapabilityTooLong {
                code: self.code().0,
                len,
            }),
        }
    }

    /// Writes code, length and value of a capability that [`Capability::check`] accepts.
    pub(crate) fn put(&self, out: &mut impl BufMut) {
        out.put_u8(self.code().0);
        out.put_u8(self.value_len() as u8);
        self.put_value(out);
    }

    fn put_value(&self, out: &mut impl BufMut) {
        match self {
            Self::MultiProtocol(family) => {
                out.put_u16(family.afi.0);
                out.put_u8(0);
                out.put_u8(family.safi.0);
            }
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
            Self::ExtendedNextHop(entries) => {
                for entry in entries {
                    out.put_u16(entry.family.afi.0);
                    out.put_u16(u16::from(entry.family.safi.0));
                    out.put_u16(entry.next_hop.0);
                }
            }
            Self::Role(role) => out.put_u8(role.octet()),
            Self::GracefulRestart(restart) => restart.put(out),
            Self::FourOctetAsn(asn) => out.put_u32(asn.0),
            Self::AddPath(entries) => {
                for AddPathFamily { family, mode } in entries {
                    put_family(*family, mode.octet(), out);
                }
            }
            Self::LongLivedGracefulRestart(entries) => {
                for entry in entries {
                    put_family(entry.family, forwarding_bit(entry.forwarding), out);
                    let time = entry.stale_time.min(MAX_STALE_TIME).to_be_bytes();
                    out.put_slice(&time[1..]);
                }
            }
            Self::Fqdn { host, domain } => {
                put_text(host, out);
                put_text(domain, out);
            }
            Self::SoftwareVersion(version) => put_text(version, out),
            Self::Unknown { value, .. } => out.put_slice(value),
        }
    }
}

impl GracefulRestart {
    fn put(&self, out: &mut impl BufMut) {
        let mut head = self.time.min(MAX_RESTART_TIME);
        if self.restarting {
            head |= RESTARTING;
        }
        if self.notification {
            head |= NOTIFICATION;
        }
        out.put_u16(head);
        for GracefulRestartFamily { family, forwarding } in &self.families {
            put_family(*family, forwarding_bit(*forwarding), out);
        }
    }
}

impl AddPathMode {
    const fn octet(self) -> u8 {
        match self {
            Self::Receive => 1,
            Self::Send => 2,
            Self::Both => 3,
        }
    }
}

const fn forwarding_bit(forwarding: bool) -> u8 {
    if forwarding { FORWARDING } else { 0 }
}

/// AFI, SAFI and an octet behind them, the layout of three capabilities.
fn put_family(family: Family, octet: u8, out: &mut impl BufMut) {
    out.put_u16(family.afi.0);
    out.put_u8(family.safi.0);
    out.put_u8(octet);
}

fn put_text(text: &str, out: &mut impl BufMut) {
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
}

fn multi_protocol(i: &[u8]) -> Parsed<'_, Capability> {
    let (i, afi) = read::u16(i)?;
    let (i, _reserved) = read::u8(i)?;
    let (i, safi) = read::u8(i)?;
    Ok((
        i,
        Capability::MultiProtocol(Family::new(Afi(afi), Safi(safi))),
    ))
}

fn extended_next_hop(i: &[u8]) -> Parsed<'_, ExtendedNextHop> {
    let (i, afi) = read::u16(i)?;
    let (i, safi) = read::u16(i)?;
    let (i, next_hop) = read::u16(i)?;
    let safi = u8::try_from(safi).map_err(|_| read::refuse(i))?;
    let family = Family::new(Afi(afi), Safi(safi));
    Ok((
        i,
        ExtendedNextHop {
            family,
            next_hop: Afi(next_hop),
        },
    ))
}

fn family_and_octet(i: &[u8]) -> Parsed<'_, (Family, u8)> {
    let (i, afi) = read::u16(i)?;
    let (i, safi) = read::u8(i)?;
    let (i, octet) = read::u8(i)?;
    Ok((i, (Family::new(Afi(afi), Safi(safi)), octet)))
}

fn graceful_restart(value: &[u8]) -> Option<GracefulRestart> {
    let (families, head) = read::u16(value).ok()?;
    let families = read::list(families, 4, |i| {
        let (i, (family, flags)) = family_and_octet(i)?;
        Ok((
            i,
            GracefulRestartFamily {
                family,
                forwarding: flags & FORWARDING != 0,
            },
        ))
    })?;
    Some(GracefulRestart {
        restarting: head & RESTARTING != 0,
        notification: head & NOTIFICATION != 0,
        time: head & MAX_RESTART_TIME,
        families,
    })
}

fn add_path_family(i: &[u8]) -> Parsed<'_, AddPathFamily> {
    let (rest, (family, mode)) = family_and_octet(i)?;
    let mode = match mode {
        1 => AddPathMode::Receive,
        2 => AddPathMode::Send,
        3 => AddPathMode::Both,
        _ => return Err(read::refuse(i)),
    };
    Ok((rest, AddPathFamily { family, mode }))
}

fn long_lived_family(i: &[u8]) -> Parsed<'_, LongLivedFamily> {
    let (i, (family, flags)) = family_and_octet(i)?;
    let (i, stale_time) = read::u24(i)?;
    Ok((
        i,
        LongLivedFamily {
            family,
            forwarding: flags & FORWARDING != 0,
            stale_time,
        },
    ))
}

fn fqdn(i: &[u8]) -> Parsed<'_, Capability> {
    let (i, host) = read::text(i)?;
    let (i, domain) = read::text(i)?;
    Ok((
        i,
        Capability::Fqdn {
            host: host.to_owned(),
            domain: domain.to_owned(),
        },
    ))
}
