//! A harness for tests against real BGP routers.
//!
//! Each test gets a [`Lab`]: a network namespace for our side, one for each router, and a veth pair from ours to each
//! of theirs. Traffic never leaves these namespaces, so every daemon has port 179 to itself and
//! next hops are addresses that it accepts. Dropping the lab ends its processes and removes the namespaces.
//!
//! This package is for this workspace's tests and nothing else. The routers are Debian's packages
//! `bird2`, `frr`, `gobgpd`, `openbgpd` and `exabgp`. Where one of them, or root, is missing a test says that
//! it is skipped and passes; with `CI=true` it fails.
//!
//! ```no_run
//! use std::time::Duration;
//! use interop::{Lab, RouterKind, eventually};
//!
//! interop::with_lab(&[RouterKind::Bird], |lab| {
//!     lab.routers[0].start()?;
//!     let ours = lab.links[0].ours.v4.into();
//!     eventually("BIRD listens for us", Duration::from_secs(5), || {
//!         Ok(lab.routers[0].session(ours)?.state != "Idle")
//!     })
//! });
//! ```

mod agent;
mod binaries;
mod lab;
mod manifests;
mod namespace;
mod process;
mod recorder;
mod requirements;
mod router;
mod wait;

pub use agent::Agent;
pub use binaries::{announce_binary, workspace_root};
pub use lab::{Asns, Ends, Lab, Link, with_lab, with_lab_of};
pub use manifests::Manifests;
pub use namespace::Namespace;
pub use process::Process;
pub use recorder::{Event, Events, Recorder};
pub use requirements::available;
pub use router::{
    Confederation, Neighbor, Route, Router, RouterConfig, RouterKind, Routes, Session,
};
pub use wait::{eventually, eventually_some};
