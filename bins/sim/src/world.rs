//! Speakers, the network between them, and the passing of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::time::{Duration, Instant};

use bgp_fsm::{Closed, Command, DialError, Endpoints, Session, Shutdown};
use bgp_rib::TombstoneLimit;
use ipnet::IpNet;

use crate::Report;
use crate::end::{End, Socket};
use crate::net::{Arrival, Crash, Net, Side, Weather};
use crate::received::{Effect, Why};
use crate::speaker::Speaker;

pub(crate) struct World {
    pub(crate) net: Net,
    pub(crate) speakers: Vec<Speaker>,
    pub(crate) ends: Vec<End>,
    pub(crate) report: Report,
    /// Number of the last change of what anybody wants, or of anybody's sessions.
    pub(crate) changes: u64,
    /// At which change a side of a pipe became Established.
    pub(crate) established: BTreeMap<(usize, Side), u64>,
    /// Routes that were wanted at this change, and still are, are kept from here on wherever both
    /// sides have graceful restart.
    pub(crate) guard: Option<u64>,
    tasks: BinaryHeap<Reverse<(Instant, u64, Task)>>,
    scheduled: u64,
    log: Option<Vec<String>>,
    began: Instant,
}

/// What happens at a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// The process of a speaker starts.
    Boot(usize),
    /// More of the routes that were wanted at the start are announced, by the process with this
    /// generation.
    Announce(usize, u64),
    /// The slow timer of a process.
    Upkeep(usize, u64),
}

/// How often a process looks for laggards.
const UPKEEP: Duration = Duration::from_secs(20);
/// How many tombstones they may hold back.
const TOMBSTONES: TombstoneLimit = TombstoneLimit {
    floor: 5,
    percent: 10,
};

impl World {
    pub(crate) fn new(began: Instant, rng: fastrand::Rng, weather: Weather, logged: bool) -> Self {
        Self {
            net: Net::new(began, rng, weather),
            speakers: Vec::new(),
            ends: Vec::new(),
            report: Report::default(),
            changes: 0,
            established: BTreeMap::new(),
            guard: None,
            tasks: BinaryHeap::new(),
            scheduled: 0,
            log: logged.then(Vec::new),
            began,
        }
    }

    /// The time since the beginning.
    pub(crate) fn time(&self) -> Duration {
        self.net.now - self.began
    }

    pub(crate) fn schedule(&mut self, after: Duration, task: Task) {
        self.scheduled += 1;
        self.tasks
            .push(Reverse((self.net.now + after, self.scheduled, task)));
    }

    pub(crate) fn command(&mut self, end: usize, command: Command) {
        if let Some(session) = &mut self.ends[end].session {
            session.handle_command(self.net.now, command);
            self.drain(end);
            self.write_all(end);
        }
    }

    /// What a speaker is meant to announce changes, and it tells its neighbours.
    pub(crate) fn want(&mut self, speaker: usize, changes: &[(IpNet, Option<u32>)]) {
        for &(prefix, version) in changes {
            self.changes += 1;
            self.speakers[speaker].want(prefix, version, self.changes);
        }
        self.pump(speaker);
    }

    /// The process is killed. Its neighbours see what `how` leaves them to see.
    pub(crate) fn kill(&mut self, speaker: usize, how: Crash) {
        self.note(|| format!("speaker {speaker} killed: {how:?}"));
        self.report.kills += 1;
        self.speakers[speaker].process = None;
        self.speakers[speaker].asleep = None;
        self.speakers[speaker].silent = how == Crash::Silent;
        for end in self.speakers[speaker].ends.clone() {
            self.net.crash(end, how);
            let end = &mut self.ends[end];
            end.session = None;
            end.sockets.clear();
            end.established = None;
            end.restarting = true;
            end.received = Default::default();
        }
    }

    /// A change of configuration: a silent stop and a new session.
    pub(crate) fn reconfigure(&mut self, end: usize) {
        self.note(|| format!("end {end} has another configuration"));
        self.command(end, Command::Stop(Shutdown::Silent));
        self.ends[end].restarting = true;
        self.renew(end);
    }

    /// The neighbour is removed from a speaker's configuration.
    pub(crate) fn remove(&mut self, end: usize) {
        self.note(|| format!("end {end} is removed"));
        self.command(end, Command::Stop(Shutdown::PeerDeconfigured));
        let end = &mut self.ends[end];
        end.configured = false;
        end.session = None;
        end.sockets.clear();
        end.received = Default::default();
    }

    /// It is added again.
    pub(crate) fn add(&mut self, end: usize) {
        self.note(|| format!("end {end} is added"));
        self.ends[end].configured = true;
        self.renew(end);
    }

    fn renew(&mut self, end: usize) {
        if let Some(session) = &self.ends[end].session {
            assert_eq!(
                session.poll_timeout(),
                None,
                "a stopped session has a timer"
            );
            assert!(
                self.ends[end].sockets.is_empty(),
                "a stopped session has a connection"
            );
        }
        let runs = self.speakers[self.ends[end].speaker].process.is_some();
        if runs && self.ends[end].configured {
            let seed = self.net.rng.u64(..);
            self.ends[end].renew(seed);
            self.command(end, Command::Start);
        }
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Instant) {
        let (mut steps, mut at) = (0, self.net.now);
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.net.now = self.net.now.max(next);
            if self.net.now > at {
                (steps, at) = (0, self.net.now);
            }
            self.step();
            steps += 1;
            assert!(steps < 10_000, "time does not pass");
        }
        self.net.now = end;
    }

    fn next(&self) -> Option<Instant> {
        let task = self.tasks.peek().map(|Reverse((at, ..))| *at);
        let ends = self.ends.iter().filter_map(|end| self.timeout(end));
        ends.chain(task).chain(self.net.next()).min()
    }

    fn timeout(&self, end: &End) -> Option<Instant> {
        let asleep = self.speakers[end.speaker].asleep;
        let at = end.timeout()?;
        Some(asleep.map_or(at, |asleep| at.max(asleep)))
    }

    /// What is due now. Arrivals first: sessions judge timers by what arrived.
    fn step(&mut self) {
        let now = self.net.now;
        for speaker in &mut self.speakers {
            speaker.asleep = speaker.asleep.filter(|wakes| *wakes > now);
        }
        while let Some((end, pipe, side, arrival)) = self.next_arrival() {
            self.arrive(end, pipe, side, arrival);
        }
        for end in 0..self.ends.len() {
            if self
                .timeout(&self.ends[end])
                .is_some_and(|timeout| timeout <= now)
            {
                self.expire(end);
            }
        }
        while let Some(&Reverse((at, _, task))) = self.tasks.peek()
            && at <= now
        {
            self.tasks.pop();
            self.perform(task);
        }
    }

    fn next_arrival(&mut self) -> Option<(usize, usize, Side, Arrival)> {
        let Self {
            net,
            speakers,
            ends,
            ..
        } = self;
        net.arrival(|end| speakers[ends[end].speaker].asleep)
    }

    fn expire(&mut self, end: usize) {
        let now = self.net.now;
        let effects = self.ends[end].received.expire(now);
        self.believe(end, None, effects);
        if let Some(session) = &mut self.ends[end].session {
            session.handle_timeout(now);
            self.drain(end);
            self.write_all(end);
        }
        let timeout = self.ends[end].session.as_ref();
        let timeout = timeout.and_then(Session::poll_timeout);
        assert!(
            timeout.is_none_or(|at| at > now),
            "a timer that is due stays"
        );
    }

    fn perform(&mut self, task: Task) {
        let (Task::Boot(speaker) | Task::Announce(speaker, _) | Task::Upkeep(speaker, _)) = task;
        if let Some(wakes) = self.speakers[speaker].asleep {
            return self.schedule(wakes - self.net.now, task);
        }
        let runs = self.speakers[speaker]
            .process
            .as_ref()
            .map(|p| p.generation);
        match task {
            Task::Boot(_) if runs.is_none() => self.boot(speaker),
            Task::Announce(_, generation) if runs == Some(generation) => {
                let all = self.speakers[speaker].intent.len();
                let count = self.net.rng.usize(1..=all.max(1));
                if !self.speakers[speaker].announce_backlog(count) {
                    let pause = Duration::from_millis(self.net.rng.u64(..2000));
                    self.schedule(pause, task);
                }
                self.pump(speaker);
            }
            Task::Upkeep(_, generation) if runs == Some(generation) => {
                self.upkeep(speaker);
                self.schedule(UPKEEP, task);
            }
            _ => {}
        }
    }

    fn boot(&mut self, speaker: usize) {
        self.note(|| format!("speaker {speaker} starts"));
        self.scheduled += 1;
        let generation = self.scheduled;
        let budget = *self
            .net
            .rng
            .choice(&[100, 4096, 20_000, 65_536])
            .expect("there are some");
        self.speakers[speaker].boot(generation, budget);
        for end in self.speakers[speaker].ends.clone() {
            self.renew(end);
        }
        let pause = Duration::from_millis(self.net.rng.u64(..2000));
        self.schedule(pause, Task::Announce(speaker, generation));
        self.schedule(UPKEEP, Task::Upkeep(speaker, generation));
    }

    fn upkeep(&mut self, speaker: usize) {
        let Some(process) = &mut self.speakers[speaker].process else {
            return;
        };
        process.table.sweep();
        let laggards = process.table.laggards(TOMBSTONES);
        for end in self.speakers[speaker].ends.clone() {
            let established = self.ends[end].established.as_ref();
            let mut cursors = established.iter().flat_map(|it| &it.cursors);
            if cursors.any(|cursor| laggards.contains(&cursor.peer)) {
                self.note(|| format!("end {end} lags behind"));
                self.report.laggards += 1;
                self.command(end, Command::Stop(Shutdown::OutOfResources));
                self.command(end, Command::Start);
            }
        }
    }

    fn arrive(&mut self, end: usize, pipe: usize, side: Side, arrival: Arrival) {
        if matches!(arrival, Arrival::Syn) {
            return self.accept(end, pipe, side);
        }
        let now = self.net.now;
        let endpoints = self.endpoints(end);
        let End {
            session, sockets, ..
        } = &mut self.ends[end];
        let Some(session) = session else { return };
        let Some((&conn, socket)) = sockets.iter_mut().find(|(_, s)| s.pipe == pipe) else {
            return;
        };
        match arrival {
            Arrival::Syn | Arrival::Writable => {}
            Arrival::SynAck => {
                socket.connected = true;
                session.handle_connected(now, conn, endpoints);
            }
            Arrival::Data(data) => {
                socket.received.extend_from_slice(&data);
                session.handle_data(now, conn, &mut socket.received);
                let left = socket.received.len();
                assert!(left <= 65535, "a session keeps up with what arrives");
            }
            Arrival::Refused => {
                sockets.remove(&conn);
                session.handle_dial_failed(now, conn, DialError::Refused);
            }
            Arrival::Fin | Arrival::Reset => {
                let connected = socket.connected;
                sockets.remove(&conn);
                self.net.close(pipe, side);
                match (connected, arrival) {
                    (false, _) => session.handle_dial_failed(now, conn, DialError::Refused),
                    (_, Arrival::Fin) => session.handle_closed(now, conn, Closed::ByPeer),
                    _ => session.handle_closed(now, conn, Closed::Reset),
                }
            }
        }
        self.drain(end);
        self.write(end, conn);
        self.write_all(end);
    }

    /// Somebody dialled. As a kernel does it: connected first, refused by the process later.
    fn accept(&mut self, end: usize, pipe: usize, side: Side) {
        let (now, endpoints) = (self.net.now, self.endpoints(end));
        let Some(session) = &mut self.ends[end].session else {
            if !self.speakers[self.ends[end].speaker].silent {
                self.net.close(pipe, side);
            }
            return;
        };
        self.net.accept(pipe);
        match session.handle_accepted(now, endpoints) {
            Ok(conn) => {
                let socket = Socket::new(pipe, side, true);
                self.ends[end].sockets.insert(conn, socket);
            }
            Err(_) => self.net.close(pipe, side),
        }
        self.drain(end);
        self.write_all(end);
    }

    fn endpoints(&self, end: usize) -> Endpoints {
        let ipv6 = self.ends[end].ipv6;
        let address = |end: usize| self.speakers[self.ends[end].speaker].address(ipv6);
        Endpoints {
            local: address(end),
            remote: address(self.ends[end].peer),
        }
    }

    /// Checks what a receiver makes of what it was told, or of not being told.
    pub(crate) fn believe(&mut self, end: usize, pipe: Option<usize>, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let peer = self.ends[end].peer;
        // When the session began that these words belong to, as the speaker of them sees it.
        let began = pipe.and_then(|pipe| {
            let side = self.net.side(pipe, peer);
            self.established.get(&(pipe, side)).copied()
        });
        let guard = self
            .guard
            .filter(|_| self.both_restart_gracefully(end, peer));
        let intent = &self.speakers[self.ends[peer].speaker].intent;
        for effect in effects {
            match effect {
                Effect::Announced(prefix, route) => {
                    self.report.announced += 1;
                    let fate = intent.get(&prefix).expect("nobody ever wanted this route");
                    let since = began.expect("a session that announces is established");
                    assert!(
                        fate.since > since || fate.version == Some(route.version),
                        "{prefix} came to end {end} as {route:?}, wanted is {fate:?}, the session began at {since}"
                    );
                }
                Effect::Removed(prefix, why) => {
                    self.report.removed(why);
                    let Some(fate) = intent.get(&prefix).filter(|fate| fate.version.is_some())
                    else {
                        continue;
                    };
                    let told = matches!(why, Why::Withdrawn | Why::EndOfRib | Why::EndOfRefresh);
                    let wanted_before = |since: Option<u64>| since.is_some_and(|s| fate.since <= s);
                    let fits = fate.version < Some(crate::speaker::OVERSIZED);
                    let kept = wanted_before(guard) && why != Why::Ours;
                    let wrong = fits && (kept || (told && wanted_before(began)));
                    assert!(
                        !wrong,
                        "{prefix} is lost at end {end} by {why:?}; wanted is {fate:?}"
                    );
                }
            }
        }
    }

    fn both_restart_gracefully(&self, a: usize, b: usize) -> bool {
        [a, b]
            .iter()
            .all(|end| self.ends[*end].config.graceful_restart.is_some())
    }

    /// Adds a line to the log, if there is one.
    pub(crate) fn note<D: fmt::Display>(&mut self, line: impl FnOnce() -> D) {
        let time = self.time();
        if let Some(log) = &mut self.log {
            log.push(format!("{time:>12.3?} {}", line()));
        }
    }

    /// The log so far, oldest first; empty unless it was asked for.
    pub(crate) fn log(&self) -> &[String] {
        self.log.as_deref().unwrap_or_default()
    }
}
