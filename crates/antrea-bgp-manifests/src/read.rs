//! Reading and parsing many files at once.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::diagnostic::{Diagnostic, Position, Problem, Severity};
use crate::parse::{self, Parsed};
use crate::scan;

/// More than this many threads would wait for memory, not for each other.
const MAX_THREADS: usize = 8;

/// What became of reading a file.
#[derive(Debug)]
pub(crate) enum Reading {
    /// The file has the content that it had.
    Same,
    /// The file is gone since it was listed.
    Gone,
    /// It cannot be read.
    Failed(io::Error),
    /// Its content, and the hash of its octets.
    Parsed(u64, Parsed),
}

/// A file to be read.
pub(crate) struct Job<'j> {
    /// Its path below the folder.
    pub(crate) path: &'j Path,
    /// The hash of the content that is known already.
    pub(crate) known: Option<u64>,
}

/// Reads every file, several at a time; the result has the order of the jobs.
pub(crate) fn read_all(root: &Path, jobs: &[Job<'_>]) -> Vec<Reading> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(jobs.len());
    if threads <= 1 {
        return jobs.iter().map(|job| read(root, job)).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    let work = || {
        while let Some((index, job)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(index).map(|job| (index, job))
        } {
            let reading = read(root, job);
            // A thread that panicked takes the whole scope down, so the list is never half-made.
            done.lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .push((index, reading));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, reading)| reading).collect()
}

/// Reads one file.
pub(crate) fn read(root: &Path, job: &Job<'_>) -> Reading {
    let file = root.join(job.path);
    let octets = match scan::read(&file) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
        Err(error) => return Reading::Failed(error),
    };
    let hash = {
        let mut hasher = DefaultHasher::new();
        hasher.write(&octets);
        hasher.finish()
    };
    if job.known == Some(hash) {
        return Reading::Same;
    }
    let parsed = match std::str::from_utf8(&octets) {
        Ok(text) => parse::parse(&file, text),
        Err(error) => not_text(&file, &octets[..error.valid_up_to()]),
    };
    Reading::Parsed(hash, parsed)
}

/// A file that is not UTF-8 after `valid`.
fn not_text(file: &Path, valid: &[u8]) -> Parsed {
    let lines = valid.iter().filter(|&&octet| octet == b'\n').count();
    let position = Position {
        line: lines as u32 + 1,
        column: 1,
    };
    let error = Diagnostic::new(file, Severity::Error, Problem::Syntax, "not UTF-8 text");
    Parsed {
        objects: Vec::new(),
        diagnostics: vec![error.at(position)],
        broken: true,
    }
}
