//! Services, slices, Nodes and Secrets: what is read of them, and what a missing field means.

use std::sync::Arc;

use antrea_bgp_api::{
    AddressType, EndpointSlice, IpMode, Kind, Node, Object, ObjectRef, Secret, Service,
    ServiceType, TrafficPolicy, decode,
};
use serde_json::{Value, json};

macro_rules! decoder {
    ($name:ident, $kind:ident) => {
        fn $name(manifest: Value) -> Arc<$kind> {
            match decode(Kind::$kind, manifest).expect("it decodes").object {
                Object::$kind(object) => object,
                other => panic!("not of that kind: {other:?}"),
            }
        }
    };
}
decoder!(service, Service);
decoder!(slice, EndpointSlice);
decoder!(node, Node);
decoder!(secret, Secret);

#[test]
fn a_bare_service_is_a_cluster_ip_service_with_cluster_policies() {
    let service = service(json!({ "metadata": { "name": "web" } }));
    assert_eq!(service.spec.service_type, ServiceType::ClusterIP);
    assert_eq!(service.spec.internal_traffic_policy, TrafficPolicy::Cluster);
    assert_eq!(service.spec.external_traffic_policy, TrafficPolicy::Cluster);
    assert_eq!(service.cluster_ips().count(), 0);
}

#[test]
fn cluster_ips_come_from_the_list_or_else_from_the_single_field() {
    let ips = |spec: Value| {
        let service = service(json!({ "metadata": { "name": "web" }, "spec": spec }));
        service.cluster_ips().map(str::to_owned).collect::<Vec<_>>()
    };
    let both = json!({ "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"] });
    assert_eq!(ips(both), ["10.96.0.1", "fd00::1"]);
    assert_eq!(ips(json!({ "clusterIP": "10.96.0.1" })), ["10.96.0.1"]);
    assert!(ips(json!({ "clusterIP": "" })).is_empty());
}

#[test]
fn a_headless_service_says_so() {
    for spec in [
        json!({ "clusterIP": "None" }),
        json!({ "clusterIPs": ["None"] }),
    ] {
        assert!(service(json!({ "metadata": { "name": "db" }, "spec": spec })).is_headless());
    }
}

#[test]
fn load_balancer_ingress_has_an_ip_mode() {
    let service = service(json!({
        "metadata": { "name": "web" },
        "spec": { "type": "LoadBalancer" },
        "status": { "loadBalancer": { "ingress": [
            { "ip": "192.0.2.10" },
            { "ip": "192.0.2.11", "ipMode": "Proxy" },
            { "hostname": "lb.example.com" },
        ] } },
    }));
    let ingress = &service.status.load_balancer.ingress;
    assert_eq!(
        [ingress[0].ip_mode, ingress[1].ip_mode],
        [IpMode::Vip, IpMode::Proxy]
    );
    assert_eq!(ingress[2].ip, None);
}

#[test]
fn missing_endpoint_conditions_mean_ready_serving_and_staying() {
    let slice = slice(json!({
        "metadata": { "name": "web-1", "labels": { "kubernetes.io/service-name": "web", "x": "y" } },
        "addressType": "IPv6",
        "endpoints": [
            { "addresses": ["fd00::2"] },
            { "addresses": ["fd00::3"], "conditions": { "ready": false } },
            {
                "addresses": ["fd00::4"], "nodeName": "node-a",
                "conditions": { "ready": false, "serving": true, "terminating": true },
            },
        ],
    }));
    assert_eq!(slice.address_type, AddressType::IPv6);
    assert_eq!(slice.metadata.labels.service_name.as_deref(), Some("web"));
    let conditions = |i: usize| {
        let c = slice.endpoints[i].conditions;
        (c.is_ready(), c.is_serving(), c.is_terminating())
    };
    assert_eq!(conditions(0), (true, true, false));
    assert_eq!(conditions(1), (false, false, false));
    assert_eq!(conditions(2), (false, true, true));
    assert_eq!(slice.endpoints[0].node_name, None);
    assert_eq!(slice.endpoints[2].node_name.as_deref(), Some("node-a"));
}

#[test]
fn a_node_shows_labels_cidrs_taints_and_addresses() {
    let node = node(json!({
        "metadata": {
            "name": "node-a",
            "labels": { "bgp": "enabled" },
            "annotations": {
                "node.antrea.io/bgp-router-id": "10.0.0.1",
                "node.antrea.io/transport-addresses": "10.1.0.1,fd00::1",
                "other": "ignored",
            },
            "deletionTimestamp": "2026-01-02T03:04:05Z",
        },
        "spec": {
            "podCIDR": "10.244.0.0/24",
            "unschedulable": true,
            "taints": [{ "key": "node.kubernetes.io/out-of-service", "effect": "NoExecute" }],
        },
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.1" }] },
    }));
    assert_eq!(node.metadata.labels["bgp"], "enabled");
    assert_eq!(
        node.metadata.annotations.bgp_router_id.as_deref(),
        Some("10.0.0.1")
    );
    let transport = node.metadata.annotations.transport_addresses.as_deref();
    assert_eq!(transport, Some("10.1.0.1,fd00::1"));
    assert!(node.metadata.deletion_timestamp.is_some() && node.spec.unschedulable);
    assert_eq!(node.spec.pod_cidrs().collect::<Vec<_>>(), ["10.244.0.0/24"]);
    assert_eq!(node.spec.taints[0].effect, "NoExecute");
    assert_eq!(node.status.addresses[0].address_type, "InternalIP");
}

#[test]
fn string_data_lies_over_data() {
    let secret = secret(json!({
        "metadata": { "name": "s" },
        "data": { "a": "Zm9v", "b": "YmFy", "empty": "" },
        "stringData": { "b": "baz" },
    }));
    let value = |key: &str| secret.entries[key].as_bytes();
    assert_eq!(
        (value("a"), value("b"), value("empty")),
        (&b"foo"[..], &b"baz"[..], &b""[..])
    );
}

#[test]
fn no_error_and_no_debug_shows_a_password() {
    let wrong = [
        json!({ "stringData": { "k": 31_337_000 } }),
        json!({ "stringData": { "k": -31_337_000 } }),
        json!({ "stringData": { "k": 31_337.5 } }),
        json!({ "stringData": { "k": ["31337"] } }),
        json!({ "stringData": { "k": true } }),
        json!({ "data": { "k": "31337 not base64" } }),
        json!({ "data": { "k": 31_337_000 } }),
    ];
    for mut manifest in wrong {
        manifest["metadata"] = json!({ "name": "s" });
        let error = decode(Kind::Secret, manifest)
            .expect_err("no string")
            .to_string();
        assert!(
            !error.contains("31337") && !error.contains("true"),
            "{error}"
        );
        assert!(error.contains(".k") || error.contains("quotes"), "{error}");
    }
    let secret = secret(json!({ "metadata": { "name": "s" }, "stringData": { "k": "31337" } }));
    assert!(!format!("{secret:?}").contains("31337"));
}

#[test]
fn references_name_kind_namespace_and_object() {
    let service = Object::Service(service(json!({ "metadata": { "name": "web" } })));
    let expected = ObjectRef::namespaced(Kind::Service, "default", "web");
    assert_eq!(service.object_ref(), expected, "no namespace means default");
    assert_eq!(expected.to_string(), "Service/default/web");
    let node = Object::Node(node(json!({ "metadata": { "name": "node-a" } })));
    assert_eq!(node.object_ref().to_string(), "Node/node-a");
}

#[test]
fn kinds_are_known_by_api_version_too() {
    for kind in Kind::ALL {
        assert_eq!(
            Kind::from_manifest(kind.api_version(), kind.as_str()),
            Some(kind)
        );
    }
    assert_eq!(Kind::from_manifest("v1", "EndpointSlice"), None);
    assert_eq!(
        Kind::from_manifest("crd.antrea.io/v1alpha2", "Egress"),
        None
    );
}
