//! The session: one neighbour, up to two live connections.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

use crate::{
    AcceptError, Closed, Command, ConnId, DialError, Endpoints, Negotiated, Output, SendProgress,
    SessionConfig, State,
};

/// One BGP neighbour.
pub struct Session {
    config: Arc<SessionConfig>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A stopped session. Jitter comes from `rng_seed` alone, so that a run can be repeated.
    #[must_use]
    pub fn new(config: Arc<SessionConfig>, rng_seed: u64) -> Self {
        let _ = rng_seed;
        Self {
            config,
            outputs: VecDeque::new(),
        }
    }

    /// Takes a command of the owner.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let _ = (now, command);
        todo!()
    }

    /// A dial led to a connection (Event 16).
    pub fn handle_connected(&mut self, now: Instant, dial: ConnId, endpoints: Endpoints) {
        let _ = (now, dial, endpoints);
        todo!()
    }

    /// A dial failed (Event 18).
    pub fn handle_dial_failed(&mut self, now: Instant, dial: ConnId, error: DialError) {
        let _ = (now, dial, error);
        todo!()
    }

    /// The neighbour connected to us (Event 17).
    ///
    /// # Errors
    /// The session does not take the connection; close it.
    pub fn handle_accepted(
        &mut self,
        now: Instant,
        endpoints: Endpoints,
    ) -> Result<ConnId, AcceptError> {
        let _ = (now, endpoints);
        todo!()
    }

    /// Octets arrived on a connection. Takes whole messages off the front of `buf` and leaves the
    /// rest; append to it and call again.
    pub fn handle_data(&mut self, now: Instant, conn: ConnId, buf: &mut BytesMut) {
        let _ = (now, conn, buf);
        todo!()
    }

    /// A connection is gone, other than by our own `Close`.
    pub fn handle_closed(&mut self, now: Instant, conn: ConnId, why: Closed) {
        let _ = (now, conn, why);
        todo!()
    }

    /// The transport took octets of a connection's queue.
    pub fn handle_sent(&mut self, now: Instant, conn: ConnId, progress: SendProgress) {
        let _ = (now, conn, progress);
        todo!()
    }

    /// Time has passed. Hand over whatever has arrived (`handle_data`) before, since a hold timer
    /// is judged by what arrived and not by when somebody looked.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// When `handle_timeout` is due, if at all.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// The next thing to do, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The state of the most advanced connection.
    #[must_use]
    pub fn state(&self) -> State {
        todo!()
    }

    /// What was agreed on; set in Established.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Negotiated> {
        todo!()
    }

    /// The configuration that the session was made with.
    #[must_use]
    pub fn config(&self) -> &Arc<SessionConfig> {
        &self.config
    }
}
