//! The parts of the CRD's schema that a Rust type cannot say by itself.
//!
//! Kubernetes wants a structural schema, and Antrea's own manifests must stay acceptable: bounds
//! are at least as wide as Antrea's, and node selectors are as loosely typed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::BGPPolicy;
use crate::validate::{Bounds, bounds};

/// The CustomResourceDefinition of `BGPPolicy`. It accepts everything that Antrea's own accepts,
/// and takes its place.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    BGPPolicy::crd()
}

pub(crate) fn node_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "matchExpressions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "key": { "type": "string" },
                        "operator": {
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"]
                        },
                        "values": {
                            "type": "array",
                            "items": {
                                "type": "string",
                                "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
                            }
                        }
                    }
                }
            },
            "matchLabels": { "x-kubernetes-preserve-unknown-fields": true }
        }
    })
}

/// int64, since int32 refuses the upper half of the four-octet AS numbers.
pub(crate) fn asn(_: &mut SchemaGenerator) -> Schema {
    integer("int64", &bounds::ASN)
}

pub(crate) fn asns(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": asn(generator) })
}

pub(crate) fn port(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::PORT)
}

pub(crate) fn multihop_ttl(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::MULTIHOP_TTL)
}

pub(crate) fn graceful_restart_time(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::GRACEFUL_RESTART_TIME)
}

pub(crate) fn hold_time(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::HOLD_TIME)
}

pub(crate) fn keepalive_interval(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::KEEPALIVE_INTERVAL)
}

pub(crate) fn connect_retry(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::CONNECT_RETRY)
}

pub(crate) fn idle_hold_time(_: &mut SchemaGenerator) -> Schema {
    integer("int32", &bounds::IDLE_HOLD_TIME)
}

fn integer(format: &str, bounds: &Bounds) -> Schema {
    let mut schema = json_schema!({
        "type": "integer", "format": format, "minimum": bounds.min, "maximum": bounds.max
    });
    if let Some(default) = bounds.default {
        schema.insert("default".to_owned(), default.into());
    }
    schema
}

pub(crate) fn on_by_default(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": true })
}

pub(crate) fn off_by_default(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": false })
}

/// JSON Schema's `ip` format is not one of Kubernetes', which ignores what it does not know.
pub(crate) fn address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "oneOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
}

/// A peer without an address or an ASN decodes, so that only this peer is lost; the API server need
/// not let it in all the same. What decoding falls back to is no default to write into objects.
pub(crate) fn require_address_and_asn(peer: &mut Schema) {
    for field in ["address", "asn"] {
        if let Some(property) = peer.pointer_mut(&format!("/properties/{field}"))
            && let Some(property) = property.as_object_mut()
        {
            property.remove("default");
        }
    }
    peer.insert("required".to_owned(), serde_json::json!(["address", "asn"]));
}

/// What the newer fields of a peer must be to each other, which bounds cannot say. Fields that
/// Antrea's CRD has are in no rule: what that accepts stays acceptable. The API server has filled in
/// the defaults before it asks.
pub(crate) fn peer_rules(peer: &mut Schema) {
    peer.insert(
        "x-kubernetes-validations".to_owned(),
        serde_json::json!([{
            "rule": "!has(self.keepaliveIntervalSeconds) || \
                     self.keepaliveIntervalSeconds < self.holdTimeSeconds",
            "message": "must be less than holdTimeSeconds: the session would expire between two KEEPALIVEs",
            "fieldPath": ".keepaliveIntervalSeconds",
        }]),
    );
}

pub(crate) fn ip_types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": ["ClusterIP", "ExternalIP", "LoadBalancerIP"] }
    })
}

/// Reserved, so only its shape is fixed: what is inside is kept and not judged yet.
pub(crate) fn bfd(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "enabled": { "type": "boolean" },
            "transmitIntervalMilliseconds": { "type": "integer", "format": "int32" },
            "receiveIntervalMilliseconds": { "type": "integer", "format": "int32" },
            "detectionMultiplier": { "type": "integer", "format": "int32" }
        }
    })
}

/// Reserved, as [`bfd`].
pub(crate) fn drain_on_taints(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "enabled": { "type": "boolean" },
            "tolerations": {
                "type": "array",
                "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
            }
        }
    })
}
