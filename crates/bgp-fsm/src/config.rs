//! What one neighbour is configured to be.

use std::time::Duration;

use bgp_wire::{Asn, Capability, Family, PeerKind};
use std::net::Ipv4Addr;

/// The configuration of one neighbour's [`Session`](crate::Session).
///
/// A session never changes its configuration: whatever touches the OPEN or the socket is a
/// [`Stop`](crate::Command::Stop) and a new session. Share one value between sessions by `Arc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Our AS; in a confederation the member AS (RFC 5065's Member-AS Number).
    pub local_asn: Asn,
    /// Our BGP Identifier, non-zero (RFC 6286).
    pub bgp_id: Ipv4Addr,
    /// The AS that the neighbour's OPEN has to carry.
    pub peer_asn: Asn,
    /// The confederation that we are in, if any (RFC 5065).
    pub confederation: Option<Confederation>,
    /// Families to exchange with this neighbour, usually the one of its address. At least one of
    /// them has to be in the neighbour's OPEN, or the session is refused with 2/7.
    pub families: Vec<Family>,
    /// Never dial; wait for the neighbour to (RFC 4271's PassiveTcpEstablishment).
    pub passive: bool,
    /// Wait this long for the neighbour's OPEN before sending ours (RFC 4271's DelayOpenTime).
    pub delay_open: Option<Duration>,
    /// Hold time to propose, in seconds: 0 (none) or 3 to 65535.
    pub hold_time: u16,
    /// Seconds between KEEPALIVEs; `None` is a third of the negotiated hold time.
    pub keepalive: Option<u16>,
    /// Seconds between attempts to connect (RFC 4271's ConnectRetryTime); `None` is 5. Jitter of
    /// 0.75 to 1 applies, and with graceful restart [`retry_cap`](Self::retry_cap). As long, but not
    /// under 3 seconds, is the wait for TCP to connect.
    pub connect_retry: Option<u16>,
    /// Seconds to stay Idle after a reset (RFC 4271's IdleHoldTime), with graceful restart no more
    /// than [`retry_cap`](Self::retry_cap); `None` starts at 1, doubles with each reset up to that
    /// cap and decays while a session holds (DampPeerOscillations).
    pub idle_hold: Option<u16>,
    /// How long to wait for the neighbour's OPEN; `None` is [`retry_cap`](Self::retry_cap), not
    /// under 10 seconds. RFC 4271 suggests 4 minutes, longer than most restart times.
    pub open_timeout: Option<Duration>,
    /// Limit on the time in which the transport takes nothing of what is queued (RFC 9687's
    /// SendHoldTime); `None` is the larger of 8 minutes and twice the negotiated hold time.
    pub send_hold_time: Option<Duration>,
    /// Graceful restart (RFC 4724), or `None` to leave the capability out.
    pub graceful_restart: Option<GracefulRestartConfig>,
    /// The BGP process has just started: set the Restart State bit in every OPEN until
    /// [`EndOfRibSent`](crate::Command::EndOfRibSent).
    pub restarting: bool,
    /// Offer messages of up to 65535 octets (RFC 8654).
    pub extended_messages: bool,
    /// Further capabilities to put into the OPEN, e.g. a software version. One that does not fit
    /// (255 octets of value, 4096 octets of OPEN) is left out.
    pub extra_capabilities: Vec<Capability>,
}

/// Membership in a confederation (RFC 5065).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confederation {
    /// The AS that neighbours outside of the confederation see (AS Confederation Identifier).
    pub identifier: Asn,
    /// The other member ASes; ours may be among them.
    pub members: Vec<Asn>,
}

/// What to say about graceful restart (RFC 4724, RFC 8538).
///
/// The Forwarding State bit is always set: this crate is for speakers whose data plane is not
/// theirs and keeps forwarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracefulRestartConfig {
    /// Restart Time in seconds, 1 to 4095.
    pub time: u16,
    /// Set the N bit: a NOTIFICATION keeps routes too, unless it is a Hard Reset (RFC 8538).
    pub notification: bool,
}

impl SessionConfig {
    /// A neighbour with everything else at its default: IPv4 unicast, active, hold time 90 s,
    /// graceful restart with 120 s.
    #[must_use]
    pub fn new(local_asn: Asn, bgp_id: Ipv4Addr, peer_asn: Asn) -> Self {
        Self {
            local_asn,
            bgp_id,
            peer_asn,
            confederation: None,
            families: vec![Family::IPV4_UNICAST],
            passive: false,
            delay_open: None,
            hold_time: 90,
            keepalive: None,
            connect_retry: None,
            idle_hold: None,
            open_timeout: None,
            send_hold_time: None,
            graceful_restart: Some(GracefulRestartConfig::default()),
            restarting: false,
            extended_messages: true,
            extra_capabilities: Vec::new(),
        }
    }

    /// Whether the neighbour is external, internal, or in another member AS of our confederation.
    #[must_use]
    pub fn peer_kind(&self) -> PeerKind {
        if self.peer_asn == self.local_asn {
            return PeerKind::Ibgp;
        }
        match &self.confederation {
            Some(c) if c.members.contains(&self.peer_asn) => PeerKind::Confederation,
            _ => PeerKind::Ebgp,
        }
    }

    /// The AS that our OPEN carries: members of our confederation see the member AS, everyone
    /// else the confederation identifier (RFC 5065 section 4).
    #[must_use]
    pub fn open_asn(&self) -> Asn {
        match (&self.confederation, self.peer_kind()) {
            (Some(c), PeerKind::Ebgp) => c.identifier,
            _ => self.local_asn,
        }
    }

    /// The most that any retry or damping waits: a quarter of the restart time, so that a
    /// neighbour is back before its helper gives up; 30 seconds without graceful restart.
    #[must_use]
    pub fn retry_cap(&self) -> Duration {
        match self.graceful_restart {
            Some(gr) if gr.time > 0 => Duration::from_secs(u64::from(gr.time)) / 4,
            _ => Duration::from_secs(30),
        }
    }
}

impl Default for GracefulRestartConfig {
    /// 120 seconds, N bit off.
    fn default() -> Self {
        Self {
            time: 120,
            notification: false,
        }
    }
}
