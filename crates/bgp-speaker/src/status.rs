//! What an operator asks about listeners and peers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use bgp_fsm::{Endpoints, Negotiated, SessionTimers, State};
use bgp_rib::Statistics;
use bgp_wire::{
    AsWidth, Asn, Capability, ErrorCode, Family, GracefulRestart, MessageType, NextHop,
    Notification, PeerKind,
};

use crate::history::{self, SessionEvent};
use crate::latency::LatencyHistogram;
use crate::neighbour::Record;

/// A moment of a speaker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// One per configured address, in the order of the configuration.
    pub listeners: Vec<ListenerStatus>,
    /// One per peer, by address: IPv4 first.
    pub peers: Vec<PeerStatus>,
    /// The route table, by family: IPv4 first.
    pub table: Vec<TableStatus>,
}

impl Status {
    /// The peer of this address.
    pub fn peer(&self, address: IpAddr) -> Option<&PeerStatus> {
        let address = address.to_canonical();
        self.peers.iter().find(|peer| peer.address == address)
    }
}

/// One listening socket.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ListenerStatus {
    /// The configured address.
    pub address: SocketAddr,
    /// The address that it listens on, with the real port; `None` while it does not listen.
    pub local: Option<SocketAddr>,
    /// Why it does not listen, if it does not; it is tried again until it does.
    pub error: Option<String>,
}

/// The routes of one family, for all peers together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TableStatus {
    /// The family.
    pub family: Family,
    /// Prefixes that are announced.
    pub routes: usize,
    /// Withdrawals that some peer has yet to be told.
    pub withdrawals: usize,
    /// Octets that the table reserves, packed messages included.
    pub octets: usize,
}

impl TableStatus {
    pub(crate) fn new(family: Family, statistics: &Statistics) -> Self {
        Self {
            family,
            routes: statistics.routes,
            withdrawals: statistics.tombstones,
            octets: statistics.reserved_octets + statistics.cached_octets,
        }
    }
}

/// One peer and its session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Its address.
    pub address: IpAddr,
    /// The port that is dialled.
    pub port: u16,
    /// Its configured AS.
    pub asn: Asn,
    /// How it stands to the speaker.
    pub kind: PeerKind,
    /// The state of the session (RFC 4271 section 8.2.2).
    pub state: State,
    /// Since when it is in this state.
    pub since: SystemTime,
    /// How long the session is Established; `None` in any other state.
    pub uptime: Option<Duration>,
    /// How many times the session left Established.
    pub flaps: u64,
    /// The last NOTIFICATION that was sent.
    pub last_error_sent: Option<NotificationStatus>,
    /// The last NOTIFICATION that was received.
    pub last_error_received: Option<NotificationStatus>,
    /// Why the last session ended or the last attempt failed, in words.
    pub last_down: Option<String>,
    /// The last 32 things that happened to its sessions, the oldest first.
    pub history: Vec<SessionEvent>,
    /// The time to the next attempt to connect or, after a reset, until connections of the peer are taken again too. `None`
    /// while Established, while an attempt is under way, and for a passive peer that is waited for.
    pub retry_in: Option<Duration>,
    /// What keeps this peer from working as configured: a socket option that the kernel refuses.
    pub problem: Option<String>,
    /// The session's addresses; `None` unless Established.
    pub endpoints: Option<SessionEndpoints>,
    /// What the session agreed on; `None` unless Established.
    pub negotiated: Option<NegotiatedStatus>,
    /// The next hop that routes are announced with, by family; none unless Established.
    pub next_hops: Vec<(Family, NextHop)>,
    /// How much time the timers have left; none run unless Established.
    pub timers: TimerStatus,
    /// Messages of all sessions with this peer.
    pub messages: MessageCounts,
    /// Routes of all sessions with this peer.
    pub routes: Vec<FamilyCounts>,
    /// UPDATEs that were received with errors that RFC 7606 tells to survive, of all sessions with this peer.
    pub malformed_updates: u64,
    /// Octets that wait for the socket.
    pub queue_octets: usize,
    /// Changes that the peer has yet to be told, at most.
    pub pending_changes: u64,
    /// Whether End-of-RIB went to the peer in this session.
    pub end_of_rib_sent: bool,
    /// How long changes of routes took to its socket, of all sessions with this peer.
    pub latency: LatencyHistogram,
}

/// A NOTIFICATION that was sent or received.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotificationStatus {
    /// When.
    pub at: SystemTime,
    /// Its code and subcode.
    pub error: ErrorCode,
    /// The whole of it in words, with the text for operators (RFC 9003) if it has one.
    pub text: String,
}

impl NotificationStatus {
    pub(crate) fn new(notification: &Notification) -> Self {
        Self {
            at: SystemTime::now(),
            error: notification.error,
            text: notification.to_string(),
        }
    }
}

/// How much time is left to timers; `None` for one that does not run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TimerStatus {
    /// Until a silent peer counts as dead (RFC 4271's HoldTimer).
    pub hold: Option<Duration>,
    /// Until the next KEEPALIVE (RFC 4271's KeepaliveTimer).
    pub keepalive: Option<Duration>,
    /// Until a peer that takes nothing is given up (RFC 9687's SendHoldTimer).
    pub send_hold: Option<Duration>,
}

impl From<SessionTimers> for TimerStatus {
    fn from(timers: SessionTimers) -> Self {
        let now = Instant::now();
        let left = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(now));
        Self {
            hold: left(timers.hold),
            keepalive: left(timers.keepalive),
            send_hold: left(timers.send_hold),
        }
    }
}

/// The two ends of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionEndpoints {
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// What both OPENs led to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NegotiatedStatus {
    /// The peer's BGP Identifier.
    pub peer_id: Ipv4Addr,
    /// Our AS as the peer sees it: the confederation's for one outside of it.
    pub local_asn: Asn,
    /// The smaller of both hold times, in seconds; 0 where one side wants none.
    pub hold_time: u16,
    /// The hold time in our OPEN, in seconds.
    pub local_hold_time: u16,
    /// The hold time in the peer's OPEN, in seconds.
    pub peer_hold_time: u16,
    /// Time between KEEPALIVEs; `None` where none are sent.
    pub keepalive_interval: Option<Duration>,
    /// Families that both sides have.
    pub families: Vec<Family>,
    /// Whether AS numbers have four octets (RFC 6793).
    pub four_octet_as: bool,
    /// The longest message that may be sent, in octets (RFC 8654).
    pub max_message: u16,
    /// Whether both sides can ask for routes again (RFC 2918).
    pub route_refresh: bool,
    /// Whether both sides mark the begin and the end of it (RFC 7313).
    pub enhanced_route_refresh: bool,
    /// The peer's graceful restart capability (RFC 4724), if ours was advertised too.
    pub graceful_restart: Option<GracefulRestart>,
    /// Whether both sides set the N bit, so that NOTIFICATIONs keep routes too (RFC 8538).
    pub notification_restart: bool,
    /// Everything that our OPEN advertised.
    pub local_capabilities: Vec<Capability>,
    /// Everything that the peer's OPEN advertised.
    pub peer_capabilities: Vec<Capability>,
}

/// Messages by type and direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct MessageCounts {
    /// Sent to the peer.
    pub sent: ByType,
    /// Received from the peer.
    pub received: ByType,
}

/// Counts by message type (RFC 4271 section 4.1, RFC 2918).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ByType {
    /// OPEN.
    pub open: u64,
    /// UPDATE.
    pub update: u64,
    /// NOTIFICATION.
    pub notification: u64,
    /// KEEPALIVE.
    pub keepalive: u64,
    /// ROUTE-REFRESH.
    pub route_refresh: u64,
}

impl ByType {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.open + self.update + self.notification + self.keepalive + self.route_refresh
    }

    /// Counts one message; a type that nobody knows does not count.
    pub(crate) fn count(&mut self, kind: MessageType) {
        match kind {
            MessageType::OPEN => self.open += 1,
            MessageType::UPDATE => self.update += 1,
            MessageType::NOTIFICATION => self.notification += 1,
            MessageType::KEEPALIVE => self.keepalive += 1,
            MessageType::ROUTE_REFRESH => self.route_refresh += 1,
            _ => {}
        }
    }
}

/// Prefixes of one family, counted as they pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FamilyCounts {
    /// The family.
    pub family: Family,
    /// Announcements sent.
    pub advertised: u64,
    /// Withdrawals sent.
    pub withdrawn: u64,
    /// Announcements received.
    pub received: u64,
    /// Withdrawals received.
    pub received_withdrawn: u64,
}

impl FamilyCounts {
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            advertised: 0,
            withdrawn: 0,
            received: 0,
            received_withdrawn: 0,
        }
    }
}

impl PeerStatus {
    /// What keeps this peer from working, or why the last session ended, in words.
    ///
    /// Where attempts fail in turns, as they do when each side dials and one refuses the other's OPEN, what was said in an
    /// OPEN or a NOTIFICATION, or that no OPEN came, tells more than a reset that follows from it.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        let of_history = || history::telling(&self.history).map(|event| &*event.text);
        self.problem
            .as_deref()
            .or_else(of_history)
            .or(self.last_down.as_deref())
    }

    /// What the record knows; the rest is the table's.
    pub(crate) fn of(record: &Record) -> Self {
        let config = &record.config;
        let established = record.established.as_ref();
        Self {
            address: config.address,
            port: config.port,
            asn: config.asn,
            kind: record.kind,
            state: record.state,
            since: record.since.0,
            uptime: (record.state == State::Established).then(|| record.since.1.elapsed()),
            flaps: record.flaps,
            last_error_sent: record.last_error_sent.clone(),
            last_error_received: record.last_error_received.clone(),
            last_down: record.last_down.clone(),
            history: record.history.events(),
            retry_in: record
                .retry_at
                .map(|at| at.saturating_duration_since(Instant::now())),
            problem: record
                .unkeyed
                .clone()
                .or_else(|| record.refused_option.clone()),
            endpoints: established.map(|established| established.endpoints),
            negotiated: established.map(|established| established.negotiated.clone()),
            next_hops: established.map_or_else(Vec::new, |it| it.next_hops.clone()),
            timers: record.timers.into(),
            messages: record.messages,
            routes: record.routes.clone(),
            malformed_updates: record.malformed_updates,
            queue_octets: record.queue_octets,
            pending_changes: 0,
            end_of_rib_sent: false,
            latency: record.latency,
        }
    }
}

impl From<Endpoints> for SessionEndpoints {
    fn from(endpoints: Endpoints) -> Self {
        Self {
            local: endpoints.local,
            remote: endpoints.remote,
        }
    }
}

impl From<&Negotiated> for NegotiatedStatus {
    fn from(negotiated: &Negotiated) -> Self {
        Self {
            peer_id: negotiated.peer_open.bgp_id,
            // It was a number of seconds in an OPEN, 16 bits wide.
            hold_time: negotiated.hold_time.map_or(0, |time| time.as_secs() as u16),
            local_asn: negotiated.local_asn,
            local_hold_time: negotiated.local_open.hold_time,
            peer_hold_time: negotiated.peer_open.hold_time,
            keepalive_interval: negotiated.keepalive,
            families: negotiated.families.clone(),
            four_octet_as: negotiated.as_width == AsWidth::Four,
            max_message: negotiated.max_message,
            route_refresh: negotiated.route_refresh,
            enhanced_route_refresh: negotiated.enhanced_route_refresh,
            graceful_restart: negotiated.graceful_restart.clone(),
            notification_restart: negotiated.notification_restart,
            local_capabilities: negotiated.local_open.capabilities.clone(),
            peer_capabilities: negotiated.peer_open.capabilities.clone(),
        }
    }
}
