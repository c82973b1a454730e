//! Services and their endpoints, as far as routes depend on them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::obstacle::{Family, SpecialAddress};
use crate::route::{Owner, RouteType};

use super::rules::Rules;
use super::table::{RouteTable, host_route};

/// What is kept of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceRecord {
    /// Why no address of the Service is ever advertised, if so.
    pub(super) out: Option<ServiceOut>,
    /// `internalTrafficPolicy: Local`.
    pub(super) internal_local: bool,
    /// `externalTrafficPolicy: Local`.
    pub(super) external_local: bool,
    /// The load balancer gave host names, and no address.
    pub(super) hostname_only: bool,
    /// All addresses, sorted by type and address, each once.
    pub(super) addresses: Box<[Address]>,
    /// Nearly always none.
    pub(super) invalid: Box<[NotAnAddress]>,
}

/// Why a Service has no routes of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServiceOut {
    Headless,
    ExternalName,
    ForeignProxy(Box<str>),
}

/// A text of a Service that should have been an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotAnAddress {
    pub(super) route_type: RouteType,
    pub(super) text: Box<str>,
}

/// One address of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) route_type: RouteType,
    pub(super) ip: IpAddr,
    pub(super) bar: Option<Bar>,
    /// Whether the route table has this address for this Service.
    pub(super) published: bool,
}

/// Why an ingress address is not for the nodes to attract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    NotLoadBalancer,
    ProxyIpMode,
}

/// What is kept of an EndpointSlice.
struct SliceRecord {
    /// `namespace/name` of the Service, as that is called where it is kept.
    service: Arc<str>,
    share: Share,
}

/// What an EndpointSlice adds to its Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) family: Family,
    pub(super) counts: Counts,
}

/// Endpoints of one family, by what they are good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Ready, on this node.
    pub(super) ready_here: u32,
    /// Ready, on any node.
    pub(super) ready: u32,
    /// Not ready, terminating and still serving, on this node.
    pub(super) terminating_here: u32,
    /// Not ready, terminating and still serving, on any node.
    pub(super) terminating: u32,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.ready_here += other.ready_here;
        self.ready += other.ready;
        self.terminating_here += other.terminating_here;
        self.terminating += other.terminating;
    }

    /// Takes out what [`add`](Self::add) has put in before.
    fn subtract(&mut self, other: Counts) {
        self.ready_here -= other.ready_here;
        self.ready -= other.ready;
        self.terminating_here -= other.terminating_here;
        self.terminating -= other.terminating;
    }

    /// Whether this node can serve traffic that must not leave it.
    pub(super) fn usable_here(self) -> bool {
        self.ready_here > 0 || (self.ready == 0 && self.terminating_here > 0)
    }
}

/// The endpoints of one Service: the sum over its slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    v4: Counts,
    v6: Counts,
}

impl Endpoints {
    pub(super) fn of(&self, family: Family) -> Counts {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    fn add(&mut self, share: Share) {
        self.of_mut(share.family).add(share.counts);
    }

    /// Takes out what [`add`](Self::add) has put in before.
    fn subtract(&mut self, share: Share) {
        self.of_mut(share.family).subtract(share.counts);
    }

    fn of_mut(&mut self, family: Family) -> &mut Counts {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// A Service, its slices, or both: they come in any order.
#[derive(Default)]
pub(super) struct ServiceEntry {
    pub(super) service: Option<ServiceRecord>,
    pub(super) endpoints: Endpoints,
    slices: u32,
}

/// The first rule that stops an address, in the order in which the rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Out,
    TypeNotSelected,
    Special(SpecialAddress),
    Barred(Bar),
    FamilyNotEnabled,
    NoLocalEndpoint,
    NoReadyEndpoint,
}

impl ServiceRecord {
    /// Whether an address is to be advertised (`None`), and if not, the first rule that says so.
    pub(super) fn stop(
        &self,
        address: &Address,
        endpoints: &Endpoints,
        rules: &Rules,
    ) -> Option<Stop> {
        let family = Family::of(&address.ip);
        let local = match address.route_type {
            RouteType::ServiceClusterIp => self.internal_local,
            _ => self.external_local,
        };
        let counts = endpoints.of(family);
        if self.out.is_some() {
            Some(Stop::Out)
        } else if !rules.advertise.selects(address.route_type) {
            Some(Stop::TypeNotSelected)
        } else if let Some(special) = SpecialAddress::of(&address.ip) {
            Some(Stop::Special(special))
        } else if let Some(bar) = address.bar {
            Some(Stop::Barred(bar))
        } else if !rules.families.enabled(family) {
            Some(Stop::FamilyNotEnabled)
        } else if local {
            (!counts.usable_here()).then_some(Stop::NoLocalEndpoint)
        } else {
            (rules.advertise.withdraw_when_no_endpoints && counts.ready == 0)
                .then_some(Stop::NoReadyEndpoint)
        }
    }

    /// Takes over from the former record which addresses are in the route table, and returns those
    /// published ones that this record has no longer.
    fn succeed(&mut self, former: &ServiceRecord) -> Vec<Address> {
        let mut orphans = Vec::new();
        for old in former.addresses.iter().filter(|address| address.published) {
            match self
                .addresses
                .binary_search_by_key(&old.key(), Address::key)
            {
                Ok(at) => self.addresses[at].published = true,
                Err(_) => orphans.push(*old),
            }
        }
        orphans
    }
}

impl Address {
    pub(super) fn key(&self) -> (RouteType, IpAddr) {
        (self.route_type, self.ip)
    }

    fn owner(&self, service: &Arc<str>) -> Owner {
        Owner {
            route_type: self.route_type,
            object: Arc::clone(service),
        }
    }
}

/// All Services and slices. A Service is found by `namespace/name`, and so is a slice; nothing is
/// ever searched for.
#[derive(Default)]
pub(super) struct Services {
    entries: HashMap<Arc<str>, ServiceEntry>,
    slices: HashMap<Box<str>, SliceRecord>,
    touched: u64,
}

impl Services {
    pub(super) fn get(&self, key: &str) -> Option<(&Arc<str>, &ServiceEntry)> {
        self.entries.get_key_value(key)
    }

    /// Whether neither Services nor slices are known.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any slice counts.
    pub(super) fn has_slices(&self) -> bool {
        !self.slices.is_empty()
    }

    /// Every Service that is known, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &ServiceRecord, &Endpoints)> {
        self.entries
            .iter()
            .filter_map(|(key, entry)| Some((key, entry.service.as_ref()?, &entry.endpoints)))
    }

    pub(super) fn apply_service(
        &mut self,
        key: &str,
        mut record: ServiceRecord,
        rules: &Rules,
        table: &mut RouteTable,
    ) {
        let (key, entry) = entry_of(&mut self.entries, key);
        if let Some(former) = &entry.service {
            for orphan in record.succeed(former) {
                table.remove(host_route(orphan.ip), &orphan.owner(&key));
            }
        }
        entry.service = Some(record);
        self.touched += publish(&key, entry, rules, table);
    }

    pub(super) fn delete_service(&mut self, key: &str, table: &mut RouteTable) {
        let Some((key, _)) = self.entries.get_key_value(key) else {
            return;
        };
        let key = Arc::clone(key);
        self.touched += 1;
        if let Some(entry) = self.entries.get_mut(&key) {
            unpublish(&key, entry, table);
            entry.service = None;
        }
        self.drop_if_empty(&key);
    }

    /// A slice with its Service and what it adds to that; `None` where the slice is gone, or counts
    /// for nothing.
    pub(super) fn apply_slice(
        &mut self,
        slice: &str,
        present: Option<(&str, Share)>,
        rules: &Rules,
        table: &mut RouteTable,
    ) {
        if let Some((service, share)) = present
            && let Some(record) = self.slices.get_mut(slice)
            && *record.service == *service
        {
            // By far the most frequent case, and every lookup is a walk through cold memory. The
            // second one is by the name that came in, so that the two walks overlap.
            let former = std::mem::replace(&mut record.share, share);
            if former != share
                && let Some(entry) = self.entries.get_mut(service)
            {
                entry.endpoints.subtract(former);
                entry.endpoints.add(share);
                self.touched += publish(&record.service, entry, rules, table);
            }
            return;
        }
        if let Some(former) = self.take_slice(slice) {
            self.refresh(&former, rules, table);
        }
        if let Some((service, share)) = present {
            let service = self.put_slice(slice, service, share);
            self.refresh(&service, rules, table);
        }
    }

    /// Adds a slice that is not there to its Service, and returns that Service's key.
    fn put_slice(&mut self, slice: &str, service: &str, share: Share) -> Arc<str> {
        let (service, entry) = entry_of(&mut self.entries, service);
        entry.endpoints.add(share);
        entry.slices += 1;
        let record = SliceRecord {
            service: Arc::clone(&service),
            share,
        };
        self.slices.insert(slice.into(), record);
        service
    }

    /// Takes a slice out, and returns the key of the Service that it belonged to.
    fn take_slice(&mut self, slice: &str) -> Option<Arc<str>> {
        let record = self.slices.remove(slice)?;
        if let Some(entry) = self.entries.get_mut(&record.service) {
            entry.endpoints.subtract(record.share);
            entry.slices -= 1;
        }
        Some(record.service)
    }

    /// Brings the route table up to date with one Service.
    fn refresh(&mut self, key: &Arc<str>, rules: &Rules, table: &mut RouteTable) {
        if let Some(entry) = self.entries.get_mut(key) {
            self.touched += publish(key, entry, rules, table);
        }
        self.drop_if_empty(key);
    }

    /// Brings the route table up to date with every Service: the rules have changed.
    pub(super) fn refresh_all(&mut self, rules: &Rules, table: &mut RouteTable) {
        for (key, entry) in &mut self.entries {
            self.touched += publish(key, entry, rules, table);
        }
    }

    /// Deletes the Services that `listed` does not name.
    pub(super) fn sweep_services(&mut self, listed: &HashSet<String>, table: &mut RouteTable) {
        let gone: Vec<Arc<str>> = self
            .entries
            .iter()
            .filter(|(key, entry)| entry.service.is_some() && !listed.contains(&***key))
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for key in gone {
            self.delete_service(&key, table);
        }
    }

    /// Deletes the slices that `listed` does not name.
    pub(super) fn sweep_slices(
        &mut self,
        listed: &HashSet<String>,
        rules: &Rules,
        table: &mut RouteTable,
    ) {
        let gone: Vec<Box<str>> = self
            .slices
            .keys()
            .filter(|key| !listed.contains(&***key))
            .cloned()
            .collect();
        for slice in gone {
            self.apply_slice(&slice, None, rules, table);
        }
    }

    /// Forgets all Services, and takes their routes out of the table.
    pub(super) fn clear_services(&mut self, table: &mut RouteTable) {
        self.sweep_services(&HashSet::new(), table);
        self.entries.shrink_to_fit();
    }

    /// Forgets all slices.
    pub(super) fn clear_slices(&mut self, rules: &Rules, table: &mut RouteTable) {
        self.sweep_slices(&HashSet::new(), rules, table);
        self.slices.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// How many Services and addresses were looked at so far.
    pub(super) fn touched(&self) -> u64 {
        self.touched
    }

    fn drop_if_empty(&mut self, key: &Arc<str>) {
        if self
            .entries
            .get(key)
            .is_some_and(|e| e.service.is_none() && e.slices == 0)
        {
            self.entries.remove(key);
        }
    }
}

/// The entry of a Service, new if need be, with the one key that all share.
fn entry_of<'a>(
    entries: &'a mut HashMap<Arc<str>, ServiceEntry>,
    key: &str,
) -> (Arc<str>, &'a mut ServiceEntry) {
    let shared = match entries.get_key_value(key) {
        Some((shared, _)) => Arc::clone(shared),
        None => Arc::from(key),
    };
    (Arc::clone(&shared), entries.entry(shared).or_default())
}

/// Puts into the table and takes out of it what is not there yet or still, and returns how much was
/// looked at.
fn publish(key: &Arc<str>, entry: &mut ServiceEntry, rules: &Rules, table: &mut RouteTable) -> u64 {
    let Some(service) = &mut entry.service else {
        return 1;
    };
    for i in 0..service.addresses.len() {
        let address = service.addresses[i];
        let wanted = service.stop(&address, &entry.endpoints, rules).is_none();
        if wanted && !address.published {
            table.insert(host_route(address.ip), address.owner(key));
        } else if !wanted && address.published {
            table.remove(host_route(address.ip), &address.owner(key));
        }
        service.addresses[i].published = wanted;
    }
    1 + service.addresses.len() as u64
}

fn unpublish(key: &Arc<str>, entry: &ServiceEntry, table: &mut RouteTable) {
    for address in entry.service.iter().flat_map(|service| &service.addresses) {
        if address.published {
            table.remove(host_route(address.ip), &address.owner(key));
        }
    }
}
