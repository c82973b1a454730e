//! What happens to a cluster, each with what undoes it.

use antrea_bgp_api::{Object, TrafficPolicy};
use antrea_bgp_policy::Input;
use serde_json::{Value, json};

use crate::cluster::{self, NODE, PER_EGRESS};

/// A change that is made and undone in turns.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// Of how many Services each one is its own target; none where there is only one target.
    pub(crate) every: Option<u32>,
    /// What is said of the target when the change is made (true) and undone.
    pub(crate) input: fn(u32, bool) -> Input,
    /// What is to be done about it, among that many Services.
    pub(crate) effects: fn(u32) -> usize,
}

/// What concerns one object and its routes, so that it should cost the same in any cluster.
pub(crate) const SINGLE: [Event; 14] = [
    Event {
        name: "endpoint on this node, always the same",
        every: None,
        input: local_endpoint,
        effects: |_| 1,
    },
    Event {
        name: "endpoint on this node",
        every: Some(2),
        input: local_endpoint,
        effects: |_| 1,
    },
    Event {
        name: "endpoint on another node",
        every: Some(2),
        input: |number, changed| {
            Input::Applied(cluster::slice(number, 1, |slice| {
                slice.endpoints[0].conditions.ready = Some(!changed);
            }))
        },
        effects: |_| 0,
    },
    Event {
        name: "endpoint gone with its node",
        every: Some(2),
        input: |number, changed| {
            Input::Applied(cluster::slice(number, 2, |slice| {
                slice
                    .endpoints
                    .truncate(slice.endpoints.len() - usize::from(changed));
            }))
        },
        effects: |_| 0,
    },
    Event {
        name: "EndpointSlice deleted, created",
        every: Some(2),
        input: |number, changed| there_or_not(cluster::slice(number, 0, |_| {}), changed),
        effects: |_| 1,
    },
    Event {
        name: "Service deleted, created",
        every: Some(2),
        input: |number, changed| there_or_not(cluster::service(number, |_| {}), changed),
        effects: |_| 2,
    },
    Event {
        name: "Service's externalTrafficPolicy",
        every: Some(2),
        // Of a Service without an endpoint here.
        input: |number, changed| {
            Input::Applied(cluster::service(number + 1, |service| {
                if changed {
                    service.spec.external_traffic_policy = TrafficPolicy::Cluster;
                }
            }))
        },
        effects: |_| 1,
    },
    Event {
        name: "Service's load balancer address",
        every: Some(2),
        input: |number, changed| {
            Input::Applied(cluster::service(number, |service| {
                if changed {
                    service.status.load_balancer.ingress = vec![cluster::ingress(40, number)];
                }
            }))
        },
        effects: |_| 2,
    },
    Event {
        name: "Egress to another node and back",
        every: Some(PER_EGRESS),
        input: |number, changed| {
            let node = if changed { "node-b" } else { NODE };
            Input::Applied(cluster::egress(number / PER_EGRESS, node))
        },
        effects: |_| 1,
    },
    Event {
        name: "Node label that means nothing",
        every: None,
        input: |_, changed| {
            let rack = if changed { "some" } else { "none" };
            Input::Applied(cluster::node("rack", rack))
        },
        effects: |_| 0,
    },
    Event {
        name: "Node label, policy with another peer",
        every: None,
        input: |_, changed| in_rack("other-peer", changed),
        effects: |_| 2,
    },
    Event {
        name: "BGPPolicy, Pod CIDRs",
        every: None,
        input: |_, changed| policy(changed, |spec| spec["advertisements"]["pod"] = json!({})),
        effects: |_| 1,
    },
    Event {
        name: "BGPPolicy, a peer more",
        every: None,
        input: |_, changed| {
            policy(changed, |spec| {
                let peer = |host: u8| json!({ "address": format!("192.0.2.{host}"), "asn": 65001 });
                spec["bgpPeers"] = json!([peer(1), peer(3)]);
            })
        },
        effects: |_| 1,
    },
    Event {
        name: "Secret, another password",
        every: None,
        input: |_, changed| {
            let password = if changed { "other" } else { "one" };
            Input::Applied(cluster::secret(password))
        },
        effects: |_| 1,
    },
];

/// What concerns all routes.
pub(crate) const WIDE: [Event; 2] = [
    Event {
        name: "BGPPolicy, no cluster IPs",
        every: None,
        input: |_, changed| {
            policy(changed, |spec| {
                spec["advertisements"]["service"]["ipTypes"] = json!(["LoadBalancerIP"]);
            })
        },
        effects: |services| services as usize,
    },
    Event {
        name: "Node label, policy with another AS",
        every: None,
        input: |_, changed| in_rack("other-as", changed),
        // The process stops, another starts and gets its peer and all routes.
        effects: |services| 3 + (services + services / 2 + services / PER_EGRESS) as usize,
    },
];

fn local_endpoint(number: u32, changed: bool) -> Input {
    Input::Applied(cluster::slice(number, 0, |slice| {
        slice.endpoints[0].conditions.ready = Some(!changed);
    }))
}

fn there_or_not(object: Object, gone: bool) -> Input {
    if gone {
        Input::Deleted(object.object_ref())
    } else {
        Input::Applied(object)
    }
}

fn in_rack(rack: &str, changed: bool) -> Input {
    Input::Applied(cluster::node("rack", if changed { rack } else { "none" }))
}

fn policy(changed: bool, change: impl FnOnce(&mut Value)) -> Input {
    Input::Applied(cluster::policy(|spec| {
        if changed {
            change(spec);
        }
    }))
}
