//! The BGP process: the values that it cannot change without a restart.

use std::fmt;
use std::net::Ipv4Addr;

use antrea_bgp_api::ConfederationMembership;

/// What a BGP process is started with. A change of any of these restarts it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessSpec {
    /// The AS number of this speaker; inside a confederation its member AS number. 1–4294967294.
    pub local_asn: u32,
    /// The TCP port on which peers may connect. 1–65535, 179 by default.
    pub listen_port: u16,
    /// The BGP Identifier (RFC 4271 §4.2). Never 0.0.0.0.
    pub router_id: Ipv4Addr,
    /// The confederation that this AS is a member of (RFC 5065).
    pub confederation: Option<ConfederationMembership>,
}

/// Why a process stops. Each reason has one way to take leave of the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The effective policy was deleted, and no other selects the node.
    PolicyGone,
    /// The effective policy no longer selects the node, since its selector or the node's labels
    /// changed, and no other does.
    NodeDeselected,
    /// The Node object disappeared and did not come back within
    /// [`NODE_GRACE`](crate::NODE_GRACE).
    NodeGone,
    /// Restart: the local AS number is another.
    LocalAsnChanged,
    /// Restart: the confederation is another.
    ConfederationChanged,
    /// Restart: the router ID is another.
    RouterIdChanged,
    /// Restart: the listen port is another.
    ListenPortChanged,
}

impl StopReason {
    /// Whether a [`StartProcess`](crate::Effect::StartProcess) follows at once.
    #[must_use]
    pub const fn is_restart(self) -> bool {
        match self {
            StopReason::PolicyGone | StopReason::NodeDeselected | StopReason::NodeGone => false,
            StopReason::LocalAsnChanged
            | StopReason::ConfederationChanged
            | StopReason::RouterIdChanged
            | StopReason::ListenPortChanged => true,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::PolicyGone => "no BGPPolicy is left for this node",
            StopReason::NodeDeselected => "no BGPPolicy selects this node any more",
            StopReason::NodeGone => "the Node object is gone",
            StopReason::LocalAsnChanged => "the local AS number changed",
            StopReason::ConfederationChanged => "the confederation changed",
            StopReason::RouterIdChanged => "the router ID changed",
            StopReason::ListenPortChanged => "the listen port changed",
        })
    }
}
