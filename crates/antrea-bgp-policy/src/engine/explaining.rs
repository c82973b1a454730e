//! Answers to [`Subject`]s. Queries may walk all records; inputs never do.

use std::net::IpAddr;
use std::sync::Arc;

use antrea_bgp_api::{Kind, ObjectRef};
use ipnet::IpNet;

use crate::explain::{Explanation, Finding, Subject, Verdict};
use crate::obstacle::{Family, Obstacle, Origin};
use crate::route::{Owner, RouteType};

use super::Engine;
use super::egresses::{self, EgressAddress, EgressRecord, EgressStop, Place};
use super::services::{Address, Bar, Endpoints, NotAnAddress, ServiceOut, ServiceRecord, Stop};
use super::table::host_route;

impl Engine {
    /// Why a subject is advertised, and to whom; or the first rule that stops it.
    #[must_use]
    pub fn explain(&self, subject: &Subject) -> Explanation {
        let effective = self.policy();
        let last_good = effective.is_some_and(|policy| policy.last_good);
        let policy = effective.map(|policy| policy.name.to_owned());
        let mut findings = match &policy {
            None => vec![self.without_policy(subject)],
            Some(policy) => match subject {
                Subject::Address(address) => self.explain_address(*address, policy),
                Subject::Prefix(prefix) => self.explain_prefix(*prefix, policy),
                Subject::Service { namespace, name } => {
                    self.explain_service(&format!("{namespace}/{name}"), policy)
                }
                Subject::Egress { name } => self.explain_egress(name, policy),
            },
        };
        findings.sort_by(|a, b| {
            let order = |f: &Finding| {
                (
                    matches!(f.verdict, Verdict::Stopped(_)),
                    f.prefix,
                    f.owner.clone(),
                )
            };
            order(a).cmp(&order(b))
        });
        Explanation {
            subject: subject.clone(),
            policy,
            last_good,
            findings,
        }
    }

    fn without_policy(&self, subject: &Subject) -> Finding {
        let prefix = match subject {
            Subject::Address(address) => Some(host_route(*address)),
            Subject::Prefix(prefix) => Some(*prefix),
            Subject::Service { .. } | Subject::Egress { .. } => None,
        };
        let obstacle = match &self.node {
            None => Obstacle::NodeUnknown,
            Some(node) => Obstacle::NoEffectivePolicy {
                invalid: (self.policies.broken_for(&node.labels))
                    .map(str::to_owned)
                    .collect(),
            },
        };
        stopped(prefix, None, obstacle)
    }

    fn explain_address(&self, address: IpAddr, policy: &str) -> Vec<Finding> {
        let mut findings = self.hosts(address, policy);
        let pods = self.node.iter().flat_map(|node| &node.pod_cidrs);
        findings.extend(
            pods.filter(|cidr| cidr.contains(&address))
                .map(|cidr| self.pod_cidr(*cidr, policy)),
        );
        self.or_nobodys(findings, host_route(address), policy)
    }

    fn explain_prefix(&self, prefix: IpNet, policy: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if prefix.prefix_len() == prefix.max_prefix_len() {
            findings = self.hosts(prefix.addr(), policy);
        }
        if self
            .node
            .iter()
            .any(|node| node.pod_cidrs.contains(&prefix))
        {
            findings.push(self.pod_cidr(prefix, policy));
        }
        self.or_nobodys(findings, prefix, policy)
    }

    /// Every Service and Egress that has an address.
    fn hosts(&self, ip: IpAddr, policy: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, service, endpoints) in self.services.iter() {
            let addresses = service.addresses.iter().filter(|address| address.ip == ip);
            findings.extend(
                addresses.map(|a| self.service_address(key, service, a, endpoints, policy)),
            );
        }
        let egresses = self
            .egresses
            .iter()
            .filter(|(_, egress)| egress.ip() == Some(ip));
        findings.extend(egresses.map(|(name, egress)| self.egress_address(name, egress, policy)));
        findings
    }

    /// What to say about a prefix that none of the known objects has.
    fn or_nobodys(&self, findings: Vec<Finding>, prefix: IpNet, policy: &str) -> Vec<Finding> {
        if !findings.is_empty() {
            return findings;
        }
        let advertise = self.rules.advertise;
        let origins = [
            (Origin::Service, advertise.services()),
            (Origin::Pod, advertise.pods),
            (Origin::Egress, advertise.egresses),
        ];
        // Objects that the policy does not need are not known: any of them may have the address.
        let unknown = origins
            .into_iter()
            .filter(|(_, advertised)| !advertised)
            .map(|(origin, _)| not_in_policy(policy, origin));
        let unlisted = [Kind::Service, Kind::Egress]
            .into_iter()
            .filter(|kind| self.sources.needed().contains(*kind) && !self.sources.is_known(*kind))
            .map(|kind| self.not_listed(kind));
        [Obstacle::NobodysAddress]
            .into_iter()
            .chain(unlisted)
            .chain(unknown)
            .map(|obstacle| stopped(Some(prefix), None, obstacle))
            .collect()
    }

    fn explain_service(&self, key: &str, policy: &str) -> Vec<Finding> {
        if !self.rules.advertise.services() {
            return vec![stopped(None, None, not_in_policy(policy, Origin::Service))];
        }
        let found = self.services.get(key);
        let Some((key, service, endpoints)) =
            found.and_then(|(key, entry)| Some((key, entry.service.as_ref()?, &entry.endpoints)))
        else {
            let (namespace, name) = key.split_once('/').unwrap_or_default();
            let object = ObjectRef::namespaced(Kind::Service, namespace, name);
            return vec![stopped(None, None, self.absent(&object))];
        };
        if let Some(out) = &service.out {
            return vec![stopped(None, None, service_out(out))];
        }
        let mut findings: Vec<Finding> = (service.addresses.iter())
            .map(|address| self.service_address(key, service, address, endpoints, policy))
            .collect();
        for NotAnAddress { route_type, text } in &service.invalid {
            let owner = Owner {
                route_type: *route_type,
                object: Arc::clone(key),
            };
            findings.push(stopped(
                None,
                Some(owner),
                Obstacle::InvalidAddress(text.to_string()),
            ));
        }
        if service.hostname_only {
            let route_type = RouteType::ServiceLoadBalancerIp;
            let owner = Owner {
                route_type,
                object: Arc::clone(key),
            };
            findings.push(stopped(None, Some(owner), Obstacle::HostnameOnlyIngress));
        }
        if findings.is_empty() {
            findings.push(stopped(None, None, Obstacle::NoAddress));
        }
        findings
    }

    fn service_address(
        &self,
        key: &Arc<str>,
        service: &ServiceRecord,
        address: &Address,
        endpoints: &Endpoints,
        policy: &str,
    ) -> Finding {
        let prefix = host_route(address.ip);
        let owner = Owner {
            route_type: address.route_type,
            object: Arc::clone(key),
        };
        let family = Family::of(&address.ip);
        let obstacle = match service.stop(address, endpoints, &self.rules) {
            None => return self.advertised(prefix, owner),
            Some(Stop::Out) => service
                .out
                .as_ref()
                .map_or(Obstacle::NoAddress, service_out),
            Some(Stop::TypeNotSelected) => Obstacle::TypeNotSelected {
                policy: policy.to_owned(),
                route_type: address.route_type,
            },
            Some(Stop::Special(special)) => Obstacle::SpecialAddress(special),
            Some(Stop::Barred(Bar::NotLoadBalancer)) => Obstacle::NotLoadBalancer,
            Some(Stop::Barred(Bar::ProxyIpMode)) => Obstacle::ProxyIpMode,
            Some(Stop::FamilyNotEnabled) => Obstacle::FamilyNotEnabled(family),
            Some(Stop::NoLocalEndpoint) => {
                let counts = endpoints.of(family);
                Obstacle::NoLocalEndpoint {
                    family,
                    elsewhere: counts.ready - counts.ready_here,
                }
            }
            Some(Stop::NoReadyEndpoint) => Obstacle::NoReadyEndpoint(family),
        };
        stopped(Some(prefix), Some(owner), obstacle)
    }

    fn explain_egress(&self, name: &str, policy: &str) -> Vec<Finding> {
        if !self.rules.advertise.egresses {
            return vec![stopped(None, None, not_in_policy(policy, Origin::Egress))];
        }
        vec![match self.egresses.get(name) {
            Some((name, egress)) => self.egress_address(name, egress, policy),
            None => {
                let object = ObjectRef::cluster(Kind::Egress, name);
                stopped(None, None, self.absent(&object))
            }
        }]
    }

    fn egress_address(&self, name: &Arc<str>, egress: &EgressRecord, policy: &str) -> Finding {
        let owner = egresses::owner(name);
        let prefix = egress.ip().map(host_route);
        let stop = match egress.verdict(&self.rules) {
            Ok(ip) => return self.advertised(host_route(ip), owner),
            Err(stop) => stop,
        };
        let obstacle = match (stop, &egress.address, &egress.place) {
            (EgressStop::NotSelected, ..) => not_in_policy(policy, Origin::Egress),
            (EgressStop::InvalidAddress, EgressAddress::Invalid(text), _) => {
                Obstacle::InvalidAddress(text.to_string())
            }
            (EgressStop::Special(special), ..) => Obstacle::SpecialAddress(special),
            (EgressStop::Elsewhere, _, Place::Elsewhere(node)) => {
                Obstacle::EgressElsewhere(node.to_string())
            }
            (EgressStop::FamilyNotEnabled, EgressAddress::Valid(ip), _) => {
                Obstacle::FamilyNotEnabled(Family::of(ip))
            }
            (EgressStop::Unassigned, ..) => Obstacle::EgressUnassigned,
            _ => Obstacle::EgressWithoutAddress,
        };
        stopped(prefix, Some(owner), obstacle)
    }

    fn pod_cidr(&self, cidr: IpNet, policy: &str) -> Finding {
        let owner = self.pod_owner();
        if self.rules.advertise.pods {
            self.advertised(cidr, owner)
        } else {
            stopped(Some(cidr), Some(owner), not_in_policy(policy, Origin::Pod))
        }
    }

    fn not_listed(&self, kind: Kind) -> Obstacle {
        Obstacle::NotListed {
            kind,
            state: self.sources.state(kind),
        }
    }

    fn absent(&self, object: &ObjectRef) -> Obstacle {
        if let Some(why) = self.ledger.undecodable(object) {
            Obstacle::Undecodable(why.to_owned())
        } else if self.sources.is_known(object.kind) {
            Obstacle::NoSuchObject
        } else {
            self.not_listed(object.kind)
        }
    }

    fn advertised(&self, prefix: IpNet, owner: Owner) -> Finding {
        let family = Family::of(&prefix.addr());
        let peers: Vec<IpAddr> = (self.peers())
            .map(|view| view.peer.address)
            .filter(|peer| Family::of(peer) == family)
            .collect();
        let verdict = if peers.is_empty() {
            let policy = self.policy().map(|policy| policy.name.to_owned());
            Verdict::Stopped(Obstacle::NoPeer {
                policy: policy.unwrap_or_default(),
                family,
            })
        } else {
            Verdict::Advertised { peers }
        };
        Finding {
            prefix: Some(prefix),
            owner: Some(owner),
            verdict,
        }
    }
}

fn stopped(prefix: Option<IpNet>, owner: Option<Owner>, obstacle: Obstacle) -> Finding {
    Finding {
        prefix,
        owner,
        verdict: Verdict::Stopped(obstacle),
    }
}

fn not_in_policy(policy: &str, origin: Origin) -> Obstacle {
    Obstacle::NotInPolicy {
        policy: policy.to_owned(),
        origin,
    }
}

fn service_out(out: &ServiceOut) -> Obstacle {
    match out {
        ServiceOut::Headless => Obstacle::Headless,
        ServiceOut::ExternalName => Obstacle::ExternalName,
        ServiceOut::ForeignProxy(proxy) => Obstacle::ForeignProxy(proxy.to_string()),
    }
}
