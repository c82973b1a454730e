//! One of a session's connections: its state, its timers, what it sent and negotiated.

use std::time::Instant;

use bgp_wire::{MAX_MESSAGE, Open};

use crate::{ConnId, Endpoints, Negotiated, State};

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// We did.
    Outgoing,
    /// The neighbour did.
    Incoming,
}

/// A TCP connection that is up.
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) direction: Direction,
    pub(crate) endpoints: Endpoints,
    /// When TCP was up.
    pub(crate) began: Instant,
    /// Connect or Active: our OPEN is being delayed.
    pub(crate) state: State,
    /// Our OPEN, from OpenSent on.
    pub(crate) sent: Option<Box<Open>>,
    /// From OpenConfirm on.
    pub(crate) negotiated: Option<Box<Negotiated>>,
    /// A KEEPALIVE came in OpenConfirm, and a preferred connection is being waited for.
    pub(crate) confirmed: bool,
    /// When the connection became Established.
    pub(crate) established: Option<Instant>,
    pub(crate) timers: Timers,
}

/// When each timer of a connection expires; `None` while it does not run.
#[derive(Default)]
pub(crate) struct Timers {
    pub(crate) delay_open: Option<Instant>,
    /// Until OpenConfirm the limit on waiting for an OPEN, as RFC 4271 uses the HoldTimer.
    pub(crate) hold: Option<Instant>,
    pub(crate) keepalive: Option<Instant>,
    pub(crate) send_hold: Option<Instant>,
}

/// The connection with this id.
pub(crate) fn find(connections: &mut [Connection], id: ConnId) -> Option<&mut Connection> {
    connections.iter_mut().find(|c| c.id == id)
}

impl Connection {
    /// A connection on which nothing was sent yet.
    pub(crate) fn new(
        id: ConnId,
        direction: Direction,
        endpoints: Endpoints,
        began: Instant,
    ) -> Self {
        let state = match direction {
            Direction::Outgoing => State::Connect,
            Direction::Incoming => State::Active,
        };
        Self {
            id,
            direction,
            endpoints,
            began,
            state,
            sent: None,
            negotiated: None,
            confirmed: false,
            established: None,
            timers: Timers::default(),
        }
    }

    /// Whether our OPEN is out, so that the neighbour can make sense of a NOTIFICATION.
    pub(crate) fn open_sent(&self) -> bool {
        self.state >= State::OpenSent
    }

    /// The longest message to take from the neighbour.
    pub(crate) fn max_message(&self) -> u16 {
        self.negotiated
            .as_ref()
            .map_or(MAX_MESSAGE, |n| n.context.max_message)
    }

    /// Something arrived that keeps the session alive.
    pub(crate) fn restart_hold(&mut self, now: Instant) {
        if let Some(hold) = self.negotiated.as_ref().and_then(|n| n.hold_time) {
            self.timers.hold = Some(now + hold);
        }
    }
}

impl Timers {
    /// The first to expire.
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.delay_open, self.hold, self.keepalive, self.send_hold]
            .into_iter()
            .flatten()
            .min()
    }
}
