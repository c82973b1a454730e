//! A folder and what it holds.
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use antrea_bgp_api::{Object, ObjectRef, Timestamp};

use crate::{Diagnostic, StateDir, StateError};

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
        /// Field and reason, and where: `spec.localASN: expected … (policies/a.yaml:7:13)`.
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
    /// Objects that changed: what is there in order of path and place, then what is gone.
    pub changes: Vec<Change>,
    /// Diagnostics that were not there before.
    pub added: Vec<Diagnostic>,
    /// Diagnostics that are no more.
    pub cleared: Vec<Diagnostic>,
}

/// The folder cannot be used at all.
#[derive(Debug)]
pub struct FolderError {
    path: PathBuf,
    source: std::io::Error,
}

/// A folder of manifests, and what was last seen in it.
pub struct Folder {
    dir: PathBuf,
}

/// Reads a folder once: every object, and every diagnostic.
///
/// # Errors
///
/// The folder is not there, is no folder, or cannot be listed.
pub fn load(dir: &Path) -> Result<Rescan, FolderError> {
    Ok(Folder::open(dir)?.rescan())
}

impl Folder {
    /// Opens a folder; the first [`rescan`](Folder::rescan) yields everything in it.
    ///
    /// # Errors
    ///
    /// The folder is not there, is no folder, or cannot be listed.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Folder, FolderError> {
        Ok(Folder { dir: dir.into() })
    }

    /// Lets router IDs kept in `state` stand for the annotations that an API server would hold.
    #[must_use]
    pub fn with_state(self, _state: StateDir) -> Folder {
        self
    }

    /// The folder's path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Looks at the folder again, and yields what changed since the last time.
    pub fn rescan(&mut self) -> Rescan {
        todo!()
    }

    /// Everything there is to say about the folder now, in order of path and place.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        std::iter::empty()
    }

    /// Keeps the router ID of a node, and yields the Node with it as its annotation.
    ///
    /// # Errors
    ///
    /// There is no state directory, or it cannot be written.
    pub fn write_router_id(&mut self, _node: &str, _id: Ipv4Addr) -> Result<Rescan, StateError> {
        todo!()
    }
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot read the manifests folder {}: {}",
            self.path.display(),
            self.source
        )
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
