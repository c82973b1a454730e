//! A folder and what was last seen in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use antrea_bgp_api::{Kind, Object, ObjectRef, Timestamp};

use crate::diagnostic::{Diagnostic, Problem, Severity};
use crate::files::{FileState, Files};
use crate::parse::{Found, Invalid};
use crate::read::{self, Job, Reading};
use crate::scan::{self, Listing};
use crate::{StateDir, StateError};

/// What a rescan changed about one object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The object is new, or has other content.
    Applied(Object),
    /// The object is there, but does not decode. Who holds an earlier form of it may keep that.
    Invalid {
        /// Which object.
        object: ObjectRef,
        /// Field, reason and place: `spec.localASN: expected … (policies/a.yaml:7:13)`.
        reason: String,
        /// Its creation timestamp, if that much can be read.
        created: Option<Timestamp>,
    },
    /// No file holds the object any more.
    Deleted(ObjectRef),
}

/// What a rescan found.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct Rescan {
    /// Objects that changed: what is there in order of path and place, then what is gone, so that
    /// an object that replaces another is known before the other goes.
    pub changes: Vec<Change>,
    /// With a state directory: each Node that was applied, with the router ID annotation that its
    /// manifest has. The Node in `changes` may have the kept router ID in its place.
    pub router_ids: Vec<(String, Option<String>)>,
    /// Diagnostics that were not there before, in order of path and place.
    pub added: Vec<Diagnostic>,
    /// Diagnostics that are no more, in the same order.
    pub cleared: Vec<Diagnostic>,
}

impl Rescan {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.added.is_empty() && self.cleared.is_empty()
    }
}

/// The folder cannot be used at all.
#[derive(Debug)]
pub struct FolderError {
    path: PathBuf,
    source: io::Error,
}

/// Reads a folder once: every object, and every diagnostic as `added`.
///
/// # Errors
///
/// The folder is not there, is no folder, or cannot be listed.
pub fn load(dir: &Path) -> Result<Rescan, FolderError> {
    Ok(Folder::open(dir)?.rescan())
}

/// A folder of manifests, and what was last seen in it.
///
/// It holds the names and hashes of the objects, not the objects: those are read again on the rare
/// occasion that one is needed without having changed.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    state: Option<StateDir>,
    /// Router IDs that could not be kept so far, by node.
    unwritten: BTreeMap<String, Ipv4Addr>,
    files: Files,
    /// Objects to be yielded again although their content is the same.
    pending: BTreeSet<ObjectRef>,
    /// The router-ID annotation in the manifest of each Node.
    annotations: BTreeMap<String, Option<String>>,
    /// Those that were yielded since the last report.
    annotated: Vec<(String, Option<String>)>,
    /// By what they are about; together with the files' own they are all there is to say.
    listing_diagnostics: Vec<Diagnostic>,
    state_diagnostics: BTreeMap<String, Diagnostic>,
    /// All diagnostics, sorted.
    diagnostics: Vec<Diagnostic>,
    settling: bool,
}

impl Folder {
    /// Opens a folder; the first [`rescan`](Folder::rescan) yields everything in it.
    ///
    /// # Errors
    ///
    /// The folder is not there, is no folder, or cannot be listed.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Folder, FolderError> {
        let dir = dir.into();
        if let Err(source) = std::fs::read_dir(&dir) {
            return Err(FolderError { path: dir, source });
        }
        Ok(Folder {
            dir,
            state: None,
            unwritten: BTreeMap::new(),
            files: Files::default(),
            pending: BTreeSet::new(),
            annotations: BTreeMap::new(),
            annotated: Vec::new(),
            listing_diagnostics: Vec::new(),
            state_diagnostics: BTreeMap::new(),
            diagnostics: Vec::new(),
            settling: false,
        })
    }

    /// Lets the router IDs kept in `state` stand for the annotations that an API server would
    /// hold. To be called before the first rescan.
    #[must_use]
    pub fn with_state(mut self, state: StateDir) -> Folder {
        self.state = Some(state);
        self
    }

    /// The folder's path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Everything there is to say about the folder now, in order of path and place.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter()
    }

    /// Whether the folder should be looked at again soon, event or not: a file is empty that was
    /// not, and is so recent that its content may be on the way.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.settling
    }

    /// Looks at the folder again, and yields what changed since the last time.
    ///
    /// A folder that is gone keeps its objects, and is reported.
    pub fn rescan(&mut self) -> Rescan {
        for (node, id) in self.unwritten.clone() {
            self.keep_router_id(&node, id);
        }
        match scan::list(&self.dir) {
            Ok(listing) => self.take_in(listing),
            Err(error) => {
                let message = format!("the folder cannot be listed: {error}; its objects stay");
                let missing =
                    Diagnostic::new(&self.dir, Severity::Error, Problem::Unreadable, message);
                self.listing_diagnostics = vec![missing];
                self.report(Vec::new())
            }
        }
    }

    /// Keeps the router ID of a node, and yields the Node with it as its annotation. If it cannot
    /// be kept, that is a diagnostic, the Node stays as it is, and every later
    /// [`rescan`](Folder::rescan) tries again.
    pub fn write_router_id(&mut self, node: &str, id: Ipv4Addr) -> Rescan {
        self.keep_router_id(node, id);
        let files = self.files.clone();
        self.difference(&files, HashMap::new())
    }

    fn keep_router_id(&mut self, node: &str, id: Ipv4Addr) {
        let manifest = self.annotations.get(node).and_then(Option::as_deref);
        let kept = match &self.state {
            Some(state) => state.write(node, id, manifest),
            None => Err(StateError::no_directory()),
        };
        match kept {
            Ok(()) => {
                self.unwritten.remove(node);
                self.state_diagnostics.remove(node);
                self.pending.insert(ObjectRef::cluster(Kind::Node, node));
            }
            Err(error) => {
                self.unwritten.insert(node.to_owned(), id);
                self.state_diagnostics
                    .insert(node.to_owned(), error.diagnostic());
            }
        }
    }

    fn take_in(&mut self, listing: Listing) -> Rescan {
        let before = self.files.clone();
        self.listing_diagnostics = listing.diagnostics;
        self.files.retain(|path| {
            let unreadable = &listing.unreadable;
            listing.files.contains_key(path) || unreadable.iter().any(|part| path.starts_with(part))
        });

        let stale: Vec<_> = listing
            .files
            .iter()
            .filter(|(path, stamp)| {
                !self
                    .files
                    .get(path)
                    .is_some_and(|file| file.is_current(stamp))
            })
            .collect();
        let jobs: Vec<_> = stale
            .iter()
            .map(|(path, _)| Job {
                path,
                known: self.files.get(path).and_then(|f| f.hash),
            })
            .collect();
        let readings = read::read_all(&self.dir, &jobs);

        self.settling = false;
        let mut fresh = HashMap::new();
        for ((path, stamp), reading) in stale.into_iter().zip(readings) {
            if let Some(objects) = self.files.update(&self.dir, path, *stamp, reading) {
                fresh.insert(path.clone(), objects);
            }
            self.settling |= self.files.get(path).is_some_and(FileState::is_settling);
        }
        self.difference(&before, fresh)
    }

    /// What is different from `before`. `fresh` holds the objects of the files that were read.
    fn difference(&mut self, before: &Files, mut fresh: HashMap<PathBuf, Vec<Found>>) -> Rescan {
        if fresh.is_empty() && self.pending.is_empty() && before.same_as(&self.files) {
            return self.report(Vec::new());
        }
        let old = before.hashes();
        let files = self.files.clone();
        let mut seen = HashSet::new();
        let mut changes = Vec::new();
        for (path, file) in files.iter() {
            // The first by path counts; the others are reported with their file.
            let wanted: Vec<usize> = (0..file.held.len())
                .filter(|&index| seen.insert(&file.held[index].object))
                .filter(|&index| {
                    let held = &file.held[index];
                    old.get(&held.object) != Some(&held.hash) || self.pending.contains(&held.object)
                })
                .collect();
            if !wanted.is_empty() {
                let found = fresh.remove(path).unwrap_or_else(|| self.read_again(path));
                changes.extend(self.changes(file, &wanted, found));
            }
        }
        self.pending.retain(|object| seen.contains(object));
        let mut gone: Vec<_> = old
            .into_keys()
            .filter(|object| !seen.contains(object))
            .cloned()
            .collect();
        gone.sort();
        for object in gone {
            self.forget(&object);
            changes.push(Change::Deleted(object));
        }
        self.report(changes)
    }

    /// The objects of a file that did not change, needed because another file's object is gone or
    /// because a Node's annotation was written.
    fn read_again(&self, path: &Path) -> Vec<Found> {
        match read::read(&self.dir, &Job { path, known: None }) {
            Reading::Parsed(_, parsed) => parsed.objects,
            _ => Vec::new(),
        }
    }

    /// The changes that bring the `wanted` objects of a file, out of those `found` in it.
    fn changes(&mut self, file: &FileState, wanted: &[usize], found: Vec<Found>) -> Vec<Change> {
        let wanted: HashMap<&ObjectRef, u64> = wanted
            .iter()
            .map(|&i| (&file.held[i].object, file.held[i].hash))
            .collect();
        let mut missing: BTreeSet<&ObjectRef> = wanted.keys().copied().collect();
        let mut changes = Vec::with_capacity(wanted.len());
        for found in found {
            let Some((&object, &hash)) = wanted.get_key_value(&found.object) else {
                continue;
            };
            if hash == found.hash && missing.remove(object) {
                self.pending.remove(object);
                changes.push(self.change(found));
            }
        }
        // The file is changing under our hands, or broken: the object comes when it can be read.
        self.pending.extend(missing.into_iter().cloned());
        changes
    }

    fn change(&mut self, found: Found) -> Change {
        match found.content {
            Ok(object) => Change::Applied(self.with_annotation(object)),
            Err(Invalid { reason, created }) => Change::Invalid {
                object: found.object,
                reason,
                created,
            },
        }
    }

    /// The Node as the API server would have it, after what was written to it.
    fn with_annotation(&mut self, object: Object) -> Object {
        let (Some(state), Object::Node(node)) = (&self.state, &object) else {
            return object;
        };
        let name = node.metadata.name.clone();
        let manifest = node.metadata.annotations.bgp_router_id.clone();
        let (annotation, diagnostic) = state.annotation(&name, manifest.as_deref());
        match diagnostic {
            Some(diagnostic) => self.state_diagnostics.insert(name.clone(), diagnostic),
            None => self.state_diagnostics.remove(&name),
        };
        let mut node = Arc::unwrap_or_clone(Arc::clone(node));
        node.metadata.annotations.bgp_router_id = annotation;
        self.annotated.push((name.clone(), manifest.clone()));
        self.annotations.insert(name, manifest);
        Object::Node(Arc::new(node))
    }

    /// Drops what is kept beside a file about an object. A Node's router ID stays: it may return.
    fn forget(&mut self, object: &ObjectRef) {
        self.pending.remove(object);
        if object.kind == Kind::Node {
            self.annotations.remove(&object.name);
            self.state_diagnostics.remove(&object.name);
        }
    }

    /// The changes, together with what is different about the diagnostics.
    fn report(&mut self, changes: Vec<Change>) -> Rescan {
        let mut now: Vec<_> = self.listing_diagnostics.clone();
        now.extend(self.state_diagnostics.values().cloned());
        now.extend(self.files.diagnostics(&self.dir));
        now.sort_by(|a, b| (&a.file, a.position, a).cmp(&(&b.file, b.position, b)));
        now.dedup();
        let before = mem::replace(&mut self.diagnostics, now);
        let only_in = |these: &[Diagnostic], those: &[Diagnostic]| {
            let those: HashSet<_> = those.iter().collect();
            these
                .iter()
                .filter(|diagnostic| !those.contains(diagnostic))
                .cloned()
                .collect()
        };
        let added = only_in(&self.diagnostics, &before);
        let cleared = only_in(&before, &self.diagnostics);
        Rescan {
            changes,
            router_ids: mem::take(&mut self.annotated),
            added,
            cleared,
        }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot read the manifests folder {}: {}",
            self.path.display(),
            self.source
        )?;
        match self.source.kind() {
            std::io::ErrorKind::NotADirectory => f.write_str("; name the folder that it is in"),
            _ => Ok(()),
        }
    }
}

// The cause is part of the text, so it is no source: a chain of both would say it twice.
impl std::error::Error for FolderError {}
