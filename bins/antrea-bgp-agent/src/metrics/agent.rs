//! Metrics of the agent as a whole: policy, routes, listeners.

use antrea_bgp_policy::Engine;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::registry::Registry;

use super::{Gauges, IgnoredFor, Snapshot, as_gauge, gauge};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IgnoredLabels {
    policy: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AddressLabels {
    address: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

/// The policies that are not in effect here as they are written, and why.
pub(super) fn ignored(engine: &Engine) -> Vec<(String, IgnoredFor)> {
    let effective = engine.policy();
    let is_effective = |name: &&str| effective.is_some_and(|policy| policy.name == *name);
    let younger = engine.overruled().map(|name| (name, IgnoredFor::Younger));
    let invalid = engine.invalid_policies().filter(|name| !is_effective(name));
    let invalid = invalid.map(|name| (name, IgnoredFor::Invalid));
    let last_good = effective.filter(|policy| policy.last_good);
    let last_good = last_good.map(|policy| (policy.name, IgnoredFor::LastGood));
    let all = younger.chain(invalid).chain(last_good);
    all.map(|(name, why)| (name.to_owned(), why)).collect()
}

pub(super) fn register(registry: &mut Registry, snapshot: &Snapshot) {
    let build = Gauges::<VersionLabels>::default();
    let version = env!("CARGO_PKG_VERSION");
    build.get_or_create(&VersionLabels { version }).set(1);
    registry.register("build_info", "1; the version is in its label", build);
    policies(registry, snapshot);

    let routes = Gauges::<TypeLabels>::default();
    for (route_type, count) in &snapshot.routes {
        let labels = TypeLabels {
            r#type: route_type.name(),
        };
        routes.get_or_create(&labels).set(as_gauge(*count));
    }
    let help =
        "Routes that this node has to advertise, by type, also while no peer can be told of them";
    registry.register("advertised_routes", help, routes);
    let peers = gauge(snapshot.configured_peers);
    registry.register("configured_peers", "Peers of the policy in effect", peers);
    let problems = gauge(snapshot.problems);
    let help = "Things wrong in the objects that this node reads";
    registry.register("problems", help, problems);

    let listeners = Gauges::<AddressLabels>::default();
    for listener in &snapshot.listeners {
        let labels = AddressLabels {
            address: listener.address.to_string(),
        };
        let is_up = i64::from(listener.local.is_some());
        listeners.get_or_create(&labels).set(is_up);
    }
    let help = "Whether the agent listens for BGP here";
    registry.register("listener_up", help, listeners);
}

fn policies(registry: &mut Registry, snapshot: &Snapshot) {
    let effective = Gauges::<PolicyLabels>::default();
    if let Some(policy) = &snapshot.policy {
        let labels = PolicyLabels {
            policy: policy.clone(),
        };
        effective.get_or_create(&labels).set(1);
    }
    let help = "The BGPPolicy in effect on this node";
    registry.register("effective_policy", help, effective);
    let ignored = Gauges::<IgnoredLabels>::default();
    for (policy, why) in &snapshot.ignored {
        let labels = IgnoredLabels {
            policy: policy.clone(),
            reason: why.name(),
        };
        ignored.get_or_create(&labels).set(1);
    }
    let help = "1 for a BGPPolicy that is not in effect here as it is written: it is younger than one \
                that is, it is invalid, or its last good form is in effect";
    registry.register("ignored_policy", help, ignored);
}
