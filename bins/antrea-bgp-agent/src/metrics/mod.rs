//! Metrics: a snapshot of the agent, written in the text format of Prometheus.
//!
//! A scrape builds its registry from the snapshot, so a peer that is removed takes its series along
//! and nothing has to be kept in step.

mod agent;
mod classic;
mod cluster;
mod md5;
mod peers;
mod process;
mod routes;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use antrea_bgp_policy::{Report, RouteType, Severity};
use bgp_speaker::{ListenerStatus, PeerStatus, TableStatus};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::answers::Known;
use crate::source::ClusterHealth;

pub(crate) use classic::from_open_metrics;
pub(crate) use peers::Peer;

/// All that metrics and probes tell, at one moment.
pub(crate) struct Snapshot {
    pub(crate) policy: Option<String>,
    /// Policies that are not in effect as they are written, each with why.
    pub(crate) ignored: Vec<(String, IgnoredFor)>,
    pub(crate) routes: BTreeMap<RouteType, usize>,
    pub(crate) configured_peers: usize,
    pub(crate) peers: Vec<Peer>,
    pub(crate) listeners: Vec<ListenerStatus>,
    pub(crate) table: Vec<TableStatus>,
    pub(crate) problems: usize,
    /// None where there is no API server.
    pub(crate) cluster: Option<ClusterHealth>,
}

/// Why a policy is not in effect on this node, or not as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IgnoredFor {
    /// An older one selects this node too.
    Younger,
    /// It selects this node and is invalid, or cannot be read and might select it.
    Invalid,
    /// It was made invalid while in effect: its last good form still is.
    LastGood,
}

impl IgnoredFor {
    fn name(self) -> &'static str {
        match self {
            Self::Younger => "younger",
            Self::Invalid => "invalid",
            Self::LastGood => "last-good",
        }
    }
}

impl Snapshot {
    pub(crate) fn of(known: &Known<'_>) -> Self {
        let (engine, process) = (known.engine, known.process);
        let (sessions, listeners, table) = process
            .status()
            .map(|status| (status.peers, status.listeners, status.table))
            .unwrap_or_default();
        let counts =
            |report: &&Report| report.severity >= Severity::Warning && !known.source.says(report);
        Self {
            policy: engine.policy().map(|policy| policy.name.to_owned()),
            ignored: agent::ignored(engine),
            routes: engine.routes_by_type(),
            configured_peers: engine.peers().count(),
            peers: peers::known(engine, sessions),
            listeners,
            table,
            problems: engine.problems().filter(counts).count()
                + known.source.problems(engine).len()
                + usize::from(engine.node_absent()),
            cluster: known.source.health(),
        }
    }

    /// The peers that have one.
    fn sessions(&self) -> Vec<&PeerStatus> {
        let sessions = self.peers.iter().map(|peer| peer.session.as_ref());
        sessions.flatten().collect()
    }
}

type Gauges<L> = Family<L, Gauge>;
type Counters<L> = Family<L, Counter<u64, AtomicU64>>;

/// The snapshot as OpenMetrics text.
///
/// # Errors
///
/// None in practice: writing into memory cannot fail, but the library's signature allows for it.
pub(crate) fn render(snapshot: &Snapshot) -> Result<String, std::fmt::Error> {
    let mut all = Registry::default();
    let ours = all.sub_registry_with_prefix("antrea_agent_bgp");
    agent::register(ours, snapshot);
    peers::register(ours, snapshot);
    routes::register(ours, snapshot);
    md5::register(ours);
    if let Some(cluster) = &snapshot.cluster {
        cluster::register(ours, cluster);
    }
    process::register(&mut all);
    let mut out = String::new();
    text::encode(&mut out, &all)?;
    Ok(out)
}

/// A number as a gauge has it.
fn as_gauge(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// A gauge without labels.
fn gauge(n: impl TryInto<i64>) -> Gauge {
    let gauge: Gauge = Gauge::default();
    gauge.set(as_gauge(n));
    gauge
}

/// Seconds since 1970.
fn unix_time(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |time| as_gauge(time.as_secs()))
}
