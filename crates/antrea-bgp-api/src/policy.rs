//! The `BGPPolicy` custom resource as it is written, before any judgement of its values.
//!
//! Every type here decodes as tolerantly as Antrea's agent does: numbers keep whatever value they
//! have, enumerations keep unknown words, a null counts as absent, and unknown fields are ignored.
//! [`validate`](crate::validate) is where values are judged.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LabelSelector, lenient, schema};

/// What a BGPPolicy asks for: run a BGP process on the Nodes that it selects, and advertise
/// Service IPs, Pod CIDRs and Egress IPs to BGP peers.
#[derive(
    CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq,
)]
#[kube(
    group = "crd.antrea.io",
    version = "v1alpha1",
    kind = "BGPPolicy",
    plural = "bgppolicies",
    singular = "bgppolicy",
    derive = "PartialEq",
    doc = "Runs a BGP process on the selected Nodes and advertises addresses to BGP peers.",
    printcolumn = r#"{"name":"Local ASN","type":"integer","jsonPath":".spec.localASN","description":"AS number of the local BGP process"}"#,
    printcolumn = r#"{"name":"Peers","type":"string","jsonPath":".spec.bgpPeers[*].address","description":"addresses of the BGP peers"}"#,
    printcolumn = r#"{"name":"Service IPs","type":"string","jsonPath":".spec.advertisements.service.ipTypes","description":"types of Service addresses that are advertised","priority":1}"#,
    printcolumn = r#"{"name":"Listen Port","type":"integer","jsonPath":".spec.listenPort","description":"TCP port that is listened on","priority":1}"#,
    printcolumn = r#"{"name":"Confederation","type":"integer","jsonPath":".spec.confederation.identifier","description":"AS number of the confederation","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct BGPPolicySpec {
    /// Selects the Nodes that this policy applies to, by their labels. Of several policies that
    /// select one Node the oldest is effective.
    #[schemars(schema_with = "schema::node_selector")]
    pub node_selector: LabelSelector,

    /// AS number of the local BGP process, 1-4294967294.
    #[serde(rename = "localASN", deserialize_with = "lenient::integer")]
    #[schemars(schema_with = "schema::asn")]
    pub local_asn: i64,

    /// TCP port that the BGP process listens on, 1-65535; 179 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::port")]
    pub listen_port: Option<i64>,

    /// The confederation that the BGP process is a member of (RFC 5065).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Confederation")]
    pub confederation: Option<Confederation>,

    /// The addresses that are advertised.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "is_default")]
    pub advertisements: Advertisements,

    /// The BGP peers that routes are advertised to.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "is_default")]
    pub bgp_peers: Vec<BGPPeer>,

    /// Reserved: withdraw everything while the Node carries a taint. Accepted, without effect yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::drain_on_taints")]
    pub drain_on_taints: Option<DrainOnTaints>,
}

/// Membership in a confederation (RFC 5065).
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Confederation {
    /// AS number that the confederation shows to the outside, 1-4294967294.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::asn")]
    pub identifier: Option<i64>,

    /// AS numbers of the other members, each 1-4294967294.
    #[serde(default, rename = "memberASNs", skip_serializing_if = "is_default")]
    #[serde(deserialize_with = "lenient::integers")]
    #[schemars(schema_with = "schema::asns")]
    pub member_asns: Vec<i64>,
}

/// What is advertised.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Advertisements {
    /// Addresses of Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ServiceAdvertisement")]
    pub service: Option<ServiceAdvertisement>,

    /// The Pod CIDRs of the Node. Present means advertised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PodAdvertisement")]
    pub pod: Option<PodAdvertisement>,

    /// The Egress IPs assigned to the Node. Present means advertised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EgressAdvertisement")]
    pub egress: Option<EgressAdvertisement>,
}

/// Which addresses of Services are advertised.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAdvertisement {
    /// The types of Service addresses that are advertised.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::ip_types")]
    pub ip_types: Vec<ServiceIpType>,

    /// Whether an address of a Service whose traffic policy is `Cluster` is withdrawn while the
    /// Service has no ready endpoint of the address's family on any Node; false by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::off_by_default")]
    pub withdraw_when_no_endpoints: Option<bool>,
}

/// Advertise the Node's Pod CIDRs. It has no fields yet.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct PodAdvertisement {}

/// Advertise the Node's Egress IPs. It has no fields yet.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressAdvertisement {}

/// A type of Service address, as written in `ipTypes`.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ServiceIpType {
    /// `spec.clusterIPs`.
    ClusterIP,
    /// `spec.externalIPs`.
    ExternalIP,
    /// `status.loadBalancer.ingress[].ip`.
    LoadBalancerIP,
    /// A word that means nothing to this version; [`validate`](crate::validate) reports it.
    Unknown(String),
}

impl ServiceIpType {
    /// The word used in manifests.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::ExternalIP => "ExternalIP",
            Self::LoadBalancerIP => "LoadBalancerIP",
            Self::Unknown(word) => word,
        }
    }
}

impl From<String> for ServiceIpType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "ClusterIP" => Self::ClusterIP,
            "ExternalIP" => Self::ExternalIP,
            "LoadBalancerIP" => Self::LoadBalancerIP,
            _ => Self::Unknown(word),
        }
    }
}

impl From<ServiceIpType> for String {
    fn from(ip_type: ServiceIpType) -> Self {
        ip_type.as_str().to_owned()
    }
}

/// One BGP peer.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::require_address_and_asn, transform = schema::peer_rules)]
pub struct BGPPeer {
    /// IP address of the peer. An IPv6 link-local address is refused: it names no peer without an
    /// interface.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "schema::address")]
    pub address: String,

    /// TCP port that the peer listens on, 1-65535; 179 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::port")]
    pub port: Option<i64>,

    /// AS number of the peer, 1-4294967294.
    #[serde(default, deserialize_with = "lenient::integer")]
    #[schemars(schema_with = "schema::asn")]
    pub asn: i64,

    /// Time To Live of packets sent to an external peer, 1-255; 1 by default.
    #[serde(
        default,
        rename = "multihopTTL",
        skip_serializing_if = "Option::is_none"
    )]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::multihop_ttl")]
    pub multihop_ttl: Option<i64>,

    /// Whether packets are sent with a TTL of 255 and accepted only with at least 256 minus
    /// multihopTTL (GTSM, RFC 5082); false by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::off_by_default")]
    pub ttl_security_enabled: Option<bool>,

    /// Whether graceful restart (RFC 4724) is offered to the peer; true by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::on_by_default")]
    pub graceful_restart_enabled: Option<bool>,

    /// Seconds for which the peer keeps routes while the session is being re-established, 1-3600;
    /// 120 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::graceful_restart_time")]
    pub graceful_restart_time_seconds: Option<i64>,

    /// Hold time offered to the peer in seconds (RFC 4271 section 4.2), 3-65535; 90 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::hold_time")]
    pub hold_time_seconds: Option<i64>,

    /// Seconds between KEEPALIVE messages, 1-65534; a third of the negotiated hold time if unset,
    /// and at most that where the peer's hold time is the smaller one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::keepalive_interval")]
    pub keepalive_interval_seconds: Option<i64>,

    /// Seconds between attempts to connect (ConnectRetryTime of RFC 4271), 2-65535; about 5 if
    /// unset. With graceful restart at most a quarter of the restart time. Shortened at random by up
    /// to a quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::connect_retry")]
    pub connect_retry_seconds: Option<i64>,

    /// Seconds to stay idle after a session was reset, 1-3600; if unset it starts at 1 and grows
    /// while resets go on. With graceful restart at most a quarter of the restart time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    #[schemars(schema_with = "schema::idle_hold_time")]
    pub idle_hold_time_after_reset_seconds: Option<i64>,

    /// Reserved: BFD with the peer (RFC 5880). Accepted, without effect yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bfd")]
    pub bfd: Option<Bfd>,
}

/// Reserved settings of BFD with one peer. They have no effect yet.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Bfd {
    /// Whether BFD is asked for.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub enabled: bool,
    /// Milliseconds between packets sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    pub transmit_interval_milliseconds: Option<i64>,
    /// Milliseconds between packets accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    pub receive_interval_milliseconds: Option<i64>,
    /// Packets that may be lost before the peer counts as down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::optional_integer")]
    pub detection_multiplier: Option<i64>,
}

/// Reserved settings of a drain by taints. They have no effect yet.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DrainOnTaints {
    /// Whether taints drain the Node.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub enabled: bool,
    /// Taints that do not, in the form of a Pod's tolerations.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[serde(skip_serializing_if = "is_default")]
    pub tolerations: Vec<serde_json::Value>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
