//! What goes into the table and what comes out of it.

use bgp_wire::{AsWidth, Asn, Family, NextHop, PeerKind};
use bytes::Bytes;

/// What all peers of one update group share, so that the same octets serve them all.
///
/// Two peers of one session configuration on two subnets have two next hops, hence two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// IPv4 or IPv6 unicast; other families have no routes here.
    pub family: Family,
    /// Decides about LOCAL_PREF, and about what becomes of the AS_PATH.
    pub kind: PeerKind,
    /// The AS number to prepend: an AS_SEQUENCE towards eBGP, an AS_CONFED_SEQUENCE (the member AS)
    /// towards a confederation peer, ignored towards iBGP.
    pub prepend: Asn,
    /// Width of AS numbers in AS_PATH. With [`AsWidth::Two`], AS_TRANS and AS4_PATH are used where
    /// they are needed (RFC 6793).
    pub as_width: AsWidth,
    /// The next hop of routes that bring none. An IPv6 next hop for IPv4 routes means that the peer
    /// negotiated extended next hop encoding (RFC 8950); such routes travel in MP_REACH_NLRI.
    pub next_hop: NextHop,
    /// The longest message in octets: 4096, or 65535 with RFC 8654.
    pub max_message: u16,
}

/// One peer in one family, from [`Table::join`](crate::Table::join) to
/// [`Table::leave`](crate::Table::leave). Never reused within the life of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    pub(crate) ipv6: bool,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// Why a peer cannot join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The table holds IPv4 and IPv6 unicast routes only.
    #[error("the table holds no routes of family {0}")]
    UnsupportedFamily(Family),
    /// IPv6 routes cannot carry an IPv4 next hop.
    #[error("family {0} needs an IPv6 next hop")]
    NextHopFamily(Family),
    /// Messages are between 4096 and 65535 octets at most.
    #[error("a longest message of {0} octets is under the 4096 of RFC 4271")]
    MaxMessage(u16),
}

/// What a call changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// Nothing: no peer will hear of it.
    Unchanged,
    /// The prefix was not announced before.
    Added,
    /// The prefix was announced with other attributes.
    Replaced,
    /// The prefix was announced and no longer is.
    Withdrawn,
}

/// How a peer asked for its routes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshKind {
    /// RFC 2918: the routes once more, without marks.
    Plain,
    /// RFC 7313: the routes once more between BoRR and EoRR.
    Enhanced,
}

/// A message of a batch that stands for a point in time instead of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// End-of-RIB (RFC 4724 section 2): the peer has seen every route once.
    EndOfRib,
    /// ROUTE-REFRESH, beginning of a refresh (BoRR, RFC 7313).
    BeginRefresh,
    /// ROUTE-REFRESH, end of a refresh (EoRR, RFC 7313).
    EndRefresh,
}

/// Whole messages that are ready for the peer's socket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the table considers a batch as sent once it is handed out"]
pub struct Batch {
    /// Whole messages, never empty. Peers of one group share one allocation.
    pub updates: Bytes,
    /// Messages in `updates`.
    pub messages: u32,
    /// Prefixes announced.
    pub routes: u32,
    /// Prefixes withdrawn.
    pub withdrawals: u32,
    /// Of `withdrawals`, those of announced routes whose attributes do not fit into a message of
    /// this group (RFC 8654 section 5). An operator should hear of them.
    pub oversized: u32,
    /// Set where the batch is a single marker and no routes.
    pub marker: Option<Marker>,
}

/// How far a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Log records before the tail that the peer has not passed, holes among them: an upper bound
    /// of the changes still to be sent.
    pub pending: u32,
    /// Whether End-of-RIB has been handed out.
    pub end_of_rib: bool,
    /// Whether a pass that a refresh asked for is wanted or under way.
    pub refreshing: bool,
    /// Whether [`Table::next_batch`](crate::Table::next_batch) might yield something now. May be
    /// true where only holes are left; false is certain.
    pub ready: bool,
}

/// What a peer knows of a prefix, as far as the table can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The last announcement of the prefix was handed out to the peer.
    Sent,
    /// The last change of the prefix, announcement or withdrawal, is still to be handed out.
    Pending,
    /// The peer was not, or is no longer, told of the prefix.
    NotAdvertised,
}

/// How many tombstones a peer that does not move may hold back. One that moves may hold back
/// [four times](TombstoneLimit::HARD_FACTOR) as many, and more than that if it halves them from one look to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TombstoneLimit {
    /// Tombstones that are always allowed.
    pub floor: u32,
    /// Tombstones allowed on top, in percent of the live routes of the family.
    pub percent: u32,
}

impl TombstoneLimit {
    /// A peer that moves, however slowly, is allowed this many times as much.
    pub const HARD_FACTOR: u64 = 4;

    /// What is allowed where the family has `live` routes.
    pub(crate) fn allowed(self, live: u32) -> u64 {
        u64::from(self.floor) + u64::from(live) * u64::from(self.percent) / 100
    }
}

impl Default for TombstoneLimit {
    fn default() -> Self {
        Self {
            floor: 10_000,
            percent: 50,
        }
    }
}

/// What one family costs at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Prefixes announced.
    pub routes: usize,
    /// Withdrawals that some peer has yet to pass.
    pub tombstones: usize,
    /// Log records that a later change of the same prefix emptied, waiting for compaction.
    pub holes: usize,
    /// Peers that joined.
    pub peers: usize,
    /// Update groups with at least one peer.
    pub groups: usize,
    /// Packed batches kept for peers that are still to take them.
    pub cached_batches: usize,
    /// Octets of those batches.
    pub cached_octets: usize,
    /// Octets reserved for the log and its index.
    pub reserved_octets: usize,
}
