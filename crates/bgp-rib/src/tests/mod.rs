//! The table as its peers see it.

mod encoding;
mod examples;
mod model;
mod receiver;

use std::net::{Ipv4Addr, Ipv6Addr};

use bgp_wire::{AsWidth, Asn, Community, Family, PeerKind};
use ipnet::IpNet;

use crate::{Attributes, Batch, GroupKey, PeerId, Table};
use receiver::Receiver;

pub(crate) fn ebgp(family: Family) -> GroupKey {
    GroupKey {
        family,
        kind: PeerKind::Ebgp,
        prepend: Asn(64512),
        as_width: AsWidth::Four,
        next_hop: match family {
            Family::IPV4_UNICAST => Ipv4Addr::new(192, 0, 2, 1).into(),
            _ => "2001:db8::1".parse::<Ipv6Addr>().unwrap().into(),
        },
        max_message: 4096,
    }
}

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(crate) fn med(med: u32) -> Attributes {
    Attributes {
        med: Some(med),
        ..Attributes::default()
    }
}

/// Attributes so large that a batch of 4096 octets holds three messages with them.
pub(crate) fn large(number: u32) -> Attributes {
    Attributes {
        communities: vec![Community(number); 290],
        ..med(number)
    }
}

pub(crate) fn announce(table: &mut Table, prefix: &str, attributes: Attributes) {
    assert_eq!(table.announce_all([net(prefix)], attributes), 1);
}

/// A joined peer with its receiver.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) receiver: Receiver,
}

impl Peer {
    pub(crate) fn join(table: &mut Table, group: GroupKey) -> Self {
        Self {
            id: table.join(group).unwrap(),
            receiver: Receiver::new(group),
        }
    }

    pub(crate) fn pull(&mut self, table: &mut Table, budget: usize) -> Option<Batch> {
        let batch = table.next_batch(self.id, budget)?;
        self.receiver.take(&batch, budget);
        Some(batch)
    }

    pub(crate) fn drain(&mut self, table: &mut Table) -> Vec<Batch> {
        std::iter::from_fn(|| self.pull(table, Table::DEFAULT_BUDGET)).collect()
    }

    pub(crate) fn prefixes(&self) -> Vec<String> {
        self.receiver.routes.keys().map(IpNet::to_string).collect()
    }
}
