//! The log of one family: every prefix once, in the order of its last change.
//!
//! A record is the route itself; there is no slab beside the log. A change appends a record and
//! empties the old one, and the index names the newest record of each prefix. Records never change
//! otherwise, so that a range of the log, once packed, stays a truthful past.
//!
//! Octets per route, IPv4 / IPv6:
//!
//! | part | octets |
//! | --- | --- |
//! | record: address | 4 / 16 |
//! | record: attributes, or tombstone or hole | 4 |
//! | record: prefix length | 1 |
//! | record: spare (an audience fits here) | 3 |
//! | index: position, control octet | 5, at a load between 7/16 and 7/8: 5.7 to 11.4 |
//!
//! That is 12 / 24 for the record, and up to 2⅔ times that where the vector has just grown: it grows
//! only while less than a quarter of it are holes.
//! Positions are 32 bits wide: a family holds up to 2³¹ prefixes.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::prefix::{self, Address};

/// One change of one prefix.
#[derive(Clone, Copy)]
pub(crate) struct Record<A> {
    pub(crate) address: A,
    state: u32,
    pub(crate) len: u8,
}

const _: () = assert!(size_of::<Record<u32>>() == 12 && size_of::<Record<[u32; 4]>>() == 24);

const HOLE: u32 = u32::MAX;
const TOMBSTONE: u32 = u32::MAX - 1;
/// Below this many records a log is not worth compacting. Tests compact all the time.
const COMPACTION_FLOOR: u32 = if cfg!(test) { 8 } else { 1024 };

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Announced with these attributes.
    Live(u32),
    /// Withdrawn.
    Tombstone,
    /// Nothing any more.
    Hole,
}

impl<A> Record<A> {
    pub(crate) fn state(&self) -> State {
        match self.state {
            HOLE => State::Hole,
            TOMBSTONE => State::Tombstone,
            attributes => State::Live(attributes),
        }
    }
}

/// Records of one family with the index of their prefixes.
pub(crate) struct Log<A> {
    records: Vec<Record<A>>,
    index: HashTable<u32>,
    /// Positions of tombstones in order. Those announced again since are still among them.
    tombstones: VecDeque<u32>,
    live: u32,
    withdrawn: u32,
    hasher: FixedState,
}

impl<A: Address> Log<A> {
    pub(crate) fn new() -> Self {
        Self {
            records: Vec::new(),
            index: HashTable::new(),
            tombstones: VecDeque::new(),
            live: 0,
            withdrawn: 0,
            hasher: FixedState::default(),
        }
    }

    /// The position that the next change will get.
    ///
    /// At twice as many records as prefixes, 2³¹ of these need more memory than machines have.
    pub(crate) fn tail(&self) -> u32 {
        self.records.len() as u32
    }

    pub(crate) fn records(&self) -> &[Record<A>] {
        &self.records
    }

    /// Announced prefixes.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// Tombstones.
    pub(crate) fn withdrawn(&self) -> u32 {
        self.withdrawn
    }

    pub(crate) fn holes(&self) -> u32 {
        self.tail() - self.live - self.withdrawn
    }

    pub(crate) fn reserved_octets(&self) -> usize {
        self.records.capacity() * size_of::<Record<A>>()
            + self.index.allocation_size()
            + self.tombstones.capacity() * size_of::<u32>()
    }

    /// Makes room for `additional` prefixes at once.
    pub(crate) fn reserve(&mut self, additional: usize) {
        let Self {
            records,
            index,
            hasher,
            ..
        } = self;
        records.reserve(additional);
        index.reserve(additional, |&at| hash_at(hasher, records, at));
    }

    /// Position and state of a prefix.
    pub(crate) fn find(&self, address: A, len: u8) -> Option<(u32, State)> {
        let hash = prefix::hash(&self.hasher, address, len);
        let same = |&at: &u32| is_at(&self.records, at, address, len);
        let at = *self.index.find(hash, same)?;
        Some((at, self.records[at as usize].state()))
    }

    /// Appends an announcement unless it says what holds already; the state before.
    pub(crate) fn announce(&mut self, address: A, len: u8, attributes: u32) -> Option<State> {
        let Self {
            records,
            index,
            hasher,
            ..
        } = self;
        let hash = prefix::hash(hasher, address, len);
        let at = records.len() as u32;
        let before = match index.entry(
            hash,
            |&at| is_at(records, at, address, len),
            |&at| hash_at(hasher, records, at),
        ) {
            Entry::Occupied(mut entry) => {
                let old = &mut records[*entry.get() as usize];
                let before = old.state();
                if before == State::Live(attributes) {
                    return Some(before);
                }
                old.state = HOLE;
                *entry.get_mut() = at;
                Some(before)
            }
            Entry::Vacant(entry) => {
                entry.insert(at);
                None
            }
        };
        self.records.push(Record {
            address,
            state: attributes,
            len,
        });
        match before {
            Some(State::Live(_)) => {}
            Some(_) => {
                self.withdrawn -= 1;
                self.live += 1;
            }
            None => self.live += 1,
        }
        before
    }

    /// Appends a tombstone for an announced prefix; the attributes it had.
    pub(crate) fn withdraw(&mut self, address: A, len: u8) -> Option<u32> {
        let Self {
            records,
            index,
            hasher,
            ..
        } = self;
        let hash = prefix::hash(hasher, address, len);
        let slot = index.find_mut(hash, |&at| is_at(records, at, address, len))?;
        let old = &mut records[*slot as usize];
        let State::Live(attributes) = old.state() else {
            return None;
        };
        old.state = HOLE;
        let at = records.len() as u32;
        *slot = at;
        records.push(Record {
            address,
            state: TOMBSTONE,
            len,
        });
        self.tombstones.push_back(at);
        self.live -= 1;
        self.withdrawn += 1;
        Some(attributes)
    }

    /// Forgets the tombstones before `position`.
    pub(crate) fn collect(&mut self, position: u32) {
        while let Some(&at) = self.tombstones.front().filter(|&&at| at < position) {
            self.tombstones.pop_front();
            let record = &mut self.records[at as usize];
            if record.state() != State::Tombstone {
                continue;
            }
            record.state = HOLE;
            let hash = prefix::hash(&self.hasher, record.address, record.len);
            if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
                entry.remove();
            }
            self.withdrawn -= 1;
        }
    }

    /// The oldest position that may hold a tombstone.
    pub(crate) fn first_tombstone(&self) -> Option<u32> {
        self.tombstones.front().copied()
    }

    /// Tombstones at or after `position`.
    pub(crate) fn tombstones_from(&self, position: u32) -> u32 {
        let first = self.tombstones.partition_point(|&at| at < position);
        let is_tombstone = |&&at: &&u32| self.records[at as usize].state() == State::Tombstone;
        self.tombstones.range(first..).filter(is_tombstone).count() as u32
    }

    /// Whether more than half of the records are holes, or a quarter where the log would have to
    /// grow otherwise.
    pub(crate) fn wants_compaction(&self) -> bool {
        let tolerated = match self.records.len() == self.records.capacity() {
            true => self.tail() / 4,
            false => self.tail() / 2,
        };
        self.tail() >= COMPACTION_FLOOR && self.holes() > tolerated
    }

    /// Closes the holes. Positions held elsewhere must be mapped by what is returned.
    #[must_use]
    pub(crate) fn compact(&mut self) -> Ranks {
        let ranks = Ranks::new(&self.records);
        self.records.retain(|record| record.state != HOLE);
        for at in &mut self.index {
            *at = ranks.map(*at);
        }
        self.tombstones.clear();
        for (at, record) in self.records.iter().enumerate() {
            if record.state == TOMBSTONE {
                self.tombstones.push_back(at as u32);
            }
        }
        self.shrink();
        ranks
    }

    /// Returns memory once a table has become much smaller, leaving room to grow.
    fn shrink(&mut self) {
        let Self {
            records,
            index,
            tombstones,
            hasher,
            ..
        } = self;
        if records.capacity() / 4 > records.len() {
            records.shrink_to(records.len() * 2);
            index.shrink_to(records.len(), |&at| hash_at(hasher, records, at));
        }
        if tombstones.capacity() / 4 > tombstones.len() {
            tombstones.shrink_to(tombstones.len() * 2);
        }
    }
}

fn is_at<A: Address>(records: &[Record<A>], at: u32, address: A, len: u8) -> bool {
    let record = &records[at as usize];
    record.address == address && record.len == len
}

fn hash_at<A: Address>(hasher: &FixedState, records: &[Record<A>], at: u32) -> u64 {
    let record = &records[at as usize];
    prefix::hash(hasher, record.address, record.len)
}

/// How many records stayed before each position of a log that was compacted: one bit a record and a
/// sum every 64, so that mapping the whole index stays within the processor's cache.
pub(crate) struct Ranks {
    blocks: Vec<(u64, u32)>,
}

impl Ranks {
    fn new<A>(records: &[Record<A>]) -> Self {
        let mut kept = 0;
        let mut blocks: Vec<(u64, u32)> = records
            .chunks(64)
            .map(|chunk| {
                let bit = |(i, record): (usize, &Record<A>)| u64::from(record.state != HOLE) << i;
                let bits = chunk.iter().enumerate().map(bit).sum::<u64>();
                let before = kept;
                kept += bits.count_ones();
                (bits, before)
            })
            .collect();
        blocks.push((0, kept));
        Self { blocks }
    }

    /// Where `position` is now. The tail maps to the tail.
    pub(crate) fn map(&self, position: u32) -> u32 {
        let (bits, before) = self.blocks[position as usize / 64];
        before + (bits & ((1 << (position % 64)) - 1)).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(log: &Log<u32>) -> Vec<(u32, State)> {
        let records = log
            .records()
            .iter()
            .map(|record| (record.address, record.state()));
        records.filter(|&(_, state)| state != State::Hole).collect()
    }

    #[test]
    fn a_change_moves_the_prefix_to_the_tail() {
        let mut log = Log::new();
        assert_eq!(log.announce(1, 32, 7), None);
        assert_eq!(log.announce(2, 32, 7), None);
        assert_eq!(log.announce(1, 32, 7), Some(State::Live(7)), "nothing new");
        assert_eq!(log.tail(), 2);
        assert_eq!(log.announce(1, 32, 8), Some(State::Live(7)));
        assert_eq!(newest(&log), [(2, State::Live(7)), (1, State::Live(8))]);
        assert_eq!(log.find(1, 31), None, "the length is part of the prefix");
    }

    #[test]
    fn tombstones_stay_until_collected_or_announced_again() {
        let mut log = Log::new();
        for address in 0..3 {
            log.announce(address, 32, 7);
            assert_eq!(log.withdraw(address, 32), Some(7));
            assert_eq!(log.withdraw(address, 32), None, "it is withdrawn already");
        }
        assert_eq!(log.announce(0, 32, 7), Some(State::Tombstone));
        let at = |log: &Log<u32>, address| log.find(address, 32).map(|(at, _)| at);
        let second = at(&log, 1).unwrap();
        assert_eq!(log.tombstones_from(0), 2);
        log.collect(second + 1);
        assert_eq!(at(&log, 1), None);
        assert_eq!(
            (log.live(), log.withdrawn(), log.tombstones_from(0)),
            (1, 1, 1)
        );
        assert_eq!(newest(&log), [(2, State::Tombstone), (0, State::Live(7))]);
    }

    #[test]
    fn compaction_keeps_order_index_and_positions() {
        let mut log = Log::new();
        for address in 0..200 {
            log.announce(address, 32, 1);
        }
        for address in (0..200).filter(|address| address % 3 > 0) {
            log.withdraw(address, 32);
        }
        let before = newest(&log);
        let expected: Vec<u32> = (0..=log.tail())
            .map(|position| {
                let passed = &log.records()[..position as usize];
                passed
                    .iter()
                    .filter(|record| record.state() != State::Hole)
                    .count() as u32
            })
            .collect();
        let ranks = log.compact();
        assert_eq!(newest(&log), before);
        assert_eq!((log.holes(), log.tail()), (0, 200));
        for (position, &rank) in expected.iter().enumerate() {
            assert_eq!(ranks.map(position as u32), rank);
        }
        for (at, &(address, state)) in before.iter().enumerate() {
            assert_eq!(log.find(address, 32), Some((at as u32, state)));
        }
        log.collect(log.tail());
        assert_eq!((log.live(), log.withdrawn()), (67, 0));
    }

    #[test]
    fn memory_returns_after_a_large_table_is_withdrawn() {
        let mut log = Log::new();
        for address in 0..10_000u32 {
            log.announce(address, 32, 1);
        }
        let full = log.reserved_octets();
        for address in 0..10_000u32 {
            log.withdraw(address, 32);
        }
        log.collect(log.tail());
        assert!(log.wants_compaction());
        let _ = log.compact();
        assert_eq!(log.tail(), 0);
        assert!(
            log.reserved_octets() < full / 100,
            "{} octets left",
            log.reserved_octets()
        );
    }
}
