//! The table: attributes, and a log with cursors per family.

use core::fmt;

use bgp_wire::{Family, MAX_MESSAGE, NextHop};
use ipnet::IpNet;

use crate::attributes::{Attributes, AttrsId, Interner};
use crate::family::{FamilyTable, Fits, Shared};
use crate::log::State;
use crate::pack::Packer;
use crate::prefix::Address;
use crate::types::{
    Batch, Change, Delivery, GroupKey, JoinError, PeerId, Progress, RefreshKind, Statistics,
    TombstoneLimit,
};

/// The advertisement table (Adj-RIB-Out) of all peers of one speaker.
///
/// No method blocks, waits, or asks a clock; the caller decides when a peer pulls.
pub struct Table {
    attributes: Interner,
    packer: Packer,
    hold_end_of_rib: bool,
    ipv4: FamilyTable<u32>,
    ipv6: FamilyTable<[u32; 4]>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("attribute_sets", &self.attribute_sets())
            .field("hold_end_of_rib", &self.hold_end_of_rib)
            .field("ipv4", &self.ipv4.statistics())
            .field("ipv6", &self.ipv6.statistics())
            .finish_non_exhaustive()
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

/// Calls a method of the family that a peer or prefix belongs to.
macro_rules! family {
    ($table:expr, $ipv6:expr, $family:ident => $call:expr) => {
        if $ipv6 {
            let $family = &mut $table.ipv6;
            $call
        } else {
            let $family = &mut $table.ipv4;
            $call
        }
    };
}

impl Table {
    /// The budget of [`Table::next_batch`] that suits most sockets, in octets.
    pub const DEFAULT_BUDGET: usize = 64 * 1024;

    /// An empty table without peers.
    pub fn new() -> Self {
        Self {
            attributes: Interner::default(),
            packer: Packer::default(),
            hold_end_of_rib: false,
            ipv4: FamilyTable::new(),
            ipv6: FamilyTable::new(),
        }
    }

    /// Makes room for `additional` prefixes of `family` at once. Other families than IPv4 and IPv6
    /// unicast have no routes, and nothing happens.
    pub fn reserve(&mut self, family: Family, additional: usize) {
        match family {
            Family::IPV4_UNICAST => self.ipv4.reserve(additional),
            Family::IPV6_UNICAST => self.ipv6.reserve(additional),
            _ => {}
        }
    }

    /// The id of a set of attributes. It stays valid until [`Table::release`] was called as often as
    /// this returned it and no route uses it any more.
    #[must_use = "an id that is never released keeps its attributes"]
    pub fn intern(&mut self, attributes: Attributes) -> AttrsId {
        self.attributes.intern(attributes)
    }

    /// Gives back an id from [`Table::intern`]. Routes announced with it keep their attributes.
    ///
    /// # Panics
    /// If the id is not valid: it was given back before.
    pub fn release(&mut self, attributes: AttrsId) {
        assert!(
            self.attributes.contains(attributes),
            "attributes {attributes:?} were released"
        );
        self.attributes.release(attributes.index());
    }

    /// Distinct sets of attributes in use.
    pub fn attribute_sets(&self) -> usize {
        self.attributes.len()
    }

    /// Announces a prefix to every peer of its family; host bits are ignored.
    ///
    /// # Panics
    /// If the id is not valid; see [`Table::release`].
    pub fn announce(&mut self, prefix: IpNet, attributes: AttrsId) -> Change {
        assert!(
            self.attributes.contains(attributes),
            "attributes {attributes:?} were released"
        );
        let attrs = attributes.index();
        let before = match prefix {
            IpNet::V4(_) => announce(&mut self.ipv4, &prefix, attrs),
            IpNet::V6(_) => announce(&mut self.ipv6, &prefix, attrs),
        };
        if before == Some(State::Live(attrs)) {
            return Change::Unchanged;
        }
        self.attributes.retain(attrs);
        match before {
            Some(State::Live(old)) => {
                self.attributes.release(old);
                Change::Replaced
            }
            _ => Change::Added,
        }
    }

    /// Announces many prefixes with the same attributes; how many of them changed.
    pub fn announce_all(
        &mut self,
        prefixes: impl IntoIterator<Item = IpNet>,
        attributes: Attributes,
    ) -> usize {
        let attributes = self.intern(attributes);
        let announced = prefixes
            .into_iter()
            .map(|prefix| self.announce(prefix, attributes));
        let changed = announced
            .filter(|&change| change != Change::Unchanged)
            .count();
        self.release(attributes);
        changed
    }

    /// Withdraws a prefix: [`Change::Withdrawn`], or [`Change::Unchanged`] if it was not announced.
    pub fn withdraw(&mut self, prefix: &IpNet) -> Change {
        let before = match prefix {
            IpNet::V4(_) => withdraw(&mut self.ipv4, prefix),
            IpNet::V6(_) => withdraw(&mut self.ipv6, prefix),
        };
        match before {
            Some(attrs) => {
                self.attributes.release(attrs);
                Change::Withdrawn
            }
            None => Change::Unchanged,
        }
    }

    /// What a prefix is announced with.
    pub fn get(&self, prefix: &IpNet) -> Option<&Attributes> {
        let state = match prefix {
            IpNet::V4(_) => find(&self.ipv4, prefix),
            IpNet::V6(_) => find(&self.ipv6, prefix),
        };
        match state {
            Some(State::Live(attrs)) => Some(self.attributes.get(attrs)),
            _ => None,
        }
    }

    /// A peer whose session is Established, in one family. It will be told of every route, then of
    /// End-of-RIB, then of every change.
    ///
    /// # Errors
    /// A family without routes here, or a group that could not be told of any.
    pub fn join(&mut self, group: GroupKey) -> Result<PeerId, JoinError> {
        let ipv6 = match group.family {
            Family::IPV4_UNICAST => false,
            Family::IPV6_UNICAST => true,
            other => return Err(JoinError::UnsupportedFamily(other)),
        };
        if ipv6 && matches!(group.next_hop, NextHop::V4(_)) {
            return Err(JoinError::NextHopFamily(group.family));
        }
        if group.max_message < MAX_MESSAGE {
            return Err(JoinError::MaxMessage(group.max_message));
        }
        let (slot, generation) = family!(self, ipv6, family => family.join(group));
        Ok(PeerId {
            ipv6,
            slot,
            generation,
        })
    }

    /// The peer's session ended. Every later call with its id is without effect.
    pub fn leave(&mut self, peer: PeerId) {
        if self.contains(peer) {
            family!(self, peer.ipv6, family => family.leave(peer.slot));
        }
    }

    /// The peer asked for its routes again. An enhanced refresh before End-of-RIB waits for it (RFC
    /// 7313 section 4).
    pub fn refresh(&mut self, peer: PeerId, kind: RefreshKind) {
        if self.contains(peer) {
            family!(self, peer.ipv6, family => family.refresh(peer.slot, kind));
        }
    }

    /// The next messages for a peer, up to about `budget` octets (but at least one message may be
    /// filled); `None` if there is nothing to send now. What is handed out counts as sent: if it
    /// cannot be, the session is over, and the peer has to [`leave`](Table::leave).
    pub fn next_batch(&mut self, peer: PeerId, budget: usize) -> Option<Batch> {
        if !self.contains(peer) {
            return None;
        }
        let mut shared = Shared {
            attributes: &self.attributes,
            packer: &mut self.packer,
            hold_end_of_rib: self.hold_end_of_rib,
        };
        family!(self, peer.ipv6, family => family.next_batch(peer.slot, budget, &mut shared))
    }

    /// How far a peer is; `None` after it left.
    pub fn progress(&self, peer: PeerId) -> Option<Progress> {
        if !self.contains(peer) {
            return None;
        }
        match peer.ipv6 {
            false => self.ipv4.progress(peer.slot, self.hold_end_of_rib),
            true => self.ipv6.progress(peer.slot, self.hold_end_of_rib),
        }
    }

    /// What a peer knows of a prefix. A peer that left, or of the other family, knows nothing.
    pub fn delivery(&self, peer: PeerId, prefix: &IpNet) -> Delivery {
        let mut one = self.deliveries(peer, std::slice::from_ref(prefix));
        one.next().unwrap_or(Delivery::NotAdvertised)
    }

    /// The same of each of several prefixes, in their order: a good deal faster than one by one.
    pub fn deliveries<'a>(
        &'a self,
        peer: PeerId,
        prefixes: &'a [IpNet],
    ) -> impl Iterator<Item = Delivery> + 'a {
        let is_here = self.contains(peer);
        let mut fits = Fits::new(&self.attributes);
        prefixes.iter().map(move |prefix| {
            let delivery = match peer.ipv6 {
                _ if !is_here => None,
                false => delivery(&self.ipv4, peer, prefix, &mut fits),
                true => delivery(&self.ipv6, peer, prefix, &mut fits),
            };
            delivery.unwrap_or(Delivery::NotAdvertised)
        })
    }

    /// How many routes a peer was told of and not told to forget: those for which [`Table::delivery`] is
    /// [`Delivery::Sent`]. Takes time that grows with the routes of the family, some nanoseconds each.
    #[must_use]
    pub fn sent(&self, peer: PeerId) -> usize {
        let mut fits = Fits::new(&self.attributes);
        let sent = match peer.ipv6 {
            _ if !self.contains(peer) => None,
            false => self.ipv4.sent(peer.slot, &mut fits),
            true => self.ipv6.sent(peer.slot, &mut fits),
        };
        sent.unwrap_or_default()
    }

    /// Peers whose sessions should be reset, or withdrawals pile up without bound. They hold back
    /// more tombstones than `limit` allows and took nothing since the last call; or they took
    /// something, but hold back more than four times as many ([`TombstoneLimit::HARD_FACTOR`]) now
    /// and at the last call, and more than half of what it was then.
    ///
    /// To be called on a slow timer, whose interval is the time that a peer gets.
    #[must_use]
    pub fn laggards(&mut self, limit: TombstoneLimit) -> Vec<PeerId> {
        let id = |ipv6| {
            move |(slot, generation)| PeerId {
                ipv6,
                slot,
                generation,
            }
        };
        let ipv4 = self.ipv4.laggards(limit).into_iter().map(id(false));
        ipv4.chain(self.ipv6.laggards(limit).into_iter().map(id(true)))
            .collect()
    }

    /// Whether End-of-RIB waits, because the initial routes are not all announced yet. Changes go
    /// out meanwhile. Peers that had it are not concerned.
    pub fn hold_end_of_rib(&mut self, hold: bool) {
        self.hold_end_of_rib = hold;
    }

    /// Drops packed batches that no peer took since the last sweep; they are packed again on
    /// demand. To be called on a slow timer, so that a peer that stops reading costs no memory.
    pub fn sweep(&mut self) {
        self.ipv4.sweep();
        self.ipv6.sweep();
    }

    /// What a family costs at present, counted in time that grows with its peers only; nothing for families without routes here.
    pub fn statistics(&self, family: Family) -> Statistics {
        match family {
            Family::IPV4_UNICAST => self.ipv4.statistics(),
            Family::IPV6_UNICAST => self.ipv6.statistics(),
            _ => Statistics::default(),
        }
    }

    fn contains(&self, peer: PeerId) -> bool {
        match peer.ipv6 {
            false => self.ipv4.contains(peer.slot, peer.generation),
            true => self.ipv6.contains(peer.slot, peer.generation),
        }
    }
}

fn announce<A: Address>(family: &mut FamilyTable<A>, prefix: &IpNet, attrs: u32) -> Option<State> {
    let (address, len) = A::split(prefix)?;
    family.announce(address, len, attrs)
}

fn withdraw<A: Address>(family: &mut FamilyTable<A>, prefix: &IpNet) -> Option<u32> {
    let (address, len) = A::split(prefix)?;
    family.withdraw(address, len)
}

fn find<A: Address>(family: &FamilyTable<A>, prefix: &IpNet) -> Option<State> {
    let (address, len) = A::split(prefix)?;
    family.log().find(address, len).map(|(_, state)| state)
}

fn delivery<A: Address>(
    family: &FamilyTable<A>,
    peer: PeerId,
    prefix: &IpNet,
    fits: &mut Fits<'_>,
) -> Option<Delivery> {
    let (address, len) = A::split(prefix)?;
    family.delivery(peer.slot, address, len, fits)
}
