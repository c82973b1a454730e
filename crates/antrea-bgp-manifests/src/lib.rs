//! A folder of YAML manifests as a live source of cluster objects.
mod diagnostic;
mod folder;
mod state;
mod watch;
mod yaml;

pub use diagnostic::{Diagnostic, Position, Problem, Severity};
pub use folder::{Change, Folder, FolderError, Rescan, load};
pub use state::{StateDir, StateError};
pub use watch::{WatchOptions, Watcher};
