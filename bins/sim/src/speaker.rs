//! One speaker: what it is meant to announce, and the process that does so, while it runs.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use bgp_fsm::Negotiated;
use bgp_rib::{Attributes, GroupKey, Table};
use bgp_wire::{Asn, Community, Family, NextHop};
use ipnet::IpNet;

/// Versions from here on have attributes that fit into no message of 4096 octets.
pub(crate) const OVERSIZED: u32 = 1 << 20;

/// A host with one BGP process.
pub(crate) struct Speaker {
    pub(crate) asn: Asn,
    pub(crate) id: Ipv4Addr,
    /// Where it ends up in 10.0.0.0/8 and 2001:db8::/32.
    pub(crate) number: u8,
    /// What it is meant to announce. Outlives the process.
    pub(crate) intent: BTreeMap<IpNet, Fate>,
    pub(crate) process: Option<Process>,
    /// Without a process: whether nobody answers for it.
    pub(crate) silent: bool,
    /// The process does not get to run until then.
    pub(crate) asleep: Option<Instant>,
    /// Its neighbourships.
    pub(crate) ends: Vec<usize>,
}

/// A prefix that was announced at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// `None` once it is no longer wanted.
    pub(crate) version: Option<u32>,
    /// Number of the change that made it so.
    pub(crate) since: u64,
}

/// What a kill takes along.
pub(crate) struct Process {
    pub(crate) table: Table,
    /// Octets of a batch.
    pub(crate) budget: usize,
    /// Routes of the start that are not announced yet; End-of-RIB waits for them.
    backlog: VecDeque<IpNet>,
    /// Tells processes of one speaker apart.
    pub(crate) generation: u64,
}

impl Speaker {
    pub(crate) fn new(asn: Asn, id: Ipv4Addr, number: u8) -> Self {
        Self {
            asn,
            id,
            number,
            intent: BTreeMap::new(),
            process: None,
            silent: false,
            asleep: None,
            ends: Vec::new(),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.process.is_some() && self.asleep.is_none()
    }

    pub(crate) fn address(&self, ipv6: bool) -> SocketAddr {
        match ipv6 {
            true => (self.ipv6(), 179).into(),
            false => (self.ipv4(), 179).into(),
        }
    }

    fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, self.number.into())
    }

    pub(crate) fn next_hop(&self, family: Family) -> NextHop {
        match family {
            Family::IPV4_UNICAST => self.ipv4().into(),
            _ => self.ipv6().into(),
        }
    }

    /// The update group of a session.
    pub(crate) fn group(&self, negotiated: &Negotiated, family: Family) -> GroupKey {
        GroupKey {
            family,
            kind: negotiated.peer_kind,
            prepend: negotiated.prepend.unwrap_or(negotiated.local_asn),
            as_width: negotiated.as_width,
            next_hop: self.next_hop(family),
            max_message: negotiated.max_message,
        }
    }

    /// A process starts: it has nothing to announce yet, and says so by holding End-of-RIB back.
    pub(crate) fn boot(&mut self, generation: u64, budget: usize) {
        let mut table = Table::new();
        table.hold_end_of_rib(true);
        self.silent = false;
        self.asleep = None;
        self.process = Some(Process {
            table,
            budget,
            backlog: self.intent.keys().copied().collect(),
            generation,
        });
    }

    /// Announces up to `count` routes that were wanted when the process started. True if that
    /// was all, and End-of-RIB may follow.
    pub(crate) fn announce_backlog(&mut self, count: usize) -> bool {
        let Some(process) = &mut self.process else {
            return true;
        };
        let count = count.min(process.backlog.len());
        let some: Vec<_> = process.backlog.drain(..count).collect();
        let done = process.backlog.is_empty();
        some.into_iter().for_each(|prefix| self.apply(prefix));
        if let Some(process) = &mut self.process
            && done
        {
            process.table.hold_end_of_rib(false);
        }
        done
    }

    /// What is wanted of a prefix changes: change number `since`.
    pub(crate) fn want(&mut self, prefix: IpNet, version: Option<u32>, since: u64) {
        let before = self.intent.get(&prefix).and_then(|fate| fate.version);
        if before != version {
            self.intent.insert(prefix, Fate { version, since });
            self.apply(prefix);
        }
    }

    fn apply(&mut self, prefix: IpNet) {
        let (Some(process), Some(fate)) = (&mut self.process, self.intent.get(&prefix)) else {
            return;
        };
        let table = &mut process.table;
        match fate.version {
            Some(version) => {
                let attributes = table.intern(attributes(version));
                let _ = table.announce(prefix, attributes);
                table.release(attributes);
            }
            None => {
                let _ = table.withdraw(&prefix);
            }
        }
    }
}

/// The attributes that stand for a version.
fn attributes(version: u32) -> Attributes {
    let communities = match version < OVERSIZED {
        true => version % 3,
        false => 1100,
    };
    Attributes {
        med: Some(version),
        communities: (0..communities).map(Community).collect(),
        ..Attributes::default()
    }
}
