//! What one node would do, or does: all that two of them can be compared by.

use std::net::SocketAddr;

use antrea_bgp_policy::{Engine, PeerState, RouteView};
use serde::{Deserialize, Serialize};

use crate::answers::configured;
use crate::view::{PeerConfigView, ProcessView};

/// The decisions of an engine: `GET /plan`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Intent {
    pub(crate) node: String,
    /// None where no policy is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<IntendedProcess>,
    /// The annotation of the router ID in the manifest of the Node, in the folder that an agent reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) router_id_annotation: Option<String>,
    pub(crate) peers: Vec<IntendedPeer>,
    pub(crate) routes: Vec<PlannedRoute>,
}

/// The policy in effect, and what its BGP process runs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntendedProcess {
    pub(crate) policy: String,
    #[serde(flatten)]
    pub(crate) settings: ProcessView,
}

/// A peer of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntendedPeer {
    /// `address:port`, an IPv6 address in brackets.
    pub(crate) peer: String,
    pub(crate) asn: u32,
    /// Why it gets no session, if it gets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
    pub(crate) config: PeerConfigView,
}

/// A route as the plan's contract has it: every member is always there, and `k8sObjRef` is empty
/// for a Pod CIDR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedRoute {
    pub(crate) route: String,
    #[serde(rename = "type")]
    pub(crate) route_type: String,
    pub(crate) k8s_obj_ref: String,
}

impl Intent {
    /// What this engine has decided.
    pub(crate) fn of(engine: &Engine) -> Self {
        let process = engine.policy().map(|policy| IntendedProcess {
            policy: policy.name.to_owned(),
            settings: ProcessView::of(policy.process),
        });
        Self {
            node: engine.node().to_owned(),
            process,
            router_id_annotation: None,
            peers: engine.peers().map(peer).collect(),
            routes: engine.routes().map(route).collect(),
        }
    }
}

fn peer(view: antrea_bgp_policy::PeerView<'_>) -> IntendedPeer {
    let skipped = match view.state {
        PeerState::Configured => None,
        other => Some(other.to_string()),
    };
    IntendedPeer {
        peer: SocketAddr::new(view.peer.address, view.peer.port).to_string(),
        asn: view.peer.asn,
        skipped,
        config: configured(view.peer, view.authenticated),
    }
}

fn route(route: RouteView<'_>) -> PlannedRoute {
    PlannedRoute {
        route: route.prefix.to_string(),
        route_type: route.owner().route_type.name().to_owned(),
        k8s_obj_ref: route.owner().object.to_string(),
    }
}
