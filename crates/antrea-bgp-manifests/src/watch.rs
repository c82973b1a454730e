//! Live changes.
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::{Folder, Rescan};

/// How a [`Watcher`] watches.
#[derive(Clone, Copy, Debug)]
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
}

impl Default for WatchOptions {
    fn default() -> Self {
        WatchOptions {
            debounce: Duration::from_millis(75),
            max_delay: Duration::from_secs(1),
            poll: Duration::from_secs(30),
            poll_without_events: Duration::from_secs(2),
        }
    }
}

/// A thread that rescans a folder whenever something in it seems to have changed. Stops when
/// dropped.
#[must_use]
pub struct Watcher {}

impl Watcher {
    /// Starts watching. `sink` gets every rescan that found something, on the watcher's thread.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        _folder: Folder,
        _options: WatchOptions,
        _sink: impl FnMut(Rescan) + Send + 'static,
    ) -> io::Result<Watcher> {
        todo!()
    }

    /// Keeps the router ID of a node; the Node comes again through the sink, with the annotation.
    /// A failure comes as a diagnostic.
    pub fn write_router_id(&self, _node: &str, _id: Ipv4Addr) {
        todo!()
    }
}
