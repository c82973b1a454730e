//! Metrics of the watches and the writes of an API server.

use std::sync::atomic::AtomicU64;

use antrea_bgp_policy::SourceState;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Counters, Gauges, gauge, unix_time};
use crate::source::ClusterHealth;

/// Every state that a watch can be in.
const STATES: [SourceState; 6] = [
    SourceState::Unwatched,
    SourceState::Listing,
    SourceState::Synced,
    SourceState::Absent,
    SourceState::Denied,
    SourceState::Failing,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindStateLabels {
    kind: &'static str,
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

pub(super) fn register(registry: &mut Registry, health: &ClusterHealth) {
    watch_metrics(registry, health);
    write_metrics(registry, health);
}

fn watch_metrics(registry: &mut Registry, health: &ClusterHealth) {
    let states = Gauges::<KindStateLabels>::default();
    let last = Gauges::<KindLabels>::default();
    let lag = Family::<KindLabels, Gauge<f64, AtomicU64>>::default();
    let [lists, watches, failures, received] = [(); 4].map(|()| Counters::<KindLabels>::default());
    for source in &health.sources {
        let kind = source.kind.as_str();
        for state in STATES {
            let labels = KindStateLabels {
                kind,
                state: state.to_string(),
            };
            states
                .get_or_create(&labels)
                .set(i64::from(source.state == state));
        }
        lag.get_or_create(&KindLabels { kind })
            .set(source.lag().as_secs_f64());
        if let Some(at) = source.last_event {
            last.get_or_create(&KindLabels { kind }).set(unix_time(at));
        }
        for (counters, count) in [
            (&lists, source.lists),
            (&watches, source.watches),
            (&failures, source.failures),
            (&received, source.received),
        ] {
            counters.get_or_create(&KindLabels { kind }).inc_by(count);
        }
    }
    registry.register(
        "source_state",
        "1 for the state that the watch of the kind is in",
        states,
    );
    let help = "When the API server sent something of the kind last: objects, or a sign that there are none";
    registry.register("source_last_event_timestamp_seconds", help, last);
    let help = "For how long changes of the kind are not heard of, although they are wanted";
    registry.register("source_lag_seconds", help, lag);
    let help = "How often all objects of the kind were listed";
    registry.register("source_lists", help, lists);
    let help = "How often a watch of the kind was opened";
    registry.register("source_watches", help, watches);
    let help = "Requests and watches of the kind that failed";
    registry.register("source_failures", help, failures);
    let help = "Objects of the kind received as JSON, in octets";
    registry.register("source_received_bytes", help, received);
}

fn write_metrics(registry: &mut Registry, health: &ClusterHealth) {
    let pending = gauge(i64::from(health.router_id.pending));
    registry.register(
        "router_id_write_pending",
        "1 while the router ID is not written to the Node",
        pending,
    );
    let events = Counters::<OutcomeLabels>::default();
    let counts = health.events;
    for (outcome, count) in [
        ("written", counts.written),
        ("repeated", counts.repeated),
        ("limited", counts.limited),
        ("lost", counts.lost),
    ] {
        events
            .get_or_create(&OutcomeLabels { outcome })
            .inc_by(count);
    }
    registry.register(
        "events",
        "Kubernetes Events by what became of them: written anew, counted in one that existed, left \
         out as too many of their kind, or lost",
        events,
    );
}
