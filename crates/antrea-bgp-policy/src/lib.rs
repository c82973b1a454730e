//! From BGPPolicies and cluster objects to BGP peers and routes, one change at a time.
#![allow(unused, missing_docs)]
mod effect;
mod engine;
mod explain;
mod input;
mod kind_set;
mod obstacle;
mod peer;
mod process;
mod report;
mod route;

use core::time::Duration;

pub use effect::{Announcement, Effect};
pub use engine::{Engine, PolicyView};
pub use explain::{Explanation, Finding, InvalidSubject, Subject, Verdict};
pub use input::{Input, InvalidObject, SourceState};
pub use kind_set::KindSet;
pub use obstacle::{Family, Obstacle, Origin};
pub use peer::{PeerSpec, PeerState, PeerView};
pub use process::{ProcessSpec, StopReason};
pub use report::{ReasonCode, Report, Severity};
pub use route::{Owner, RouteType, RouteView, UnknownRouteType};

/// How long a Node object may be missing before the BGP process stops: see
/// [`Engine::node_missing`].
pub const NODE_GRACE: Duration = Duration::from_secs(60);
