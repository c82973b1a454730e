//! Router IDs that outlive a restart.
use std::path::PathBuf;

/// The directory that keeps each node's router ID.
#[derive(Debug)]
pub struct StateDir {
    dir: PathBuf,
}

/// The state directory cannot be used.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    source: std::io::Error,
}

impl StateDir {
    /// Opens the directory, and creates it if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be created.
    pub fn open(dir: impl Into<PathBuf>) -> Result<StateDir, StateError> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).map_err(|source| StateError {
            path: dir.clone(),
            source,
        })?;
        Ok(StateDir { dir })
    }
}

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot keep state in {}: {}",
            self.path.display(),
            self.source
        )
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
