//! A session whose neighbour, driver and clock do as the octets say.

mod promises;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bgp_fsm::{
    AcceptError, CloseMode, Closed, Command, Confederation, ConnId, DialError, Endpoints,
    GracefulRestartConfig, Output, SendProgress, Session, SessionConfig, Shutdown, State,
};
use bgp_wire::{
    AddPathFamily, AddPathMode, Asn, Capability, Family, GracefulRestart, GracefulRestartFamily,
    KEEPALIVE, MAX_EXTENDED_MESSAGE, MessageType, Open, frame,
};
use bytes::BytesMut;

use crate::input::{Input, message};
use promises::Promises;

pub(crate) const OUR_ASN: Asn = Asn(64512);
pub(crate) const PEER_ASN: Asn = Asn(65001);

/// What an octet tells to do, modulo sixteen. `conn` is an octet that chooses among the live connections, `size` one that says
/// in pieces of how many octets data arrives.
pub(crate) mod op {
    pub(crate) const START: u8 = 0;
    /// Then how.
    pub(crate) const STOP: u8 = 1;
    /// Then which family.
    pub(crate) const REFRESH: u8 = 2;
    pub(crate) const END_OF_RIB_SENT: u8 = 3;
    pub(crate) const CONNECTED: u8 = 4;
    pub(crate) const DIAL_FAILED: u8 = 5;
    pub(crate) const ACCEPT: u8 = 6;
    /// Then units of two seconds.
    pub(crate) const PASS: u8 = 7;
    /// Time passes until something is due.
    pub(crate) const TIMER: u8 = 8;
    /// Then conn.
    pub(crate) const CLOSED: u8 = 9;
    /// Then conn, octets written, UPDATEs, octets left.
    pub(crate) const SENT: u8 = 10;
    /// Then conn, size, length, that many octets.
    pub(crate) const OCTETS: u8 = 11;
    /// Then conn, size, two octets of what is in it.
    pub(crate) const OPEN: u8 = 12;
    /// Then conn, size.
    pub(crate) const KEEPALIVE: u8 = 13;
    /// Then conn, size, type, length of body, that many octets.
    pub(crate) const MESSAGE: u8 = 14;
    /// Calls about connections that are gone.
    pub(crate) const STALE: u8 = 15;
}

/// Where every clock starts. Only differences count, so each run is the same.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Two octets of configuration, then what happens, as `op` in this module lists it.
///
/// The session keeps what [`bgp_fsm::Output`] and [`Session`] promise, and it makes no difference in which pieces data arrives.
pub fn session(data: &[u8]) {
    let pieces = World::new(data, true).run();
    let whole = World::new(data, false).run();
    assert_eq!(
        pieces, whole,
        "what the session does depends on how reads were cut"
    );
}

struct World<'a> {
    input: Input<'a>,
    session: Session,
    now: Instant,
    connections: Vec<(ConnId, BytesMut)>,
    gone: Vec<ConnId>,
    promises: Promises,
    outputs: Vec<Output>,
    /// Data arrives in pieces.
    pieces: bool,
}

impl<'a> World<'a> {
    fn new(data: &'a [u8], pieces: bool) -> Self {
        let mut input = Input::new(data);
        let config = Arc::new(config(input.array()));
        Self {
            input,
            session: Session::new(config.clone(), 7),
            now: *EPOCH,
            connections: Vec::new(),
            gone: Vec::new(),
            promises: Promises::new(config),
            outputs: Vec::new(),
            pieces,
        }
    }

    fn run(mut self) -> Vec<Output> {
        while !self.input.is_empty() {
            self.step();
        }
        self.stop(Shutdown::Silent);
        assert!(
            self.session.restarting(),
            "a silent stop is to be followed by a restart"
        );
        self.outputs
    }

    fn step(&mut self) {
        match self.input.octet() % 16 {
            op::START => self.command(Command::Start),
            op::STOP => {
                let how = shutdown(self.input.octet());
                self.stop(how);
            }
            op::REFRESH => {
                let family = if self.input.bool() {
                    Family::IPV6_UNICAST
                } else {
                    Family::IPV4_UNICAST
                };
                self.command(Command::Refresh(family));
            }
            op::END_OF_RIB_SENT => {
                self.command(Command::EndOfRibSent);
                assert!(!self.session.restarting());
            }
            op::CONNECTED => self.connected(),
            op::DIAL_FAILED => self.dial_failed(),
            op::ACCEPT => self.accept(),
            op::PASS => {
                let time = Duration::from_secs(2 * u64::from(self.input.octet()));
                self.pass(time);
            }
            op::TIMER => {
                let due = self
                    .session
                    .poll_timeout()
                    .map(|at| at.saturating_duration_since(self.now));
                self.pass(due.unwrap_or_default());
            }
            op::STALE => self.stale(),
            about_connection => self.on_connection(about_connection),
        }
    }

    fn on_connection(&mut self, op: u8) {
        let chosen = usize::from(self.input.octet());
        let Some((id, _)) = self.connections.get(chosen % self.connections.len().max(1)) else {
            return;
        };
        let id = *id;
        match op {
            op::CLOSED => {
                self.session.handle_closed(self.now, id, Closed::Reset);
                self.drain();
                assert!(
                    self.connections.iter().all(|(other, _)| *other != id),
                    "{id} is closed"
                );
            }
            op::SENT => {
                let [written, updates, unsent] = self.input.array().map(usize::from);
                self.session.handle_sent(
                    self.now,
                    id,
                    SendProgress {
                        written,
                        updates,
                        unsent,
                    },
                );
                self.drain();
            }
            data => {
                let size = 1 + usize::from(self.input.octet());
                let data = self.data(data);
                self.arrive(
                    id,
                    &data,
                    if self.pieces { size } else { data.len().max(1) },
                );
            }
        }
    }

    fn data(&mut self, op: u8) -> Vec<u8> {
        match op {
            op::OPEN => peer_open(self.input.array(), self.session.config()),
            op::KEEPALIVE => KEEPALIVE.to_vec(),
            op::MESSAGE => {
                let (kind, len) = (MessageType(self.input.octet() % 7), self.input.octet());
                message(kind, self.input.take(usize::from(len))).expect("short")
            }
            _ => {
                let len = self.input.octet();
                self.input.take(usize::from(len)).to_vec()
            }
        }
    }

    /// Data arrives in pieces of `size` octets, until the connection is closed.
    fn arrive(&mut self, id: ConnId, data: &[u8], size: usize) {
        for piece in data.chunks(size) {
            let Some((_, buf)) = self.connections.iter_mut().find(|(other, _)| *other == id) else {
                return;
            };
            buf.extend_from_slice(piece);
            self.session.handle_data(self.now, id, buf);
            let left = frame(buf, MAX_EXTENDED_MESSAGE);
            assert!(matches!(left, Ok(None)), "{left:?} was left in the buffer");
            self.drain();
        }
    }

    fn command(&mut self, command: Command) {
        self.session.handle_command(self.now, command);
        self.drain();
    }

    fn stop(&mut self, how: Shutdown) {
        self.command(Command::Stop(how));
        assert_eq!(self.session.state(), State::Idle);
        assert_eq!(
            self.session.poll_timeout(),
            None,
            "a stopped session waits for something"
        );
        assert!(self.connections.is_empty() && self.promises.dial.is_none());
        let accepted = self.session.handle_accepted(self.now, endpoints());
        assert_eq!(accepted, Err(AcceptError::Stopped));
    }

    fn connected(&mut self) {
        let Some(dial) = self.promises.dial.take() else {
            return;
        };
        self.promises.connected(dial, self.connections.len() < 2);
        self.connections.push((dial, BytesMut::new()));
        self.session.handle_connected(self.now, dial, endpoints());
        self.drain();
    }

    fn dial_failed(&mut self) {
        let Some(dial) = self.promises.dial.take() else {
            return;
        };
        self.promises.dial_failed(dial);
        self.session
            .handle_dial_failed(self.now, dial, DialError::Refused);
        self.drain();
    }

    fn accept(&mut self) {
        match self.session.handle_accepted(self.now, endpoints()) {
            Ok(id) => {
                assert!(self.connections.len() < 2, "a third connection");
                self.promises.connected(id, true);
                self.connections.push((id, BytesMut::new()));
            }
            Err(AcceptError::Busy) => assert_eq!(self.connections.len(), 2),
            Err(AcceptError::IdleHold { until }) => {
                assert_eq!(self.session.held_until(), Some(until));
            }
            Err(_) => assert_eq!(self.session.state(), State::Idle),
        }
        self.drain();
    }

    /// Time passes with every timer on time. Nothing arrives meanwhile, which no hold time survives.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let before = self.session.negotiated().map(|n| (n.conn, n.hold_time));
        let mut at_once = 0;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 16, "timers do not move on: {:?}", self.session);
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
        if let Some((conn, Some(hold))) = before
            && time >= hold
        {
            assert_ne!(
                self.promises.established,
                Some(conn),
                "silence of {time:?}, hold time {hold:?}"
            );
        }
    }

    /// RFC 4271 knows no events of connections that are gone.
    fn stale(&mut self) {
        let Some(id) = self.gone.last().copied() else {
            return;
        };
        let mut buf = BytesMut::from(&KEEPALIVE[..]);
        self.session.handle_data(self.now, id, &mut buf);
        assert!(buf.is_empty(), "data of a connection that is gone was kept");
        self.session.handle_closed(self.now, id, Closed::ByPeer);
        self.session.handle_sent(
            self.now,
            id,
            SendProgress {
                written: 1,
                updates: 1,
                unsent: 1,
            },
        );
        self.session
            .handle_dial_failed(self.now, id, DialError::TimedOut);
        assert_eq!(
            self.session.poll_output(),
            None,
            "about {id}, which is gone"
        );
        self.session.handle_connected(self.now, id, endpoints());
        assert_eq!(
            self.session.poll_output(),
            Some(Output::Close(id, CloseMode::Now))
        );
        assert_eq!(self.session.poll_output(), None);
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.promises.check(&output, &self.session);
            match &output {
                Output::Close(id, _) => {
                    self.connections.retain(|(other, _)| other != id);
                    self.gone.push(*id);
                }
                Output::CancelDial(id) => self.gone.push(*id),
                _ => {}
            }
            self.outputs.push(output);
        }
        self.promises.at_rest(&self.session);
    }
}

fn endpoints() -> Endpoints {
    Endpoints {
        local: SocketAddr::from(([192, 0, 2, 1], 179)),
        remote: SocketAddr::from(([192, 0, 2, 2], 33179)),
    }
}

fn shutdown(how: u8) -> Shutdown {
    let text = "ÿ".repeat(usize::from(how));
    match how % 6 {
        0 => Shutdown::Silent,
        1 => Shutdown::Administrative { text },
        2 => Shutdown::PeerDeconfigured,
        3 => Shutdown::Reset { text },
        4 => Shutdown::OtherConfigurationChange,
        _ => Shutdown::OutOfResources,
    }
}

/// A configuration; every bit changes something.
fn config([first, second]: [u8; 2]) -> SessionConfig {
    let set = |octet: u8, bit: u8| octet & (1 << bit) != 0;
    let secs = Duration::from_secs;
    let peer = if set(first, 2) { OUR_ASN } else { PEER_ASN };
    let mut config = SessionConfig::new(OUR_ASN, [10, 0, 0, 2].into(), peer);
    config.passive = set(first, 0);
    config.delay_open = set(first, 1).then_some(secs(5));
    config.confederation = set(first, 3).then(|| Confederation {
        identifier: Asn(4_200_000_000),
        members: if set(second, 3) {
            vec![PEER_ASN]
        } else {
            Vec::new()
        },
    });
    config.graceful_restart = (!set(first, 4)).then_some(GracefulRestartConfig {
        time: 120,
        notification: set(first, 7),
    });
    config.restarting = set(first, 5);
    config.extended_messages = !set(first, 6);
    config.hold_time = [90, 0, 3, 180][usize::from(second & 3)];
    config.keepalive = set(second, 2).then_some(1);
    config.idle_hold = set(second, 3).then_some(5);
    if set(second, 4) {
        config.families.push(Family::IPV6_UNICAST);
    }
    config.send_hold_time = set(second, 5).then_some(secs(10));
    if set(second, 6) {
        let value = vec![second; 255].into();
        config.extra_capabilities = vec![Capability::Unknown { code: 200, value }; 20];
    }
    config.open_timeout = set(second, 7).then_some(secs(3));
    config
}

/// The neighbour's OPEN: as configured if both octets are zero, else more or less.
fn peer_open([first, second]: [u8; 2], config: &SessionConfig) -> Vec<u8> {
    let set = |octet: u8, bit: u8| octet & (1 << bit) != 0;
    let asn = if set(first, 0) {
        Asn(65099)
    } else {
        config.peer_asn
    };
    let hold = [90, 0, 3, 10][usize::from((first >> 1) & 3)];
    let id =
        [[10, 0, 0, 3], [10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 4]][usize::from((first >> 3) & 3)];
    let mut open = Open::new(asn, hold, id.into());
    let v4 = Family::IPV4_UNICAST;
    let mut offer = |wanted: bool, capability| {
        if wanted {
            open.capabilities.push(capability);
        }
    };
    offer(!set(first, 5), Capability::MultiProtocol(v4));
    offer(
        set(first, 6),
        Capability::MultiProtocol(Family::IPV6_UNICAST),
    );
    offer(!set(first, 7), Capability::RouteRefresh);
    offer(!set(second, 0), Capability::EnhancedRouteRefresh);
    offer(set(second, 1), Capability::ExtendedMessage);
    let families = vec![GracefulRestartFamily {
        family: v4,
        forwarding: set(second, 2),
    }];
    let restart = GracefulRestart {
        restarting: set(second, 3),
        notification: set(second, 4),
        time: u16::from(second),
        families,
    };
    offer(!set(second, 5), Capability::GracefulRestart(restart));
    let add_path = vec![AddPathFamily {
        family: v4,
        mode: AddPathMode::Both,
    }];
    offer(set(second, 6), Capability::AddPath(add_path));
    if set(second, 7) {
        open.capabilities
            .retain(|c| !matches!(c, Capability::FourOctetAsn(_)));
    }
    let mut out = Vec::new();
    open.encode(&mut out).expect("a few capabilities");
    out
}
