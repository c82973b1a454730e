//! What a speaker and its peers are told.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bgp_fsm::{GracefulRestartConfig, SessionConfig};
use bgp_socket::Ttl;
use bgp_wire::{Asn, Family, PeerKind};

use crate::{Observer, Password};

/// Port 179, where BGP listens (RFC 4271 section 4.2.1).
pub const BGP_PORT: u16 = 179;

/// One BGP process: who it is and where it listens. A change of any of it needs a new [`Speaker`](crate::Speaker).
#[derive(Clone)]
#[non_exhaustive]
pub struct SpeakerConfig {
    /// The local AS; in a confederation, the number of the member AS.
    pub asn: Asn,
    /// The BGP Identifier, not zero (RFC 6286).
    pub router_id: Ipv4Addr,
    /// Where to listen, one socket each. None: the speaker only dials. Port 0 takes any free port, which
    /// [`ListenerStatus::local`](crate::ListenerStatus::local) tells.
    pub listen: Vec<SocketAddr>,
    /// The confederation that the local AS is a member of (RFC 5065).
    pub confederation: Option<Confederation>,
    /// Whether this process replaces one whose routes peers may still hold. OPENs then carry the Restart State bit until
    /// End-of-RIB went to the peer once (RFC 4724 section 4.1). True by default: a speaker cannot know, and without a
    /// helper the bit means nothing.
    pub restarting: bool,
    /// The next hop of IPv4 routes; otherwise the session's local address.
    pub next_hop_v4: Option<Ipv4Addr>,
    /// The next hop of IPv6 routes; otherwise the session's local address.
    pub next_hop_v6: Option<Ipv6Addr>,
    /// How long a peer may read nothing while it holds back more withdrawals than the table can afford, before its session
    /// is reset. 30 s by default, not under 1 s.
    pub laggard_patience: Duration,
    /// Hears of sessions and received UPDATEs.
    pub observer: Option<Arc<dyn Observer>>,
}

impl SpeakerConfig {
    /// A speaker that does not listen, without confederation.
    pub fn new(asn: Asn, router_id: Ipv4Addr) -> Self {
        Self {
            asn,
            router_id,
            listen: Vec::new(),
            confederation: None,
            restarting: true,
            next_hop_v4: None,
            next_hop_v6: None,
            laggard_patience: Duration::from_secs(30),
            observer: None,
        }
    }

    /// The same, listening on `address` too.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen.push(address);
        self
    }

    /// The same, with an observer.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How a peer of this AS stands to the speaker.
    pub(crate) fn peer_kind(&self, peer: Asn) -> PeerKind {
        match &self.confederation {
            _ if peer == self.asn => PeerKind::Ibgp,
            Some(confederation) if confederation.members.contains(&peer) => PeerKind::Confederation,
            _ => PeerKind::Ebgp,
        }
    }
}

impl fmt::Debug for SpeakerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeakerConfig")
            .field("asn", &self.asn)
            .field("router_id", &self.router_id)
            .field("listen", &self.listen)
            .field("confederation", &self.confederation)
            .field("restarting", &self.restarting)
            .field("next_hop_v4", &self.next_hop_v4)
            .field("next_hop_v6", &self.next_hop_v6)
            .field("laggard_patience", &self.laggard_patience)
            .field("observer", &self.observer.is_some())
            .finish()
    }
}

/// A confederation of ASes that looks like one from outside (RFC 5065).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Confederation {
    /// The AS number that strangers see.
    pub identifier: Asn,
    /// The other member ASes.
    pub members: Vec<Asn>,
}

/// One peer. Equal configurations are equal sessions: [`Speaker::set_peer`](crate::Speaker::set_peer) compares.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerConfig {
    /// Its address, which is also its name here. An IPv4-mapped IPv6 address counts as the IPv4 one.
    pub address: IpAddr,
    /// The port to dial.
    pub port: u16,
    /// Its AS. The one of the speaker makes the session iBGP.
    pub asn: Asn,
    /// Wait for the peer to dial instead of dialling.
    pub passive: bool,
    /// The local address to dial from. Otherwise the first listening address of the family that is not a wildcard, and
    /// without one, what the kernel's routes choose.
    pub source: Option<IpAddr>,
    /// How many hops away it is, 1–255. eBGP and confederation peers are sent this TTL; iBGP peers 255.
    pub multihop_ttl: u8,
    /// GTSM (RFC 5082): send TTL 255, and take only segments that come from no further than `multihop_ttl` hops.
    pub ttl_security: bool,
    /// TCP MD5 password (RFC 2385).
    pub password: Option<Password>,
    /// The hold time to offer in seconds: 3–65535, or 0 for none (RFC 4271 section 4.2). The smaller of both counts.
    pub hold_time: u16,
    /// Seconds between KEEPALIVEs. Otherwise a third of the negotiated hold time, which is also the most that is used where the
    /// peer's hold time is the smaller one.
    pub keepalive_interval: Option<u16>,
    /// Seconds between two attempts to dial. Otherwise 5 with jitter.
    pub connect_retry: Option<u16>,
    /// Seconds to stay Idle after a reset. Otherwise 1, doubled while resets go on (RFC 4271 section 8.1.1).
    pub idle_hold_after_reset: Option<u16>,
    /// Graceful restart (RFC 4724) with this restart time in seconds, at most 4095; `None` does not advertise it.
    pub graceful_restart: Option<u16>,
    /// Also treat NOTIFICATIONs gracefully (RFC 8538's N bit).
    pub graceful_notification: bool,
}

impl PeerConfig {
    /// A peer on port 179, one hop away, without a password, with a hold time of 90 s and a restart time of 120 s.
    pub fn new(address: IpAddr, asn: Asn) -> Self {
        Self {
            address,
            port: BGP_PORT,
            asn,
            passive: false,
            source: None,
            multihop_ttl: 1,
            ttl_security: false,
            password: None,
            hold_time: 90,
            keepalive_interval: None,
            connect_retry: None,
            idle_hold_after_reset: None,
            graceful_restart: Some(120),
            graceful_notification: false,
        }
    }

    /// The TTL of a session of this kind.
    pub(crate) fn ttl(&self, kind: PeerKind) -> Ttl {
        match kind {
            _ if self.ttl_security => Ttl::security(self.multihop_ttl),
            PeerKind::Ibgp => Ttl::hops(255),
            _ => Ttl::hops(self.multihop_ttl),
        }
    }

    /// What a change to `other` is, in words.
    pub(crate) fn change_to(&self, other: &Self) -> &'static str {
        let but_for_password = Self {
            password: self.password.clone(),
            ..other.clone()
        };
        if self.asn != other.asn {
            "the peer's AS changed"
        } else if *self == but_for_password {
            "password changed"
        } else {
            "configuration changed"
        }
    }

    /// The same with addresses in their canonical form.
    pub(crate) fn canonical(mut self) -> Self {
        self.address = self.address.to_canonical();
        self.source = self.source.map(|source| source.to_canonical());
        self
    }
}

impl PeerConfig {
    /// As the session's state machine takes it.
    pub(crate) fn session(&self, speaker: &SpeakerConfig, restarting: bool) -> SessionConfig {
        let graceful = self.graceful_restart.map(|time| GracefulRestartConfig {
            time,
            notification: self.graceful_notification,
        });
        SessionConfig {
            confederation: speaker.confederation.clone().map(Into::into),
            families: vec![Family::unicast_of_address(&self.address)],
            passive: self.passive,
            hold_time: self.hold_time,
            keepalive: self.keepalive_interval,
            connect_retry: self.connect_retry,
            idle_hold: self.idle_hold_after_reset,
            graceful_restart: graceful,
            restarting,
            ..SessionConfig::new(speaker.asn, speaker.router_id, self.asn)
        }
    }
}

impl From<Confederation> for bgp_fsm::Confederation {
    fn from(confederation: Confederation) -> Self {
        Self {
            identifier: confederation.identifier,
            members: confederation.members,
        }
    }
}

/// How sessions end, and thereby what peers do with the routes that they hold.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Shutdown {
    /// TCP closes without a NOTIFICATION: peers with graceful restart keep the routes (RFC 4724 section 4.2).
    Silent,
    /// NOTIFICATION Cease, Administrative Shutdown, with a text for the peer's operator (RFC 9003): peers withdraw the
    /// routes at once. Text beyond 255 octets is cut.
    Withdraw {
        /// Why, in words; may be empty.
        text: String,
    },
    /// NOTIFICATION Cease, Peer De-configured: as for a peer that is removed.
    PeerDeconfigured,
    /// NOTIFICATION Cease, Other Configuration Change: the speaker comes back with another AS or confederation.
    ConfigurationChange,
}

impl fmt::Display for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str(
                "connections close without NOTIFICATION, peers with graceful restart keep the routes",
            ),
            Self::Withdraw { text } if text.is_empty() => {
                f.write_str("peers are told to withdraw the routes")
            }
            Self::Withdraw { text } => {
                write!(f, "peers are told to withdraw the routes, because: {text}")
            }
            Self::PeerDeconfigured => f.write_str("peers are told that they are removed"),
            Self::ConfigurationChange => {
                f.write_str("peers are told that AS or confederation change")
            }
        }
    }
}

impl From<Shutdown> for bgp_fsm::Shutdown {
    fn from(how: Shutdown) -> Self {
        match how {
            Shutdown::Silent => Self::Silent,
            Shutdown::Withdraw { text } => Self::Administrative { text },
            Shutdown::PeerDeconfigured => Self::PeerDeconfigured,
            Shutdown::ConfigurationChange => Self::OtherConfigurationChange,
        }
    }
}
