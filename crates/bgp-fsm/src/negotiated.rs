//! What two OPENs amount to.

use std::time::Duration;

use bgp_wire::{AsWidth, Asn, Context, Family, GracefulRestart, Open, PeerKind};

use crate::{ConnId, Endpoints};

/// What was agreed on with the neighbour, from Established on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Negotiated {
    /// The connection.
    pub conn: ConnId,
    /// Both ends of it; the local address is the next hop to announce.
    pub endpoints: Endpoints,
    /// Our OPEN as it went.
    pub local_open: Open,
    /// The neighbour's OPEN as it came.
    pub peer_open: Open,
    /// Families in both OPENs, in our order.
    pub families: Vec<Family>,
    /// External, internal, or another member of the confederation.
    pub peer_kind: PeerKind,
    /// Our AS as the neighbour sees it.
    pub local_asn: Asn,
    /// What to put in front of an AS path: `AS_SEQUENCE` toward external neighbours,
    /// `AS_CONFED_SEQUENCE` toward members of the confederation, nothing toward internal ones.
    pub prepend: Option<Asn>,
    /// Octets of an AS number in `AS_PATH`, in both directions.
    pub as_width: AsWidth,
    /// Longest message that may be sent, header included: 4096 or 65535 (RFC 8654).
    pub max_message: u16,
    /// How to read what the neighbour sends.
    pub context: Context,
    /// The smaller of both hold times; `None` if one side offered zero: no KEEPALIVEs either.
    pub hold_time: Option<Duration>,
    /// Time between our KEEPALIVEs, before jitter.
    pub keepalive: Option<Duration>,
    /// The neighbour's graceful restart capability, if we offered ours too.
    pub graceful_restart: Option<GracefulRestart>,
    /// Both sides set the N bit (RFC 8538).
    pub notification_restart: bool,
    /// Both sides can ask for routes again (RFC 2918).
    pub route_refresh: bool,
    /// Both sides mark the begin and end of it (RFC 7313).
    pub enhanced_route_refresh: bool,
}
