//! The folder of manifests as the engine's source of objects.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use antrea_bgp_api::{Kind, Node, Object, ObjectRef};
use antrea_bgp_manifests::{
    Change, Diagnostic, Folder, Place, Problem, Rescan, Severity, StateDir, Watcher, locate,
};
use antrea_bgp_policy::{Input, InvalidObject, KindSet, Report, SourceState};
use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::snapshot::listed;

/// What the folder holds, and news of it.
///
/// The engine is told only of the kinds that it asked for, as it would be by an API server.
pub(crate) struct FolderSource {
    path: PathBuf,
    watcher: Watcher,
    /// Each with the time at which it was ready.
    rescans: mpsc::Receiver<(Instant, Rescan)>,
    /// When the news came that were taken in last.
    arrived: Instant,
    objects: BTreeMap<ObjectRef, Found>,
    /// The annotations of router IDs in the manifests of Nodes, whatever is kept beside.
    router_ids: BTreeMap<String, String>,
    watched: KindSet,
    /// What is wrong with the folder at present.
    findings: BTreeSet<Diagnostic>,
    /// Whether the folder is still followed.
    following: bool,
}

enum Found {
    Object(Object),
    Invalid(InvalidObject),
}

impl FolderSource {
    /// Reads the folder, and follows it from then on.
    ///
    /// # Errors
    ///
    /// The folder cannot be read, or the state directory cannot be used.
    pub(crate) fn open(folder: &Path, state_dir: &Path) -> Result<Self> {
        let state = StateDir::open(state_dir).context(
            "the chosen router ID has to be kept; name a folder that this user may write with \
             --state-dir",
        )?;
        let path = folder.to_owned();
        let mut folder = Folder::open(folder)?.with_state(state);
        let first = folder.rescan();
        // The watcher waits where the agent is behind, and then finds all changes at once.
        let (sender, rescans) = mpsc::channel(1);
        let watcher = Watcher::start(folder, Default::default(), move |rescan| {
            // A closed channel means that the agent is stopping.
            let _ = sender.blocking_send((Instant::now(), rescan));
        })
        .context("cannot watch the folder")?;
        let objects = BTreeMap::new();
        let mut source = Self {
            path,
            watcher,
            rescans,
            arrived: Instant::now(),
            objects,
            router_ids: BTreeMap::new(),
            watched: KindSet::EMPTY,
            findings: BTreeSet::new(),
            following: true,
        };
        source.take_in(first);
        Ok(source)
    }

    /// The folder, as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The node that the agent runs for: the one that is named, or the only one that there is.
    ///
    /// # Errors
    ///
    /// No node is named, and the folder has none or several.
    pub(crate) fn choose_node(&self, named: Option<String>, folder: &Path) -> Result<String> {
        let folder = folder.display();
        let nodes = self.of_kind(Kind::Node);
        let names: Vec<&str> = nodes.map(|(object, _)| object.name.as_str()).collect();
        match (named, names.as_slice()) {
            (Some(node), names) => {
                if !names.contains(&node.as_str()) {
                    let known = match names {
                        [] => "no Node at all".to_owned(),
                        names => names.join(", "),
                    };
                    warn!(
                        "{folder} has no Node {node:?} (it has {known}); nothing is advertised until \
                         it has"
                    );
                }
                Ok(node)
            }
            (None, [node]) => Ok((*node).to_owned()),
            (None, []) => bail!(
                "{folder} has no Node, so this agent does not know where it runs; add one, or name it \
                 with --node"
            ),
            (None, several) => bail!(
                "{folder} has {} Nodes ({}); say with --node which one this is",
                several.len(),
                several.join(", ")
            ),
        }
    }

    /// The Node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        match self.objects.get(&ObjectRef::cluster(Kind::Node, name)) {
            Some(Found::Object(Object::Node(node))) => Some(node),
            _ => None,
        }
    }

    /// The annotation of its router ID in its manifest.
    pub(crate) fn router_id_annotation(&self, node: &str) -> Option<&str> {
        self.router_ids.get(node).map(String::as_str)
    }

    /// What happened next, as far as the engine has to hear of it. Cancel safe.
    pub(crate) async fn next(&mut self) -> Vec<Input> {
        loop {
            let rescan = self.changed().await;
            let inputs = self.take_in(rescan);
            if !inputs.is_empty() {
                return inputs;
            }
        }
    }

    /// The next news. Cancel safe.
    async fn changed(&mut self) -> Rescan {
        if self.following {
            if let Some((at, rescan)) = self.rescans.recv().await {
                self.arrived = at;
                return rescan;
            }
            // Whoever waits for other things too asks again and again; this is said once.
            self.following = false;
            error!("the folder is no longer followed: restart the agent, and report this bug");
        }
        std::future::pending().await
    }

    /// When the news came that [`FolderSource::next`] yielded last.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Has the folder looked at now.
    pub(crate) fn look(&self) {
        self.watcher.poke();
    }

    /// Why changes of the folder are not seen at present, if they are not.
    pub(crate) fn blindness(&self) -> Option<&str> {
        let of_folder = |finding: &&Diagnostic| {
            finding.problem == Problem::Unreadable && finding.file == self.path
        };
        match self.findings.iter().find(of_folder) {
            _ if !self.following => Some("changes of the folder are no longer seen"),
            found => found.map(|finding| finding.message.as_str()),
        }
    }

    /// What is wrong with the folder at present, by file and place.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning)
    }

    /// Where the object of each report stands, or the field of it. The files are read again.
    pub(crate) fn locate(&self, reports: &[&Report]) -> Vec<Option<String>> {
        let questions: Vec<_> = reports
            .iter()
            .map(|report| (&report.object, report.field.as_deref()))
            .collect();
        let places = tokio::task::block_in_place(|| locate(&self.path, &questions));
        let show = |(file, position): Place| format!("{}:{position}", file.display());
        places.into_iter().map(|place| place.map(show)).collect()
    }

    /// Takes news in: reports findings, and yields what the engine has to hear of.
    fn take_in(&mut self, rescan: Rescan) -> Vec<Input> {
        rescan.added.iter().for_each(report);
        rescan
            .cleared
            .iter()
            .for_each(|d| info!("no longer found: {}", without_severity(d)));
        self.findings
            .retain(|finding| !rescan.cleared.contains(finding));
        self.findings.extend(rescan.added);
        for (node, annotation) in rescan.router_ids {
            match annotation {
                Some(annotation) => self.router_ids.insert(node, annotation),
                None => self.router_ids.remove(&node),
            };
        }
        tell_what_is_gone(&rescan.changes);
        let mut inputs = Vec::with_capacity(rescan.changes.len());
        for change in rescan.changes {
            let (object, found) = match change {
                Change::Applied(object) => (object.object_ref(), Some(Found::Object(object))),
                Change::Invalid {
                    object,
                    reason,
                    created,
                } => {
                    let invalid = InvalidObject {
                        object: object.clone(),
                        created,
                        reason,
                    };
                    (object, Some(Found::Invalid(invalid)))
                }
                Change::Deleted(object) => {
                    if object.kind == Kind::Node {
                        self.router_ids.remove(&object.name);
                    }
                    (object, None)
                }
                // Later versions may tell more; nothing else is about an object.
                _ => continue,
            };
            if self.watched.contains(object.kind) {
                inputs.push(match &found {
                    Some(Found::Object(object)) => Input::Applied(object.clone()),
                    Some(Found::Invalid(invalid)) => Input::Invalid {
                        object: invalid.object.clone(),
                        created: invalid.created,
                        reason: invalid.reason.clone(),
                    },
                    None => Input::Deleted(object.clone()),
                });
            }
            match found {
                Some(found) => self.objects.insert(object, found),
                None => self.objects.remove(&object),
            };
        }
        inputs
    }

    /// From now on these kinds are wanted: lists those that were not before.
    pub(crate) fn watch(&mut self, kinds: KindSet) -> Vec<Input> {
        let new = kinds.difference(self.watched);
        let gone = self.watched.difference(kinds);
        self.watched = kinds;
        let unwatched = gone.iter().map(|kind| Input::Source {
            kind,
            state: SourceState::Unwatched,
        });
        let lists = new.iter().flat_map(|kind| self.list(kind));
        unwatched.chain(lists).collect()
    }

    fn list(&self, kind: Kind) -> [Input; 2] {
        let (mut objects, mut invalid) = (Vec::new(), Vec::new());
        for (_, found) in self.of_kind(kind) {
            match found {
                Found::Object(object) => objects.push(object.clone()),
                Found::Invalid(object) => invalid.push(object.clone()),
            }
        }
        listed(kind, objects, invalid)
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectRef, &Found)> {
        self.objects
            .iter()
            .filter(move |(object, _)| object.kind == kind)
    }

    /// Stops following the folder; a router ID that was chosen is kept before this returns.
    pub(crate) fn close(self) {
        // Without a receiver the watcher cannot wait for this agent to take its news.
        drop(self.rescans);
        self.watcher.finish();
    }

    /// Keeps the router ID of a node in place of the API server.
    pub(crate) fn write_router_id(&self, node: &str, id: Ipv4Addr) {
        self.watcher.write_router_id(node, id);
    }
}

/// Routes may go with objects, and an emptied file takes many along: that leaves a trace.
fn tell_what_is_gone(changes: &[Change]) {
    let gone: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Deleted(object) => Some(object.to_string()),
            _ => None,
        })
        .collect();
    match gone.len() {
        0 => {}
        1 => info!("gone: {}", gone[0]),
        few @ 2..=10 => info!("{few} objects are gone: {}", gone.join(", ")),
        many => info!(
            "{many} objects are gone, {} among them",
            gone[..3].join(", ")
        ),
    }
}

/// Who searches the log for errors does not look for those that are over.
fn without_severity(diagnostic: &Diagnostic) -> String {
    let severity = format!(" {}: ", diagnostic.severity);
    diagnostic.to_string().replacen(&severity, " ", 1)
}

fn report(diagnostic: &Diagnostic) {
    match diagnostic.severity {
        Severity::Error => error!("{diagnostic}"),
        Severity::Warning => warn!("{diagnostic}"),
        Severity::Info => info!("{diagnostic}"),
    }
}
