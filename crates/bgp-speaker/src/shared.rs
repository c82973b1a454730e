//! What all tasks of a speaker share.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bgp_rib::{PeerId, Table};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::SpeakerConfig;
use crate::latency::Changes;
use crate::listener::ListenerSlot;
use crate::neighbour::Neighbour;

/// Locks are taken in the order of the fields, and none is held over an await.
pub(crate) struct Shared {
    pub(crate) config: SpeakerConfig,
    peers: Mutex<Peers>,
    listeners: Mutex<Vec<ListenerSlot>>,
    routes: Mutex<Routes>,
    /// Wakes peers that have told everything. The value does not matter.
    pub(crate) routes_changed: watch::Sender<()>,
    /// Wakes the upkeep of the table.
    pub(crate) upkeep: Notify,
    /// Counts changes of sessions and listeners.
    pub(crate) generation: watch::Sender<u64>,
}

/// The configured peers and their tasks.
#[derive(Default)]
pub(crate) struct Peers {
    pub(crate) by_address: BTreeMap<IpAddr, Arc<Neighbour>>,
    /// The Restart State of peers that are removed and come back: false for one that End-of-RIB went to, true for one whose
    /// session closed in silence since then. For others, that of the process.
    pub(crate) restarting: HashMap<IpAddr, bool>,
    pub(crate) tasks: JoinSet<()>,
    /// Shut down; no peer comes any more.
    pub(crate) closed: bool,
}

/// The table, and who its peers are.
pub(crate) struct Routes {
    pub(crate) table: Table,
    pub(crate) joined: HashMap<PeerId, Arc<Neighbour>>,
    /// When the table changed.
    pub(crate) changes: Changes,
    /// The owner wants End-of-RIB to wait.
    held: bool,
    /// Calls that have announced a part of their prefixes: End-of-RIB waits for the rest.
    announcing: usize,
}

impl Routes {
    pub(crate) fn hold_end_of_rib(&mut self, hold: bool) {
        self.held = hold;
        self.tell_table();
    }

    pub(crate) fn begin_announcing(&mut self) {
        self.announcing += 1;
        self.tell_table();
    }

    pub(crate) fn end_announcing(&mut self) {
        self.announcing -= 1;
        self.tell_table();
    }

    fn tell_table(&mut self) {
        self.table.hold_end_of_rib(self.held || self.announcing > 0);
    }
}

impl Shared {
    pub(crate) fn new(config: SpeakerConfig) -> Self {
        let listeners = config
            .listen
            .iter()
            .copied()
            .map(ListenerSlot::new)
            .collect();
        Self {
            config,
            peers: Mutex::default(),
            listeners: Mutex::new(listeners),
            routes: Mutex::new(Routes {
                table: Table::new(),
                joined: HashMap::new(),
                changes: Changes::default(),
                held: false,
                announcing: 0,
            }),
            routes_changed: watch::Sender::new(()),
            upkeep: Notify::new(),
            generation: watch::Sender::new(0),
        }
    }

    pub(crate) fn peers(&self) -> MutexGuard<'_, Peers> {
        locked(&self.peers)
    }

    pub(crate) fn listeners(&self) -> MutexGuard<'_, Vec<ListenerSlot>> {
        locked(&self.listeners)
    }

    pub(crate) fn routes(&self) -> MutexGuard<'_, Routes> {
        locked(&self.routes)
    }

    /// Tells subscribers that a session or a listener changed.
    pub(crate) fn changed(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

/// A panic while a lock was held is a bug that was reported; the others go on.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
