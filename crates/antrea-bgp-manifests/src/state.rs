//! The router IDs that an API server would hold as annotations of the Nodes.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Problem, Severity};

/// The directory that keeps each node's router ID over a restart.
///
/// One text file per node, `router-id.<node>`: the router ID, and on a second line the annotation
/// that the node's manifest had when it was written, if any.
///
/// With an API server the last write to the annotation counts, the user's or the agent's. A folder
/// has no history, so the second line stands in for it: while the manifest says what it said when
/// the agent wrote, the agent's write is the later one and counts. When the manifest has changed
/// since, in either direction, that is the user's edit: it counts, and the kept router ID is
/// forgotten for good. So a user replaces a router ID by writing the annotation into the manifest;
/// removing it again, or removing the file, has the agent select anew.
#[derive(Debug)]
pub struct StateDir {
    dir: PathBuf,
}

/// The state directory cannot be used.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    source: io::Error,
}

impl StateDir {
    /// Opens the directory, and creates it if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be created, or is no directory.
    pub fn open(dir: impl Into<PathBuf>) -> Result<StateDir, StateError> {
        let dir = dir.into();
        match fs::create_dir_all(&dir) {
            Ok(()) => Ok(StateDir { dir }),
            Err(source) => Err(StateError { path: dir, source }),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Keeps a node's router ID. `manifest` is the annotation in the node's manifest now.
    pub(crate) fn write(
        &self,
        node: &str,
        id: Ipv4Addr,
        manifest: Option<&str>,
    ) -> Result<(), StateError> {
        let path = self.file(node)?;
        let text = match manifest {
            Some(manifest) => format!("{id}\n{}\n", one_line(manifest)),
            None => format!("{id}\n"),
        };
        replace(&self.dir, &path, text.as_bytes()).map_err(|source| StateError { path, source })
    }

    /// The annotation that the Node has: as in its manifest, or as the agent wrote it later.
    pub(crate) fn annotation(
        &self,
        node: &str,
        manifest: Option<&str>,
    ) -> (Option<String>, Option<Diagnostic>) {
        let as_written = manifest.map(str::to_owned);
        match self.kept(node) {
            Ok(Some(kept)) if kept.manifest == manifest.map(one_line) => {
                (Some(kept.id.to_string()), None)
            }
            Ok(Some(_)) => (as_written, self.forget(node)),
            Ok(None) => (as_written, None),
            Err(error) => {
                let message = format!("{}; the router ID is selected anew", error.source);
                let diagnostic =
                    Diagnostic::new(error.path, Severity::Warning, Problem::State, message);
                (as_written, Some(diagnostic))
            }
        }
    }

    /// Removes what the user's edit replaced.
    fn forget(&self, node: &str) -> Option<Diagnostic> {
        let path = self.file(node).ok()?;
        let error = fs::remove_file(&path).err()?;
        let message = format!("cannot forget the replaced router ID: {error}");
        Some(Diagnostic::new(
            path,
            Severity::Warning,
            Problem::State,
            message,
        ))
    }

    fn kept(&self, node: &str) -> Result<Option<Kept>, StateError> {
        let path = self.file(node)?;
        let text = match fs::read(&path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError { path, source }),
        };
        let corrupt = || io::Error::new(io::ErrorKind::InvalidData, "not a kept router ID");
        let kept = std::str::from_utf8(&text)
            .ok()
            .and_then(Kept::parse)
            .ok_or_else(corrupt);
        kept.map(Some).map_err(|source| StateError { path, source })
    }

    /// A node's file. Node names are DNS names; nothing else may become a path.
    fn file(&self, node: &str) -> Result<PathBuf, StateError> {
        let dns = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if node.is_empty() || node.len() > 253 || !node.bytes().all(dns) {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{node:?} is no name of a Node (a DNS name of up to 253 octets)"),
            );
            return Err(StateError {
                path: self.dir.clone(),
                source,
            });
        }
        Ok(self.dir.join(format!("router-id.{node}")))
    }
}

impl StateError {
    /// A router ID was to be kept, and there is no directory for it.
    pub(crate) fn no_directory() -> StateError {
        let source = io::Error::new(io::ErrorKind::NotFound, "there is no state directory");
        StateError {
            path: PathBuf::new(),
            source,
        }
    }

    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let message = format!("cannot keep the router ID: {}", self.source);
        Diagnostic::new(&self.path, Severity::Warning, Problem::State, message)
    }
}

/// What a node's file says.
struct Kept {
    id: Ipv4Addr,
    manifest: Option<String>,
}

impl Kept {
    fn parse(text: &str) -> Option<Kept> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let id = lines.next()?.parse().ok()?;
        let manifest = lines.next().map(str::to_owned);
        lines.next().is_none().then_some(Kept { id, manifest })
    }
}

fn one_line(annotation: &str) -> String {
    annotation.escape_debug().to_string()
}

/// Replaces a file so that a reader, or a crash at any moment, sees the old or the new content.
fn replace(dir: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = dir.join(format!(".{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The name is durable only when the directory is.
    File::open(dir)?.sync_all()
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot keep state in {}: {}",
            self.path.display(),
            self.source
        )
    }
}

// The cause is part of the text, so it is no source: a chain of both would say it twice.
impl std::error::Error for StateError {}
