//! What the local API says, in antctl's JSON: the server serialises these, the client reads them.
//!
//! antctl's own members come first under antctl's names. What we add is optional, so that a client
//! that knows antctl only is served as well.

mod peer;

use std::net::Ipv4Addr;

use antrea_bgp_policy::ProcessSpec;
use serde::{Deserialize, Serialize};

pub(crate) use peer::{
    ByTypeView, CapabilityView, FamilyCountsView, MessagesView, NextHopView, NotificationView,
    PeerConfigView, PeerDetail, SessionEventView, SessionView, TimersView,
};

/// `GET /agent`: who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentView {
    /// The Node that it runs for.
    pub(crate) node: String,
    pub(crate) version: String,
    /// `cluster`, or the folder of manifests.
    pub(crate) source: String,
    pub(crate) uptime_seconds: u64,
    /// Grows whenever an answer about policy, peers or routes may be another.
    pub(crate) generation: u64,
}

/// `GET /bgppolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyView {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) process: ProcessView,
    /// The BGP addresses listened on, and what is wrong with the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) listeners: Vec<String>,
    /// What people should know: the policy is not in its newest form, a field is ignored, ….
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remarks: Vec<String>,
}

/// What a BGP process runs with: a change of any of it is another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessView {
    #[serde(rename = "routerID")]
    pub(crate) router_id: Ipv4Addr,
    #[serde(rename = "localASN")]
    pub(crate) local_asn: u32,
    pub(crate) listen_port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confederation_identifier: Option<u32>,
    #[serde(rename = "memberASNs", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) member_asns: Vec<u32>,
}

impl ProcessView {
    pub(crate) fn of(process: &ProcessSpec) -> Self {
        let confederation = process.confederation.as_ref();
        Self {
            router_id: process.router_id,
            local_asn: process.local_asn,
            listen_port: process.listen_port,
            confederation_identifier: confederation.map(|it| it.identifier),
            member_asns: confederation
                .map(|it| it.member_asns.iter().copied().collect())
                .unwrap_or_default(),
        }
    }
}

/// One element of `GET /bgppeers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PeerView {
    /// `address:port`, an IPv6 address in brackets.
    pub(crate) peer: String,
    pub(crate) asn: u32,
    /// The FSM's state by its RFC 4271 name, or `Skipped` where the node lacks the peer's family.
    pub(crate) state: String,
    /// Seconds in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_seconds: Option<u64>,
    /// How many routes the peer has been sent and not been told to forget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) advertised: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) received: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flaps: Option<u64>,
    /// Seconds to the next attempt to connect; absent where none is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_in_seconds: Option<u64>,
    /// Why the session is not up, or went down last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

/// One element of `GET /bgproutes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RouteView {
    pub(crate) route: String,
    #[serde(rename = "type")]
    pub(crate) route_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) k8s_obj_ref: String,
    /// All owners, where there is more than the one above, as `TYPE OBJECT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owners: Vec<String>,
    /// How many established peers have been sent it, of how many of its family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<Sent>,
    /// What has become of it at the peer that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<String>,
}

/// To how many of the peers that should have a route it has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) to: usize,
    pub(crate) of: usize,
}

/// `GET /explain?subject=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExplanationView {
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// Whether anything that the subject stands for is advertised.
    pub(crate) advertised: bool,
    pub(crate) findings: Vec<FindingView>,
    /// What is wrong with the policies that this node reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remarks: Vec<String>,
}

/// One prefix of one owner, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingView {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    pub(crate) advertised: bool,
    /// The peers it is meant for, each with what has become of it there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) peers: Vec<PeerDelivery>,
    /// The first rule that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What has become of a route at one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeerDelivery {
    pub(crate) peer: String,
    /// `sent`, `pending`, `not sent`, or `no session`, which may be followed by the state and the reason in brackets.
    pub(crate) delivery: String,
}
