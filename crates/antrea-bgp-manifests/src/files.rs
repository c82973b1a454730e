//! What is remembered of each file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use antrea_bgp_api::ObjectRef;

use crate::diagnostic::{Diagnostic, Position, Problem, Severity};
use crate::parse::{Found, Parsed};
use crate::read::Reading;
use crate::scan::Stamp;

/// Every file that holds, or held, objects, by path below the folder. Cloning shares the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(BTreeMap<PathBuf, Arc<FileState>>);

/// What is remembered of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileState {
    /// Absent if the file has to be read again in any case.
    stamp: Option<Stamp>,
    /// Of its octets, as last read.
    pub(crate) hash: Option<u64>,
    /// Its objects, as of the last time that it was YAML.
    pub(crate) held: Vec<Held>,
    diagnostics: Vec<Diagnostic>,
    /// Whether it was YAML all through, ever.
    good: bool,
    settling: bool,
}

/// What is remembered of an object.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) object: ObjectRef,
    pub(crate) hash: u64,
    position: Position,
}

impl Files {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PathBuf, &FileState)> {
        self.0.iter().map(|(path, file)| (path, &**file))
    }

    pub(crate) fn get(&self, path: &Path) -> Option<&FileState> {
        self.0.get(path).map(|file| &**file)
    }

    /// Keeps only the files that `keep` names.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Path) -> bool) {
        self.0.retain(|path, _| keep(path));
    }

    /// Whether nothing was read or removed since `self` was cloned into `other`, or the reverse.
    pub(crate) fn same_as(&self, other: &Files) -> bool {
        let shared = |(a, b): (&Arc<FileState>, &Arc<FileState>)| Arc::ptr_eq(a, b);
        self.0.len() == other.0.len() && self.0.values().zip(other.0.values()).all(shared)
    }

    /// The hash of every object, of duplicates the first by path.
    pub(crate) fn hashes(&self) -> HashMap<&ObjectRef, u64> {
        let mut hashes = HashMap::new();
        for held in self.0.values().flat_map(|file| &file.held) {
            hashes.entry(&held.object).or_insert(held.hash);
        }
        hashes
    }

    /// What there is to say about the files, duplicates included.
    pub(crate) fn diagnostics(&self, root: &Path) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        let mut first: HashMap<&ObjectRef, (&Path, Position)> = HashMap::new();
        for (path, file) in self.iter() {
            diagnostics.extend(file.diagnostics.iter().cloned());
            for held in &file.held {
                let place = (path.as_path(), held.position);
                let (winner, at) = *first.entry(&held.object).or_insert(place);
                if (winner, at) != place {
                    let message = format!(
                        "not used: the same object is in {}:{at}, the first by path",
                        root.join(winner).display()
                    );
                    let problem = Problem::DuplicateObject;
                    diagnostics.push(
                        Diagnostic::new(root.join(path), Severity::Warning, problem, message)
                            .at(held.position)
                            .about(held.object.clone()),
                    );
                }
            }
        }
        diagnostics
    }

    /// Takes in what became of reading a file, and hands out its objects if they count.
    pub(crate) fn update(
        &mut self,
        root: &Path,
        path: &Path,
        stamp: Stamp,
        reading: Reading,
    ) -> Option<Vec<Found>> {
        match reading {
            Reading::Gone => {
                self.0.remove(path);
                None
            }
            Reading::Same => {
                // Not through `file`: content that is the same is no change.
                let file = self.0.get(path)?;
                let file = FileState {
                    stamp: Some(stamp),
                    ..(**file).clone()
                };
                self.0.insert(path.to_owned(), Arc::new(file));
                None
            }
            Reading::Failed(error) => {
                let message = format!("cannot be read: {error}");
                let error = Diagnostic::new(
                    root.join(path),
                    Severity::Error,
                    Problem::Unreadable,
                    message,
                );
                self.file(path).unusable(None, None, vec![error]);
                None
            }
            Reading::Parsed(hash, parsed) => self.file(path).parsed(stamp, hash, parsed),
        }
    }

    fn file(&mut self, path: &Path) -> &mut FileState {
        Arc::make_mut(self.0.entry(path.to_owned()).or_default())
    }
}

impl FileState {
    /// Whether a file with this stamp is known already.
    pub(crate) fn is_current(&self, stamp: &Stamp) -> bool {
        self.stamp.is_some_and(|known| stamp.same_content(&known))
    }

    pub(crate) fn is_settling(&self) -> bool {
        self.settling
    }

    fn parsed(&mut self, stamp: Stamp, hash: u64, parsed: Parsed) -> Option<Vec<Found>> {
        if parsed.broken && self.good {
            self.unusable(Some(stamp), Some(hash), parsed.diagnostics);
            return None;
        }
        // `kubectl get … > file` empties a file long before it fills it.
        self.settling = stamp.is_fresh_and_empty() && !self.held.is_empty();
        if self.settling {
            (self.stamp, self.hash) = (None, None);
            return None;
        }
        *self = FileState {
            stamp: Some(stamp),
            hash: Some(hash),
            held: parsed.objects.iter().map(Held::of).collect(),
            diagnostics: parsed.diagnostics,
            good: !parsed.broken,
            settling: false,
        };
        Some(parsed.objects)
    }

    /// Keeps the objects of a file that cannot be used now.
    fn unusable(&mut self, stamp: Option<Stamp>, hash: Option<u64>, mut why: Vec<Diagnostic>) {
        why.retain(|diagnostic| {
            matches!(diagnostic.problem, Problem::Syntax | Problem::Unreadable)
        });
        if let Some(first) = why.first_mut().filter(|_| !self.held.is_empty()) {
            first.message += match self.held.len() {
                1 => "; the object of this file keeps its last good form".to_owned(),
                n => format!("; the {n} objects of this file keep their last good form"),
            }
            .as_str();
        }
        (self.stamp, self.hash, self.diagnostics, self.settling) = (stamp, hash, why, false);
    }
}

impl Held {
    fn of(found: &Found) -> Held {
        Held {
            object: found.object.clone(),
            hash: found.hash,
            position: found.position,
        }
    }
}
