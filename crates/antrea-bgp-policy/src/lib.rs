//! From BGPPolicies and cluster objects to BGP peers and routes, one change at a time.
//!
//! For a node agent that brings the objects (from an API server, from files) and carries out what
//! follows; and for tools that ask what a node would advertise. [`Engine::handle`] takes an
//! [`Input`] in, [`Engine::poll_effect`] yields what has to be done about it, and that is always
//! only a difference: for a change of one endpoint as many records are looked at with 100 Services as
//! with 100,000. [`Engine::routes`] and [`Engine::explain`] say what is advertised, whose it is, and why
//! something is not.
//!
//! It is a pure function of its inputs: no clock, no socket, no file, no task, no BGP. Timers are
//! the owner's ([`Engine::node_missing`]), and so is repeating what fails.
//!
//! ```
//! use antrea_bgp_api::{Kind, Object, decode};
//! use antrea_bgp_policy::{Effect, Engine, Input};
//!
//! # fn object(kind: Kind, json: serde_json::Value) -> Object { decode(kind, &json).unwrap().object }
//! let node = object(Kind::Node, serde_json::json!({
//!     "metadata": { "name": "node-a", "labels": { "bgp": "enabled" } },
//!     "spec": { "podCIDRs": ["10.10.0.0/24"] },
//!     "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.10" }] },
//! }));
//! let policy = object(Kind::BgpPolicy, serde_json::json!({
//!     "metadata": { "name": "pods" },
//!     "spec": {
//!         "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
//!         "localASN": 64512,
//!         "advertisements": { "pod": {} },
//!         "bgpPeers": [{ "address": "192.0.2.1", "asn": 65001 }],
//!     },
//! }));
//!
//! let mut engine = Engine::new("node-a");
//! engine.handle(Input::Applied(node));
//! engine.handle(Input::Applied(policy));
//! // There are no passwords.
//! engine.handle(Input::Relisted { kind: Kind::Secret, objects: vec![], invalid: vec![] });
//! while let Some(effect) = engine.poll_effect() {
//!     match effect {
//!         Effect::StartProcess(process) => assert_eq!(process.local_asn, 64512),
//!         Effect::SetPeer(spec) => assert_eq!(spec.peer.address.to_string(), "192.0.2.1"),
//!         Effect::Announce(route) => assert_eq!(route.prefix.to_string(), "10.10.0.0/24"),
//!         _ => {}
//!     }
//! }
//! let explanation = engine.explain(&"10.10.0.7".parse()?);
//! assert!(explanation.is_advertised());
//! # Ok::<(), antrea_bgp_policy::InvalidSubject>(())
//! ```
//!
//! # What the owner of an engine has to do
//!
//! - Carry out effects in their order, and on [`Effect::Watch`] list the kinds that are new to the
//!   set: objects of kinds that were dropped are not kept.
//! - Hand in [`Input::Relisted`] (an empty one too) or [`Input::Source`] for every needed kind.
//!   New peers are held back until the Secret is known to be listed or absent, so that no session
//!   ever opens without a password that may exist; and while the first list of policies is under way
//!   ([`SourceState::Listing`]) none is chosen.
//! - Open the sessions of a process that starts, and let its End-of-RIB go, as [`Startup`] says.
//! - Hand in together, with [`Engine::handle_all`], what happened at once.
//! - Watch [`Engine::node_missing`], and hand in [`Input::NodeGraceElapsed`] after [`NODE_GRACE`].
//! - Offer only the Secret of the agent's own namespace. Of several the first by namespace counts,
//!   and the others are reported.

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
mod startup;

use std::time::Duration;

pub use effect::{Announcement, Effect};
pub use engine::{Engine, PolicyView, password_key};
pub use explain::{Explanation, Finding, InvalidSubject, Subject, Verdict};
pub use input::{Input, InvalidObject, SourceState};
pub use kind_set::KindSet;
pub use obstacle::{Family, Obstacle, Origin, SpecialAddress};
pub use peer::{PeerSpec, PeerState, PeerView};
pub use process::{ProcessSpec, StopReason};
pub use report::{ReasonCode, Report, Severity};
pub use route::{Owner, RouteType, RouteView, UnknownRouteType};
pub use startup::{StartPhase, Startup};

/// How long a Node object may be missing before the BGP process stops: see
/// [`Engine::node_missing`].
pub const NODE_GRACE: Duration = Duration::from_secs(60);
