//! Fields that somebody asked for and the API server does not have.

use serde_json::Value;

use crate::{BGPPolicy, BGPPolicySpec};

/// Annotation in which `kubectl apply`, and what is built on it, keeps what it was given.
pub const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields that Antrea's own CRD of 2026-09 does not have.
const NEWER: [&str; 9] = [
    "bfd",
    "connectRetrySeconds",
    "drainOnTaints",
    "gracefulRestartEnabled",
    "holdTimeSeconds",
    "idleHoldTimeAfterResetSeconds",
    "keepaliveIntervalSeconds",
    "ttlSecurityEnabled",
    "withdrawWhenNoEndpoints",
];

/// Paths of the newer fields that were applied and are not in the object, as in
/// `spec.bgpPeers[0].holdTimeSeconds`.
///
/// A server whose CRD does not know a field drops it without a word to whoever watches. What was
/// applied is known from [`LAST_APPLIED_ANNOTATION`] only; without it there is nothing to compare.
/// Somebody may also have removed the field since in a way that leaves the annotation as it was.
#[must_use]
pub fn dropped_fields(policy: &BGPPolicy) -> Vec<String> {
    let annotations = policy.metadata.annotations.as_ref();
    let Some(applied) = annotations.and_then(|all| all.get(LAST_APPLIED_ANNOTATION)) else {
        return Vec::new();
    };
    let spec = |text: &str| -> Option<BGPPolicySpec> {
        let mut object: Value = serde_json::from_str(text).ok()?;
        serde_json::from_value(object.get_mut("spec")?.take()).ok()
    };
    let mut dropped = Vec::new();
    if let Some(applied) = spec(applied)
        // Written by one hand, so that what is left out as a default is left out of both.
        && let (Ok(applied), Ok(present)) = (
            serde_json::to_value(&applied),
            serde_json::to_value(&policy.spec),
        )
    {
        compare("spec", &applied, &present, &mut dropped);
    }
    dropped
}

fn compare(path: &str, applied: &Value, present: &Value, dropped: &mut Vec<String>) {
    match (applied, present) {
        (Value::Object(applied), present) => {
            for (name, value) in applied {
                let path = format!("{path}.{name}");
                match present.get(name) {
                    Some(present) => compare(&path, value, present, dropped),
                    None if NEWER.contains(&name.as_str()) => dropped.push(path),
                    None => {}
                }
            }
        }
        // In a list that was edited since, nobody knows which is which.
        (Value::Array(applied), Value::Array(present)) if applied.len() == present.len() => {
            for (index, (applied, present)) in applied.iter().zip(present).enumerate() {
                compare(&format!("{path}[{index}]"), applied, present, dropped);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(applied: Option<&Value>, spec: &Value) -> BGPPolicy {
        let mut object = json!({
            "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
            "metadata": { "name": "edge" },
            "spec": spec,
        });
        if let Some(applied) = applied {
            let applied = json!({ "spec": applied }).to_string();
            object["metadata"]["annotations"] = json!({ LAST_APPLIED_ANNOTATION: applied });
        }
        serde_json::from_value(object).expect("it can be decoded")
    }

    fn applied() -> Value {
        json!({
            "nodeSelector": { "matchLabels": { "bgp": "yes" } }, "localASN": 64512,
            "advertisements": { "pod": {}, "service": {
                "ipTypes": ["ClusterIP"], "withdrawWhenNoEndpoints": true } },
            "bgpPeers": [{ "address": "192.0.2.1", "asn": 65001, "holdTimeSeconds": 9 }],
        })
    }

    #[test]
    fn newer_fields_that_a_server_dropped_are_named() {
        let mut kept = applied();
        kept["bgpPeers"][0]
            .as_object_mut()
            .unwrap()
            .remove("holdTimeSeconds");
        kept["advertisements"]["service"]
            .as_object_mut()
            .unwrap()
            .remove("withdrawWhenNoEndpoints");
        assert_eq!(
            dropped_fields(&policy(Some(&applied()), &kept)),
            [
                "spec.advertisements.service.withdrawWhenNoEndpoints",
                "spec.bgpPeers[0].holdTimeSeconds"
            ]
        );
    }

    #[test]
    fn what_was_kept_changed_or_never_applied_is_not() {
        assert_eq!(dropped_fields(&policy(None, &applied())), [""; 0]);
        assert_eq!(
            dropped_fields(&policy(Some(&applied()), &applied())),
            [""; 0]
        );
        let mut other = applied();
        other["bgpPeers"][0]["holdTimeSeconds"] = json!(30);
        other["nodeSelector"] = json!({});
        assert_eq!(dropped_fields(&policy(Some(&applied()), &other)), [""; 0]);
        // Peers were removed since.
        let mut none = applied();
        none["bgpPeers"] = json!([]);
        assert_eq!(dropped_fields(&policy(Some(&applied()), &none)), [""; 0]);
    }

    #[test]
    fn an_annotation_that_makes_no_sense_is_passed_over() {
        let mut policy = policy(None, &applied());
        for text in ["", "{", "[]", "{\"spec\":7}"] {
            let annotation = (LAST_APPLIED_ANNOTATION.to_owned(), text.to_owned());
            policy.metadata.annotations = Some([annotation].into());
            assert_eq!(dropped_fields(&policy), [""; 0]);
        }
    }
}
