//! What a route is to the engine: a prefix and who owns it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// Why a prefix is advertised, by the names that `antctl` prints.
///
/// The order of the variants is the order of their names. It decides which owner of a shared prefix
/// is shown, and it is the second key of the order of [`Engine::routes`](crate::Engine::routes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RouteType {
    /// The address of an Egress that this node holds.
    EgressIp,
    /// A Pod CIDR that the cluster's IPAM gave to this node.
    NodeIpamPodCidr,
    /// One of `spec.clusterIPs` of a Service.
    ServiceClusterIp,
    /// One of `spec.externalIPs` of a Service.
    ServiceExternalIp,
    /// One of `status.loadBalancer.ingress[].ip` of a Service.
    ServiceLoadBalancerIp,
}

impl RouteType {
    /// Every type, in the order of the variants.
    pub const ALL: [RouteType; 5] = [
        RouteType::EgressIp,
        RouteType::NodeIpamPodCidr,
        RouteType::ServiceClusterIp,
        RouteType::ServiceExternalIp,
        RouteType::ServiceLoadBalancerIp,
    ];

    /// The name that `antctl` prints, and that `get bgproutes -T` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RouteType::EgressIp => "EgressIP",
            RouteType::NodeIpamPodCidr => "NodeIPAMPodCIDR",
            RouteType::ServiceClusterIp => "ServiceClusterIP",
            RouteType::ServiceExternalIp => "ServiceExternalIP",
            RouteType::ServiceLoadBalancerIp => "ServiceLoadBalancerIP",
        }
    }
}

impl fmt::Display for RouteType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no [`RouteType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownRouteType;

impl fmt::Display for UnknownRouteType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a route type; one of")?;
        for (i, kind) in RouteType::ALL.iter().enumerate() {
            write!(f, "{} {kind}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownRouteType {}

impl FromStr for RouteType {
    type Err = UnknownRouteType;

    fn from_str(text: &str) -> Result<Self, UnknownRouteType> {
        RouteType::ALL
            .into_iter()
            .find(|t| t.name() == text)
            .ok_or(UnknownRouteType)
    }
}

/// One reason for one prefix: the kind of address, and the object that it belongs to.
///
/// The object is `namespace/name` for a Service, the name for an Egress and empty for a Pod CIDR,
/// as in `antctl`'s column `K8S-OBJ-REF`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// What the prefix is to that object.
    pub route_type: RouteType,
    /// The object.
    pub object: Arc<str>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.object.is_empty() {
            write!(f, "{}", self.route_type)
        } else {
            write!(f, "{} of {}", self.route_type, self.object)
        }
    }
}

/// A route that the node advertises, as [`Engine::routes`](crate::Engine::routes) yields it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteView<'a> {
    /// The prefix.
    pub prefix: IpNet,
    /// All who want it advertised, in order and never empty. Outputs with room for one show the
    /// first.
    pub owners: &'a [Owner],
}

impl<'a> RouteView<'a> {
    /// The owner that is shown where there is room for one.
    #[must_use]
    pub fn owner(&self) -> &'a Owner {
        &self.owners[0]
    }
}
