//! What arrives: framing, and what each message does in each state.

use std::time::Instant;

use bgp_wire::{
    Disposition, ErrorCode, MessageType, Notification, Open, OpenErrorKind, RefreshSubtype,
    RouteRefresh, UpdateView, frame,
};
use bytes::{Buf, Bytes, BytesMut};

use super::{Session, lifecycle::End};
use crate::connection;
use crate::open;
use crate::retry::{self, Next};
use crate::{CloseMode, Closed, ConnId, DownReason, Output, State};

impl Session {
    pub(super) fn receive(&mut self, now: Instant, id: ConnId, buf: &mut BytesMut) {
        while let Some(connection) = self.connection(id) {
            match frame(buf, connection.max_message()) {
                Ok(None) => return,
                Ok(Some(frame)) if frame.kind() == MessageType::KEEPALIVE => {
                    buf.advance(bgp_wire::HEADER_LEN);
                    self.on_keepalive(now, id);
                }
                Ok(Some(frame)) => {
                    let (kind, len) = (frame.kind(), frame.message().len());
                    let message = buf.split_to(len).freeze();
                    self.on_message(now, id, kind, &message);
                }
                // Event 21, BGPHeaderErr.
                Err(error) => {
                    let notification = error.notification(buf).to_owned();
                    self.end(now, id, End::error(notification));
                }
            }
        }
        buf.clear();
    }

    fn on_message(&mut self, now: Instant, id: ConnId, kind: MessageType, message: &Bytes) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        if connection.confirmed && matches!(kind, MessageType::UPDATE | MessageType::ROUTE_REFRESH)
        {
            // The neighbour is Established, so it has no other connection.
            self.establish(now, id);
        }
        let Some(state) = self.connection(id).map(|c| c.state) else {
            return;
        };
        match (kind, state) {
            (MessageType::NOTIFICATION, _) => self.on_notification(now, id, message),
            (MessageType::OPEN, State::Connect | State::Active | State::OpenSent) => {
                self.on_open(now, id, message);
            }
            (MessageType::OPEN, State::OpenConfirm) if self.is_repeated(id, message) => {}
            (MessageType::UPDATE, State::Established) => self.on_update(now, id, message),
            (MessageType::ROUTE_REFRESH, State::Established) => self.on_refresh(now, id, message),
            _ => self.unexpected(now, id, kind),
        }
    }

    /// Whether an OPEN says what the one before it on the connection said. OpenBGPD 7.7 keeps the OPEN
    /// of a dial that failed, and sends it first on the connection that comes about next. RFC 4271
    /// section 8.2.2 has no error for event 19 in OpenConfirm, and an answer of 5/2 (RFC 6608) would
    /// cost the routes that the neighbour keeps for a graceful restart.
    fn is_repeated(&mut self, id: ConnId, message: &Bytes) -> bool {
        let negotiated = self.connection(id).and_then(|c| c.negotiated.as_deref());
        negotiated.is_some_and(|it| Open::decode(message).is_ok_and(|open| open == it.peer_open))
    }

    /// Events 19 (BGPOpen), 20 (BGPOpen with DelayOpenTimer running) and 22 (BGPOpenMsgErr).
    fn on_open(&mut self, now: Instant, id: ConnId, message: &Bytes) {
        let checked = Open::decode(message)
            .and_then(|open| open::validate(&self.config, &open).map(|()| open));
        let received = match checked {
            Ok(received) => received,
            Err(error) => {
                let notification = open::refusal(&self.config, error, message);
                let next = match error.kind {
                    // Only a change of configuration helps.
                    OpenErrorKind::MissingCapability => Next::HoldLong,
                    _ => Next::Hold,
                };
                let reason = DownReason::OpenRefused(error);
                return self.end(now, id, End::notified(notification, reason, next));
            }
        };
        if !self.resolve_collision(now, id, &received) {
            return;
        }
        if self.connection(id).is_some_and(|c| !c.open_sent()) {
            self.send_open(now, id);
        }
        self.begin_no_other(now, id);
        self.confirm(now, id, received);
    }

    /// To OpenConfirm.
    fn confirm(&mut self, now: Instant, id: ConnId, received: Open) {
        let config = &*self.config;
        let timeout = now + retry::open_timeout(config);
        let Some(connection) = connection::find(&mut self.connections, id) else {
            return;
        };
        let Some(sent) = connection.sent.take() else {
            return;
        };
        let ends = (id, connection.endpoints);
        let negotiated = open::negotiate(config, ends, *sent, received);
        // With a hold time of zero the wait for a KEEPALIVE would have no end.
        connection.timers.hold = Some(negotiated.hold_time.map_or(timeout, |hold| now + hold));
        connection.negotiated = Some(Box::new(negotiated));
        connection.state = State::OpenConfirm;
        self.send_keepalive(id);
        self.restart_keepalive_timer(now, id);
    }

    /// Event 26, KeepAliveMsg.
    fn on_keepalive(&mut self, now: Instant, id: ConnId) {
        let waits = self.waits_for_preferred(id);
        let Some(connection) = self.connection(id) else {
            return;
        };
        match connection.state {
            State::Established => connection.restart_hold(now),
            State::OpenConfirm if waits && !connection.confirmed => {
                connection.confirmed = true;
                connection.restart_hold(now);
            }
            State::OpenConfirm => self.establish(now, id),
            _ => self.unexpected(now, id, MessageType::KEEPALIVE),
        }
    }

    /// To Established.
    pub(super) fn establish(&mut self, now: Instant, id: ConnId) {
        if let Some(connection) = self.connection(id) {
            connection.confirmed = false;
        }
        self.prevail(now, id);
        let Some(connection) = self.connection(id) else {
            return;
        };
        connection.timers.hold = None;
        connection.restart_hold(now);
        connection.state = State::Established;
        connection.established = Some(now);
        self.outputs.push_back(Output::Established(id));
    }

    /// Events 27 (UpdateMsg) and 28 (UpdateMsgErr).
    fn on_update(&mut self, now: Instant, id: ConnId, message: &Bytes) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        connection.restart_hold(now);
        let Some(negotiated) = connection.negotiated.as_deref() else {
            return;
        };
        let fatal = match UpdateView::parse(message, &negotiated.context) {
            Ok(view) => match view.disposition() {
                // RFC 7606 section 2 allows a reset where a family would have to be disabled.
                Disposition::SessionReset | Disposition::AfiSafiDisable(_) => {
                    view.errors().max_by_key(bgp_wire::UpdateError::disposition)
                }
                _ => None,
            },
            Err(error) => Some(error),
        };
        match fatal {
            None => self.outputs.push_back(Output::Update(id, message.clone())),
            Some(error) => {
                let notification = error.notification(message).to_owned();
                self.end(now, id, End::error(notification));
            }
        }
    }

    /// ROUTE-REFRESH (RFC 2918, RFC 7313).
    fn on_refresh(&mut self, now: Instant, id: ConnId, message: &Bytes) {
        let Some(negotiated) = self.connection(id).and_then(|c| c.negotiated.as_deref()) else {
            return;
        };
        let enhanced = negotiated.enhanced_route_refresh;
        match RouteRefresh::decode(message) {
            Ok(refresh) => {
                let known = match refresh.subtype {
                    RefreshSubtype::Normal => negotiated.route_refresh,
                    RefreshSubtype::BeginRefresh | RefreshSubtype::EndRefresh => enhanced,
                    _ => false,
                };
                // RFC 2918 section 4: for a family that was not agreed on it is ignored.
                if known && negotiated.families.contains(&refresh.family) {
                    self.outputs.push_back(Output::Refresh(id, refresh));
                }
            }
            Err(error) => {
                let notification = error.notification(message).to_owned();
                self.end(now, id, End::error(notification));
            }
        }
    }

    /// Events 24 (NotifMsgVerErr) and 25 (NotifMsg).
    fn on_notification(&mut self, now: Instant, id: ConnId, message: &[u8]) {
        let Ok(notification) = Notification::decode(message) else {
            // Its length was checked with the header. RFC 4271 section 6.4: no answer to it.
            let reason = DownReason::Transport(Closed::ByPeer);
            return self.end(now, id, End::closed(CloseMode::Now, reason, Next::Hold));
        };
        let next = self.after_refusal(id, &notification);
        let reason = DownReason::Received(notification);
        self.end(now, id, End::closed(CloseMode::Now, reason, next));
    }

    /// What a NOTIFICATION leads to: a refused capability is left out of the next OPEN, and if
    /// that is no way out, everything is offered again, but not soon (RFC 5492 section 3).
    fn after_refusal(&mut self, id: ConnId, notification: &Notification) -> Next {
        let opening = self
            .connection(id)
            .is_some_and(|c| c.state < State::Established);
        let about_capabilities = matches!(
            notification.error,
            ErrorCode::UNSUPPORTED_CAPABILITY | ErrorCode::UNSUPPORTED_OPTIONAL_PARAMETER
        );
        if !opening || !about_capabilities {
            return Next::Hold;
        }
        if self.refused.learn(&self.config, notification) {
            return Next::Hold;
        }
        self.refused = open::Refused::default();
        Next::HoldLong
    }

    /// A message that its state has no place for (RFC 6608).
    fn unexpected(&mut self, now: Instant, id: ConnId, kind: MessageType) {
        let Some(state) = self.connection(id).map(|c| c.state) else {
            return;
        };
        let code = match state {
            State::OpenSent => ErrorCode::UNEXPECTED_MESSAGE_IN_OPEN_SENT,
            State::OpenConfirm => ErrorCode::UNEXPECTED_MESSAGE_IN_OPEN_CONFIRM,
            State::Established => ErrorCode::UNEXPECTED_MESSAGE_IN_ESTABLISHED,
            _ => ErrorCode::FSM_ERROR,
        };
        let notification = Notification::new(code).with_data(vec![kind.0]);
        self.end(now, id, End::error(notification));
    }
}
