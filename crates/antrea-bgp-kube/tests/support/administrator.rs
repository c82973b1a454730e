//! What an administrator does on a real kube-apiserver. Other packages' tests use it.
#![allow(dead_code, reason = "every test program uses another part")]

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

/// What the server said no with.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
}

/// Asks for `path`. A PATCH is a merge patch.
pub(crate) async fn request(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value, Refusal> {
    let content = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", content);
    let octets = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = request.body(octets).expect("a request");
    let answer = client.request::<Value>(request).await;
    answer.map_err(|error| match error {
        kube::Error::Api(status) => Refusal {
            code: status.code,
            message: status.message.clone(),
        },
        other => panic!("{path}: {other}"),
    })
}

/// The path of the objects of this one's kind and namespace.
pub(crate) fn collection(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let base = if version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    let plural = match kind.as_str() {
        "BGPPolicy" => "bgppolicies".to_owned(),
        "Egress" => "egresses".to_owned(),
        kind if kind.ends_with("Policy") => kind.to_lowercase().replace("policy", "policies"),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let namespace = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("/namespaces/{namespace}"),
        None => String::new(),
    };
    format!("{base}/{version}{namespace}/{plural}")
}

/// The path of an object.
pub(crate) fn path(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().expect("a name");
    format!("{}/{name}", collection(object))
}

/// Creates an object or merges it into what is there, status included.
pub(crate) async fn put(client: &Client, object: &Value) -> Result<(), Refusal> {
    match request(client, Method::POST, &collection(object), object).await {
        Err(refusal) if refusal.code == 409 => {
            request(client, Method::PATCH, &path(object), object).await?;
        }
        other => drop(other?),
    }
    if !object["status"].is_null() {
        let status = json!({ "status": object["status"] });
        let path = format!("{}/status", path(object));
        request(client, Method::PATCH, &path, &status).await?;
    }
    Ok(())
}

/// The token that the agent on `node` has in its Pod.
pub(crate) async fn agent_token(client: &Client, node: &str) -> String {
    let name = format!("agent-on-{node}");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "kube-system" },
        "spec": { "nodeName": node, "serviceAccountName": "antrea-bgp-agent",
            "containers": [{ "name": "agent", "image": "agent" }] },
    });
    let pod = request(client, Method::POST, &collection(&pod), &pod).await;
    let pod = pod.expect("a Pod");
    let path = "/api/v1/namespaces/kube-system/serviceaccounts/antrea-bgp-agent/token";
    let asked = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": { "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": name,
            "uid": pod["metadata"]["uid"] } },
    });
    let answer = request(client, Method::POST, path, &asked).await;
    let answer = answer.expect("a token");
    answer["status"]["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// The CRD of Antrea's Egress, as far as the agent reads it.
pub(crate) fn egress_crd() -> Value {
    crd("egresses", "Egress", "v1beta1")
}

/// A CRD of Antrea's without a schema, so that it takes what Antrea's takes and more.
pub(crate) fn crd(plural: &str, kind: &str, version: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.crd.antrea.io") },
        "spec": {
            "group": "crd.antrea.io", "scope": "Cluster",
            "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}
