use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bgp_rib::{Attributes, Change, Delivery, PeerId};
use bgp_wire::Family;
use ipnet::IpNet;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::config::{PeerConfig, Shutdown, SpeakerConfig};
use crate::listener;
use crate::neighbour::{Mail, Neighbour};
use crate::shared::{Peers, Shared};
use crate::status::{ListenerStatus, PeerStatus, Status, TableStatus};
use crate::supervisor;
use crate::upkeep;

/// How long a shutdown waits for NOTIFICATIONs to reach their peers.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(5);

/// Prefixes that go into the table at once: sessions wait for its lock meanwhile.
const CHUNK: usize = 4096;

/// A running BGP process: a handle that is cheap to clone. When the last one is dropped, listeners and sessions end as
/// with [`Shutdown::Silent`].
#[derive(Clone)]
pub struct Speaker {
    owner: Arc<Owner>,
}

/// Ends the tasks together with the last handle.
struct Owner {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Listeners, and the upkeep of the table.
    tasks: Mutex<JoinSet<()>>,
}

impl Owner {
    /// Gives the ports back.
    fn stop_listening(&self) {
        *self.tasks.lock().unwrap_or_else(PoisonError::into_inner) = JoinSet::new();
        self.shared
            .listeners()
            .iter_mut()
            .for_each(|slot| slot.socket = None);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop_listening();
        let mut peers = self.shared.peers();
        peers.closed = true;
        peers.by_address.clear();
        peers.tasks.abort_all();
    }
}

impl Speaker {
    /// Starts listening, without peers or routes. A port that is taken is no error: [`Speaker::status`] tells, and it is
    /// tried again until it is free.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled.
    #[must_use = "a speaker ends when its last handle is dropped"]
    pub fn start(config: SpeakerConfig) -> Self {
        let runtime = Handle::current();
        info!(asn = %config.asn, router_id = %config.router_id, "BGP speaker starts");
        let shared = Arc::new(Shared::new(config));
        let mut tasks = JoinSet::new();
        for index in 0..shared.config.listen.len() {
            tasks.spawn_on(listener::listen(Arc::clone(&shared), index), &runtime);
        }
        tasks.spawn_on(upkeep::run(Arc::clone(&shared)), &runtime);
        Self {
            owner: Arc::new(Owner {
                shared,
                runtime,
                tasks: Mutex::new(tasks),
            }),
        }
    }

    /// Adds a peer, or changes the one of this address. Equal configuration: nothing happens. Otherwise its session, and
    /// no other, ends and starts anew: in silence, so that a peer with graceful restart keeps the routes, or with
    /// Cease/Peer De-configured where it has another AS now.
    pub fn set_peer(&self, peer: PeerConfig) {
        let config = Arc::new(peer.canonical());
        let kind = self.shared().config.peer_kind(config.asn);
        let mut peers = self.shared().peers();
        if peers.closed {
            return;
        }
        let known = peers.by_address.get(&config.address).cloned();
        let neighbour = match known {
            Some(neighbour) => {
                let mut record = neighbour.record();
                if record.config == config {
                    return;
                }
                (record.config, record.kind) = (config, kind);
                record.refused_option = None;
                drop(record);
                neighbour
            }
            None => self.add_peer(&mut peers, Neighbour::new(config, kind)),
        };
        listener::key(&self.shared().listeners(), &neighbour);
        drop(peers);
        neighbour.send(Mail::Configured);
        self.shared().changed();
    }

    fn add_peer(&self, peers: &mut Peers, neighbour: Neighbour) -> Arc<Neighbour> {
        let neighbour = Arc::new(neighbour);
        let address = neighbour.address;
        let of_process = self.shared().config.restarting;
        let restarting = peers.restarting.get(&address).copied();
        let restarting = restarting.unwrap_or(of_process);
        peers.by_address.insert(address, Arc::clone(&neighbour));
        // Tasks of removed peers that have ended meanwhile.
        while peers.tasks.try_join_next().is_some() {}
        let task = supervisor::run(
            Arc::clone(self.shared()),
            Arc::clone(&neighbour),
            restarting,
        );
        peers.tasks.spawn_on(task, &self.owner.runtime);
        neighbour
    }

    /// Ends the session of a peer with Cease/Peer De-configured, and forgets it. Without such a peer nothing happens.
    pub fn remove_peer(&self, address: IpAddr) {
        self.remove_peer_with(address, Shutdown::PeerDeconfigured);
    }

    /// The same, ending the session in another way: with [`Shutdown::Silent`] a peer with graceful restart keeps the routes,
    /// and the Restart State bit is set if it is added again.
    pub fn remove_peer_with(&self, address: IpAddr, how: Shutdown) {
        let mut peers = self.shared().peers();
        let Some(neighbour) = peers.by_address.remove(&address.to_canonical()) else {
            return;
        };
        if how == Shutdown::Silent {
            peers.restarting.insert(neighbour.address, true);
        }
        let others = peers.by_address.values();
        listener::forget_key(&self.shared().listeners(), &neighbour, others);
        drop(peers);
        neighbour.send(Mail::Stop(how, "peer removed"));
        self.shared().changed();
    }

    /// Announces prefixes to every peer of their family, or changes their attributes. Those that are announced with equal
    /// attributes already cost nothing. The table is locked for some thousands of prefixes at a time and never while
    /// `prefixes` is asked for more, so peers hear of the first ones while others are still to come; End-of-RIB waits for all.
    pub fn announce(&self, prefixes: impl IntoIterator<Item = IpNet>, attributes: &Attributes) {
        self.announce_since(Instant::now(), prefixes, attributes);
    }

    /// The same for something that happened at `since`: from then on [`PeerStatus::latency`] counts.
    pub fn announce_since(
        &self,
        since: Instant,
        prefixes: impl IntoIterator<Item = IpNet>,
        attributes: &Attributes,
    ) {
        let mut prefixes = prefixes.into_iter();
        let mut incomplete = None;
        loop {
            let chunk: Vec<_> = prefixes.by_ref().take(CHUNK).collect();
            let is_last = chunk.len() < CHUNK;
            if !is_last && incomplete.is_none() {
                incomplete = Some(Incomplete::new(self));
            }
            let mut routes = self.shared().routes();
            let changed = routes.table.announce_all(chunk, attributes.clone()) > 0;
            if changed {
                routes.changes.note(since);
            }
            drop(routes);
            self.wake(changed);
            if is_last {
                return;
            }
        }
    }

    /// Withdraws prefixes from every peer that was told of them. Those that are not announced cost nothing. The table is
    /// locked as for [`Speaker::announce`].
    pub fn withdraw(&self, prefixes: impl IntoIterator<Item = IpNet>) {
        self.withdraw_since(Instant::now(), prefixes);
    }

    /// The same for something that happened at `since`: from then on [`PeerStatus::latency`] counts.
    pub fn withdraw_since(&self, since: Instant, prefixes: impl IntoIterator<Item = IpNet>) {
        let mut prefixes = prefixes.into_iter();
        loop {
            let chunk: Vec<_> = prefixes.by_ref().take(CHUNK).collect();
            let mut routes = self.shared().routes();
            let mut changed = false;
            for prefix in &chunk {
                changed |= routes.table.withdraw(prefix) != Change::Unchanged;
            }
            if changed {
                routes.changes.note(since);
            }
            drop(routes);
            self.wake(changed);
            if chunk.len() < CHUNK {
                return;
            }
        }
    }

    fn wake(&self, changed: bool) {
        if changed {
            self.shared().routes_changed.send_replace(());
            self.shared().upkeep.notify_one();
        }
    }

    /// While held, no peer gets End-of-RIB: the first routes are not complete yet, and a peer that helps in a graceful
    /// restart shall keep what it has (RFC 4724 section 4.1). Routes flow nevertheless.
    pub fn hold_end_of_rib(&self, hold: bool) {
        self.shared().routes().hold_end_of_rib(hold);
        self.wake(!hold);
    }

    /// Listeners and peers as they are now.
    pub fn status(&self) -> Status {
        let neighbours: Vec<_> = self.shared().peers().by_address.values().cloned().collect();
        let peers = neighbours
            .iter()
            .map(|neighbour| self.peer_status(neighbour))
            .collect();
        let listeners = self.shared().listeners();
        let listeners = listeners.iter().map(|slot| ListenerStatus {
            address: slot.address,
            local: slot
                .socket
                .as_ref()
                .and_then(|socket| socket.local_addr().ok()),
            error: slot.error.clone(),
        });
        let listeners = listeners.collect();
        let routes = self.shared().routes();
        let table = [Family::IPV4_UNICAST, Family::IPV6_UNICAST]
            .map(|family| TableStatus::new(family, &routes.table.statistics(family)));
        Status {
            listeners,
            peers,
            table: table.into(),
        }
    }

    fn peer_status(&self, neighbour: &Neighbour) -> PeerStatus {
        let mut status = PeerStatus::of(&neighbour.record());
        let cursors = neighbour.cursors();
        let routes = self.shared().routes();
        let progress: Vec<_> = cursors
            .iter()
            .filter_map(|(_, cursor)| routes.table.progress(*cursor))
            .collect();
        status.pending_changes = progress.iter().map(|p| u64::from(p.pending)).sum();
        status.end_of_rib_sent = !progress.is_empty() && progress.iter().all(|p| p.end_of_rib);
        status
    }

    /// A receiver that changes whenever a session or a listener changes its state; the number is of no meaning. For
    /// waiting without polling: look at [`Speaker::status`] after each change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared().generation.subscribe()
    }

    /// How far the last change of a prefix has come with a peer.
    pub fn delivery(&self, peer: IpAddr, prefix: &IpNet) -> Delivery {
        let mut one = self.deliveries(peer, std::slice::from_ref(prefix));
        one.pop().unwrap_or(Delivery::NotAdvertised)
    }

    /// The same of each of several prefixes, in their order: a good deal faster than one by one. Sessions go on meanwhile.
    pub fn deliveries(&self, peer: IpAddr, prefixes: &[IpNet]) -> Vec<Delivery> {
        let cursors = self.cursors(peer);
        let mut all = Vec::with_capacity(prefixes.len());
        for chunk in prefixes.chunks(CHUNK) {
            let routes = self.shared().routes();
            // One run of a family at a time.
            for run in chunk.chunk_by(|a, b| a.addr().is_ipv4() == b.addr().is_ipv4()) {
                let family = Family::unicast_of(&run[0]);
                match cursors.iter().find(|(of, _)| *of == family) {
                    Some((_, cursor)) => all.extend(routes.table.deliveries(*cursor, run)),
                    None => all.extend(run.iter().map(|_| Delivery::NotAdvertised)),
                }
            }
        }
        all
    }

    /// How many routes a peer was told of and not told to forget, of all families. Takes time that grows with the table,
    /// some nanoseconds for each route, in which sessions wait.
    pub fn sent(&self, peer: IpAddr) -> usize {
        let cursors = self.cursors(peer);
        let sent = |(_, cursor): &(_, PeerId)| self.shared().routes().table.sent(*cursor);
        cursors.iter().map(sent).sum()
    }

    /// Where the session with a peer stands in the table of each family; nowhere without a session.
    fn cursors(&self, peer: IpAddr) -> Vec<(Family, PeerId)> {
        let peers = self.shared().peers();
        let neighbour = peers.by_address.get(&peer.to_canonical()).cloned();
        drop(peers);
        neighbour.map(|it| it.cursors()).unwrap_or_default()
    }

    /// Ends every session in this way, stops listening, and waits until peers were told, for 5 seconds at most. Other
    /// handles do nothing from then on.
    pub async fn shutdown(self, how: Shutdown) {
        info!("BGP speaker stops: {how}");
        self.owner.stop_listening();
        let mut tasks = {
            let mut peers = self.shared().peers();
            peers.closed = true;
            for neighbour in std::mem::take(&mut peers.by_address).into_values() {
                neighbour.send(Mail::Stop(how.clone(), "process stops"));
            }
            std::mem::take(&mut peers.tasks)
        };
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_BOUND, all).await.is_err() {
            warn!("some peers did not take the end of their session in time");
        }
        self.shared().changed();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }
}

/// More prefixes of one call are to come: End-of-RIB waits until this is dropped.
struct Incomplete<'s> {
    speaker: &'s Speaker,
}

impl<'s> Incomplete<'s> {
    fn new(speaker: &'s Speaker) -> Self {
        speaker.shared().routes().begin_announcing();
        Self { speaker }
    }
}

impl Drop for Incomplete<'_> {
    fn drop(&mut self) {
        self.speaker.shared().routes().end_announcing();
        self.speaker.wake(true);
    }
}
