//! A cluster as the engine's source of objects.

use std::net::Ipv4Addr;
use std::time::Instant;

use antrea_bgp_api::{Kind, Node};
use antrea_bgp_kube::{
    Cluster, ClusterConfig, Event, EventCounts, EventType, SourceStatus, WriteStatus, connect,
};
use antrea_bgp_policy::{Engine, Input, KindSet, SourceState};
use anyhow::{Context as _, Result};
use tracing::info;

/// The API server of a cluster, as the agent of one node sees it.
pub(crate) struct ClusterSource {
    cluster: Cluster,
    node: String,
}

/// How the watches and the writes are doing.
pub(crate) struct ClusterHealth {
    pub(crate) sources: Vec<SourceStatus>,
    pub(crate) router_id: WriteStatus,
    pub(crate) events: EventCounts,
}

impl ClusterSource {
    /// For the agent of this node. The API server need not be reachable yet.
    ///
    /// # Errors
    ///
    /// It is not known where the API server is, or with what credentials.
    pub(crate) async fn connect(node: String) -> Result<Self> {
        let api = connect().await.context(
            "no cluster to run in; set KUBECONFIG, or read a folder of YAML in place of a cluster \
             with --manifests DIR",
        )?;
        info!(
            server = api.server,
            namespace = api.namespace,
            node,
            "in a cluster"
        );
        let config = ClusterConfig::new(&node, api.namespace);
        let cluster = Cluster::new(api.client, config);
        Ok(Self { cluster, node })
    }

    /// What happened next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Vec<Input> {
        let inputs = self.cluster.next().await;
        for input in &inputs {
            if let Input::Source { kind, state } = input {
                self.tell_of_source(*kind, *state);
            }
        }
        inputs
    }

    pub(crate) fn arrived(&self) -> Instant {
        self.cluster.arrived()
    }

    /// What may not be read has to be granted by somebody, who looks at the Node.
    fn tell_of_source(&self, kind: Kind, state: SourceState) {
        if let (SourceState::Denied, Some(detail)) = (state, self.detail(kind)) {
            let note = format!("{kind}: {detail}");
            self.tell(Event::node(
                &self.node,
                EventType::Warning,
                "SourceDenied",
                note,
            ));
        }
    }

    pub(crate) fn watch(&mut self, kinds: KindSet) {
        self.cluster.watch(kinds);
    }

    pub(crate) fn node(&self) -> Option<&Node> {
        self.cluster.node()
    }

    pub(crate) fn write_router_id(&self, id: Ipv4Addr) {
        self.cluster.write_router_id(id);
    }

    pub(crate) fn tell(&self, event: Event) {
        self.cluster.events().publish(event);
    }

    /// Why a kind is not listed and followed, and what would mend it.
    pub(crate) fn detail(&self, kind: Kind) -> Option<String> {
        let statuses = self.cluster.statuses();
        let status = statuses.iter().find(|status| status.kind == kind)?;
        status.detail.as_ref()?;
        let text = status.to_string();
        let without_kind = text.strip_prefix(&format!("{kind}: "));
        Some(without_kind.unwrap_or(&text).to_owned())
    }

    /// What is wrong at present, a line each.
    pub(crate) fn problems(&self, engine: &Engine) -> Vec<String> {
        let statuses = self.cluster.statuses();
        let sources = (statuses.iter()).filter_map(|it| problem(it, engine.knows(it.kind)));
        let write = self.cluster.router_id_status();
        let write = write.error.map(|error| {
            let rule = write.missing_rule.map(|rule| format!("; grant {rule}"));
            format!(
                "warning: Node/{}: the router ID is not written to the annotation yet: {error}{}",
                self.node,
                rule.unwrap_or_default()
            )
        });
        sources.chain(write).collect()
    }

    pub(crate) fn health(&self) -> ClusterHealth {
        ClusterHealth {
            sources: self.cluster.statuses(),
            router_id: self.cluster.router_id_status(),
            events: self.cluster.events().counts(),
        }
    }
}

/// What is wrong with the watch of a kind, as a line; its objects may be known from before. That an Egress or the Secret
/// does not exist is nothing wrong.
fn problem(status: &SourceStatus, is_known: bool) -> Option<String> {
    let (severity, consequence) = match (status.kind, status.state) {
        (_, SourceState::Failing) => ("warning", "; what was listed last counts"),
        (_, SourceState::Denied) if is_known => ("error", "; what was listed last counts"),
        (Kind::Secret, SourceState::Denied) => {
            ("error", "; peers wait, since their passwords may be there")
        }
        (_, SourceState::Denied) => ("error", ""),
        (Kind::BgpPolicy, SourceState::Absent) => {
            ("warning", "; no policy can be in effect without its CRD")
        }
        _ => return None,
    };
    Some(format!("{severity}: {status}{consequence}"))
}
