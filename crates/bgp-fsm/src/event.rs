//! What goes into a session and what comes out of it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bgp_wire::{Family, Notification, OpenError, RouteRefresh};
use bytes::Bytes;

/// One connection, or one attempt at it. Issued by a session, unique within it, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(crate) u64);

/// The two ends of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// Our address and port.
    pub local: SocketAddr,
    /// The neighbour's address and port.
    pub remote: SocketAddr,
}

/// The states of RFC 4271 section 8.2.2, in the order of their progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Stopped, or held after a reset.
    Idle,
    /// Waiting for TCP to connect.
    Connect,
    /// Waiting for the neighbour to connect, or for the next attempt.
    Active,
    /// OPEN sent, waiting for the neighbour's.
    OpenSent,
    /// OPENs exchanged, waiting for a KEEPALIVE.
    OpenConfirm,
    /// UPDATEs flow.
    Established,
}

/// What whoever owns the session asks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Leave Idle (Events 1 and 3 to 7). Ignored if already started.
    Start,
    /// Close every connection and stay Idle until the next start (Events 2 and 8).
    Stop(Shutdown),
    /// Ask the neighbour for its routes of a family again (RFC 2918). Ignored unless Established
    /// with a neighbour that offered it.
    Refresh(Family),
    /// End-of-RIB went out for every family of the session: the restart is over, later OPENs have
    /// the Restart State bit clear (RFC 4724).
    EndOfRibSent,
    /// The NOTIFICATION with which an Established connection was to [`Close`](Output::Close) could
    /// not be sent: the neighbour sees a silent close, and later OPENs have the Restart State bit
    /// set.
    FarewellLost,
}

/// How a session ends when we end it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shutdown {
    /// TCP closes without a NOTIFICATION: neighbours with graceful restart keep our routes. The
    /// next OPEN has the Restart State bit set.
    Silent,
    /// Cease/Administrative Shutdown (6/2) with a text for the neighbour's operator (RFC 9003;
    /// cut to 255 octets at a character boundary, empty for none). Withdraws.
    Administrative {
        /// What the neighbour's operator gets to read.
        text: String,
    },
    /// Cease/Peer De-configured (6/3). Withdraws.
    PeerDeconfigured,
    /// Cease/Administrative Reset (6/4) with a text as above. Does not mean to withdraw: with the
    /// N bit on both sides the neighbour keeps our routes.
    Reset {
        /// What the neighbour's operator gets to read.
        text: String,
    },
    /// Cease/Other Configuration Change (6/6). Withdraws.
    OtherConfigurationChange,
    /// Cease/Out of Resources (6/8). Does not mean to withdraw.
    OutOfResources,
}

/// Why a dial did not lead to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DialError {
    /// The neighbour's host answered with a reset: nothing listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way to the neighbour.
    Unreachable,
    /// Our own side failed, e.g. a socket option or a lack of ports.
    Local(io::ErrorKind),
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// The neighbour closed its side (TCP FIN).
    ByPeer,
    /// The neighbour reset the connection (TCP RST).
    Reset,
    /// Reading or writing failed.
    Failed(io::ErrorKind),
}

/// Why an accepted connection is not taken. Close it; nothing was or will be sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptError {
    /// The session is stopped.
    Stopped,
    /// The session is held Idle after a reset.
    IdleHold {
        /// When it will take connections again.
        until: Instant,
    },
    /// Two connections are live already.
    Busy,
}

/// What the transport took, for the KeepaliveTimer and the SendHoldTimer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendProgress {
    /// Octets that the transport took since the last report.
    pub written: usize,
    /// Whole UPDATE messages of the driver among them; they stand in for KEEPALIVEs (RFC 4271
    /// section 4.4).
    pub updates: usize,
    /// Octets that are still queued. At zero the SendHoldTimer stops.
    pub unsent: usize,
}

/// What a session wants done. Drain with [`poll_output`](crate::Session::poll_output), in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Open a TCP connection to the neighbour; answer with `handle_connected` or
    /// `handle_dial_failed` and this id.
    Dial(ConnId),
    /// Give a dial up. No answer is needed; a late `handle_connected` is answered with `Close`.
    CancelDial(ConnId),
    /// Queue a whole session message, at a message boundary and before unsent UPDATEs. A
    /// `handle_sent` is due when the transport takes it.
    Send(ConnId, Bytes),
    /// Close. The last output for this connection apart from `Down`.
    Close(ConnId, CloseMode),
    /// The connection is Established; [`negotiated`](crate::Session::negotiated) is set, unless the
    /// same octets brought the end already and a `Down` follows. Keep a copy to read UPDATEs with.
    Established(ConnId),
    /// An UPDATE that keeps the session: whole, with header, to be read with the
    /// [`Context`](bgp_wire::Context) that was negotiated. Single routes in it may still be
    /// treated as withdrawn (RFC 7606).
    Update(ConnId, Bytes),
    /// A ROUTE-REFRESH for a family of the session (RFC 2918, RFC 7313).
    Refresh(ConnId, RouteRefresh),
    /// A connection or a dial ended, for a reason that whoever runs this wants to see.
    Down {
        /// The connection.
        conn: ConnId,
        /// The state that it had reached; `Established` if routes are affected.
        was: State,
        /// Why.
        reason: DownReason,
    },
}

/// How to close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseMode {
    /// Finish a half-sent message, drop the other unsent UPDATEs, send the queued session
    /// messages within a bounded time, then close.
    Flush,
    /// Close now and drop what is queued.
    Now,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownReason {
    /// A [`Stop`](Command::Stop).
    Admin,
    /// We found an error in what the neighbour did and sent this, unless our own OPEN was still
    /// being delayed: then the connection just closes.
    Sent(Notification),
    /// The neighbour sent this.
    Received(Notification),
    /// Nothing arrived within the hold time, or no OPEN in time; 4/0 was sent.
    HoldTimerExpired,
    /// The transport took nothing within the send hold time (RFC 9687).
    SendHoldTimerExpired,
    /// The other of two connections was kept (RFC 4271 section 6.8).
    CollisionLost,
    /// A new connection of a restarted neighbour took the place of this one (RFC 4724 section 5).
    Replaced,
    /// The neighbour's OPEN cannot be decoded; the NOTIFICATION that it stands for was sent.
    OpenRefused(OpenError),
    /// The transport failed or was closed.
    Transport(Closed),
    /// There never was a connection.
    DialFailed(DialError),
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl State {
    /// The name as RFC 4271 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<&io::Error> for DialError {
    fn from(e: &io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            other => Self::Local(other),
        }
    }
}

impl From<&io::Error> for Closed {
    fn from(e: &io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::UnexpectedEof => Self::ByPeer,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            other => Self::Failed(other),
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut => f.write_str("connection timed out"),
            Self::Unreachable => f.write_str("no route to the neighbour"),
            Self::Local(kind) => write!(f, "cannot dial: {kind}"),
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPeer => f.write_str("closed by the neighbour"),
            Self::Reset => f.write_str("reset by the neighbour"),
            Self::Failed(kind) => write!(f, "connection failed: {kind}"),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "the session is stopped",
            Self::IdleHold { .. } => "the session is held idle after a reset",
            Self::Busy => "two connections are live already",
        })
    }
}

impl std::error::Error for DialError {}
impl std::error::Error for AcceptError {}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("stopped"),
            Self::Sent(n) => write!(f, "sent {n}"),
            Self::Received(n) => write!(f, "received {n}"),
            Self::HoldTimerExpired => f.write_str("hold timer expired"),
            Self::SendHoldTimerExpired => f.write_str("send hold timer expired"),
            Self::CollisionLost => {
                f.write_str("connection collision: the other connection was kept")
            }
            Self::Replaced => f.write_str("replaced by a new connection of the neighbour"),
            Self::OpenRefused(e) => write!(f, "OPEN refused: {e}"),
            Self::Transport(closed) => closed.fmt(f),
            Self::DialFailed(error) => error.fmt(f),
        }
    }
}
