//! From Kubernetes objects to the small records that are kept, and what is odd about them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use antrea_bgp_api::{
    AddressType, Egress, Endpoint, EndpointSlice, IpMode, Issue, Node, ObjectRef, Policy, Scope,
    Service, ServiceIpType, ServiceType, TrafficPolicy,
};
use ipnet::IpNet;

use crate::obstacle::{Family, SpecialAddress};
use crate::report::{ReasonCode, Report, Severity};
use crate::route::RouteType;

use super::egresses::{EgressAddress, EgressRecord, Place};
use super::rules::{Advertise, Families};
use super::services::{Address, Bar, Counts, NotAnAddress, ServiceOut, ServiceRecord, Share};

/// The namespace of objects whose manifest names none.
const DEFAULT_NAMESPACE: &str = "default";

/// What is kept of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeRecord {
    pub(super) labels: BTreeMap<String, String>,
    /// The router ID annotation, as written.
    pub(super) router_id: Option<String>,
    /// The IPv4 transport address.
    pub(super) ipv4: Option<Ipv4Addr>,
    /// Sorted, each once.
    pub(super) pod_cidrs: Vec<IpNet>,
    pub(super) families: Families,
}

/// `namespace/name`, or the name of a cluster-scoped object: the key of its record.
pub(super) fn key(object: &ObjectRef) -> String {
    match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    }
}

pub(super) fn service(service: &Service, object: &ObjectRef) -> (ServiceRecord, Vec<Report>) {
    let mut reader = AddressReader::new(object);
    let load_balancer = service.spec.service_type == ServiceType::LoadBalancer;
    let ingress = &service.status.load_balancer.ingress;
    if !service.is_headless() {
        for (i, ip) in service.cluster_ips().enumerate() {
            let field = || format!("spec.clusterIPs[{i}]");
            reader.read(RouteType::ServiceClusterIp, ip, None, field);
        }
    }
    for (i, ip) in service.spec.external_ips.iter().enumerate() {
        let field = || format!("spec.externalIPs[{i}]");
        reader.read(RouteType::ServiceExternalIp, ip, None, field);
    }
    for (i, entry) in ingress.iter().enumerate() {
        let Some(ip) = entry.ip.as_deref().filter(|ip| !ip.is_empty()) else {
            continue;
        };
        let bar = if !load_balancer {
            Some(Bar::NotLoadBalancer)
        } else {
            (entry.ip_mode == IpMode::Proxy).then_some(Bar::ProxyIpMode)
        };
        let field = || format!("status.loadBalancer.ingress[{i}].ip");
        reader.read(RouteType::ServiceLoadBalancerIp, ip, bar, field);
    }
    let has_address = |ip: &Option<String>| ip.as_deref().is_some_and(|ip| !ip.is_empty());
    let record = ServiceRecord {
        out: service_out(service),
        internal_local: service.spec.internal_traffic_policy == TrafficPolicy::Local,
        external_local: service.spec.external_traffic_policy == TrafficPolicy::Local,
        hostname_only: load_balancer
            && !ingress.is_empty()
            && !ingress.iter().any(|entry| has_address(&entry.ip)),
        addresses: reader.addresses(),
        invalid: reader.invalid.into(),
    };
    (record, reader.reports)
}

fn service_out(service: &Service) -> Option<ServiceOut> {
    if service.spec.service_type == ServiceType::ExternalName {
        Some(ServiceOut::ExternalName)
    } else if let Some(proxy) = &service.metadata.labels.service_proxy_name {
        Some(ServiceOut::ForeignProxy(proxy.as_str().into()))
    } else {
        service.is_headless().then_some(ServiceOut::Headless)
    }
}

/// Collects the addresses of a Service, and what is no address.
struct AddressReader<'a> {
    object: &'a ObjectRef,
    addresses: Vec<Address>,
    invalid: Vec<NotAnAddress>,
    reports: Vec<Report>,
}

impl<'a> AddressReader<'a> {
    fn new(object: &'a ObjectRef) -> Self {
        Self {
            object,
            addresses: Vec::new(),
            invalid: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn read(
        &mut self,
        route_type: RouteType,
        text: &str,
        bar: Option<Bar>,
        field: impl FnOnce() -> String,
    ) {
        match parse_ip(text) {
            Some(ip) => {
                self.addresses.push(Address {
                    route_type,
                    ip,
                    bar,
                    published: false,
                });
                if let Some(special) = SpecialAddress::of(&ip) {
                    let report = special_address(self.object, field(), text, special);
                    self.reports.push(report);
                }
            }
            None => {
                self.invalid.push(NotAnAddress {
                    route_type,
                    text: text.into(),
                });
                self.reports
                    .push(invalid_address(self.object, field(), text, "IP address"));
            }
        }
    }

    /// Sorted, each once; of an address that is both barred and not, the one that is not.
    fn addresses(&mut self) -> Box<[Address]> {
        let mut addresses = std::mem::take(&mut self.addresses);
        addresses.sort_by_key(|address| (address.key(), address.bar.is_some()));
        addresses.dedup_by_key(|address| address.key());
        addresses.into()
    }
}

/// The key of the slice's Service, and what the slice adds to that. `None` where it counts for
/// nothing: it belongs to no Service, to a headless one, to another proxy, or holds names.
pub(super) fn slice(slice: &EndpointSlice, node: &str) -> Option<(String, Share)> {
    let labels = &slice.metadata.labels;
    let family = match slice.address_type {
        AddressType::IPv4 => Family::V4,
        AddressType::IPv6 => Family::V6,
        _ => return None,
    };
    if labels.headless.is_some() || labels.service_proxy_name.is_some() {
        return None;
    }
    let name = labels
        .service_name
        .as_deref()
        .filter(|name| !name.is_empty())?;
    let namespace = slice
        .metadata
        .namespace
        .as_deref()
        .unwrap_or(DEFAULT_NAMESPACE);
    let mut counts = Counts::default();
    for endpoint in &slice.endpoints {
        count(endpoint, node, &mut counts);
    }
    Some((format!("{namespace}/{name}"), Share { family, counts }))
}

fn count(endpoint: &Endpoint, node: &str, counts: &mut Counts) {
    let here = u32::from(endpoint.node_name.as_deref() == Some(node));
    let conditions = endpoint.conditions;
    if conditions.is_ready() {
        counts.ready += 1;
        counts.ready_here += here;
    } else if conditions.is_serving() && conditions.is_terminating() {
        counts.terminating += 1;
        counts.terminating_here += here;
    }
}

pub(super) fn egress(
    egress: &Egress,
    object: &ObjectRef,
    node: &str,
) -> (EgressRecord, Vec<Report>) {
    let mut reports = Vec::new();
    let address = match egress
        .status
        .egress_ip
        .as_deref()
        .filter(|ip| !ip.is_empty())
    {
        None => EgressAddress::None,
        Some(text) => match parse_ip(text) {
            Some(ip) => {
                if let Some(special) = SpecialAddress::of(&ip) {
                    let field = "status.egressIP".to_owned();
                    reports.push(special_address(object, field, text, special));
                }
                EgressAddress::Valid(ip)
            }
            None => {
                let field = "status.egressIP".to_owned();
                reports.push(invalid_address(object, field, text, "IP address"));
                EgressAddress::Invalid(text.into())
            }
        },
    };
    let place = match egress
        .status
        .egress_node
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        None => Place::Nowhere,
        Some(name) if name == node => Place::Here,
        Some(name) => Place::Elsewhere(name.into()),
    };
    (EgressRecord::new(address, place), reports)
}

pub(super) fn node(node: &Node, object: &ObjectRef) -> (NodeRecord, Vec<Report>) {
    let mut reports = Vec::new();
    let mut families = Families::default();
    let mut pod_cidrs: Vec<IpNet> = Vec::new();
    for (i, text) in node.spec.pod_cidrs().enumerate() {
        match text.parse::<IpNet>() {
            Ok(cidr) => pod_cidrs.push(cidr.trunc()),
            Err(_) => {
                let field = format!("spec.podCIDRs[{i}]");
                reports.push(invalid_address(object, field, text, "CIDR"));
            }
        }
    }
    pod_cidrs.sort_unstable();
    pod_cidrs.dedup();
    let mut internal = Vec::new();
    for (i, entry) in node.status.addresses.iter().enumerate() {
        if entry.address_type != "InternalIP" {
            continue;
        }
        match parse_ip(&entry.address) {
            Some(ip) => internal.push(ip),
            None => {
                let field = format!("status.addresses[{i}].address");
                reports.push(invalid_address(object, field, &entry.address, "IP address"));
            }
        }
    }
    for address in internal
        .iter()
        .copied()
        .chain(pod_cidrs.iter().map(IpNet::addr))
    {
        families.enable(Family::of(&address));
    }
    let annotations = &node.metadata.annotations;
    let transport: Vec<IpAddr> = (annotations.transport_addresses.iter())
        .flat_map(|list| list.split(','))
        .filter_map(|text| parse_ip(text.trim()))
        .collect();
    let addresses = if transport.is_empty() {
        &internal
    } else {
        &transport
    };
    let record = NodeRecord {
        labels: node.metadata.labels.clone(),
        router_id: annotations.bgp_router_id.clone(),
        ipv4: addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        }),
        pod_cidrs,
        families,
    };
    (record, reports)
}

/// What a policy lets through.
pub(super) fn advertise(policy: &Policy) -> Advertise {
    let types = &policy.service_ip_types;
    Advertise {
        cluster_ips: types.contains(&ServiceIpType::ClusterIP),
        external_ips: types.contains(&ServiceIpType::ExternalIP),
        load_balancer_ips: types.contains(&ServiceIpType::LoadBalancerIP),
        withdraw_when_no_endpoints: policy.withdraw_when_no_endpoints,
        pods: policy.pod,
        egresses: policy.egress,
    }
}

/// What was found while judging a policy.
pub(super) fn issue(issue: Issue, object: &ObjectRef) -> Report {
    let (severity, code) = match issue.scope {
        Scope::Element => (Severity::Error, ReasonCode::InvalidElement),
        Scope::Notice => (Severity::Warning, ReasonCode::NoEffect),
        _ => (Severity::Error, ReasonCode::InvalidPolicy),
    };
    let message = if issue.value.is_empty() {
        issue.message
    } else {
        format!("{:?}: {}", issue.value, issue.message)
    };
    Report {
        severity,
        object: object.clone(),
        field: Some(issue.field),
        code,
        message,
    }
}

/// A field that was applied and is not there.
pub(super) fn dropped(field: String, object: &ObjectRef) -> Report {
    Report {
        severity: Severity::Warning,
        object: object.clone(),
        field: Some(field),
        code: ReasonCode::FieldDropped,
        message: "was applied and is not in the object, so it has no effect: the BGPPolicy CRD of \
                  this cluster does not know it (it then has to be replaced by this agent's), or \
                  it was removed since"
            .to_owned(),
    }
}

/// An IPv4-mapped address is an IPv4 address.
fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

fn invalid_address(object: &ObjectRef, field: String, text: &str, what: &str) -> Report {
    Report {
        severity: Severity::Warning,
        object: object.clone(),
        field: Some(field),
        code: ReasonCode::InvalidAddress,
        message: format!("{text:?} is no {what} and is left out"),
    }
}

fn special_address(
    object: &ObjectRef,
    field: String,
    text: &str,
    special: SpecialAddress,
) -> Report {
    Report {
        severity: Severity::Warning,
        object: object.clone(),
        field: Some(field),
        code: ReasonCode::InvalidAddress,
        message: format!("{text:?} is {special} and is left out"),
    }
}
