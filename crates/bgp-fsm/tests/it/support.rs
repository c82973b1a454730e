//! A session on a bench: events in by hand, outputs read back as short lines.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp_fsm::{
    AcceptError, CloseMode, Closed, Command, ConnId, DownReason, Endpoints, Output, SendProgress,
    Session, SessionConfig, State,
};
use bgp_wire::{
    Asn, Capability, ErrorCode, Family, GracefulRestart, KEEPALIVE, MAX_EXTENDED_MESSAGE,
    MessageType, Notification, Open, frame,
};
use bytes::{Bytes, BytesMut};

pub(crate) const OUR_ASN: Asn = Asn(64512);
pub(crate) const PEER_ASN: Asn = Asn(65001);
/// Lower than [`HIGH_ID`]: the peer's connections win collisions.
pub(crate) const OUR_ID: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const LOW_ID: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const HIGH_ID: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

/// Where every virtual clock starts.
#[allow(
    clippy::disallowed_methods,
    reason = "there is no other way to get a first Instant"
)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

pub(crate) fn config() -> SessionConfig {
    SessionConfig::new(OUR_ASN, OUR_ID, PEER_ASN)
}

pub(crate) fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// The OPEN of a peer that fits [`config`], with graceful restart.
pub(crate) fn peer_open() -> Open {
    let mut open = Open::new(PEER_ASN, 90, HIGH_ID);
    open.capabilities.extend([
        Capability::MultiProtocol(Family::IPV4_UNICAST),
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::GracefulRestart(GracefulRestart {
            time: 120,
            families: vec![bgp_wire::GracefulRestartFamily {
                family: Family::IPV4_UNICAST,
                forwarding: true,
            }],
            ..GracefulRestart::default()
        }),
    ]);
    open
}

/// The same without graceful restart.
pub(crate) fn peer_open_without_gr() -> Open {
    let mut open = peer_open();
    open.capabilities
        .retain(|c| !matches!(c, Capability::GracefulRestart(_)));
    open
}

pub(crate) fn encode_open(open: &Open) -> Vec<u8> {
    let mut out = Vec::new();
    open.encode(&mut out).expect("an OPEN of a test fits");
    out
}

pub(crate) fn encode_notification(notification: &Notification) -> Vec<u8> {
    let mut out = Vec::new();
    notification
        .encode(&mut out)
        .expect("a NOTIFICATION of a test fits");
    out
}

/// A message with a body as given.
pub(crate) fn message(kind: MessageType, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend(
        u16::try_from(19 + body.len())
            .expect("a message of a test fits")
            .to_be_bytes(),
    );
    out.push(kind.0);
    out.extend(body);
    out
}

/// An UPDATE with nothing in it: End-of-RIB of IPv4 unicast.
pub(crate) fn end_of_rib() -> Vec<u8> {
    message(MessageType::UPDATE, &[0, 0, 0, 0])
}

/// One session and the time that it believes in.
pub(crate) struct Bench {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    /// What the peer sends as its OPEN.
    pub(crate) peer: Open,
    /// Whatever was polled, since the last [`Bench::lines`].
    pub(crate) outputs: Vec<Output>,
    /// Every Down so far.
    pub(crate) downs: Vec<DownReason>,
    dialling: Option<ConnId>,
    connections: Vec<ConnId>,
    last: Option<ConnId>,
    first: Option<ConnId>,
}

impl Bench {
    /// Stopped.
    pub(crate) fn new(config: SessionConfig) -> Self {
        Self {
            session: Session::new(Arc::new(config), 7),
            now: epoch(),
            peer: peer_open(),
            outputs: Vec::new(),
            downs: Vec::new(),
            dialling: None,
            connections: Vec::new(),
            last: None,
            first: None,
        }
    }

    /// Brought to a state over connection #1, which is outgoing; its outputs are gone.
    pub(crate) fn in_state(config: SessionConfig, state: State) -> Self {
        let mut bench = Self::new(config);
        bench.bring_to(state);
        bench
    }

    pub(crate) fn bring_to(&mut self, state: State) {
        if state == State::Idle {
            return;
        }
        self.command(Command::Start);
        match state {
            State::Active => self.dial_fails(),
            State::Connect => {}
            _ => {
                let conn = self.connected();
                if state >= State::OpenConfirm {
                    self.open(conn);
                }
                if state >= State::Established {
                    self.keepalive(conn);
                }
            }
        }
        assert_eq!(self.session.state(), state);
        self.lines();
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.session.handle_command(self.now, command);
        self.poll();
    }

    /// The dial in progress leads to a connection.
    pub(crate) fn connected(&mut self) -> ConnId {
        let conn = self.dialling.take().expect("the session dials");
        self.connections.push(conn);
        self.session.handle_connected(self.now, conn, endpoints());
        self.poll();
        conn
    }

    /// The dial in progress is refused.
    pub(crate) fn dial_fails(&mut self) {
        let conn = self.dialling.take().expect("the session dials");
        self.session
            .handle_dial_failed(self.now, conn, bgp_fsm::DialError::Refused);
        self.poll();
    }

    pub(crate) fn accept(&mut self) -> ConnId {
        self.try_accept().expect("the session takes the connection")
    }

    pub(crate) fn try_accept(&mut self) -> Result<ConnId, AcceptError> {
        let result = self.session.handle_accepted(self.now, endpoints());
        self.connections.extend(result);
        self.poll();
        result
    }

    pub(crate) fn open(&mut self, conn: ConnId) {
        let open = encode_open(&self.peer);
        self.data(conn, &open);
    }

    pub(crate) fn keepalive(&mut self, conn: ConnId) {
        self.data(conn, &KEEPALIVE);
    }

    pub(crate) fn notification(&mut self, conn: ConnId, error: ErrorCode) {
        self.data(conn, &encode_notification(&Notification::new(error)));
    }

    pub(crate) fn closed(&mut self, conn: ConnId, why: Closed) {
        self.session.handle_closed(self.now, conn, why);
        self.poll();
    }

    /// Every connection there ever was.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnId> {
        self.connections.iter().copied()
    }

    pub(crate) fn is_dialling(&self) -> bool {
        self.dialling.is_some()
    }

    /// The first connection that was dialled.
    pub(crate) fn first(&self) -> ConnId {
        self.first.expect("the session has dialled")
    }

    /// The latest connection that was dialled.
    pub(crate) fn last_dialled(&self) -> ConnId {
        self.last.expect("the session has dialled")
    }

    pub(crate) fn data(&mut self, conn: ConnId, data: &[u8]) {
        self.buffered(conn, &mut BytesMut::from(data));
    }

    /// As [`Bench::data`], with a buffer that outlives the call.
    pub(crate) fn buffered(&mut self, conn: ConnId, buf: &mut BytesMut) {
        self.session.handle_data(self.now, conn, buf);
        self.poll();
    }

    /// The transport took something of the first connection's queue.
    pub(crate) fn sent(&mut self, progress: SendProgress) {
        self.session.handle_sent(self.now, self.first(), progress);
        self.poll();
    }

    /// Lets time pass, with every timer on time.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            self.poll();
        }
        self.now = end;
    }

    /// The time until the next timer, or panics.
    pub(crate) fn timeout(&self) -> Duration {
        self.session.poll_timeout().expect("a timer runs") - self.now
    }

    /// What was put out since the last call, one short line each.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outputs).iter().map(line).collect()
    }

    /// The last OPEN that was put out.
    pub(crate) fn sent_open(&self) -> Open {
        let messages = self.outputs.iter().rev().filter_map(sent);
        let mut opens = messages.filter_map(|m| Open::decode(m).ok());
        opens.next().expect("an OPEN was sent")
    }

    /// The last NOTIFICATION that was put out.
    pub(crate) fn sent_notification(&self) -> Option<Notification> {
        let messages = self.outputs.iter().rev().filter_map(sent);
        messages.filter_map(|m| Notification::decode(m).ok()).next()
    }

    fn poll(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match &output {
                Output::Down { reason, .. } => self.downs.push(reason.clone()),
                Output::Dial(conn) => {
                    self.dialling = Some(*conn);
                    self.last = Some(*conn);
                    self.first.get_or_insert(*conn);
                }
                _ => {}
            }
            self.outputs.push(output);
        }
    }
}

fn sent(output: &Output) -> Option<&Bytes> {
    match output {
        Output::Send(_, message) => Some(message),
        _ => None,
    }
}

/// An output as one line: `dial #1`, `OPEN on #1`, `6/7 on #1`, `close #1`, `down #1`.
fn line(output: &Output) -> String {
    match output {
        Output::Dial(conn) => format!("dial {conn}"),
        Output::CancelDial(conn) => format!("cancel {conn}"),
        Output::Send(conn, message) => format!("{} on {conn}", message_name(message)),
        Output::Close(conn, CloseMode::Flush) => format!("close {conn}"),
        Output::Close(conn, CloseMode::Now) => format!("drop {conn}"),
        Output::Established(conn) => format!("up {conn}"),
        Output::Update(conn, _) => format!("update {conn}"),
        Output::Refresh(conn, _) => format!("refresh {conn}"),
        Output::Down { conn, .. } => format!("down {conn}"),
        other => format!("{other:?}"),
    }
}

fn message_name(message: &[u8]) -> String {
    let frame = frame(message, MAX_EXTENDED_MESSAGE)
        .expect("sessions send valid headers")
        .expect("sessions send whole messages");
    assert_eq!(
        frame.message().len(),
        message.len(),
        "one message at a time"
    );
    match frame.kind() {
        MessageType::NOTIFICATION => format!("{}/{}", message[19], message[20]),
        kind => kind.to_string(),
    }
}

pub(crate) fn endpoints() -> Endpoints {
    Endpoints {
        local: SocketAddr::from(([192, 0, 2, 1], 179)),
        remote: SocketAddr::from(([192, 0, 2, 2], 33179)),
    }
}
