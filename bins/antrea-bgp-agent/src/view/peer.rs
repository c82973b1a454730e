//! One peer in full: `GET /bgppeers/ADDRESS`.

use serde::{Deserialize, Serialize};

use super::PeerView;

/// What is configured, what was agreed on, what was counted, and what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeerDetail {
    #[serde(flatten)]
    pub(crate) summary: PeerView,
    /// Whether the peer was told in this session that it has seen everything (End-of-RIB).
    #[serde(rename = "endOfRIBSent")]
    pub(crate) end_of_rib_sent: bool,
    pub(crate) configured: PeerConfigView,
    /// What the session agreed on; only while it is Established.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionView>,
    /// Seconds that timers have left; those that do not run are left out.
    #[serde(default)]
    pub(crate) timers: TimersView,
    pub(crate) messages: MessagesView,
    pub(crate) routes: Vec<FamilyCountsView>,
    pub(crate) malformed_updates: u64,
    pub(crate) queue_octets: usize,
    pub(crate) pending_changes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_notification_sent: Option<NotificationView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_notification_received: Option<NotificationView>,
    /// The last things that happened to its sessions, the oldest first.
    pub(crate) history: Vec<SessionEventView>,
}

/// What the policy says about the peer, with defaults filled in; names and units are the CRD's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeerConfigView {
    #[serde(rename = "multihopTTL")]
    pub(crate) multihop_ttl: u8,
    pub(crate) ttl_security_enabled: bool,
    pub(crate) hold_time_seconds: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keepalive_interval_seconds: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connect_retry_seconds: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_hold_time_after_reset_seconds: Option<u16>,
    pub(crate) graceful_restart_enabled: bool,
    pub(crate) graceful_restart_time_seconds: u16,
    /// Whether the sessions have a password (TCP MD5).
    pub(crate) authenticated: bool,
}

/// What both OPENs led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    pub(crate) local_address: String,
    pub(crate) remote_address: String,
    /// `external`, `internal` or `confederation`.
    pub(crate) kind: String,
    #[serde(rename = "peerRouterID")]
    pub(crate) peer_router_id: String,
    /// Our AS as the peer sees it.
    #[serde(rename = "localASN")]
    pub(crate) local_asn: u32,
    pub(crate) families: Vec<String>,
    pub(crate) next_hops: Vec<NextHopView>,
    /// The smaller of both; 0 for none.
    pub(crate) hold_time_seconds: u16,
    pub(crate) local_hold_time_seconds: u16,
    pub(crate) peer_hold_time_seconds: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keepalive_seconds: Option<u64>,
    #[serde(rename = "fourOctetAS")]
    pub(crate) four_octet_as: bool,
    pub(crate) max_message_octets: u16,
    pub(crate) route_refresh: bool,
    pub(crate) enhanced_route_refresh: bool,
    /// Our restart time: how long the peer keeps our routes without us. Absent, as the next one,
    /// unless both sides have graceful restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) local_restart_time_seconds: Option<u16>,
    /// The peer's restart time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer_restart_time_seconds: Option<u16>,
    /// Whether NOTIFICATIONs keep routes too (RFC 8538).
    pub(crate) notification_restart: bool,
    pub(crate) capabilities: Vec<CapabilityView>,
}

/// The next hop of the routes of a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NextHopView {
    pub(crate) family: String,
    pub(crate) next_hop: String,
}

/// One capability, as each side advertised it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CapabilityView {
    pub(crate) code: u8,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) local: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
}

/// Seconds left; a second that has begun counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TimersView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keepalive_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) send_hold_seconds: Option<u64>,
}

/// Messages of all sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessagesView {
    pub(crate) sent: ByTypeView,
    pub(crate) received: ByTypeView,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ByTypeView {
    pub(crate) open: u64,
    pub(crate) update: u64,
    pub(crate) notification: u64,
    pub(crate) keepalive: u64,
    pub(crate) route_refresh: u64,
}

impl ByTypeView {
    /// The counts under the names of RFC 4271 and RFC 2918.
    pub(crate) const fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("OPEN", self.open),
            ("UPDATE", self.update),
            ("NOTIFICATION", self.notification),
            ("KEEPALIVE", self.keepalive),
            ("ROUTE-REFRESH", self.route_refresh),
        ]
    }
}

/// Prefixes of one family, of all sessions, as they passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FamilyCountsView {
    pub(crate) family: String,
    pub(crate) advertised: u64,
    pub(crate) withdrawn: u64,
    pub(crate) received: u64,
    pub(crate) received_withdrawn: u64,
}

/// A NOTIFICATION.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotificationView {
    /// RFC 3339, in seconds.
    pub(crate) at: String,
    pub(crate) code: u8,
    pub(crate) subcode: u8,
    /// In words, with the text for operators (RFC 9003) if it has one.
    pub(crate) text: String,
}

/// Something that happened to the sessions with a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionEventView {
    /// When it happened first, and last; RFC 3339, in seconds.
    pub(crate) first: String,
    pub(crate) last: String,
    /// How often in a row.
    pub(crate) count: u64,
    /// `Established`, `Down` (it was Established), or `Failed` (it was not).
    pub(crate) event: String,
    /// Why it ended: one word of a fixed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// Why, in words; the addresses of a session that came up.
    pub(crate) text: String,
}
