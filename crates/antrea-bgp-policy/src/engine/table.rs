//! Prefix → owners, and which prefixes an input has touched.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use ipnet::IpNet;

use crate::route::{Owner, RouteType, RouteView};
use crate::{Announcement, Effect};

/// Room for this many changes at once is kept for the next ones.
const CHANGES_KEPT: usize = 64;

/// Every prefix that somebody wants advertised, with all who want it.
///
/// Changes of owners are collected and become effects in [`flush`](Self::flush): a prefix that
/// lost one owner and gained another within one input sends nothing.
#[derive(Default)]
pub(super) struct RouteTable {
    entries: HashMap<IpNet, Entry>,
    changed: Vec<IpNet>,
    touched: u64,
}

struct Entry {
    owners: Owners,
    /// Whether the running process was told to advertise the prefix.
    announced: bool,
}

/// Sorted, without duplicates. One owner is by far the most frequent case, and needs no heap.
enum Owners {
    One([Owner; 1]),
    Any(Vec<Owner>),
}

impl Owners {
    fn as_slice(&self) -> &[Owner] {
        match self {
            Owners::One(owner) => owner,
            Owners::Any(owners) => owners,
        }
    }

    fn insert(&mut self, owner: Owner) -> bool {
        let Err(at) = self.as_slice().binary_search(&owner) else {
            return false;
        };
        match self {
            Owners::Any(owners) => owners.insert(at, owner),
            Owners::One(_) => {
                let Owners::One([first]) = mem::replace(self, Owners::Any(Vec::new())) else {
                    return false;
                };
                *self = Owners::Any(if at == 0 {
                    vec![owner, first]
                } else {
                    vec![first, owner]
                });
            }
        }
        true
    }

    fn remove(&mut self, owner: &Owner) -> bool {
        let Ok(at) = self.as_slice().binary_search(owner) else {
            return false;
        };
        match self {
            Owners::One(_) => *self = Owners::Any(Vec::new()),
            Owners::Any(owners) => {
                owners.remove(at);
                if owners.len() == 1 {
                    *self = Owners::One([owners.remove(0)]);
                }
            }
        }
        true
    }
}

impl RouteTable {
    /// `owner` wants `prefix` advertised.
    pub(super) fn insert(&mut self, prefix: IpNet, owner: Owner) {
        self.touched += 1;
        self.changed.push(prefix);
        match self.entries.get_mut(&prefix) {
            Some(entry) => {
                entry.owners.insert(owner);
            }
            None => {
                let entry = Entry {
                    owners: Owners::One([owner]),
                    announced: false,
                };
                self.entries.insert(prefix, entry);
            }
        }
    }

    /// `owner` wants `prefix` advertised no longer.
    pub(super) fn remove(&mut self, prefix: IpNet, owner: &Owner) {
        self.touched += 1;
        if self
            .entries
            .get_mut(&prefix)
            .is_some_and(|entry| entry.owners.remove(owner))
        {
            self.changed.push(prefix);
        }
    }

    /// The process knows no route any more: all of them are to be announced again.
    pub(super) fn forget_announced(&mut self) {
        self.entries
            .values_mut()
            .for_each(|entry| entry.announced = false);
        self.changed.clear();
        self.changed.extend(self.entries.keys());
        self.touched += self.entries.len() as u64;
    }

    /// Forgets everything, without effects.
    pub(super) fn clear(&mut self) {
        *self = Self {
            touched: self.touched,
            ..Self::default()
        };
    }

    /// Turns the changes since the last call into effects: announcements first, then withdrawals,
    /// each sorted by prefix. Returns whether there was any change, be it of owners only.
    pub(super) fn flush(&mut self, effects: &mut impl Extend<Effect>) -> bool {
        let mut changed = mem::take(&mut self.changed);
        if changed.is_empty() {
            return false;
        }
        changed.sort_unstable();
        changed.dedup();
        let mut withdrawn = Vec::new();
        effects.extend(changed.iter().filter_map(|prefix| {
            let entry = self.entries.get_mut(prefix)?;
            if entry.owners.as_slice().is_empty() {
                if entry.announced {
                    withdrawn.push(*prefix);
                }
                self.entries.remove(prefix);
                return None;
            }
            (!mem::replace(&mut entry.announced, true))
                .then(|| Effect::Announce(Announcement::new(*prefix)))
        }));
        effects.extend(withdrawn.into_iter().map(Effect::Withdraw));
        if changed.capacity() <= CHANGES_KEPT {
            changed.clear();
            self.changed = changed;
        }
        true
    }

    /// How many prefixes there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// One prefix.
    pub(super) fn get(&self, prefix: &IpNet) -> Option<RouteView<'_>> {
        let (prefix, entry) = self.entries.get_key_value(prefix)?;
        Some(RouteView {
            prefix: *prefix,
            owners: entry.owners.as_slice(),
        })
    }

    /// All prefixes: IPv4 first; then by type, prefix length and address.
    pub(super) fn sorted(&self) -> Vec<RouteView<'_>> {
        let mut routes: Vec<RouteView<'_>> = self
            .entries
            .iter()
            .map(|(prefix, entry)| RouteView {
                prefix: *prefix,
                owners: entry.owners.as_slice(),
            })
            .collect();
        routes.sort_unstable_by_key(|route| {
            let prefix = route.prefix;
            let ipv6 = matches!(prefix, IpNet::V6(_));
            (
                ipv6,
                route.owner().route_type,
                prefix.prefix_len(),
                prefix.addr(),
            )
        });
        routes
    }

    /// How many prefixes there are of each type.
    pub(super) fn by_type(&self) -> BTreeMap<RouteType, usize> {
        let mut counts = BTreeMap::from(RouteType::ALL.map(|route_type| (route_type, 0)));
        let owners = self.entries.values().map(|entry| entry.owners.as_slice());
        for first in owners.filter_map(<[Owner]>::first) {
            *counts.entry(first.route_type).or_default() += 1;
        }
        counts
    }

    /// How many owners were put in or taken out so far.
    pub(super) fn touched(&self) -> u64 {
        self.touched
    }
}

/// The host route of an address.
pub(super) fn host_route(address: std::net::IpAddr) -> IpNet {
    IpNet::from(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(object: &str) -> Owner {
        Owner {
            route_type: RouteType::ServiceClusterIp,
            object: object.into(),
        }
    }

    fn prefix() -> IpNet {
        "10.0.0.1/32".parse().unwrap()
    }

    fn flush(table: &mut RouteTable) -> Vec<Effect> {
        let mut effects = Vec::new();
        table.flush(&mut effects);
        effects
    }

    #[test]
    fn owners_stay_sorted_and_each_is_kept_once() {
        let mut table = RouteTable::default();
        for name in ["b", "a", "c", "a"] {
            table.insert(prefix(), owner(name));
        }
        let names: Vec<_> = table
            .get(&prefix())
            .unwrap()
            .owners
            .iter()
            .map(|o| o.object.to_string())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn a_change_of_owner_alone_sends_nothing() {
        let mut table = RouteTable::default();
        table.insert(prefix(), owner("a"));
        assert_eq!(
            flush(&mut table),
            [Effect::Announce(Announcement::new(prefix()))]
        );
        table.remove(prefix(), &owner("a"));
        table.insert(prefix(), owner("b"));
        assert_eq!(flush(&mut table), []);
        table.remove(prefix(), &owner("b"));
        assert_eq!(flush(&mut table), [Effect::Withdraw(prefix())]);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn what_comes_and_goes_within_one_input_is_never_seen() {
        let mut table = RouteTable::default();
        table.insert(prefix(), owner("a"));
        table.remove(prefix(), &owner("a"));
        assert_eq!(flush(&mut table), []);
        assert_eq!(table.len(), 0);
    }
}
