//! Live changes: a thread that looks at a folder when something seems to have happened in it.
//!
//! Events of the file system are only hints: they say when to look, never what there is. So events
//! that are lost, doubled or out of order do no harm, and looking every now and then without any
//! makes up for file systems that send none.

use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::diagnostic::{Diagnostic, Problem, Severity};
use crate::{Folder, Rescan};

/// How soon a file is looked at again that may be on the way of being written.
const SETTLE: Duration = Duration::from_millis(250);

/// How a [`Watcher`] watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchOptions {
    /// Quiet that has to follow an event before the folder is read, so that a file being written
    /// is complete. 75 ms by default.
    pub debounce: Duration,
    /// The longest that a stream of events can put off the reading. 1 s by default.
    pub max_delay: Duration,
    /// How often the folder is looked at without any event. 30 s by default.
    pub poll: Duration,
    /// The same, where events cannot be had. 2 s by default.
    pub poll_without_events: Duration,
    /// Whether to ask for events at all. True by default; false for file systems on which they are
    /// known to be missing, such as network file systems.
    pub events: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        WatchOptions {
            debounce: Duration::from_millis(75),
            max_delay: Duration::from_secs(1),
            poll: Duration::from_secs(30),
            poll_without_events: Duration::from_secs(2),
            events: true,
        }
    }
}

/// A thread that rescans a folder whenever something in it seems to have changed. Stops when
/// dropped; [`Watcher::finish`] waits for that.
#[derive(Debug)]
#[must_use = "dropping it stops the watching"]
pub struct Watcher {
    messages: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Message {
    /// Something may have changed.
    Hint,
    WriteRouterId {
        node: String,
        id: Ipv4Addr,
    },
    Stop,
}

impl Watcher {
    /// Starts watching, and rescans at once. `sink` gets every rescan that found something, on the
    /// watcher's thread; an unbounded channel of any runtime will do.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        folder: Folder,
        options: WatchOptions,
        sink: impl FnMut(Rescan) + Send + 'static,
    ) -> io::Result<Watcher> {
        let (messages, received) = mpsc::channel();
        let hints = messages.clone();
        let events = Events {
            hints,
            watching: None,
            complaint: None,
        };
        let task = Task {
            folder,
            options,
            sink,
            received,
            events,
        };
        let thread = thread::Builder::new()
            .name("manifests".to_owned())
            .spawn(move || task.run())?;
        Ok(Watcher {
            messages,
            thread: Some(thread),
        })
    }

    /// Stops watching, and waits until what was asked for is done: a router ID that was handed in
    /// is on disk afterwards. The sink may be called once more meanwhile, so it must not wait for
    /// whoever calls this.
    pub fn finish(mut self) {
        self.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic of the sink was reported when it happened, and there is nothing left to do.
            let _ = thread.join();
        }
    }

    /// Keeps the router ID of a node; the Node comes again through the sink, with the annotation.
    /// A failure comes as a diagnostic.
    pub fn write_router_id(&self, node: &str, id: Ipv4Addr) {
        self.send(Message::WriteRouterId {
            node: node.to_owned(),
            id,
        });
    }

    /// Has the folder looked at soon.
    pub fn poke(&self) {
        self.send(Message::Hint);
    }

    fn send(&self, message: Message) {
        // The thread ends only when told to, or with a panic of the sink; then there is nobody left
        // to tell.
        let _ = self.messages.send(message);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Not joined: the sink may be waiting for whoever drops this.
        self.send(Message::Stop);
    }
}

struct Task<S> {
    folder: Folder,
    options: WatchOptions,
    sink: S,
    received: Receiver<Message>,
    events: Events,
}

impl<S: FnMut(Rescan)> Task<S> {
    fn run(mut self) {
        self.look();
        let mut hinted: Option<Hinted> = None;
        loop {
            match self.received.recv_timeout(self.patience(hinted)) {
                Ok(Message::Hint) => {
                    let now = Instant::now();
                    hinted = Some(Hinted {
                        first: hinted.map_or(now, |h| h.first),
                        last: now,
                    });
                }
                Ok(Message::WriteRouterId { node, id }) => {
                    let rescan = self.folder.write_router_id(&node, id);
                    self.deliver(rescan);
                }
                Err(RecvTimeoutError::Timeout) => {
                    hinted = None;
                    self.look();
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long to wait for a message before looking.
    fn patience(&self, hinted: Option<Hinted>) -> Duration {
        match hinted {
            Some(Hinted { first, last }) => {
                let due = (last + self.options.debounce).min(first + self.options.max_delay);
                due.saturating_duration_since(Instant::now())
            }
            None if self.folder.is_settling() => SETTLE,
            None if self.events.watching.is_some() => self.options.poll,
            None => self.options.poll_without_events,
        }
    }

    fn look(&mut self) {
        // Watched first, looked at second: what changes in between is a hint.
        let complaint = match self.options.events {
            true => self
                .events
                .watch(self.folder.path(), self.options.poll_without_events),
            false => Rescan::default(),
        };
        self.deliver(complaint);
        let rescan = self.folder.rescan();
        self.deliver(rescan);
    }

    fn deliver(&mut self, rescan: Rescan) {
        if !rescan.is_empty() {
            (self.sink)(rescan);
        }
    }
}

/// Times of the first and the last hint since the folder was looked at.
#[derive(Clone, Copy)]
struct Hinted {
    first: Instant,
    last: Instant,
}

/// Where hints come from.
struct Events {
    hints: Sender<Message>,
    /// The subscription, and the device and inode of the folder it is for: after the folder was
    /// replaced, or a link to it was changed, it would still be for the old one.
    watching: Option<((u64, u64), RecommendedWatcher)>,
    /// Why there are no events, as reported.
    complaint: Option<Diagnostic>,
}

impl Events {
    /// Subscribes to the folder's events, unless that is done; yields what changed about it.
    fn watch(&mut self, folder: &Path, otherwise: Duration) -> Rescan {
        let Ok(metadata) = folder.metadata() else {
            // The rescan says so; events would only come from what was there before.
            self.watching = None;
            return Rescan::default();
        };
        let identity = (metadata.dev(), metadata.ino());
        if self
            .watching
            .as_ref()
            .is_some_and(|(watched, _)| *watched == identity)
        {
            return Rescan::default();
        }
        let complaint = match subscribe(folder, self.hints.clone()) {
            Ok(watcher) => {
                self.watching = Some((identity, watcher));
                None
            }
            Err(error) => {
                self.watching = None;
                let message = format!(
                    "cannot be watched: {error}; it is looked at every {} s",
                    otherwise.as_secs_f32()
                );
                Some(Diagnostic::new(
                    folder,
                    Severity::Warning,
                    Problem::Unwatched,
                    message,
                ))
            }
        };
        if complaint == self.complaint {
            return Rescan::default();
        }
        let cleared = std::mem::replace(&mut self.complaint, complaint.clone());
        Rescan {
            added: Vec::from_iter(complaint),
            cleared: Vec::from_iter(cleared),
            ..Rescan::default()
        }
    }
}

fn subscribe(folder: &Path, hints: Sender<Message>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, is_hint) {
            // Nobody listens any more once the watcher is dropped.
            let _ = hints.send(Message::Hint);
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Opening and reading files are events too, and would have every look cause the next.
fn is_hint(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
