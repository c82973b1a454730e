//! The cluster objects that routes come from, as far as they are read.
//!
//! These types leave out what is not read: of the labels and annotations of an object only those
//! that have a meaning here are kept, and the objects of a large cluster stay small.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::{Timestamp, lenient, shared};

/// Name of an object of a kind whose labels mean nothing here.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct Metadata {
    /// Name, unique within the namespace.
    pub name: String,
    /// Namespace; `None` for a cluster-scoped object, or where a manifest leaves it out.
    pub namespace: Option<String>,
}

/// Name and labels of a Service or an EndpointSlice.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct ServiceMetadata {
    /// Name, unique within the namespace.
    pub name: String,
    /// Namespace; `None` where a manifest leaves it out, which means `default`.
    pub namespace: Option<String>,
    /// The labels that have a meaning here.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub labels: ServiceLabels,
}

/// The labels of a Service or an EndpointSlice that have a meaning here.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct ServiceLabels {
    /// On a slice: the Service it belongs to.
    #[serde(rename = "kubernetes.io/service-name")]
    pub service_name: Option<String>,
    /// The proxy that serves it instead of the cluster's own.
    #[serde(rename = "service.kubernetes.io/service-proxy-name")]
    pub service_proxy_name: Option<String>,
    /// On a slice: the Service is headless. Any value counts.
    #[serde(rename = "service.kubernetes.io/headless")]
    pub headless: Option<String>,
}

/// A Service.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Name and labels.
    pub metadata: ServiceMetadata,
    /// What is asked for.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub spec: ServiceSpec,
    /// What was given.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub status: ServiceStatus,
}

impl Service {
    /// The cluster IPs: `clusterIPs`, or `clusterIP` where a manifest writes only that. A headless
    /// Service has the single entry `None`.
    pub fn cluster_ips(&self) -> impl Iterator<Item = &str> {
        let single = self
            .spec
            .cluster_ip
            .as_deref()
            .filter(|_| self.spec.cluster_ips.is_empty());
        self.spec
            .cluster_ips
            .iter()
            .map(String::as_str)
            .chain(single)
            .filter(|ip| !ip.is_empty())
    }

    /// Whether the Service is headless: it asks for no cluster IP.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.cluster_ips().any(|ip| ip == "None")
    }
}

/// The spec of a [`Service`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// Type of the Service.
    #[serde(rename = "type", deserialize_with = "lenient::null_is_default")]
    pub service_type: ServiceType,
    /// First cluster IP, `None` in a headless Service.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// Cluster IPs, at most one of each family.
    #[serde(rename = "clusterIPs", deserialize_with = "lenient::null_is_default")]
    pub cluster_ips: Vec<String>,
    /// External IPs.
    #[serde(rename = "externalIPs", deserialize_with = "lenient::null_is_default")]
    pub external_ips: Vec<String>,
    /// Which endpoints may serve traffic from inside the cluster.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub internal_traffic_policy: TrafficPolicy,
    /// Which endpoints may serve traffic from outside.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub external_traffic_policy: TrafficPolicy,
}

/// Type of a [`Service`].
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceType {
    /// Reached by its cluster IPs; also the default.
    #[default]
    ClusterIP,
    /// Reached by a port of every Node too.
    NodePort,
    /// Reached by addresses of a load balancer too.
    LoadBalancer,
    /// A DNS alias: no address at all.
    ExternalName,
    /// A type that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A traffic policy of a [`Service`].
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrafficPolicy {
    /// Endpoints on any Node may serve; also the default.
    #[default]
    Cluster,
    /// Only endpoints on the Node that received the traffic.
    Local,
    /// A policy that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The status of a [`Service`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// What the load balancer gave.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub load_balancer: LoadBalancerStatus,
}

/// What a load balancer gave to a [`Service`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// The points of entry.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// One point of entry of a load balancer.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerIngress {
    /// Its address, if it has one.
    pub ip: Option<String>,
    /// Its name, if it has one.
    pub hostname: Option<String>,
    /// How traffic arrives; absent means [`IpMode::Vip`].
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub ip_mode: IpMode,
}

/// How traffic from a load balancer arrives at a Node.
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpMode {
    /// With the load balancer's address as destination; also the default.
    #[default]
    #[serde(rename = "VIP")]
    Vip,
    /// With the Node's address as destination: the load balancer is a proxy.
    Proxy,
    /// A mode that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A slice of the endpoints of one Service, all of one family.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Name and labels.
    pub metadata: ServiceMetadata,
    /// Family of the endpoints' addresses.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub address_type: AddressType,
    /// The endpoints.
    #[serde(default, deserialize_with = "endpoints")]
    pub endpoints: Vec<Endpoint>,
}

/// In no more memory than they take: a list can have tens of thousands of slices.
fn endpoints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Endpoint>, D::Error> {
    let mut endpoints: Vec<Endpoint> = lenient::null_is_default(deserializer)?;
    endpoints.shrink_to_fit();
    Ok(endpoints)
}

/// Family of the addresses in an [`EndpointSlice`].
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressType {
    /// IPv4 addresses.
    IPv4,
    /// IPv6 addresses.
    IPv6,
    /// Names rather than addresses.
    #[serde(rename = "FQDN")]
    Fqdn,
    /// Missing, or a type that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// One endpoint of an [`EndpointSlice`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct Endpoint {
    /// The Node it is on; absent: on none. One text for all endpoints of a Node, where they were read on one thread.
    #[serde(deserialize_with = "shared::optional")]
    pub node_name: Option<Arc<str>>,
    /// What it can do.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub conditions: EndpointConditions,
}

/// What an [`Endpoint`] can do. Use the methods: they know what a missing condition means.
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct EndpointConditions {
    /// Takes new traffic.
    pub ready: Option<bool>,
    /// Serves traffic, even while terminating.
    pub serving: Option<bool>,
    /// On its way out.
    pub terminating: Option<bool>,
}

impl EndpointConditions {
    /// Whether it takes new traffic; missing means that it does.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Whether it serves traffic; missing means the same as ready.
    #[must_use]
    pub fn is_serving(self) -> bool {
        self.serving.unwrap_or(self.is_ready())
    }

    /// Whether it is on its way out; missing means that it is not.
    #[must_use]
    pub fn is_terminating(self) -> bool {
        self.terminating.unwrap_or(false)
    }
}

/// An Antrea Egress (`crd.antrea.io/v1beta1`).
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Its name.
    pub metadata: Metadata,
    /// What is asked for.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub spec: EgressSpec,
    /// What was assigned.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub status: EgressStatus,
}

/// The spec of an [`Egress`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct EgressSpec {
    /// The address asked for.
    #[serde(rename = "egressIP")]
    pub egress_ip: Option<String>,
}

/// The status of an [`Egress`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct EgressStatus {
    /// The address in use.
    #[serde(rename = "egressIP")]
    pub egress_ip: Option<String>,
    /// The Node that the address is assigned to.
    #[serde(rename = "egressNode")]
    pub egress_node: Option<String>,
}

/// A Node.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Name, labels and annotations.
    pub metadata: NodeMetadata,
    /// What is asked for.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub spec: NodeSpec,
    /// What is known of it.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub status: NodeStatus,
}

/// Name, labels and annotations of a [`Node`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeMetadata {
    /// Its name.
    pub name: String,
    /// All labels: policies select by them.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// The annotations that have a meaning here.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub annotations: NodeAnnotations,
    /// When the Node began to be deleted.
    pub deletion_timestamp: Option<Timestamp>,
}

/// The annotations of a [`Node`] that have a meaning here.
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct NodeAnnotations {
    /// The router ID, by [`ROUTER_ID_ANNOTATION`](crate::ROUTER_ID_ANNOTATION).
    #[serde(rename = "node.antrea.io/bgp-router-id")]
    pub bgp_router_id: Option<String>,
    /// By [`TRANSPORT_ADDRESSES_ANNOTATION`](crate::TRANSPORT_ADDRESSES_ANNOTATION).
    #[serde(rename = "node.antrea.io/transport-addresses")]
    pub transport_addresses: Option<String>,
}

/// The spec of a [`Node`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSpec {
    /// First Pod CIDR.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: Option<String>,
    /// Pod CIDRs, at most one of each family.
    #[serde(rename = "podCIDRs", deserialize_with = "lenient::null_is_default")]
    pub pod_cidrs: Vec<String>,
    /// Cordoned: takes no new Pods.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub unschedulable: bool,
    /// What keeps Pods away.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub taints: Vec<Taint>,
}

impl NodeSpec {
    /// The Pod CIDRs: `podCIDRs`, or `podCIDR` where a manifest writes only that.
    pub fn pod_cidrs(&self) -> impl Iterator<Item = &str> {
        let single = self
            .pod_cidr
            .as_deref()
            .filter(|_| self.pod_cidrs.is_empty());
        self.pod_cidrs
            .iter()
            .map(String::as_str)
            .chain(single)
            .filter(|cidr| !cidr.is_empty())
    }
}

/// A taint of a [`Node`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// The status of a [`Node`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct NodeStatus {
    /// Its addresses.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub addresses: Vec<NodeAddress>,
}

/// An address of a [`Node`].
#[derive(Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname` and so on.
    #[serde(rename = "type")]
    pub address_type: String,
    /// The address.
    pub address: String,
}
