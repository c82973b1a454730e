//! What only a real kube-apiserver can show: the CRD, RBAC and the admission policy under `deploy/`. Skipped where
//! `KUBEBUILDER_ASSETS` names none.

#[path = "../../../crates/antrea-bgp-kube/tests/support/administrator.rs"]
mod administrator;
mod common;
#[path = "../../../crates/antrea-bgp-kube/tests/support/real.rs"]
mod real;

use std::fs;

use administrator::{Refusal, egress_crd};
use common::api::{node, policy, slice, web};
use common::deploy::{documents, folder, objects};
use common::running::{Peer, Running, address, eventually};
use http::{Method, Request};
use kube::Client;
use real::RealServer;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const POLICIES: &str = "/apis/crd.antrea.io/v1alpha1/bgppolicies";
const NODES: &str = "/api/v1/nodes";
const ANNOTATION: &str = "node.antrea.io/bgp-router-id";

/// A server, and the runtime that it lives in.
struct Cluster {
    server: RealServer,
    runtime: Runtime,
}

impl Cluster {
    /// With the CRDs.
    fn start() -> Option<Self> {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(RealServer::start());
        let Some(server) = server else {
            println!("skipped: a real kube-apiserver (KUBEBUILDER_ASSETS names none)");
            return None;
        };
        let cluster = Self { server, runtime };
        for object in documents(&folder("crd").join("bgppolicies.yaml")) {
            cluster.create(&object);
        }
        cluster.create(&egress_crd());
        for path in [POLICIES, "/apis/crd.antrea.io/v1beta1/egresses"] {
            eventually("the CRD is served", || {
                cluster.admin(Method::GET, path, &Value::Null).is_ok()
            });
        }
        Some(cluster)
    }

    /// Makes a request as an administrator.
    fn admin(&self, method: Method, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.request(&self.server.client(), method, path, body)
    }

    fn request(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let answer = administrator::request(client, method, path, body);
        self.runtime.block_on(answer)
    }

    /// Creates an object, status included.
    fn create(&self, object: &Value) {
        let client = self.server.client();
        let put = administrator::put(&client, object);
        if let Err(refusal) = self.runtime.block_on(put) {
            panic!("{object}: {refusal:?}");
        }
    }

    /// The token that the agent on `node` has in its Pod.
    fn token_on(&self, node: &str) -> String {
        let client = self.server.client();
        let token = administrator::agent_token(&client, node);
        self.runtime.block_on(token)
    }

    fn annotation(&self, node: &str) -> Option<String> {
        let node = self.admin(Method::GET, &format!("{NODES}/{node}"), &Value::Null);
        let node = node.expect("the node");
        let value = &node["metadata"]["annotations"][ANNOTATION];
        value.as_str().map(str::to_owned)
    }
}

#[test]
fn a_service_account_is_enough_and_may_do_nothing_else() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    for object in [
        objects(&folder("base")),
        objects(&folder("egress")),
        objects(&folder("admission")),
    ]
    .concat()
    {
        cluster.create(&object);
    }
    let (here, peer) = (address(21, 0), address(21, 1));
    cluster.create(&node("node-a"));
    cluster.create(&node("node-b"));
    cluster.create(
        &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }),
    );
    let mut service = web();
    service["spec"]["ports"] = json!([{ "port": 80 }]);
    service["spec"]["clusterIP"] = json!("10.96.0.10");
    service["spec"]["clusterIPs"] = json!(["10.96.0.10"]);
    cluster.create(&service);
    let mut slice = slice(true);
    slice["addressType"] = json!("IPv4");
    cluster.create(&slice);
    cluster.create(&json!({
        "apiVersion": "crd.antrea.io/v1beta1", "kind": "Egress", "metadata": { "name": "out" },
        "spec": { "egressIP": "198.51.100.7" },
        "status": { "egressNode": "node-a", "egressIP": "198.51.100.7" },
    }));
    cluster.create(&json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "another", "namespace": "kube-system" }, "stringData": { "a": "b" },
    }));
    let mut edge = policy("edge", peer);
    edge["spec"]["advertisements"]["egress"] = json!({});
    cluster.create(&edge);

    let token = cluster.token_on("node-a");
    let kubeconfig = cluster.server.kubeconfig(&token, "kube-system");
    let files = tempfile::tempdir().expect("a folder");
    let file = files.path().join("kubeconfig");
    fs::write(&file, kubeconfig.to_string()).expect("the folder can be written");
    let receiver = Peer::start(peer, here);
    let agent = Running::in_cluster(&file, "node-a", here, &[]);
    // The Service of the API server itself is there, too.
    let routes = [
        "10.244.1.0/24",
        "10.96.0.1/32",
        "10.96.0.10/32",
        "198.51.100.7/32",
    ];
    receiver.expect_routes(&routes);
    eventually("nothing is denied", || {
        agent.probe(here, "/readyz").0 == 200
    });
    eventually("the router ID is written", || {
        cluster.annotation("node-a").as_deref() == Some("192.0.2.1")
    });
    eventually("an Event is written", || {
        let path = "/apis/events.k8s.io/v1/namespaces/default/events";
        let events = cluster
            .admin(Method::GET, path, &Value::Null)
            .expect("Events");
        let mut events = events["items"].as_array().into_iter().flatten();
        events.any(|event| event["reason"] == "PeerUp" && event["regarding"]["name"] == "node-a")
    });

    let client = cluster.runtime.block_on(async {
        let kubeconfig = serde_json::from_value(kubeconfig).expect("a kubeconfig");
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await;
        antrea_bgp_kube::client(config.expect("it is complete")).expect("TLS can be set up")
    });
    nothing_beyond(&cluster, &client);
    assert_eq!(receiver.downs(), [""; 0]);
}

/// Requests that the agent never makes, with its token.
fn nothing_beyond(cluster: &Cluster, client: &Client) {
    let annotate = |value: &str| json!({ "metadata": { "annotations": { ANNOTATION: value } } });
    let refused = |method: &Method, path: &str, body: &Value, why: &str| {
        let answer = cluster.request(client, method.clone(), path, body);
        answer.is_err_and(|refusal| {
            (refusal.code == 403 || refusal.code == 422) && refusal.message.contains(why)
        })
    };
    for (method, path, body) in [
        (
            Method::GET,
            "/api/v1/namespaces/kube-system/secrets",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/v1/namespaces/kube-system/secrets/another",
            Value::Null,
        ),
        (Method::GET, "/api/v1/secrets", Value::Null),
        (Method::GET, "/api/v1/pods", Value::Null),
        (Method::GET, "/api/v1/namespaces", Value::Null),
        (
            Method::GET,
            "/api/v1/namespaces/kube-system/configmaps",
            Value::Null,
        ),
        (Method::PATCH, "/api/v1/nodes/node-a", annotate("192.0.2.9")),
        (Method::DELETE, "/api/v1/nodes/node-a", Value::Null),
        (
            Method::DELETE,
            "/apis/crd.antrea.io/v1alpha1/bgppolicies/edge",
            Value::Null,
        ),
        (
            Method::PATCH,
            "/apis/crd.antrea.io/v1alpha1/bgppolicies/edge",
            json!({ "spec": { "localASN": 1 } }),
        ),
        (
            Method::POST,
            "/apis/events.k8s.io/v1/namespaces/kube-system/events",
            json!({}),
        ),
        (
            Method::GET,
            "/apis/events.k8s.io/v1/namespaces/default/events",
            Value::Null,
        ),
    ] {
        assert!(
            refused(&method, path, &body, "cannot"),
            "{method} {path} is allowed"
        );
    }
    // Those that RBAC cannot tell from the agent's own.
    let own = "/api/v1/nodes/node-a/status";
    let labels = json!({ "metadata": { "labels": { "bgp": "no" } } });
    let other = json!({ "metadata": { "annotations": { "example.com/x": "y" } } });
    let status = json!({ "status": { "phase": "Terminated" } });
    for (path, body, why) in [
        (
            "/api/v1/nodes/node-b/status",
            &annotate("192.0.2.9"),
            "its own Node only",
        ),
        (own, &other, "no annotation but"),
        (own, &labels, "nothing of its Node"),
        (own, &status, "nothing of its Node"),
    ] {
        // A new policy takes a moment to be in force.
        eventually(&format!("{path} {body} is refused: {why}"), || {
            refused(&Method::PATCH, path, body, why)
        });
    }
    let again = cluster.request(client, Method::PATCH, own, &annotate("192.0.2.1"));
    assert!(again.is_ok(), "{again:?}");
}

/// A policy with one peer, and these fields of it.
fn with_peer(name: &str, fields: &Value) -> Value {
    let mut peer = json!({ "address": "192.0.2.1", "asn": 65001 });
    for (field, value) in fields.as_object().expect("an object") {
        peer[field] = value.clone();
    }
    json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy", "metadata": { "name": name },
        "spec": { "nodeSelector": {}, "localASN": 64512, "bgpPeers": [peer] },
    })
}

#[test]
fn the_crd_takes_what_antreas_takes_and_names_what_it_refuses() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    // Wrong, and taken by Antrea's CRD: the agent reports it.
    let mut twice = with_peer("twice", &json!({}));
    let peer = twice["spec"]["bgpPeers"][0].clone();
    twice["spec"]["bgpPeers"] = json!([peer, peer]);
    twice["spec"]["confederation"] = json!({ "identifier": 64900, "memberASNs": [64512, 64512] });
    cluster.create(&twice);
    cluster.create(&with_peer(
        "typical",
        &json!({ "port": 1179, "multihopTTL": 2, "gracefulRestartTimeSeconds": 300 }),
    ));

    let path = format!("{POLICIES}/typical");
    let typical = cluster
        .admin(Method::GET, &path, &Value::Null)
        .expect("it is there");
    let peer = &typical["spec"]["bgpPeers"][0];
    let defaults = json!([
        peer["holdTimeSeconds"],
        peer["gracefulRestartEnabled"],
        typical["spec"]["listenPort"]
    ]);
    assert_eq!(defaults, json!([90, true, 179]));

    for (fields, field) in [
        (
            json!({ "keepaliveIntervalSeconds": 90 }),
            "spec.bgpPeers[0].keepaliveIntervalSeconds",
        ),
        (
            json!({ "holdTimeSeconds": 9, "keepaliveIntervalSeconds": 9 }),
            "spec.bgpPeers[0].keepaliveIntervalSeconds",
        ),
        (
            json!({ "holdTimeSeconds": 2 }),
            "spec.bgpPeers[0].holdTimeSeconds",
        ),
        (json!({ "asn": 0 }), "spec.bgpPeers[0].asn"),
        (
            json!({ "address": "router.example.com" }),
            "spec.bgpPeers[0].address",
        ),
        (
            json!({ "connectRetrySeconds": 1 }),
            "spec.bgpPeers[0].connectRetrySeconds",
        ),
    ] {
        let answer = cluster.admin(Method::POST, POLICIES, &with_peer("refused", &fields));
        let refusal = answer.expect_err("it is wrong");
        assert_eq!(refusal.code, 422, "{fields}: {refusal:?}");
        assert!(refusal.message.contains(field), "{fields}: {refusal:?}");
    }
}

#[test]
fn a_table_of_policies_has_the_columns() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    cluster.create(&with_peer("edge", &json!({})));
    let request = Request::get(POLICIES)
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new());
    let client = cluster.server.client();
    let table = client.request::<Value>(request.expect("a request"));
    let table = cluster.runtime.block_on(table).expect("a table");
    let columns = table["columnDefinitions"].as_array().expect("columns");
    let names: Vec<_> = columns
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    let expected = [
        "Name",
        "Local ASN",
        "Peers",
        "Service IPs",
        "Listen Port",
        "Confederation",
        "Age",
    ];
    assert_eq!(names, expected);
    let cells = &table["rows"][0]["cells"];
    assert_eq!((&cells[0], &cells[1]), (&json!("edge"), &json!(64512)));
    assert!(
        cells[2]
            .as_str()
            .is_some_and(|peers| peers.contains("192.0.2.1")),
        "{cells}"
    );
}
