//! One side of a neighbourship: its session, its connections, its cursors in the table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bgp_fsm::{ConnId, Session, SessionConfig};
use bgp_rib::{Marker, PeerId};
use bgp_wire::{Family, MessageType};
use bytes::{Bytes, BytesMut};

use crate::net::Side;
use crate::outbox::Outbox;
use crate::received::Received;
use crate::speaker::Process;

pub(crate) struct End {
    pub(crate) speaker: usize,
    /// The other side.
    pub(crate) peer: usize,
    /// Connections run over IPv6.
    pub(crate) ipv6: bool,
    pub(crate) config: SessionConfig,
    /// The neighbour is configured.
    pub(crate) configured: bool,
    /// Runs if the process does and the neighbour is configured.
    pub(crate) session: Option<Session>,
    pub(crate) sockets: BTreeMap<ConnId, Socket>,
    pub(crate) established: Option<Established>,
    /// OPENs have the Restart State bit set until End-of-RIB is out.
    pub(crate) restarting: bool,
    /// Answers a refresh without marks, whatever was negotiated.
    pub(crate) plain_refresh: bool,
    pub(crate) received: Received,
}

pub(crate) struct Socket {
    pub(crate) pipe: usize,
    pub(crate) side: Side,
    pub(crate) connected: bool,
    pub(crate) received: BytesMut,
    pub(crate) outbox: Outbox,
    pub(crate) established: bool,
    /// A NOTIFICATION was queued, or the session closes: no UPDATE follows.
    pub(crate) ending: bool,
}

/// The place of an Established session in the table.
pub(crate) struct Established {
    pub(crate) conn: ConnId,
    pub(crate) max_message: u16,
    pub(crate) families: Vec<Family>,
    pub(crate) enhanced: bool,
    pub(crate) cursors: Vec<Cursor>,
    /// The session knows that End-of-RIB is out.
    pub(crate) told: bool,
}

pub(crate) struct Cursor {
    pub(crate) family: Family,
    pub(crate) peer: PeerId,
    pub(crate) end_of_rib: bool,
}

impl End {
    pub(crate) fn new(speaker: usize, peer: usize, ipv6: bool, config: SessionConfig) -> Self {
        Self {
            speaker,
            peer,
            ipv6,
            config,
            configured: true,
            session: None,
            sockets: BTreeMap::new(),
            established: None,
            restarting: true,
            plain_refresh: false,
            received: Received::default(),
        }
    }

    /// A new session, stopped.
    pub(crate) fn renew(&mut self, seed: u64) {
        let config = SessionConfig {
            restarting: self.restarting,
            ..self.config.clone()
        };
        self.sockets.clear();
        self.session = Some(Session::new(Arc::new(config), seed));
    }

    /// When it has something to do by itself.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let session = self.session.as_ref().and_then(Session::poll_timeout);
        session.into_iter().chain(self.received.stale_until).min()
    }

    /// Leaves the table.
    pub(crate) fn leave(&mut self, process: Option<&mut Process>) {
        let Some(established) = self.established.take() else {
            return;
        };
        if let Some(process) = process {
            for cursor in &established.cursors {
                process.table.leave(cursor.peer);
            }
        }
    }
}

impl Established {
    /// The next octets for the neighbour.
    pub(crate) fn next_batch(&mut self, process: &mut Process) -> Option<Bytes> {
        for cursor in &mut self.cursors {
            if let Some(batch) = process.table.next_batch(cursor.peer, process.budget) {
                cursor.end_of_rib |= batch.marker == Some(Marker::EndOfRib);
                return Some(batch.updates);
            }
        }
        None
    }

    /// Whether the session is to be told now that End-of-RIB is out. To be asked when nothing is
    /// left to send.
    pub(crate) fn take_end_of_rib_sent(&mut self) -> bool {
        let out = !self.told && self.cursors.iter().all(|cursor| cursor.end_of_rib);
        self.told |= out;
        out
    }
}

impl Socket {
    pub(crate) fn new(pipe: usize, side: Side, connected: bool) -> Self {
        Self {
            pipe,
            side,
            connected,
            received: BytesMut::new(),
            outbox: Outbox::default(),
            established: false,
            ending: false,
        }
    }

    pub(crate) fn queue(&mut self, message: Bytes) {
        assert!(!self.ending, "a message after the last one");
        self.ending = message[bgp_wire::HEADER_LEN - 1] == MessageType::NOTIFICATION.0;
        self.outbox.push(message);
    }
}
