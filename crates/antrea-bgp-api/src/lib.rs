//! Antrea's `BGPPolicy` and the Kubernetes objects it refers to, as far as a BGP agent reads them.
//!
//! For whoever decides what a Node advertises, and for whoever brings the objects: from an API
//! server, from files, or from a test. It decodes ([`decode`]), judges ([`validate`]), evaluates
//! selectors ([`Selector`]) and prints the CRD ([`crd`]). It is no Kubernetes client, opens no
//! file, and decides nothing about routes.
//!
//! ```
//! use antrea_bgp_api::{Kind, Object, decode, validate};
//!
//! let manifest = serde_json::json!({
//!     "apiVersion": "crd.antrea.io/v1alpha1", "kind": "BGPPolicy",
//!     "metadata": { "name": "edge" },
//!     "spec": {
//!         "nodeSelector": { "matchLabels": { "bgp": "enabled" } },
//!         "localASN": 64512,
//!         "bgpPeers": [{ "address": "::ffff:192.0.2.1", "asn": 65001 }],
//!     },
//! });
//! let Object::BgpPolicy(policy) = decode(Kind::BgpPolicy, &manifest)?.object else { panic!() };
//! let policy = validate(&policy.spec).policy.expect("all values are in range");
//! assert_eq!(policy.peers[0].address.to_string(), "192.0.2.1");
//! assert_eq!(policy.peers[0].port, 179);
//! # Ok::<(), antrea_bgp_api::DecodeError<serde_json::Error>>(())
//! ```

mod cluster;
mod dropped;
mod lenient;
mod names;
mod object;
mod policy;
mod schema;
mod secret;
mod selector;
mod shared;
mod validate;

pub use cluster::{
    AddressType, Egress, EgressSpec, EgressStatus, Endpoint, EndpointConditions, EndpointSlice,
    IpMode, LoadBalancerIngress, LoadBalancerStatus, Metadata, Node, NodeAddress, NodeAnnotations,
    NodeMetadata, NodeSpec, NodeStatus, Service, ServiceLabels, ServiceMetadata, ServiceSpec,
    ServiceStatus, ServiceType, Taint, TrafficPolicy,
};
pub use dropped::{LAST_APPLIED_ANNOTATION, dropped_fields};
pub use names::{
    DEFAULT_NAMESPACE, HEADLESS_LABEL, PASSWORDS_SECRET, ROUTER_ID_ANNOTATION, SERVICE_NAME_LABEL,
    SERVICE_PROXY_NAME_LABEL, TRANSPORT_ADDRESSES_ANNOTATION,
};
pub use object::{DecodeError, Decoded, Kind, Object, ObjectRef, decode};
pub use policy::{
    Advertisements, BGPPeer, BGPPolicy, BGPPolicySpec, Bfd, Confederation, DrainOnTaints,
    EgressAdvertisement, PodAdvertisement, ServiceAdvertisement, ServiceIpType,
};
pub use schema::crd;
pub use secret::{NOT_A_STRING, NOT_BASE64, Secret, SecretValue};
pub use selector::{LabelSelector, LabelSelectorRequirement, Selector, SelectorError};
pub use validate::{
    ConfederationMembership, Issue, Peer, Policy, Scope, Validated, peer_address, validate,
};

/// A moment, as Kubernetes writes it in `creationTimestamp`.
pub use k8s_openapi::jiff::Timestamp;
