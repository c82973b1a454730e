//! A folder of YAML manifests as a live source of cluster objects.
//!
//! For running without a Kubernetes API server: in labs, on bare hosts, in a pipeline. [`load`]
//! reads a folder once; [`Folder`] finds what changed since it last looked, and keeps the last good
//! objects of a file that is being written or broken; [`Watcher`] has it look when something
//! happens. [`StateDir`] keeps what would be written back to the API server. Everything odd in the
//! folder is a [`Diagnostic`] with file, line, column and field. The crate yields objects as they
//! are written: it validates no values, and decides nothing about policies or routes.
//!
//! ```
//! use antrea_bgp_manifests::{Change, Severity, load};
//!
//! let dir = tempfile::tempdir()?;
//! std::fs::write(
//!     dir.path().join("node.yaml"),
//!     "{apiVersion: v1, kind: Node, metadata: {name: node-a}, stat: {}}",
//! )?;
//! let rescan = load(dir.path())?;
//! let Change::Applied(node) = &rescan.changes[0] else { panic!() };
//! assert_eq!(node.object_ref().to_string(), "Node/node-a");
//! assert_eq!(rescan.added[0].severity, Severity::Warning);
//! assert_eq!(rescan.added[0].field.as_deref(), Some("stat"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod diagnostic;
mod fields;
mod files;
mod folder;
mod locate;
mod parse;
mod read;
mod scan;
mod state;
mod values;
mod watch;
mod yaml;

pub use diagnostic::{Diagnostic, Position, Problem, Severity};
pub use folder::{Change, Folder, FolderError, Rescan, load};
pub use locate::{Place, locate};
pub use state::{StateDir, StateError};
pub use watch::{WatchOptions, Watcher};
