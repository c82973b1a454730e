//! A folder of YAML manifests as a live source of cluster objects.
mod diagnostic;
mod fields;
mod files;
mod folder;
mod locate;
mod parse;
mod read;
mod scan;
mod state;
mod watch;
mod yaml;

pub use diagnostic::{Diagnostic, Position, Problem, Severity};
pub use folder::{Change, Folder, FolderError, Rescan, load};
pub use locate::{Place, locate};
pub use state::{StateDir, StateError};
pub use watch::{WatchOptions, Watcher};
