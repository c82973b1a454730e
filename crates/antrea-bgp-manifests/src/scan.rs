//! Which files a folder has, and how to tell that one changed.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, Problem, Severity};

/// The largest file that is read, in octets: five times the manifests of 10,000 Services with
/// their slices. What parsing needs of memory is bounded by it.
pub(crate) const MAX_FILE: u64 = 64 << 20;

/// File systems stamp changes with the kernel's tick, some with whole seconds. A file younger than
/// this when it was read may have changed again under the same stamp.
const STAMP_GRANULARITY: Duration = Duration::from_secs(2);

/// The identity of a file's content, as far as its metadata tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether an equal stamp may hide another content.
    fresh: bool,
}

impl Stamp {
    fn of(metadata: &Metadata, now: SystemTime) -> Stamp {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let since_epoch = Duration::new(changed.0.max(0) as u64, changed.1 as u32);
        let age = now
            .duration_since(UNIX_EPOCH + since_epoch)
            .unwrap_or_default();
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed,
            fresh: age < STAMP_GRANULARITY,
        }
    }

    /// Whether the file is empty and was a moment ago.
    pub(crate) fn is_fresh_and_empty(&self) -> bool {
        self.fresh && self.len == 0
    }

    /// Whether a file with this stamp has what it had when it was read with `earlier`.
    pub(crate) fn same_content(&self, earlier: &Stamp) -> bool {
        !earlier.fresh
            && Stamp {
                fresh: false,
                ..*self
            } == *earlier
    }
}

/// The manifests in a folder, by path below it.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Files and sub-folders that are there and cannot be looked at. What was known of them stays.
    pub(crate) unreadable: Vec<PathBuf>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Lists every manifest in a folder and its sub-folders.
///
/// Symbolic links are followed, because the files of a mounted ConfigMap are links into a hidden
/// folder; each real file and folder counts once, under its first path.
///
/// # Errors
///
/// The folder itself cannot be listed.
pub(crate) fn list(root: &Path) -> io::Result<Listing> {
    let mut walk = Walk {
        root,
        now: SystemTime::now(),
        seen: HashSet::new(),
        listing: Listing::default(),
    };
    let metadata = fs::metadata(root)?;
    walk.seen.insert((metadata.dev(), metadata.ino()));
    walk.folder(Path::new(""))?;
    Ok(walk.listing)
}

struct Walk<'r> {
    root: &'r Path,
    now: SystemTime,
    /// Device and inode of every file and folder that was met.
    seen: HashSet<(u64, u64)>,
    listing: Listing,
}

impl Walk<'_> {
    fn folder(&mut self, below: &Path) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(below))? {
            names.push(entry?.file_name());
        }
        names.sort();
        for name in names {
            if !is_hidden(&name) {
                self.entry(below.join(name));
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: PathBuf) {
        let full = self.root.join(&path);
        let metadata = match fs::metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if is_manifest(&path) && full.is_symlink() {
                    self.report(full, Severity::Warning, "the link leads nowhere");
                }
                return;
            }
            Err(error) => {
                self.report(full, Severity::Error, &format!("cannot be read: {error}"));
                self.listing.unreadable.push(path);
                return;
            }
        };
        let is_folder = metadata.is_dir();
        let counts = is_folder || (metadata.is_file() && is_manifest(&path));
        if !counts {
            return;
        }
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        if !is_folder {
            self.listing
                .files
                .insert(path, Stamp::of(&metadata, self.now));
        } else if let Err(error) = self.folder(&path) {
            self.report(full, Severity::Error, &format!("cannot be listed: {error}"));
            self.listing.unreadable.push(path);
        }
    }

    fn report(&mut self, full: PathBuf, severity: Severity, message: &str) {
        self.listing.diagnostics.push(Diagnostic::new(
            full,
            severity,
            Problem::Unreadable,
            message,
        ));
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    matches!(extension, Some("yaml" | "yml" | "json"))
}

/// Reads a file whole. Its octets, which may hold passwords, are overwritten when dropped.
///
/// # Errors
///
/// It cannot be read, or it is larger than [`MAX_FILE`].
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let too_large = || {
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {MAX_FILE} octets (64 MiB); split it"),
        )
    };
    if len > MAX_FILE {
        return Err(too_large());
    }
    // With room for all of it the buffer is never moved, and leaves no copy behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(len as usize + 1));
    file.take(MAX_FILE + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MAX_FILE {
        return Err(too_large());
    }
    Ok(octets)
}
