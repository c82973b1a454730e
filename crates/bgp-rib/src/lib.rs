//! The advertisement table of a BGP speaker: which prefixes are announced, and what each peer is
//! still to be told, as messages ready for its socket. For those who embed a speaker.
//!
//! Each prefix is kept once, in the order of its last change; a peer is a cursor. A peer that is
//! behind sees only the last state of each prefix, so that flaps coalesce and a slow peer costs no
//! memory. Peers of one update group share the packed octets.
//!
//! It is not a RIB to install routes from, it selects no best path, and it has no clock, no lock and
//! no I/O: the caller owns it by value, and pulls a batch whenever a socket has drained.
//!
//! ```
//! use bgp_rib::{Attributes, Change, GroupKey, Marker, Table};
//! use bgp_wire::{AsWidth, Asn, Family, PeerKind};
//!
//! let mut table = Table::new();
//! let attributes = table.intern(Attributes::default());
//! assert_eq!(table.announce("10.96.0.1/32".parse()?, attributes), Change::Added);
//! table.release(attributes); // the route still has it
//!
//! let peer = table.join(GroupKey {
//!     family: Family::IPV4_UNICAST,
//!     kind: PeerKind::Ebgp,
//!     prepend: Asn(64512),
//!     as_width: AsWidth::Four,
//!     next_hop: std::net::Ipv4Addr::new(192, 0, 2, 1).into(),
//!     max_message: 4096,
//! })?;
//! let first = table.next_batch(peer, Table::DEFAULT_BUDGET).ok_or("the route")?;
//! assert_eq!((first.routes, first.messages), (1, 1));
//! let end = table.next_batch(peer, Table::DEFAULT_BUDGET).ok_or("End-of-RIB")?;
//! assert_eq!(end.marker, Some(Marker::EndOfRib));
//! assert_eq!(table.next_batch(peer, Table::DEFAULT_BUDGET), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod family;
mod group;
mod log;
mod pack;
mod pass;
mod prefix;
mod table;
#[cfg(test)]
mod tests;
mod types;

pub use attributes::{Attributes, AttrsId};
pub use table::Table;
pub use types::{
    Batch, Change, Delivery, GroupKey, JoinError, Marker, PeerId, Progress, RefreshKind,
    Statistics, TombstoneLimit,
};
