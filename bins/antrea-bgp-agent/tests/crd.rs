//! `crd`: the CustomResourceDefinition as YAML.

mod common;

use common::{agent, repository};
use serde_json::{Value, json};

#[test]
fn the_crd_is_printed_as_yaml() {
    let answer = agent(&["crd"]);
    assert_eq!((answer.code, answer.err.as_str()), (Some(0), ""));
    let crd: Value = serde_saphyr::from_str(&answer.out).expect("YAML");
    assert_eq!(crd["apiVersion"], "apiextensions.k8s.io/v1");
    assert_eq!(crd["kind"], "CustomResourceDefinition");
    assert_eq!(crd["metadata"]["name"], "bgppolicies.crd.antrea.io");
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert_eq!(
        spec["properties"]["localASN"]["maximum"],
        json!(4_294_967_294_u32)
    );
}

#[test]
fn the_crd_in_the_repository_is_the_one_that_is_printed() {
    let committed = repository::read("deploy/crd/bgppolicies.yaml");
    assert!(
        committed == agent(&["crd"]).out,
        "write it anew: cargo run -p antrea-bgp-agent -- crd > deploy/crd/bgppolicies.yaml"
    );
}
