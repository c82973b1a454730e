//! One family: its log, its peers and their update groups.

use bytes::Bytes;

use crate::attributes::Interner;
use crate::group::{Group, Packed};
use crate::log::{Log, State};
use crate::pack::{Packer, markers};
use crate::pass::Pass;
use crate::prefix::Address;
use crate::types::{
    Batch, Change, Delivery, GroupKey, Marker, Progress, RefreshKind, Statistics, TombstoneLimit,
};

/// What every family of a table needs to pack batches.
pub(crate) struct Shared<'a> {
    pub(crate) attributes: &'a Interner,
    pub(crate) packer: &'a mut Packer,
    pub(crate) hold_end_of_rib: bool,
}

/// Whether attributes fit into the messages of one group. Mostly one route has the same as the one before, and what was
/// found out last is kept.
pub(crate) struct Fits<'a> {
    attributes: &'a Interner,
    last: Option<(u32, bool)>,
}

impl<'a> Fits<'a> {
    pub(crate) fn new(attributes: &'a Interner) -> Self {
        let last = None;
        Self { attributes, last }
    }

    fn of(&mut self, key: &GroupKey, attrs: u32) -> bool {
        match self.last {
            Some((of, fits)) if of == attrs => fits,
            _ => {
                let fits = Packer::fits(key, self.attributes.get(attrs));
                self.last = Some((attrs, fits));
                fits
            }
        }
    }
}

/// The routes of one family and the peers that are told of them.
pub(crate) struct FamilyTable<A> {
    log: Log<A>,
    peers: Vec<Slot>,
    groups: Vec<Group>,
    /// End-of-RIB, BoRR and EoRR as octets.
    markers: [Bytes; 3],
}

#[derive(Default)]
struct Slot {
    generation: u32,
    peer: Option<Peer>,
}

struct Peer {
    /// Index into `groups`.
    group: usize,
    pass: Pass,
}

impl<A: Address> FamilyTable<A> {
    pub(crate) fn new() -> Self {
        Self {
            log: Log::new(),
            peers: Vec::new(),
            groups: Vec::new(),
            markers: markers(A::FAMILY),
        }
    }

    pub(crate) fn log(&self) -> &Log<A> {
        &self.log
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        self.log.reserve(additional);
    }

    /// Announces a prefix; what it was before.
    pub(crate) fn announce(&mut self, address: A, len: u8, attributes: u32) -> Option<State> {
        let before = self.log.announce(address, len, attributes);
        if before != Some(State::Live(attributes)) {
            self.log_went_on();
        }
        before
    }

    /// Withdraws a prefix; the attributes it had.
    pub(crate) fn withdraw(&mut self, address: A, len: u8) -> Option<u32> {
        let attributes = self.log.withdraw(address, len)?;
        if self.groups.is_empty() {
            self.log.collect(self.log.tail());
        }
        self.log_went_on();
        Some(attributes)
    }

    fn log_went_on(&mut self) {
        for group in &mut self.groups {
            group.log_went_on();
        }
        self.compact_if_worthwhile();
    }

    fn compact_if_worthwhile(&mut self) {
        if !self.log.wants_compaction() {
            return;
        }
        let ranks = self.log.compact();
        for peer in self.peers.iter_mut().filter_map(|slot| slot.peer.as_mut()) {
            peer.pass.map(&ranks);
        }
        // Two positions with only holes between them are one now. A batch packed at the first would
        // pass for one packed at the second, so none survives.
        for group in &mut self.groups {
            group.clear();
        }
    }

    /// A new peer: its slot and generation.
    pub(crate) fn join(&mut self, key: GroupKey) -> (u32, u32) {
        let group = self
            .groups
            .iter()
            .position(|group| group.key == key)
            .unwrap_or_else(|| {
                self.groups.push(Group::new(key));
                self.groups.len() - 1
            });
        let free = self.peers.iter().position(|slot| slot.peer.is_none());
        let at = free.unwrap_or_else(|| {
            self.peers.push(Slot::default());
            self.peers.len() - 1
        });
        self.groups[group].members.push(at as u32);
        let slot = &mut self.peers[at];
        slot.peer = Some(Peer {
            group,
            pass: Pass::new(self.log.tail()),
        });
        (at as u32, slot.generation)
    }

    /// Whether a slot still belongs to the peer of that generation.
    pub(crate) fn contains(&self, slot: u32, generation: u32) -> bool {
        self.peers
            .get(slot as usize)
            .is_some_and(|slot| slot.generation == generation && slot.peer.is_some())
    }

    fn peer(&self, slot: u32) -> Option<&Peer> {
        self.peers.get(slot as usize)?.peer.as_ref()
    }

    fn pass_mut(&mut self, slot: u32) -> Option<&mut Pass> {
        Some(&mut self.peers.get_mut(slot as usize)?.peer.as_mut()?.pass)
    }

    pub(crate) fn leave(&mut self, slot: u32) {
        let Some(entry) = self.peers.get_mut(slot as usize) else {
            return;
        };
        let Some(peer) = entry.peer.take() else {
            return;
        };
        entry.generation = entry.generation.wrapping_add(1);
        self.groups[peer.group]
            .members
            .retain(|&member| member != slot);
        if self.groups[peer.group].members.is_empty() {
            self.remove_group(peer.group);
        } else {
            self.release(peer.group, peer.pass.cursor());
        }
        self.collect();
    }

    fn remove_group(&mut self, group: usize) {
        self.groups.swap_remove(group);
        let moved = self.groups.len();
        for peer in self.peers.iter_mut().filter_map(|slot| slot.peer.as_mut()) {
            if peer.group == moved {
                peer.group = group;
            }
        }
    }

    pub(crate) fn refresh(&mut self, slot: u32, kind: RefreshKind) {
        let Some(peer) = self
            .peers
            .get_mut(slot as usize)
            .and_then(|slot| slot.peer.as_mut())
        else {
            return;
        };
        let left = peer.pass.cursor();
        let group = peer.group;
        peer.pass.refresh(kind);
        self.release(group, left);
    }

    /// Lets go of the batches that waited for the peer that left `position`.
    fn release(&mut self, group: usize, position: u32) {
        let peers = &self.peers;
        self.groups[group].release(position, |members, at| stands(peers, members, at));
    }

    /// Forgets the tombstones that every peer has passed.
    fn collect(&mut self) {
        let passes = self.peers.iter().filter_map(|slot| slot.peer.as_ref());
        let horizon = passes
            .map(|peer| peer.pass.horizon())
            .min()
            .unwrap_or(self.log.tail());
        self.log.collect(horizon);
        self.compact_if_worthwhile();
    }

    pub(crate) fn next_batch(
        &mut self,
        slot: u32,
        budget: usize,
        shared: &mut Shared<'_>,
    ) -> Option<Batch> {
        if let Some(marker) = self.pass_mut(slot)?.marker_before() {
            return Some(self.marker(marker));
        }
        while self.peer(slot)?.pass.cursor() < self.log.tail() {
            let before = self.peer(slot)?.pass.horizon();
            let batch = self.step(slot, budget, shared)?;
            let after = self.peer(slot)?.pass.horizon();
            let first = self.log.first_tombstone();
            if first.is_some_and(|first| before <= first && first < after) {
                self.collect();
            }
            if batch.is_some() {
                return batch;
            }
        }
        let marker = self
            .pass_mut(slot)?
            .marker_at_tail(shared.hold_end_of_rib)?;
        Some(self.marker(marker))
    }

    /// Moves a cursor over one batch, kept or packed now. `Some(None)`: there were only holes.
    fn step(&mut self, slot: u32, budget: usize, shared: &mut Shared<'_>) -> Option<Option<Batch>> {
        let peer = self.peers.get_mut(slot as usize)?.peer.as_mut()?;
        let (group, start) = (peer.group, peer.pass.cursor());
        let since = peer.pass.since();
        if let Some((batch, end)) = self.groups[group].find(start, since, budget) {
            peer.pass.advance(end);
            self.release(group, start);
            return Some(Some(batch));
        }
        let key = self.groups[group].key;
        let skip = self.skip_for(group, start).min(since);
        let records = self.log.records();
        let (batch, end) =
            shared
                .packer
                .pack(&key, shared.attributes, records, start, skip, budget);
        self.pass_mut(slot)?.advance(end);
        if let Some(batch) = &batch {
            let tail = self.log.tail();
            let packed = Packed {
                start,
                end,
                tail,
                skip,
                batch: batch.clone(),
            };
            let peers = &self.peers;
            self.groups[group].keep(packed, |members, at| stands(peers, members, at));
        }
        self.release(group, start);
        Some(batch)
    }

    /// The position before which no peer that can still take a batch from `start` needs tombstones.
    fn skip_for(&self, group: usize, start: u32) -> u32 {
        let members = self.groups[group].members.iter();
        let passes = members
            .filter_map(|&slot| self.peer(slot))
            .map(|peer| &peer.pass);
        let waiting = passes.filter(|pass| pass.cursor() <= start);
        waiting.map(Pass::since).min().unwrap_or(0)
    }

    fn marker(&self, marker: Marker) -> Batch {
        Batch {
            updates: self.markers[marker as usize].clone(),
            messages: 1,
            routes: 0,
            withdrawals: 0,
            oversized: 0,
            marker: Some(marker),
        }
    }

    pub(crate) fn progress(&self, slot: u32, hold_end_of_rib: bool) -> Option<Progress> {
        let pass = &self.peer(slot)?.pass;
        let tail = self.log.tail();
        Some(Progress {
            pending: tail - pass.cursor(),
            end_of_rib: pass.end_of_rib(),
            refreshing: pass.refreshing(),
            ready: pass.is_ready(tail, hold_end_of_rib),
        })
    }

    pub(crate) fn delivery(
        &self,
        slot: u32,
        address: A,
        len: u8,
        fits: &mut Fits<'_>,
    ) -> Option<Delivery> {
        let peer = self.peer(slot)?;
        Some(match self.log.find(address, len) {
            Some((at, State::Live(_))) if !peer.pass.has_sent(at) => Delivery::Pending,
            Some((_, State::Live(attrs))) => match fits.of(&self.groups[peer.group].key, attrs) {
                true => Delivery::Sent,
                false => Delivery::NotAdvertised,
            },
            Some((at, State::Tombstone)) if at >= peer.pass.horizon() => Delivery::Pending,
            _ => Delivery::NotAdvertised,
        })
    }

    /// How many prefixes a peer was told of and not told to forget.
    pub(crate) fn sent(&self, slot: u32, fits: &mut Fits<'_>) -> Option<usize> {
        let peer = self.peer(slot)?;
        let key = &self.groups[peer.group].key;
        let sent = (0..)
            .zip(self.log.records())
            .take_while(|(at, _)| peer.pass.has_sent(*at))
            .filter(|(_, record)| match record.state() {
                State::Live(attrs) => fits.of(key, attrs),
                State::Tombstone | State::Hole => false,
            });
        Some(sent.count())
    }

    /// Peers, as slot and generation, that [`Table::laggards`](crate::Table::laggards) is to name.
    pub(crate) fn laggards(&mut self, limit: TombstoneLimit) -> Vec<(u32, u32)> {
        let allowed = limit.allowed(self.log.live());
        // Mostly there are so few that nobody's share needs counting.
        let few = u64::from(self.log.withdrawn()) <= allowed;
        let mut laggards = Vec::new();
        for (at, slot) in self.peers.iter_mut().enumerate() {
            let Some(peer) = &mut slot.peer else { continue };
            let held = match few {
                true => 0,
                false => self.log.tombstones_from(peer.pass.horizon()),
            };
            if peer.pass.lags(held, allowed) {
                laggards.push((at as u32, slot.generation));
            }
        }
        laggards
    }

    pub(crate) fn sweep(&mut self) {
        for group in &mut self.groups {
            group.sweep();
        }
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let cached = self.groups.iter().map(Group::cached);
        let (cached_batches, cached_octets) =
            cached.fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
        Statistics {
            routes: self.log.live() as usize,
            tombstones: self.log.withdrawn() as usize,
            holes: self.log.holes() as usize,
            peers: self.peers.iter().filter(|slot| slot.peer.is_some()).count(),
            groups: self.groups.len(),
            cached_batches,
            cached_octets,
            reserved_octets: self.log.reserved_octets(),
        }
    }
}

/// Whether one of the peers `members` has its cursor at `position`.
fn stands(peers: &[Slot], members: &[u32], position: u32) -> bool {
    members.iter().any(|&slot| {
        let peer = peers[slot as usize].peer.as_ref();
        peer.is_some_and(|peer| peer.pass.cursor() == position)
    })
}

impl From<Option<State>> for Change {
    fn from(before: Option<State>) -> Self {
        match before {
            Some(State::Live(_)) => Self::Replaced,
            Some(_) | None => Self::Added,
        }
    }
}
