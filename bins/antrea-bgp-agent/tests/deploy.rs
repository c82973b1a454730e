//! The manifests under `deploy/`: what the API server would take, and what the agent asks for.

mod common;

use std::collections::BTreeSet;

use antrea_bgp_kube::test_server::{Seen, Verb};
use common::api::{Api, NAMESPACE, policy_ref};
use common::deploy::{Grants, documents, folder, grants, objects};
use common::running::{Peer, address, eventually};
use k8s_openapi::api::admissionregistration::v1 as admission;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1 as rbac;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const OVERLAYS: [&str; 3] = ["overlays/own-crd", "overlays/antrea", "overlays/other-cni"];

fn kinds(folder_name: &str) -> BTreeSet<String> {
    let objects = objects(&folder(folder_name));
    let kinds = objects
        .iter()
        .map(|object| object["kind"].as_str().expect("a kind"));
    kinds.map(str::to_owned).collect()
}

/// Kubernetes ignores a field that it does not know, and a typing error with it.
fn is_strictly<T: DeserializeOwned>(object: &Value) {
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
    let deserializer = serde_ignored::Deserializer::new(object, &mut note);
    if let Err(error) = T::deserialize(deserializer) {
        panic!("{error}: {object:#}");
    }
    assert!(
        unknown.is_empty(),
        "unknown fields {unknown:?} in {object:#}"
    );
}

#[test]
fn every_object_is_what_its_kind_says() {
    for name in [&OVERLAYS[..], &["admission"]].concat() {
        for object in objects(&folder(name)) {
            match object["kind"].as_str().expect("a kind") {
                "CustomResourceDefinition" => is_strictly::<CustomResourceDefinition>(&object),
                "ServiceAccount" => is_strictly::<ServiceAccount>(&object),
                "ClusterRole" => is_strictly::<rbac::ClusterRole>(&object),
                "ClusterRoleBinding" => is_strictly::<rbac::ClusterRoleBinding>(&object),
                "Role" => is_strictly::<rbac::Role>(&object),
                "RoleBinding" => is_strictly::<rbac::RoleBinding>(&object),
                "DaemonSet" => is_strictly::<DaemonSet>(&object),
                "ValidatingAdmissionPolicy" => {
                    is_strictly::<admission::ValidatingAdmissionPolicy>(&object);
                }
                "ValidatingAdmissionPolicyBinding" => {
                    is_strictly::<admission::ValidatingAdmissionPolicyBinding>(&object);
                }
                kind => panic!("{name}: an unexpected {kind}"),
            }
        }
    }
}

#[test]
fn the_crd_is_where_it_belongs() {
    let with_crd = OVERLAYS.map(|name| kinds(name).contains("CustomResourceDefinition"));
    assert_eq!(with_crd, [true, false, true]);
}

#[test]
fn bindings_join_the_service_account_to_roles_that_exist() {
    for name in OVERLAYS {
        let objects = objects(&folder(name));
        let there = |kind: &Value, object_name: &Value, namespace: &Value| {
            objects.iter().any(|object| {
                let metadata = &object["metadata"];
                object["kind"] == *kind
                    && metadata["name"] == *object_name
                    && metadata["namespace"] == *namespace
            })
        };
        let bindings = objects.iter().filter(|object| !object["roleRef"].is_null());
        for binding in bindings {
            let role = &binding["roleRef"];
            let namespace = match role["kind"] == "Role" {
                true => &binding["metadata"]["namespace"],
                false => &Value::Null,
            };
            assert!(
                there(&role["kind"], &role["name"], namespace),
                "{name}: {binding}"
            );
            let subject = &binding["subjects"][0];
            assert!(
                there(&subject["kind"], &subject["name"], &subject["namespace"]),
                "{name}: {binding}"
            );
        }
        let roles = objects
            .iter()
            .filter(|object| object["rules"].is_array())
            .count();
        let bindings = objects
            .iter()
            .filter(|object| object["roleRef"].is_object())
            .count();
        assert_eq!(roles, bindings, "{name}");
    }
}

#[test]
fn the_pod_is_as_restricted_as_can_be() {
    let objects = documents(&folder("base").join("daemonset.yaml"));
    let pod = &objects[0]["spec"]["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let container = &pod["containers"][0];
    let context = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"], "add": ["NET_BIND_SERVICE"] },
    });
    assert_eq!(container["securityContext"], context);
    // What the agent needs is there: a place for its socket, and the name of its node.
    assert_eq!(
        container["volumeMounts"][0]["mountPath"],
        "/run/antrea-bgp-agent"
    );
    assert_eq!(container["env"][0]["name"], "NODE_NAME");
}

/// As RBAC would see it.
fn asked_for(seen: &[Seen]) -> Grants {
    let words = seen.iter().map(|seen| {
        let resource = match seen.subresource {
            "" => seen.resource.clone(),
            subresource => format!("{}/{subresource}", seen.resource),
        };
        let verb = match seen.verb {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Patch => "patch",
            other => panic!("nothing asks for {other:?}"),
        };
        // Where a list names one object, the rule may name it too (resourceNames).
        let selector = seen.query.get("fieldSelector").map(String::as_str);
        let name = match selector.and_then(|selector| selector.strip_prefix("metadata.name=")) {
            Some(name) if seen.resource == "secrets" => name,
            _ => "*",
        };
        let namespace = match seen.namespace.as_str() {
            "" => "*",
            namespace => namespace,
        };
        [&seen.group, &resource, verb, namespace, name].map(str::to_owned)
    });
    words.collect()
}

#[test]
fn the_roles_grant_what_the_agent_asks_for_and_no_more() {
    let (here, peer) = (address(11, 0), address(11, 1));
    let api = Api::with_web(peer);
    let egress = json!({ "spec": { "advertisements": { "egress": {} } } });
    api.server.merge(&policy_ref("edge"), &egress);
    // As before Kubernetes 1.35: lists are lists, and not the first part of a watch.
    api.server.set_streaming_lists(false);
    let _receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    eventually("everything is followed", || {
        agent.probe(here, "/readyz").0 == 200
    });
    let granted = grants(&objects(&folder("overlays/own-crd")));
    // An Event that repeats is counted in the first one, a minute later; the adapter's own tests see it.
    let repeats = ["events.k8s.io", "events", "patch", "default", "*"].map(str::to_owned);
    let mut asked = Grants::new();
    eventually("each of the rules is made use of", || {
        asked = asked_for(&api.server.seen());
        asked.insert(repeats.clone());
        let missing: Vec<_> = granted.difference(&asked).collect();
        if !missing.is_empty() {
            println!("nobody asked for {missing:?}");
        }
        missing.is_empty()
    });
    assert_eq!(asked, granted, "the agent is in the namespace {NAMESPACE}");
}
