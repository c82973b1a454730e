//! What there is to say about a folder, with the place it is said about.

use std::fmt;
use std::path::PathBuf;

use antrea_bgp_api::ObjectRef;

pub use crate::yaml::Position;

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Info,
    /// Something has no effect, or another one than its author may think.
    Warning,
    /// Something is not used at all.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// What a [`Diagnostic`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// The folder, a file or a sub-folder cannot be read.
    Unreadable,
    /// A file, or a document of it, is not YAML. The file's last good objects stay.
    Syntax,
    /// A document is no Kubernetes object, or an object has no name.
    NotAnObject,
    /// A kind that is read, under an `apiVersion` that it does not have.
    WrongApiVersion,
    /// An object whose fields do not have the types of its kind.
    Undecodable,
    /// An object as large as no API server would take it.
    TooLarge,
    /// An object that an earlier place already holds.
    DuplicateObject,
    /// A key that its mapping already has; the last one counts.
    DuplicateKey,
    /// A field that its kind does not have; it has no effect.
    UnknownField,
    /// A word that is none of those that its field may have; the object counts as if it were not there.
    UnknownValue,
    /// A kind that is not read.
    UnknownKind,
    /// A kept router ID that cannot be used, and counts as absent, or one that cannot be kept.
    State,
    /// The folder's events cannot be had; it is looked at every now and then.
    Unwatched,
}

/// One finding about a folder.
///
/// Displayed as `dir/file.yaml:12:5: error: BGPPolicy/edge: spec.localASN: expected a whole number,
/// found the string "sixty"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file, below the folder as it was named.
    pub file: PathBuf,
    /// Where in the file, if it is about a place in it.
    pub position: Option<Position>,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub problem: Problem,
    /// The object, as far as it has a name.
    pub object: Option<ObjectRef>,
    /// The field's path within the object, as in `spec.bgpPeers[0].asn`.
    pub field: Option<String>,
    /// What is the matter, in words. Holds no value of a Secret.
    pub message: String,
}

impl Diagnostic {
    pub(crate) fn new(
        file: impl Into<PathBuf>,
        severity: Severity,
        problem: Problem,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            file: file.into(),
            position: None,
            severity,
            problem,
            object: None,
            field: None,
            message: message.into(),
        }
    }

    pub(crate) fn at(mut self, position: impl Into<Option<Position>>) -> Diagnostic {
        self.position = position.into();
        self
    }

    pub(crate) fn about(mut self, object: impl Into<Option<ObjectRef>>) -> Diagnostic {
        self.object = object.into();
        self
    }

    pub(crate) fn field(mut self, path: impl Into<String>) -> Diagnostic {
        self.field = Some(path.into()).filter(|path: &String| !path.is_empty());
        self
    }

    /// Whether a check fails because of it: on errors, and if `strict` on warnings too.
    #[must_use]
    pub fn fails_check(&self, strict: bool) -> bool {
        self.severity
            >= if strict {
                Severity::Warning
            } else {
                Severity::Error
            }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(position) = self.position {
            write!(f, "{position}:")?;
        }
        write!(f, " {}:", self.severity)?;
        if let Some(object) = &self.object {
            write!(f, " {object}:")?;
        }
        if let Some(field) = &self.field {
            write!(f, " {field}:")?;
        }
        write!(f, " {}", self.message)
    }
}
