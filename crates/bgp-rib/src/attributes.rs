//! Attributes of routes, kept once however many routes share them.

use core::hash::BuildHasher;

use bgp_wire::{Community, ExtendedCommunity, LargeCommunity, NextHop, Origin};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// What a route says besides its prefix. What depends on the peer (AS_PATH, LOCAL_PREF's presence,
/// the next hop) is added per update group. More may come: build it from the default.
///
/// ```
/// use bgp_rib::Attributes;
///
/// let attributes = Attributes { med: Some(20), ..Attributes::default() };
/// assert!(attributes.communities.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// ORIGIN (RFC 4271 section 5.1.1), IGP by default.
    pub origin: Origin,
    /// MULTI_EXIT_DISC (section 5.1.4), sent to every kind of peer where present.
    pub med: Option<u32>,
    /// LOCAL_PREF (section 5.1.5), sent to iBGP and confederation peers only; absent counts as 100.
    pub local_pref: Option<u32>,
    /// COMMUNITIES (RFC 1997), in the order given.
    pub communities: Vec<Community>,
    /// EXTENDED COMMUNITIES (RFC 4360), in the order given.
    pub extended_communities: Vec<ExtendedCommunity>,
    /// LARGE_COMMUNITY (RFC 8092), in the order given.
    pub large_communities: Vec<LargeCommunity>,
    /// The next hop instead of the group's, for the routes that can carry it: IPv4 for IPv4 routes;
    /// IPv6 for IPv6 routes, and for IPv4 routes of groups whose own next hop is IPv6 (RFC 8950).
    /// Elsewhere the group's next hop stays.
    pub next_hop: Option<NextHop>,
}

/// A set of attributes in one [`Table`](crate::Table), from [`Table::intern`](crate::Table::intern)
/// to [`Table::release`](crate::Table::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttrsId {
    index: u32,
    generation: u32,
}

impl AttrsId {
    /// The name that log records use.
    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// Every set of attributes in use, with the count of its users: routes and unreleased ids.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    slots: Vec<Slot>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Slot {
    value: Attributes,
    count: u32,
    generation: u32,
}

impl Interner {
    /// The id of `value`, counted once more.
    pub(crate) fn intern(&mut self, value: Attributes) -> AttrsId {
        let hash = self.hasher.hash_one(&value);
        let known = self
            .index
            .find(hash, |&i| self.slots[i as usize].value == value)
            .copied();
        let index = known.unwrap_or_else(|| self.insert(hash, value));
        self.retain(index);
        AttrsId {
            index,
            generation: self.slots[index as usize].generation,
        }
    }

    fn insert(&mut self, hash: u64, value: Attributes) -> u32 {
        let index = match self.free.pop() {
            Some(index) => {
                let slot = &mut self.slots[index as usize];
                slot.generation = slot.generation.wrapping_add(1);
                slot.value = value;
                index
            }
            None => {
                self.slots.push(Slot {
                    value,
                    count: 0,
                    generation: 0,
                });
                (self.slots.len() - 1) as u32
            }
        };
        let Self {
            slots,
            index: table,
            hasher,
            ..
        } = self;
        table.insert_unique(hash, index, |&i| hasher.hash_one(&slots[i as usize].value));
        index
    }

    /// Whether `id` is in use.
    pub(crate) fn contains(&self, id: AttrsId) -> bool {
        self.slots
            .get(id.index as usize)
            .is_some_and(|slot| slot.count > 0 && slot.generation == id.generation)
    }

    /// One more user.
    pub(crate) fn retain(&mut self, index: u32) {
        self.slots[index as usize].count += 1;
    }

    /// One user less; the last one takes the attributes along.
    pub(crate) fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.count -= 1;
        if slot.count > 0 {
            return;
        }
        let value = core::mem::take(&mut slot.value);
        let hash = self.hasher.hash_one(&value);
        if let Ok(entry) = self.index.find_entry(hash, |&i| i == index) {
            entry.remove();
        }
        self.free.push(index);
    }

    pub(crate) fn get(&self, index: u32) -> &Attributes {
        &self.slots[index as usize].value
    }

    /// Distinct sets in use.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// One more than the highest index ever used.
    pub(crate) fn bound(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_share_an_id_until_the_last_user_leaves() {
        let mut interner = Interner::default();
        let med = |med| Attributes {
            med: Some(med),
            ..Attributes::default()
        };
        let a = interner.intern(med(1));
        let b = interner.intern(med(2));
        assert_eq!(interner.intern(med(1)), a);
        assert_eq!(interner.len(), 2);

        interner.release(a.index());
        assert!(interner.contains(a));
        interner.release(a.index());
        assert!(!interner.contains(a));

        let c = interner.intern(med(3));
        assert_eq!(c.index(), a.index(), "the slot is used again");
        assert_ne!(c, a, "but an old id is not mistaken for the new one");
        assert_eq!(interner.get(b.index()), &med(2));
    }
}
