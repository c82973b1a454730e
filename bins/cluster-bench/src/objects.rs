//! The cluster: one node's view of many Services.

use std::net::Ipv4Addr;

use antrea_bgp_kube::test_server::TestServer;
use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use crate::{PORT, THERE};

/// As much as `kubectl apply` and controllers leave on an object.
const MANAGED: &str =
    "f:metadata,f:annotations,f:spec,f:ports,f:selector,f:type,f:status,f:loadBalancer,f:ingress";

/// A node that the policy selects, and one that it does not.
pub(crate) const SELECTED: &str = "node-a";
pub(crate) const UNSELECTED: &str = "node-z";

/// Puts everything onto the server: two nodes, a policy for one of them, Services whose load balancer's address is advertised while the node has
/// an endpoint, and two slices for each.
pub(crate) fn put_all(server: &TestServer, services: u32, endpoints: u32) {
    for (name, bgp) in [(SELECTED, "enabled"), (UNSELECTED, "disabled")] {
        server.put(json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": name, "labels": { "bgp": bgp } },
            "spec": { "podCIDRs": ["10.244.1.0/24"] },
            "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.1" }] },
        }));
    }
    server.put(json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy", "metadata": { "name": "edge" },
        "spec": {
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": 64512, "listenPort": PORT,
            "advertisements": { "pod": {}, "service": { "ipTypes": ["LoadBalancerIP"] } },
            "bgpPeers": [{ "address": THERE, "asn": 65001, "port": PORT }],
        },
    }));
    for service in 0..services {
        server.put(self::service(service));
        server.put(local_slice(service, true));
        server.put(remote_slice(service, endpoints));
    }
}

fn address_of(service: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(20, 0, 0, 0)) + service)
}

/// The route of a Service.
pub(crate) fn route_of(service: u32) -> IpNet {
    Ipv4Net::from(address_of(service)).into()
}

fn service(number: u32) -> Value {
    let cluster_ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 96, 0, 0)) + number);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": format!("service-{number}"), "namespace": format!("team-{}", number % 50),
            "labels": { "app": format!("service-{number}"), "tier": "web" },
            "managedFields": [{ "manager": "kubectl", "operation": "Apply", "fieldsV1": MANAGED }],
        },
        "spec": {
            "type": "LoadBalancer", "externalTrafficPolicy": "Local",
            "clusterIP": cluster_ip, "clusterIPs": [cluster_ip],
            "selector": { "app": format!("service-{number}") },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080, "nodePort": 30000 + number % 2767 }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": address_of(number), "ipMode": "VIP" }] } },
    })
}

/// The slice that has the node's own endpoint.
pub(crate) fn local_slice(service: u32, ready: bool) -> Value {
    let endpoint = endpoint(service, 0, "node-a", ready);
    slice(service, "here", &[endpoint])
}

fn remote_slice(service: u32, endpoints: u32) -> Value {
    let endpoints = (1..=endpoints).map(|number| {
        let node = format!(
            "node-{}",
            service.wrapping_mul(31).wrapping_add(number) % 1000
        );
        endpoint(service, number, &node, true)
    });
    slice(service, "there", &endpoints.collect::<Vec<_>>())
}

fn endpoint(service: u32, number: u32, node: &str, ready: bool) -> Value {
    json!({
        "addresses": [Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 128, 0, 0)) + service * 8 + number)],
        "conditions": { "ready": ready, "serving": ready, "terminating": false },
        "nodeName": node, "zone": "zone-a",
        "targetRef": { "kind": "Pod", "namespace": format!("team-{}", service % 50),
            "name": format!("service-{service}-7c9d8b6f5d-{number:05}"), "uid": format!("{service:08}-{number:04}") },
    })
}

fn slice(service: u32, place: &str, endpoints: &[Value]) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("service-{service}-{place}"), "namespace": format!("team-{}", service % 50),
            "labels": { "kubernetes.io/service-name": format!("service-{service}"),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" },
            "managedFields": [{ "manager": "kube-controller-manager", "operation": "Update", "fieldsV1": MANAGED }],
        },
        "endpoints": endpoints,
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    })
}
