//! Speakers on the network: a driver for sessions as a real one would be, plus what must hold at
//! every step.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp_fsm::{
    CloseMode, Closed, Command, ConnId, DialError, Negotiated, Output, SendProgress, Session,
    SessionConfig, Shutdown, State,
};
use bgp_wire::{HEADER_LEN, KEEPALIVE, MessageType};
use bytes::{Bytes, BytesMut};

use super::net::{Arrival, Net, Side, Weather};
use crate::support::endpoints;

/// What runs on top of the sessions: here a stream of numbers, a route table elsewhere.
pub(crate) trait Application {
    /// A session is up; everything starts anew.
    fn established(&mut self, end: usize, negotiated: &Negotiated);
    /// It is gone.
    fn down(&mut self, end: usize);
    /// The neighbour sent an UPDATE.
    fn update(&mut self, end: usize, message: &Bytes);
    /// The next UPDATE to send, once the one before is on its way.
    fn pull(&mut self, end: usize) -> Option<Bytes>;
    /// Whether End-of-RIB is among what was pulled so far.
    fn end_of_rib_sent(&self, end: usize) -> bool;
}

pub(crate) struct World<A> {
    pub(crate) net: Net,
    pub(crate) ends: Vec<End>,
    pub(crate) app: A,
    /// Everything that came out of sessions, for reading after a failure.
    pub(crate) log: Vec<String>,
    began: Instant,
}

/// One side of a neighbourship.
pub(crate) struct End {
    pub(crate) session: Session,
    /// The other side.
    peer: usize,
    sockets: BTreeMap<ConnId, Socket>,
    /// The process does not run until then.
    asleep: Option<Instant>,
}

struct Socket {
    pipe: usize,
    side: Side,
    connected: bool,
    received: BytesMut,
    /// Messages, session messages before UPDATEs.
    queue: VecDeque<Queued>,
    /// Octets of the first message that are out.
    offset: usize,
    established: bool,
    /// A NOTIFICATION was queued, or the session closes: no UPDATE follows.
    ending: bool,
}

struct Queued {
    message: Bytes,
    update: bool,
}

impl<A: Application> World<A> {
    pub(crate) fn new(now: Instant, rng: fastrand::Rng, weather: Weather, app: A) -> Self {
        Self {
            net: Net::new(now, rng, weather),
            ends: Vec::new(),
            app,
            log: Vec::new(),
            began: now,
        }
    }

    /// Two speakers as each other's neighbours. Returns their ends.
    pub(crate) fn add_pair(&mut self, configs: [SessionConfig; 2]) -> [usize; 2] {
        let first = self.ends.len();
        for (side, config) in configs.into_iter().enumerate() {
            let session = Session::new(Arc::new(config), self.net.rng.u64(..));
            let peer = first + 1 - side;
            self.ends.push(End {
                session,
                peer,
                sockets: BTreeMap::new(),
                asleep: None,
            });
        }
        [first, first + 1]
    }

    pub(crate) fn command(&mut self, end: usize, command: Command) {
        self.ends[end].session.handle_command(self.net.now, command);
        self.drain(end);
    }

    /// The process does not get to run for a while.
    pub(crate) fn suspend(&mut self, end: usize, time: Duration) {
        self.ends[end].asleep = Some(self.net.now + time);
    }

    /// The process is killed and started again; with `silently` its host too.
    pub(crate) fn restart(&mut self, end: usize, silently: bool) {
        self.net.crash(end, silently);
        self.app.down(end);
        let config = SessionConfig {
            restarting: true,
            ..(**self.ends[end].session.config()).clone()
        };
        self.replace(end, config);
    }

    /// A change of configuration: a silent stop and a new session.
    pub(crate) fn reconfigure(&mut self, end: usize, config: SessionConfig) {
        self.command(end, Command::Stop(Shutdown::Silent));
        assert_eq!(
            self.ends[end].session.poll_timeout(),
            None,
            "a stopped session has a timer"
        );
        let restarting = self.ends[end].session.restarting();
        self.replace(
            end,
            SessionConfig {
                restarting,
                ..config
            },
        );
    }

    fn replace(&mut self, end: usize, config: SessionConfig) {
        let seed = self.net.rng.u64(..);
        self.ends[end].sockets.clear();
        self.ends[end].session = Session::new(Arc::new(config), seed);
        self.command(end, Command::Start);
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Instant) {
        let mut steps = 0;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.net.now = self.net.now.max(at);
            self.step();
            steps += 1;
            assert!(steps < 1_000_000, "time does not pass");
        }
        self.net.now = end;
    }

    /// Whether both ends of a pair are Established, over the same connection, with none besides.
    pub(crate) fn settled(&self, [a, b]: [usize; 2]) -> bool {
        let only = |end: usize| {
            let mut sockets = self.ends[end].sockets.values();
            sockets
                .next()
                .filter(|s| s.established && sockets.next().is_none())
                .map(|s| s.pipe)
        };
        only(a).is_some_and(|pipe| only(b) == Some(pipe) && self.net.works(pipe))
            && [a, b]
                .iter()
                .all(|end| self.ends[*end].session.state() == State::Established)
    }

    fn next(&self) -> Option<Instant> {
        let timeouts = self.ends.iter().filter_map(End::timeout);
        timeouts.chain(self.net.next()).min()
    }

    /// What is due now. Arrivals first: sessions judge timers by what arrived.
    fn step(&mut self) {
        let asleep: Vec<_> = self.ends.iter().map(|end| end.asleep).collect();
        while let Some((end, pipe, side, arrival)) = self.net.arrival(|end| asleep[end]) {
            self.arrive(end, pipe, side, arrival);
        }
        let now = self.net.now;
        for end in 0..self.ends.len() {
            if self.ends[end].timeout().is_some_and(|at| at <= now) {
                self.ends[end].asleep = None;
                self.ends[end].session.handle_timeout(now);
                self.drain(end);
            }
        }
    }

    fn arrive(&mut self, end: usize, pipe: usize, side: Side, arrival: Arrival) {
        let now = self.net.now;
        let End {
            session, sockets, ..
        } = &mut self.ends[end];
        if matches!(arrival, Arrival::Syn) {
            // As a kernel does it: connected first, refused by the process later.
            self.net.accept(pipe);
            match session.handle_accepted(now, endpoints()) {
                Ok(conn) => {
                    sockets.insert(conn, Socket::new(pipe, side, true));
                }
                Err(_) => self.net.close(pipe, side),
            }
            return self.drain(end);
        }
        let Some((conn, socket)) = sockets.iter_mut().find(|(_, s)| s.pipe == pipe) else {
            return;
        };
        let conn = *conn;
        match arrival {
            Arrival::Syn => {}
            Arrival::SynAck => {
                socket.connected = true;
                session.handle_connected(now, conn, endpoints());
            }
            Arrival::Data(data) => {
                socket.received.extend_from_slice(&data);
                session.handle_data(now, conn, &mut socket.received);
                assert!(
                    socket.received.len() <= 65535,
                    "a session keeps up with what arrives"
                );
            }
            Arrival::Writable => {}
            Arrival::Refused => {
                sockets.remove(&conn);
                session.handle_dial_failed(now, conn, DialError::Refused);
            }
            Arrival::Fin | Arrival::Reset => {
                let why = match (arrival, socket.connected) {
                    (Arrival::Fin, true) => Some(Closed::ByPeer),
                    (_, true) => Some(Closed::Reset),
                    (_, false) => None,
                };
                sockets.remove(&conn);
                self.net.close(pipe, side);
                match why {
                    Some(why) => session.handle_closed(now, conn, why),
                    None => session.handle_dial_failed(now, conn, DialError::Refused),
                }
            }
        }
        self.drain(end);
        self.write(end, conn);
    }

    fn drain(&mut self, end: usize) {
        while let Some(output) = self.ends[end].session.poll_output() {
            self.note(end, &output);
            self.obey(end, output);
        }
    }

    fn obey(&mut self, end: usize, output: Output) {
        let peer = self.ends[end].peer;
        let socket = |conn: &ConnId| self.ends[end].sockets.get(conn);
        match output {
            Output::Dial(conn) => {
                let pipe = self.net.dial(end, peer);
                self.ends[end]
                    .sockets
                    .insert(conn, Socket::new(pipe, 0, false));
            }
            Output::CancelDial(conn) => self.close(end, conn),
            Output::Send(conn, message) => {
                let known = socket(&conn).is_some_and(|s| !s.ending);
                assert!(known, "{message:?} after the end of {conn}");
                let socket = self.ends[end]
                    .sockets
                    .get_mut(&conn)
                    .expect("it was found above");
                socket.queue_session_message(message);
                self.write(end, conn);
            }
            Output::Close(conn, mode) => {
                if mode == CloseMode::Flush {
                    self.flush(end, conn);
                }
                self.close(end, conn);
            }
            Output::Established(conn) => {
                let others = self.ends[end].sockets.values().any(|s| s.established);
                assert!(!others, "two established connections");
                let socket = self.ends[end]
                    .sockets
                    .get_mut(&conn)
                    .expect("a live connection");
                socket.established = true;
                // None if the octets that brought it brought its end as well.
                if let Some(negotiated) = self.ends[end].session.negotiated() {
                    self.app.established(end, negotiated);
                    self.write(end, conn);
                }
            }
            Output::Update(conn, message) => {
                assert!(
                    socket(&conn).is_some_and(|s| s.established),
                    "an UPDATE too early"
                );
                self.app.update(end, &message);
            }
            Output::Down {
                was: State::Established,
                ..
            } => self.app.down(end),
            _ => {}
        }
    }

    /// Hands as much to the network as it takes, then tells the session.
    fn write(&mut self, end: usize, conn: ConnId) {
        let Some(socket) = self.ends[end]
            .sockets
            .get_mut(&conn)
            .filter(|s| s.connected)
        else {
            return;
        };
        let mut progress = SendProgress::default();
        loop {
            let idle = socket.queue.is_empty() && socket.established && !socket.ending;
            if let Some(message) = idle.then(|| self.app.pull(end)).flatten() {
                socket.queue.push_back(Queued {
                    message,
                    update: true,
                });
            }
            let Some(first) = socket.queue.front() else {
                break;
            };
            let rest = &first.message[socket.offset..];
            let taken = self.net.write(socket.pipe, socket.side, rest);
            progress.written += taken;
            if taken < rest.len() {
                socket.offset += taken;
                break;
            }
            progress.updates += usize::from(first.update);
            socket.offset = 0;
            socket.queue.pop_front();
        }
        progress.unsent =
            socket.queue.iter().map(|q| q.message.len()).sum::<usize>() - socket.offset;
        let established = socket.established;
        self.ends[end]
            .session
            .handle_sent(self.net.now, conn, progress);
        if established && self.app.end_of_rib_sent(end) {
            self.ends[end]
                .session
                .handle_command(self.net.now, Command::EndOfRibSent);
        }
    }

    /// The last words of a connection: what the network takes at once.
    fn flush(&mut self, end: usize, conn: ConnId) {
        let Some(socket) = self.ends[end].sockets.get_mut(&conn) else {
            return;
        };
        socket.ending = true;
        let mut first = socket.offset > 0;
        socket
            .queue
            .retain(|queued| std::mem::take(&mut first) || !queued.update);
        self.write(end, conn);
    }

    fn close(&mut self, end: usize, conn: ConnId) {
        if let Some(socket) = self.ends[end].sockets.remove(&conn) {
            self.net.close(socket.pipe, socket.side);
        }
    }

    fn note(&mut self, end: usize, output: &Output) {
        let what = match output {
            Output::Update(..) => return,
            Output::Send(_, message) if message[..] == KEEPALIVE => return,
            Output::Send(conn, message) => format!("send {conn} type {}", message[18]),
            other => format!("{other:?}"),
        };
        let (time, state) = (self.net.now - self.began, self.ends[end].session.state());
        self.log
            .push(format!("{time:>12.3?} end {end} {state}: {what}"));
    }
}

impl End {
    /// When this end has something to do by itself.
    fn timeout(&self) -> Option<Instant> {
        let at = self.session.poll_timeout()?;
        Some(self.asleep.map_or(at, |asleep| at.max(asleep)))
    }
}

impl Socket {
    fn new(pipe: usize, side: Side, connected: bool) -> Self {
        Self {
            pipe,
            side,
            connected,
            received: BytesMut::new(),
            queue: VecDeque::new(),
            offset: 0,
            established: false,
            ending: false,
        }
    }

    /// At a message boundary, before the UPDATEs that are not sent yet.
    fn queue_session_message(&mut self, message: Bytes) {
        self.ending |= message[HEADER_LEN - 1] == MessageType::NOTIFICATION.0;
        let started = usize::from(self.offset > 0);
        let updates = self.queue.iter().skip(started).position(|q| q.update);
        let at = updates.map_or(self.queue.len(), |at| at + started);
        self.queue.insert(
            at,
            Queued {
                message,
                update: false,
            },
        );
    }
}
