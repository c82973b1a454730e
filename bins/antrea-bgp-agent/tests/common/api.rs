//! A cluster of one test: an API server, and objects on it.
#![allow(dead_code, reason = "every test file uses another part")]

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use antrea_bgp_api::{Kind, ObjectRef};
use antrea_bgp_kube::test_server::TestServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::running::{PORT, Running, eventually};

/// The namespace of the agent.
pub(crate) const NAMESPACE: &str = "kube-system";

/// An API server, and the runtime that it lives in.
pub(crate) struct Api {
    pub(crate) server: TestServer,
    files: TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Api {
    /// One without any objects.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = runtime
            .block_on(TestServer::start())
            .expect("loopback has free ports");
        let files = tempfile::tempdir().expect("a folder");
        fs::write(
            files.path().join("kubeconfig"),
            server.kubeconfig(NAMESPACE),
        )
        .expect("the folder can be written");
        Self {
            server,
            files,
            _runtime: runtime,
        }
    }

    /// One with a node, a policy for it and this peer, and a Service with an endpoint on it.
    pub(crate) fn with_web(peer: Ipv4Addr) -> Self {
        let api = Self::start();
        api.server.put(node("node-a"));
        api.server.put(policy("edge", peer));
        api.server.put(web());
        api.server.put(slice(true));
        api
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.files.path().join("kubeconfig")
    }

    /// The agent of `node-a`.
    pub(crate) fn run(&self, listen: Ipv4Addr, arguments: &[&str]) -> Running {
        Running::in_cluster(&self.kubeconfig(), "node-a", listen, arguments)
    }

    /// The Events so far, each as `reason Kind/name: note`.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events = self.server.events().into_iter();
        events
            .map(|e| {
                let about = &e["regarding"];
                format!(
                    "{} {}/{}: {}",
                    text(&e["reason"]),
                    text(&about["kind"]),
                    text(&about["name"]),
                    text(&e["note"])
                )
            })
            .collect()
    }

    /// Waits for an Event that begins like this and contains that.
    pub(crate) fn expect_event(&self, begins: &str, contains: &str) {
        let found = |event: &String| event.starts_with(begins) && event.contains(contains);
        eventually(&format!("an Event {begins:?} with {contains:?}"), || {
            self.events().iter().any(found)
        });
    }
}

pub(crate) fn node_ref() -> ObjectRef {
    ObjectRef::cluster(Kind::Node, "node-a")
}

pub(crate) fn policy_ref(name: &str) -> ObjectRef {
    ObjectRef::cluster(Kind::BgpPolicy, name)
}

pub(crate) fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "bgp": "enabled" } },
        "spec": { "podCIDRs": ["10.244.1.0/24"] },
        "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.1" }] },
    })
}

/// Pod CIDRs and ClusterIPs to one peer, with a restart time of 4 s: a start waits 1 s for sources,
/// and 2 s until End-of-RIB.
pub(crate) fn policy(name: &str, peer: Ipv4Addr) -> Value {
    json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
        "metadata": { "name": name },
        "spec": {
            "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
            "localASN": 64512, "listenPort": PORT,
            "advertisements": { "pod": {}, "service": { "ipTypes": ["ClusterIP"] } },
            "bgpPeers": [{ "address": peer, "asn": 65001, "port": PORT,
                "connectRetrySeconds": 2, "gracefulRestartTimeSeconds": 4 }],
        },
    })
}

pub(crate) fn web() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "clusterIPs": ["10.96.0.10"], "internalTrafficPolicy": "Local" },
    })
}

pub(crate) fn slice(ready: bool) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": "web-1", "namespace": "shop",
            "labels": { "kubernetes.io/service-name": "web" } },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.244.1.9"], "nodeName": "node-a",
            "conditions": { "ready": ready } }],
    })
}

pub(crate) fn slice_ref() -> ObjectRef {
    ObjectRef::namespaced(Kind::EndpointSlice, "shop", "web-1")
}
