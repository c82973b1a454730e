//! Timers and what runs them.

use std::time::{Duration, Instant};

use bgp_wire::{ErrorCode, Notification};

use super::{Phase, Session, lifecycle::End};
use crate::connection::{self, Connection};
use crate::retry::{self, Next};
use crate::{CloseMode, ConnId, DialError, DownReason, Output, SendProgress, SessionConfig, State};

/// RFC 9687's least SendHoldTime.
const SEND_HOLD_TIME: Duration = Duration::from_secs(8 * 60);

impl Session {
    /// Runs everything that is due.
    pub(super) fn expire(&mut self, now: Instant) {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        match self.phase {
            // Event 13, IdleHoldTimer_Expires.
            Phase::Held(until) if due(Some(until)) => self.start(now),
            // Event 9, ConnectRetryTimer_Expires, in Active.
            Phase::Trying { retry } if due(retry) => self.dial(now),
            _ => {}
        }
        // Event 9 in Connect.
        if let Some(dial) = self.dial.take_if(|dial| dial.until <= now) {
            self.outputs.push_back(Output::CancelDial(dial.id));
            self.dial_failed(dial.id, DialError::TimedOut);
            self.dial(now);
        }
        let ids: [Option<ConnId>; 2] =
            std::array::from_fn(|i| self.connections.get(i).map(|c| c.id));
        for id in ids.into_iter().flatten() {
            self.expire_connection(now, id);
        }
    }

    fn expire_connection(&mut self, now: Instant, id: ConnId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        let timers = &connection.timers;
        if due(timers.hold) {
            // Event 10, HoldTimer_Expires.
            let notification = Notification::new(ErrorCode::HOLD_TIMER_EXPIRED);
            let reason = DownReason::HoldTimerExpired;
            self.end(now, id, End::notified(notification, reason, Next::Hold));
        } else if due(timers.send_hold) {
            // RFC 9687 (Event 29). A NOTIFICATION would queue behind what the neighbour does not
            // read. So the neighbour may keep our routes, as after any silent close of ours.
            self.restarting = true;
            let reason = DownReason::SendHoldTimerExpired;
            self.end(now, id, End::closed(CloseMode::Now, reason, Next::Hold));
        } else if due(timers.delay_open) {
            // Event 12, DelayOpenTimer_Expires.
            self.send_open(now, id);
        } else if due(timers.keepalive) {
            // Event 11, KeepaliveTimer_Expires.
            self.send_keepalive(id);
            self.restart_keepalive_timer(now, id);
        }
    }

    pub(super) fn restart_keepalive_timer(&mut self, now: Instant, id: ConnId) {
        let Some(connection) = connection::find(&mut self.connections, id) else {
            return;
        };
        let time = connection.negotiated.as_ref().and_then(|n| n.keepalive);
        connection.timers.keepalive = time.map(|time| now + retry::jitter(&mut self.rng, time));
    }

    pub(super) fn sent(&mut self, now: Instant, id: ConnId, progress: SendProgress) {
        let Some(connection) = connection::find(&mut self.connections, id) else {
            return;
        };
        if progress.unsent == 0 {
            connection.timers.send_hold = None;
        } else if progress.written > 0 || connection.timers.send_hold.is_none() {
            connection.timers.send_hold =
                send_hold(&self.config, connection).map(|time| now + time);
        }
        if progress.updates > 0 && connection.timers.keepalive.is_some() {
            self.restart_keepalive_timer(now, id);
        }
    }
}

/// The SendHoldTime; none before Established, or without a hold time (RFC 9687 section 3).
fn send_hold(config: &SessionConfig, connection: &Connection) -> Option<Duration> {
    let negotiated = connection.negotiated.as_ref()?;
    let hold = negotiated
        .hold_time
        .filter(|_| connection.state == State::Established)?;
    Some(
        config
            .send_hold_time
            .unwrap_or(SEND_HOLD_TIME.max(2 * hold)),
    )
}
