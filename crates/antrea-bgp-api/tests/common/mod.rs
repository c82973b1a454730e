//! Short ways to a policy from JSON.

use antrea_bgp_api::{
    BGPPolicy, DecodeError, Decoded, Kind, Object, Policy, Validated, decode, validate,
};
use serde_json::{Value, json};

pub(crate) fn decode_spec(spec: &Value) -> Result<Decoded, DecodeError<serde_json::Error>> {
    let manifest = json!({
        "apiVersion": "crd.antrea.io/v1alpha1",
        "kind": "BGPPolicy",
        "metadata": { "name": "p" },
        "spec": spec,
    });
    decode(Kind::BgpPolicy, manifest)
}

pub(crate) fn decoded(spec: &Value) -> std::sync::Arc<BGPPolicy> {
    match decode_spec(spec).expect("the policy decodes").object {
        Object::BgpPolicy(policy) => policy,
        other => panic!("not a policy: {other:?}"),
    }
}

pub(crate) fn validated(spec: &Value) -> Validated {
    validate(&decoded(spec).spec)
}

/// The meaning of a spec in which nothing is wrong.
#[allow(dead_code, reason = "not every test file has good policies only")]
pub(crate) fn meaning(spec: &Value) -> Policy {
    let Validated { policy, issues } = validated(spec);
    assert!(issues.is_empty(), "{issues:?}");
    policy.expect("a policy without issues means something")
}
