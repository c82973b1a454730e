//! What the effective policy and the node let through.

use std::net::IpAddr;

use crate::obstacle::Family;
use crate::route::RouteType;

/// All that decides about routes besides the objects that own them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The families of the node.
    pub(super) families: Families,
    /// What the policy advertises.
    pub(super) advertise: Advertise,
}

/// A policy's `advertisements`. The default advertises nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Advertise {
    pub(super) cluster_ips: bool,
    pub(super) external_ips: bool,
    pub(super) load_balancer_ips: bool,
    /// An address with traffic policy Cluster needs a ready endpoint somewhere.
    pub(super) withdraw_when_no_endpoints: bool,
    pub(super) pods: bool,
    pub(super) egresses: bool,
}

impl Advertise {
    /// Whether any Service address is advertised.
    pub(super) fn services(self) -> bool {
        self.cluster_ips || self.external_ips || self.load_balancer_ips
    }

    /// Whether routes of a type are advertised at all.
    pub(super) fn selects(self, route_type: RouteType) -> bool {
        match route_type {
            RouteType::ServiceClusterIp => self.cluster_ips,
            RouteType::ServiceExternalIp => self.external_ips,
            RouteType::ServiceLoadBalancerIp => self.load_balancer_ips,
            RouteType::NodeIpamPodCidr => self.pods,
            RouteType::EgressIp => self.egresses,
        }
    }
}

/// The address families that the node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    v4: bool,
    v6: bool,
}

impl Families {
    pub(super) fn enable(&mut self, family: Family) {
        match family {
            Family::V4 => self.v4 = true,
            Family::V6 => self.v6 = true,
        }
    }

    pub(super) fn enabled(self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

impl Rules {
    /// The part that Services depend on.
    pub(super) fn for_services(&self) -> (Families, [bool; 4]) {
        let Advertise {
            cluster_ips,
            external_ips,
            load_balancer_ips,
            withdraw_when_no_endpoints,
            ..
        } = self.advertise;
        let switches = [
            cluster_ips,
            external_ips,
            load_balancer_ips,
            withdraw_when_no_endpoints,
        ];
        (self.families, switches)
    }

    /// The part that Egresses depend on.
    pub(super) fn for_egresses(&self) -> (Families, bool) {
        (self.families, self.advertise.egresses)
    }

    /// Whether the node has the family of an address.
    pub(super) fn family_enabled(&self, address: &IpAddr) -> bool {
        self.families.enabled(Family::of(address))
    }
}
