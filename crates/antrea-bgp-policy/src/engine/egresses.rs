//! Egresses: an address, and the node that holds it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::obstacle::SpecialAddress;
use crate::route::{Owner, RouteType};

use super::rules::Rules;
use super::table::{RouteTable, host_route};

/// What is kept of an Egress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EgressRecord {
    pub(super) address: EgressAddress,
    pub(super) place: Place,
    /// Whether the route table has the address for this Egress.
    published: bool,
}

/// `status.egressIP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EgressAddress {
    None,
    Invalid(Box<str>),
    Valid(IpAddr),
}

/// `status.egressNode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Here,
    Elsewhere(Box<str>),
}

/// The first rule that stops an Egress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EgressStop {
    NotSelected,
    WithoutAddress,
    InvalidAddress,
    Special(SpecialAddress),
    Unassigned,
    Elsewhere,
    FamilyNotEnabled,
}

impl EgressRecord {
    pub(super) fn new(address: EgressAddress, place: Place) -> Self {
        Self {
            address,
            place,
            published: false,
        }
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        match self.address {
            EgressAddress::Valid(ip) => Some(ip),
            EgressAddress::None | EgressAddress::Invalid(_) => None,
        }
    }

    /// Whether the address is to be advertised (`Ok`), and if not, the first rule that says so.
    pub(super) fn verdict(&self, rules: &Rules) -> Result<IpAddr, EgressStop> {
        if !rules.advertise.egresses {
            return Err(EgressStop::NotSelected);
        }
        let ip = match self.address {
            EgressAddress::None => return Err(EgressStop::WithoutAddress),
            EgressAddress::Invalid(_) => return Err(EgressStop::InvalidAddress),
            EgressAddress::Valid(ip) => ip,
        };
        if let Some(special) = SpecialAddress::of(&ip) {
            return Err(EgressStop::Special(special));
        }
        match self.place {
            Place::Nowhere => Err(EgressStop::Unassigned),
            Place::Elsewhere(_) => Err(EgressStop::Elsewhere),
            Place::Here if !rules.family_enabled(&ip) => Err(EgressStop::FamilyNotEnabled),
            Place::Here => Ok(ip),
        }
    }
}

/// All Egresses, by name.
#[derive(Default)]
pub(super) struct Egresses {
    entries: HashMap<Arc<str>, EgressRecord>,
    touched: u64,
}

impl Egresses {
    pub(super) fn get(&self, name: &str) -> Option<(&Arc<str>, &EgressRecord)> {
        self.entries.get_key_value(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &EgressRecord)> {
        self.entries.iter()
    }

    pub(super) fn apply(
        &mut self,
        name: &str,
        mut record: EgressRecord,
        rules: &Rules,
        table: &mut RouteTable,
    ) {
        self.touched += 1;
        let key = match self.entries.remove_entry(name) {
            Some((key, former)) => {
                if former.ip() == record.ip() {
                    record.published = former.published;
                } else {
                    unpublish(&key, &former, table);
                }
                key
            }
            None => Arc::from(name),
        };
        publish(&key, &mut record, rules, table);
        self.entries.insert(key, record);
    }

    pub(super) fn delete(&mut self, name: &str, table: &mut RouteTable) {
        if let Some((key, record)) = self.entries.remove_entry(name) {
            self.touched += 1;
            unpublish(&key, &record, table);
        }
    }

    /// Deletes the Egresses that `listed` does not name.
    pub(super) fn sweep(&mut self, listed: &HashSet<String>, table: &mut RouteTable) {
        self.entries.retain(|name, record| {
            let keep = listed.contains(&**name);
            if !keep {
                unpublish(name, record, table);
            }
            keep
        });
    }

    /// Forgets all Egresses, and takes their routes out of the table.
    pub(super) fn clear(&mut self, table: &mut RouteTable) {
        self.sweep(&HashSet::new(), table);
        self.entries.shrink_to_fit();
    }

    /// Brings the route table up to date with every Egress: the rules have changed.
    pub(super) fn refresh_all(&mut self, rules: &Rules, table: &mut RouteTable) {
        self.touched += self.entries.len() as u64;
        for (name, record) in &mut self.entries {
            publish(name, record, rules, table);
        }
    }

    /// How many Egresses were looked at so far.
    pub(super) fn touched(&self) -> u64 {
        self.touched
    }
}

pub(super) fn owner(name: &Arc<str>) -> Owner {
    Owner {
        route_type: RouteType::EgressIp,
        object: Arc::clone(name),
    }
}

fn publish(name: &Arc<str>, record: &mut EgressRecord, rules: &Rules, table: &mut RouteTable) {
    match record.verdict(rules) {
        Ok(ip) if !record.published => {
            table.insert(host_route(ip), owner(name));
            record.published = true;
        }
        Ok(_) => {}
        Err(_) => {
            unpublish(name, record, table);
            record.published = false;
        }
    }
}

fn unpublish(name: &Arc<str>, record: &EgressRecord, table: &mut RouteTable) {
    if let (true, Some(ip)) = (record.published, record.ip()) {
        table.remove(host_route(ip), &owner(name));
    }
}
