//! Where objects come from, and where goes what the agent has to say about them: a folder of
//! manifests, or a cluster.

mod cluster;
mod folder;

use std::net::Ipv4Addr;
use std::time::Instant;

use antrea_bgp_api::{Kind, Node};
use antrea_bgp_kube::Event;
use antrea_bgp_policy::{Engine, Input, KindSet, ReasonCode, Report};

use crate::answers::Condition;

pub(crate) use cluster::{ClusterHealth, ClusterSource};
pub(crate) use folder::FolderSource;

/// The engine's one source of objects.
pub(crate) enum Source {
    /// `--manifests`.
    Folder(FolderSource),
    /// An API server.
    Cluster(Box<ClusterSource>),
}

impl Source {
    /// What happened next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Vec<Input> {
        match self {
            Self::Folder(folder) => folder.next().await,
            Self::Cluster(cluster) => cluster.next().await,
        }
    }

    /// When the oldest of what [`Source::next`] yielded last came.
    pub(crate) fn arrived(&self) -> Instant {
        match self {
            Self::Folder(folder) => folder.arrived(),
            Self::Cluster(cluster) => cluster.arrived(),
        }
    }

    /// From now on these kinds are wanted. What is at hand of those that were not before comes at
    /// once, the rest with [`Source::next`].
    pub(crate) fn watch(&mut self, kinds: KindSet) -> Vec<Input> {
        match self {
            Self::Folder(folder) => folder.watch(kinds),
            Self::Cluster(cluster) => {
                cluster.watch(kinds);
                Vec::new()
            }
        }
    }

    /// The Node of the agent, as it was seen last.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        match self {
            Self::Folder(folder) => folder.node(name),
            Self::Cluster(cluster) => cluster.node(),
        }
    }

    /// The annotation of the node's router ID in its manifest; in a cluster there is none.
    pub(crate) fn router_id_annotation(&self, node: &str) -> Option<&str> {
        match self {
            Self::Folder(folder) => folder.router_id_annotation(node),
            Self::Cluster(_) => None,
        }
    }

    /// Has the router ID of the node kept.
    pub(crate) fn write_router_id(&self, node: &str, id: Ipv4Addr) {
        match self {
            Self::Folder(folder) => folder.write_router_id(node, id),
            Self::Cluster(cluster) => cluster.write_router_id(id),
        }
    }

    /// Tells people who look at the object: in a cluster by an Event. The log has it anyway.
    pub(crate) fn tell(&self, event: Event) {
        match self {
            Self::Folder(_) => {}
            Self::Cluster(cluster) => cluster.tell(event),
        }
    }

    /// Has the source looked at now (SIGHUP).
    pub(crate) fn look(&self) {
        match self {
            Self::Folder(folder) => folder.look(),
            // Changes come by themselves, and what fails is tried again soon.
            Self::Cluster(_) => {}
        }
    }

    /// What is wrong at present, a line each.
    pub(crate) fn problems(&self, engine: &Engine) -> Vec<String> {
        match self {
            Self::Folder(folder) => folder.problems().map(ToString::to_string).collect(),
            Self::Cluster(cluster) => cluster.problems(engine),
        }
    }

    /// Where the object of each report stands, or the field of it: file, line and column. Objects of
    /// an API server stand nowhere.
    pub(crate) fn locate(&self, reports: &[&Report]) -> Vec<Option<String>> {
        match self {
            Self::Folder(folder) if !reports.is_empty() => folder.locate(reports),
            _ => vec![None; reports.len()],
        }
    }

    /// Whether [`Source::problems`] has what a report says, with what only the source knows: the place in a file, or the
    /// permission that is missing.
    pub(crate) fn says(&self, report: &Report) -> bool {
        match self {
            Self::Folder(_) => report.code == ReasonCode::Undecodable,
            Self::Cluster(_) => report.code == ReasonCode::SourceDenied,
        }
    }

    /// Whether the log has what a report says: the folder writes down its findings itself.
    pub(crate) fn logs(&self, report: &Report) -> bool {
        matches!(self, Self::Folder(_)) && self.says(report)
    }

    /// Why a kind is not as it should be, where the source knows more than its state.
    pub(crate) fn detail(&self, kind: Kind) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Cluster(cluster) => cluster.detail(kind),
        }
    }

    /// What readiness depends on besides the kinds.
    pub(crate) fn condition(&self) -> Option<Condition> {
        match self {
            Self::Folder(folder) => {
                let why = folder.blindness();
                Some(Condition {
                    name: "following/manifests".to_owned(),
                    holds: why.is_none(),
                    why: why.unwrap_or_default().to_owned(),
                })
            }
            Self::Cluster(_) => None,
        }
    }

    /// How the watches and the writes are doing; none where there is no API server.
    pub(crate) fn health(&self) -> Option<ClusterHealth> {
        match self {
            Self::Folder(_) => None,
            Self::Cluster(cluster) => Some(cluster.health()),
        }
    }

    /// Where objects come from, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().display().to_string(),
            Self::Cluster(_) => "cluster".to_owned(),
        }
    }

    /// Stops following; a router ID that was chosen is kept before this returns, where that is
    /// possible without waiting for others.
    pub(crate) fn close(self) {
        match self {
            Self::Folder(folder) => folder.close(),
            Self::Cluster(cluster) => drop(cluster),
        }
    }
}
