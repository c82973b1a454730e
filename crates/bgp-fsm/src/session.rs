//! The session: what can happen to it, and what it answers.

mod collision;
mod lifecycle;
mod messages;
mod timers;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bgp_wire::{Family, RefreshSubtype, RouteRefresh};
use bytes::{Bytes, BytesMut};

use crate::connection::{self, Connection, Direction};
use crate::open::Refused;
use crate::retry::{Damping, Next};
use crate::{
    AcceptError, CloseMode, Closed, Command, ConnId, DialError, DownReason, Endpoints, Negotiated,
    Output, SendProgress, SessionConfig, State,
};

use lifecycle::End;

/// One BGP neighbour: the state machine of RFC 4271 section 8, over up to two live connections.
///
/// A session does no I/O and reads no clock. Its driver calls `handle_*` with whatever happened
/// and the time at which it happened, then drains [`poll_output`](Self::poll_output) and arms one
/// timer for [`poll_timeout`](Self::poll_timeout).
///
/// What the driver owes the session:
/// - Time never runs backwards.
/// - Data that has arrived is handed over before `handle_timeout`: the HoldTimer is judged by what
///   arrived, not by when somebody looked.
/// - After [`Output::Close`] nothing more is sent on that connection, and calls about it are
///   ignored.
/// - UPDATEs are the driver's to send, but every octet that the transport takes is reported by
///   `handle_sent`, session messages included: without it the SendHoldTimer ends the session.
///
/// A session whose neighbour cannot be reached costs well under one KiB.
pub struct Session {
    config: Arc<SessionConfig>,
    rng: fastrand::Rng,
    last_id: u64,
    phase: Phase,
    dial: Option<Dial>,
    /// At most two, of either direction.
    connections: Vec<Connection>,
    damping: Damping,
    refused: Refused,
    /// The Restart State bit of the next OPEN.
    restarting: bool,
    outputs: VecDeque<Output>,
}

/// When the timers of an Established connection expire; `None` for one that does not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionTimers {
    /// RFC 4271's HoldTimer: the neighbour counts as dead then.
    pub hold: Option<Instant>,
    /// RFC 4271's KeepaliveTimer: the next KEEPALIVE is due then, unless an UPDATE stands in.
    pub keepalive: Option<Instant>,
    /// RFC 9687's SendHoldTimer: runs while the transport has not taken all that is queued.
    pub send_hold: Option<Instant>,
}

/// What a session does when it has no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Idle until somebody starts it.
    Stopped,
    /// Idle until the IdleHoldTimer expires.
    Held(Instant),
    /// Connect or Active. The ConnectRetryTimer, if it runs while nothing is being dialled.
    Trying { retry: Option<Instant> },
}

/// A TCP connection that was asked for.
struct Dial {
    id: ConnId,
    /// The ConnectRetryTimer, not under 3 seconds: gives up and dials again.
    until: Instant,
}

/// How many connections a session keeps track of.
const MAX_CONNECTIONS: usize = 2;

impl Session {
    /// A stopped session. Jitter comes from `rng_seed` alone, so that a run can be repeated; give
    /// every session its own.
    #[must_use]
    pub fn new(config: Arc<SessionConfig>, rng_seed: u64) -> Self {
        Self {
            restarting: config.restarting,
            config,
            rng: fastrand::Rng::with_seed(rng_seed),
            last_id: 0,
            phase: Phase::Stopped,
            dial: None,
            connections: Vec::new(),
            damping: Damping::default(),
            refused: Refused::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes a command of the owner.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Start if self.phase == Phase::Stopped => {
                self.damping = Damping::default();
                self.refused = Refused::default();
                self.start(now);
            }
            Command::Start => {}
            Command::Stop(how) => self.stop(&how),
            Command::Refresh(family) => self.ask_for_refresh(family),
            Command::EndOfRibSent => self.restarting = false,
            Command::FarewellLost => self.restarting = true,
        }
    }

    /// A dial led to a connection (Event 16, Tcp_CR_Acked).
    pub fn handle_connected(&mut self, now: Instant, dial: ConnId, endpoints: Endpoints) {
        if self.dial.as_ref().is_none_or(|d| d.id != dial) {
            // Given up meanwhile.
            self.outputs.push_back(Output::Close(dial, CloseMode::Now));
            return;
        }
        self.dial = None;
        if self.connections.len() == MAX_CONNECTIONS {
            self.outputs.push_back(Output::Close(dial, CloseMode::Now));
            return;
        }
        self.add_connection(
            now,
            Connection::new(dial, Direction::Outgoing, endpoints, now),
        );
    }

    /// A dial failed (Event 18, TcpConnectionFails).
    ///
    /// The session stays Active and dials again when the ConnectRetryTimer expires. RFC 4271 goes
    /// through Idle here, from which an automatic start would lead to the same without a wait.
    pub fn handle_dial_failed(&mut self, now: Instant, dial: ConnId, error: DialError) {
        if self.dial.as_ref().is_some_and(|d| d.id == dial) {
            self.dial = None;
            self.dial_failed(dial, error);
            self.go_on(now, Next::Retry);
        }
    }

    /// The neighbour connected to us (Event 17, TcpConnectionConfirmed).
    ///
    /// # Errors
    /// The session does not take the connection; close it.
    pub fn handle_accepted(
        &mut self,
        now: Instant,
        endpoints: Endpoints,
    ) -> Result<ConnId, AcceptError> {
        match self.phase {
            Phase::Stopped => return Err(AcceptError::Stopped),
            Phase::Held(until) => return Err(AcceptError::IdleHold { until }),
            Phase::Trying { .. } if self.connections.len() == MAX_CONNECTIONS => {
                return Err(AcceptError::Busy);
            }
            Phase::Trying { .. } => {}
        }
        let id = self.next_id();
        self.add_connection(
            now,
            Connection::new(id, Direction::Incoming, endpoints, now),
        );
        Ok(id)
    }

    /// Octets arrived on a connection. Takes whole messages off the front of `buf` and leaves the
    /// rest, at most one message's part of it; append to it and call again. Empties `buf` if the
    /// connection is closed.
    pub fn handle_data(&mut self, now: Instant, conn: ConnId, buf: &mut BytesMut) {
        self.receive(now, conn, buf);
    }

    /// A connection is gone, other than by our own `Close` (Event 18, TcpConnectionFails).
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, why: Closed) {
        let Some(connection) = self.connection(conn) else {
            return;
        };
        // RFC 4271 section 8.2.2: only a connection that got as far as an OPEN is a reset.
        let next = match connection.state {
            State::OpenConfirm | State::Established => Next::Hold,
            _ => Next::Retry,
        };
        self.end(
            now,
            conn,
            End::closed(CloseMode::Now, DownReason::Transport(why), next),
        );
    }

    /// The transport took octets of a connection's queue, or octets were queued. Drives the
    /// SendHoldTimer (RFC 9687) and the KeepaliveTimer.
    pub fn handle_sent(&mut self, now: Instant, conn: ConnId, progress: SendProgress) {
        self.sent(now, conn, progress);
    }

    /// Time has passed. Hand over whatever has arrived (`handle_data`) before, since a HoldTimer
    /// is judged by what arrived and not by when somebody looked.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
    }

    /// When `handle_timeout` is due; `None` if nothing is being waited for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Stopped => None,
            Phase::Held(until) => Some(until),
            Phase::Trying { retry } => retry,
        };
        let dial = self.dial.as_ref().map(|d| d.until);
        let connections = self.connections.iter().filter_map(|c| c.timers.next());
        connections.chain(phase).chain(dial).min()
    }

    /// The next thing to do, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > SPARE_OUTPUTS {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// The state of the most advanced connection.
    #[must_use]
    pub fn state(&self) -> State {
        let alone = match (&self.phase, &self.dial) {
            (Phase::Stopped | Phase::Held(_), _) => State::Idle,
            (Phase::Trying { .. }, Some(_)) => State::Connect,
            (Phase::Trying { .. }, None) => State::Active,
        };
        let best = self.connections.iter().map(|c| c.state).max();
        best.unwrap_or(alone)
    }

    /// What was agreed on; set while the state is Established.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.established()?.negotiated.as_deref()
    }

    /// Since when the session is Established.
    #[must_use]
    pub fn established_since(&self) -> Option<Instant> {
        self.established()?.established
    }

    /// Whether the next OPEN has the Restart State bit set (RFC 4724). A session that takes this
    /// one's place after a silent stop wants this as its
    /// [`restarting`](SessionConfig::restarting).
    #[must_use]
    pub fn restarting(&self) -> bool {
        self.restarting
    }

    /// When a session that is held after a reset will try again.
    #[must_use]
    pub fn held_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Held(until) => Some(until),
            _ => None,
        }
    }

    /// When a session without a connection dials next, or, while it is held after a reset, when it
    /// takes connections again. `None` while it does something about it already, and for a passive
    /// one that waits.
    #[must_use]
    pub fn retry_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Held(until) => Some(until),
            Phase::Trying { retry } => retry,
            Phase::Stopped => None,
        }
    }

    /// When the timers of the Established connection expire; none run in any other state.
    #[must_use]
    pub fn timers(&self) -> SessionTimers {
        let timers = self.established().map(|connection| &connection.timers);
        SessionTimers {
            hold: timers.and_then(|timers| timers.hold),
            keepalive: timers.and_then(|timers| timers.keepalive),
            send_hold: timers.and_then(|timers| timers.send_hold),
        }
    }

    /// The configuration that the session was made with.
    #[must_use]
    pub fn config(&self) -> &Arc<SessionConfig> {
        &self.config
    }

    fn ask_for_refresh(&mut self, family: Family) {
        let Some(connection) = self.established() else {
            return;
        };
        let conn = connection.id;
        let able = connection
            .negotiated
            .as_ref()
            .is_some_and(|n| n.route_refresh && n.families.contains(&family));
        if able {
            let refresh = RouteRefresh::new(family, RefreshSubtype::Normal);
            let message = lifecycle::encoded(refresh.encoded_len(), |out| refresh.encode(out));
            self.send(conn, message);
        }
    }

    fn established(&self) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|c| c.state == State::Established)
    }

    fn connection(&mut self, id: ConnId) -> Option<&mut Connection> {
        connection::find(&mut self.connections, id)
    }

    fn next_id(&mut self) -> ConnId {
        self.last_id += 1;
        ConnId(self.last_id)
    }

    fn send(&mut self, conn: ConnId, message: Bytes) {
        self.outputs.push_back(Output::Send(conn, message));
    }
}

/// Room for outputs that an idle session may keep.
const SPARE_OUTPUTS: usize = 4;

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state())
            .field("phase", &self.phase)
            .field("connections", &self.connections.len())
            .field("timeout", &self.poll_timeout())
            .finish_non_exhaustive()
    }
}
