//! How connections begin and end.

use std::time::Instant;

use bgp_wire::{EncodeError, ErrorCode, KEEPALIVE, MAX_MESSAGE, Notification};
use bytes::{Bytes, BytesMut};

use super::{Dial, Phase, Session};
use crate::connection::Connection;
use crate::open::{self, Refused};
use crate::retry::{self, Next};
use crate::{CloseMode, ConnId, DialError, DownReason, Output, Shutdown, State};

/// How a connection ends, and how the session goes on if it was the last.
pub(super) struct End {
    /// Sent first, if our OPEN was.
    notification: Option<Notification>,
    mode: CloseMode,
    reason: DownReason,
    next: Next,
}

impl End {
    /// Without a word.
    pub(super) fn closed(mode: CloseMode, reason: DownReason, next: Next) -> Self {
        Self {
            notification: None,
            mode,
            reason,
            next,
        }
    }

    /// With a NOTIFICATION about an error of the neighbour's.
    pub(super) fn error(notification: Notification) -> Self {
        Self::notified(
            notification.clone(),
            DownReason::Sent(notification),
            Next::Hold,
        )
    }

    /// With a NOTIFICATION.
    pub(super) fn notified(notification: Notification, reason: DownReason, next: Next) -> Self {
        Self {
            notification: Some(notification),
            mode: CloseMode::Flush,
            reason,
            next,
        }
    }
}

impl Session {
    /// Leaves Idle.
    pub(super) fn start(&mut self, now: Instant) {
        self.phase = Phase::Trying { retry: None };
        if !self.config.passive {
            self.dial(now);
        }
    }

    /// ManualStop and AutomaticStop (Events 2 and 8).
    pub(super) fn stop(&mut self, how: &Shutdown) {
        self.cancel_dial();
        if *how == Shutdown::Silent {
            self.restarting = true;
        }
        for connection in std::mem::take(&mut self.connections) {
            let hard = connection
                .negotiated
                .as_ref()
                .is_some_and(|n| n.notification_restart);
            let end = match farewell(how, hard) {
                Some(notification) => End::notified(notification, DownReason::Admin, Next::Hold),
                None => End::closed(CloseMode::Flush, DownReason::Admin, Next::Hold),
            };
            self.conclude(&connection, end);
        }
        self.phase = Phase::Stopped;
    }

    /// Asks for a TCP connection (RFC 4271's "initiates a TCP connection").
    pub(super) fn dial(&mut self, now: Instant) {
        let id = self.next_id();
        let until = now + retry::connect_timeout(&self.config, &mut self.rng);
        self.phase = Phase::Trying { retry: None };
        self.dial = Some(Dial { id, until });
        self.outputs.push_back(Output::Dial(id));
    }

    pub(super) fn cancel_dial(&mut self) {
        if let Some(dial) = self.dial.take() {
            self.outputs.push_back(Output::CancelDial(dial.id));
        }
    }

    pub(super) fn dial_failed(&mut self, conn: ConnId, error: DialError) {
        let reason = DownReason::DialFailed(error);
        self.outputs.push_back(Output::Down {
            conn,
            was: State::Connect,
            reason,
        });
    }

    /// TCP is up (Events 16 and 17): our OPEN goes out, now or when DelayOpenTimer expires.
    pub(super) fn add_connection(&mut self, now: Instant, mut connection: Connection) {
        let id = connection.id;
        connection.timers.delay_open = self.config.delay_open.map(|delay| now + delay);
        let delayed = connection.timers.delay_open.is_some();
        self.connections.reserve_exact(1);
        self.connections.push(connection);
        self.phase = Phase::Trying { retry: None };
        if !delayed {
            self.send_open(now, id);
        }
    }

    /// To OpenSent.
    pub(super) fn send_open(&mut self, now: Instant, id: ConnId) {
        let open = open::build(&self.config, self.restarting, &self.refused);
        let message = encoded(open.encoded_len(), |out| open.encode(out));
        let timeout = now + retry::open_timeout(&self.config);
        let Some(connection) = self.connection(id) else {
            return;
        };
        connection.state = State::OpenSent;
        connection.sent = Some(Box::new(open));
        connection.timers.delay_open = None;
        connection.timers.hold = Some(timeout);
        self.send(id, message);
    }

    pub(super) fn send_keepalive(&mut self, id: ConnId) {
        self.send(id, Bytes::from_static(&KEEPALIVE));
    }

    /// Ends a connection. If it was all that the session had, the session goes Idle or retries.
    pub(super) fn end(&mut self, now: Instant, id: ConnId, end: End) {
        let Some(index) = self.connections.iter().position(|c| c.id == id) else {
            return;
        };
        let connection = self.connections.swap_remove(index);
        if self.connections.is_empty() {
            self.connections = Vec::new();
        }
        if let Some(since) = connection.established {
            self.damping
                .decay(&self.config, now.saturating_duration_since(since));
            // The neighbour may come back as something newer.
            self.refused = Refused::default();
        }
        let next = end.next;
        self.conclude(&connection, end);
        if self.connections.is_empty() && self.dial.is_none() {
            self.go_on(now, next);
        }
        let confirmed = self.connections.iter().find(|c| c.confirmed);
        if let Some(id) = confirmed.map(|c| c.id) {
            self.establish(now, id);
        }
    }

    /// What the session does now that it has neither a connection nor a dial.
    pub(super) fn go_on(&mut self, now: Instant, next: Next) {
        if !self.connections.is_empty() || self.phase == Phase::Stopped {
            return;
        }
        self.phase = match next {
            Next::Retry if self.config.passive => Phase::Trying { retry: None },
            Next::Retry => Phase::Trying {
                retry: Some(now + retry::connect_retry(&self.config, &mut self.rng)),
            },
            Next::Hold | Next::HoldLong => {
                Phase::Held(now + self.damping.hold(&self.config, &mut self.rng, next))
            }
        };
    }

    /// The last outputs about a connection that was taken out.
    fn conclude(&mut self, connection: &Connection, end: End) {
        let id = connection.id;
        // RFC 4271 section 8.1.1: SendNOTIFICATIONwithoutOPEN is off.
        if let Some(notification) = end.notification.filter(|_| connection.open_sent()) {
            self.send(
                id,
                encode_notification(notification, connection.max_message()),
            );
        }
        self.outputs.push_back(Output::Close(id, end.mode));
        self.outputs.push_back(Output::Down {
            conn: id,
            was: connection.state,
            reason: end.reason,
        });
    }
}

impl Shutdown {
    /// Whether the neighbour is meant to drop our routes at once.
    #[must_use]
    pub fn withdraws(&self) -> bool {
        match self {
            Self::Administrative { .. } | Self::PeerDeconfigured => true,
            Self::OtherConfigurationChange => true,
            Self::Silent | Self::Reset { .. } | Self::OutOfResources => false,
        }
    }
}

/// The NOTIFICATION for a stop. `hard`: the N bit is set on both sides, so that only a Hard Reset
/// withdraws (RFC 8538 section 4).
fn farewell(how: &Shutdown, hard: bool) -> Option<Notification> {
    let text = |code, text: &str| match text {
        "" => Notification::new(code),
        text => Notification::new(code).with_shutdown_text(text),
    };
    let notification = match how {
        Shutdown::Silent => return None,
        Shutdown::Administrative { text: t } => text(ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN, t),
        Shutdown::PeerDeconfigured => Notification::new(ErrorCode::CEASE_PEER_DECONFIGURED),
        Shutdown::Reset { text: t } => text(ErrorCode::CEASE_ADMINISTRATIVE_RESET, t),
        Shutdown::OtherConfigurationChange => {
            Notification::new(ErrorCode::CEASE_OTHER_CONFIGURATION_CHANGE)
        }
        Shutdown::OutOfResources => Notification::new(ErrorCode::CEASE_OUT_OF_RESOURCES),
    };
    Some(if hard && how.withdraws() {
        notification.into_hard_reset()
    } else {
        notification
    })
}

/// Data that does not fit is cut: it only helps people.
fn encode_notification(mut notification: Notification, max: u16) -> Bytes {
    let head = notification.encoded_len() - notification.data.len();
    notification.data.truncate(usize::from(max) - head);
    encoded(notification.encoded_len(), |out| notification.encode(out))
}

/// A message that fits by construction: an OPEN of a configuration with few capabilities, or
/// something with a fixed limit.
pub(super) fn encoded(
    len: usize,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Bytes {
    let mut out = BytesMut::with_capacity(len.min(usize::from(MAX_MESSAGE)));
    let result = encode(&mut out);
    debug_assert_eq!(result, Ok(()));
    out.freeze()
}
