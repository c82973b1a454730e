//! How an Antrea Node chooses its BGP router ID, as pure functions.
//!
//! For an agent that runs BGP on a Kubernetes Node. A Node's router ID comes from an annotation if
//! that holds one, else from the Node's IPv4 address, else from a hash of its name; it is written
//! back to the annotation and then stays ([`RouterId`]). This crate reads no Node and writes no
//! annotation: it is told what is there and says what to do. It knows nothing of BGP sessions.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use router_id::{NodeFacts, RouterId, Source};
//!
//! let mut router_id = RouterId::default();
//! let node = NodeFacts { name: "local", annotation: None, ipv4: None };
//! let outcome = router_id.observe(&node);
//! assert_eq!(outcome.id, Ipv4Addr::new(156, 67, 103, 8));
//! assert_eq!(outcome.source, Source::NodeName);
//! assert_eq!(outcome.write_back, Some(outcome.id));
//! ```

mod latch;
mod select;

pub use latch::{Outcome, RouterId};
pub use select::{InvalidAnnotation, NodeFacts, Source, from_node_name, parse, select};
