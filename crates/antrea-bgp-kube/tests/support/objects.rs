//! Objects of the tests, and how they get onto a server.

use http::Request;
use kube::Client;
use serde_json::{Value, json};

pub(crate) const SERVICES: &str = "/api/v1/namespaces/default/services";
pub(crate) const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
pub(crate) const NODES: &str = "/api/v1/nodes";
pub(crate) const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";
pub(crate) const POLICIES: &str = "/apis/crd.antrea.io/v1alpha1/bgppolicies";
pub(crate) const EGRESSES: &str = "/apis/crd.antrea.io/v1beta1/egresses";
pub(crate) const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

pub(crate) async fn create(client: &Client, path: &str, object: Value) -> Value {
    send(client, "POST", path, "application/json", &object).await
}

pub(crate) async fn patch(client: &Client, path: &str, name: &str, patch: Value) -> Value {
    let path = format!("{path}/{name}");
    send(
        client,
        "PATCH",
        &path,
        "application/merge-patch+json",
        &patch,
    )
    .await
}

pub(crate) async fn delete(client: &Client, path: &str, name: &str) {
    let path = format!("{path}/{name}");
    send(client, "DELETE", &path, "application/json", &json!({})).await;
}

pub(crate) async fn get(client: &Client, path: &str) -> Value {
    let request = Request::get(path)
        .body(Vec::new())
        .expect("the path is valid");
    client
        .request(request)
        .await
        .unwrap_or_else(|e| panic!("GET {path}: {e}"))
}

async fn send(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(body.to_string().into_bytes())
        .expect("the path is valid");
    client
        .request(request)
        .await
        .unwrap_or_else(|e| panic!("{method} {path}: {e}"))
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name },
        "spec": { "ports": [{ "port": 80 }], "externalIPs": ["192.0.2.80"] },
    })
}

pub(crate) fn slice(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": { "name": name, "labels": labels },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.1.0.1"], "nodeName": "node-a" }],
    })
}

pub(crate) fn node(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } })
}

pub(crate) fn policy(name: &str) -> Value {
    json!({
        "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
        "metadata": { "name": name },
        "spec": { "nodeSelector": {}, "localASN": 64512, "bgpPeers": [] },
    })
}

pub(crate) fn egress(name: &str) -> Value {
    json!({
        "apiVersion": "crd.antrea.io/v1beta1", "kind": "Egress",
        "metadata": { "name": name },
        "spec": { "egressIP": "192.0.2.9", "appliedTo": {} },
    })
}

pub(crate) fn secret(name: &str, password: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name },
        "data": { "192.0.2.1-65001": password },
    })
}
