//! Two connections with one neighbour: which is kept (RFC 4271 section 6.8, RFC 4724 section 5).
//!
//! Both ends have to come to the same answer without seeing the same events in the same order.
//! So a connection that the tie-break prefers is never closed only because the other one was
//! faster: the faster one waits in OpenConfirm until the preferred one gets its OPEN, or fails, or
//! until the neighbour shows that it decided otherwise. It does not become Established meanwhile,
//! since a helper of graceful restart may forget routes if an Established session ends at once.

use std::time::Instant;

use bgp_wire::{ErrorCode, Notification, Open};

use super::{Session, lifecycle::End};
use crate::connection::{Connection, Direction};
use crate::retry::Next;
use crate::{CloseMode, ConnId, DownReason, SessionConfig, State};

/// What an OPEN on a new connection means for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Both go on, at least for now.
    Both,
    /// The other one is closed.
    New,
    /// The one on which the OPEN came is closed.
    Old,
}

impl Session {
    /// A valid OPEN came on `id`. False if that connection lost and is closed.
    pub(super) fn resolve_collision(&mut self, now: Instant, id: ConnId, open: &Open) -> bool {
        let Some(new) = self.connections.iter().find(|c| c.id == id) else {
            return false;
        };
        let Some(old) = self.connections.iter().find(|c| c.id != id) else {
            return true;
        };
        let old_id = old.id;
        match judge(&self.config, new, old, open) {
            Verdict::Both => true,
            Verdict::New => {
                self.lose(now, old_id);
                true
            }
            Verdict::Old => {
                self.lose(now, id);
                false
            }
        }
    }

    /// OPENs are exchanged on `id`: no other one of ours goes out any more.
    pub(super) fn begin_no_other(&mut self, now: Instant, id: ConnId) {
        self.cancel_dial();
        let delayed = self
            .connections
            .iter()
            .find(|c| c.id != id && c.direction == Direction::Outgoing && !c.open_sent());
        if let Some(delayed) = delayed.map(|c| c.id) {
            self.lose(now, delayed);
        }
    }

    /// Whether the neighbour may still prefer another connection to `id`.
    pub(super) fn waits_for_preferred(&self, id: ConnId) -> bool {
        let this = self.connections.iter().find(|c| c.id == id);
        let Some((direction, negotiated)) =
            this.and_then(|c| Some((c.direction, c.negotiated.as_ref()?)))
        else {
            return false;
        };
        let preferred = preferred(&self.config, &negotiated.peer_open);
        let is_preferred = |c: &Connection| c.state == State::OpenSent && c.direction == preferred;
        direction != preferred && self.connections.iter().any(is_preferred)
    }

    /// `id` is about to become Established: nothing else is dialled or goes on.
    pub(super) fn prevail(&mut self, now: Instant, id: ConnId) {
        self.cancel_dial();
        let Some(winner) = self.connections.iter().find(|c| c.id == id) else {
            return;
        };
        let Some(other) = self.connections.iter().find(|c| c.id != id) else {
            return;
        };
        let Some(negotiated) = &winner.negotiated else {
            return;
        };
        let other_id = other.id;
        match other.state {
            // The neighbour knows already that this one is gone, or does so from the OPEN.
            State::Established if negotiated.graceful_restart.is_some() => {
                let end = End::closed(CloseMode::Now, DownReason::Replaced, Next::Hold);
                self.end(now, other_id, end);
            }
            _ => self.lose(now, other_id),
        }
    }

    /// Cease/Connection Collision Resolution.
    fn lose(&mut self, now: Instant, id: ConnId) {
        let notification = Notification::new(ErrorCode::CEASE_CONNECTION_COLLISION);
        self.end(
            now,
            id,
            End::notified(notification, DownReason::CollisionLost, Next::Hold),
        );
    }
}

fn judge(config: &SessionConfig, new: &Connection, old: &Connection, open: &Open) -> Verdict {
    let tie_break = match preferred(config, open) {
        direction if direction == new.direction => Verdict::New,
        _ => Verdict::Old,
    };
    match (old.state, &old.negotiated, old.established) {
        (State::OpenConfirm, Some(old_negotiated), _) => {
            let same_speaker = old_negotiated.peer_open.bgp_id == open.bgp_id;
            if new.direction != old.direction && same_speaker {
                tie_break
            } else if new.id > old.id {
                // The neighbour opened another one, so it has given up the first.
                Verdict::New
            } else {
                Verdict::Old
            }
        }
        (State::Established, Some(old_negotiated), Some(established)) => {
            // Up before the old one was Established: not a restart, but both dialled at once.
            let simultaneous = new.began <= established && new.direction != old.direction;
            match (simultaneous, old_negotiated.graceful_restart.is_some()) {
                (true, _) if tie_break == Verdict::New => Verdict::Both,
                (true, _) => Verdict::Old,
                (false, true) => Verdict::Both,
                (false, false) => Verdict::Old,
            }
        }
        _ => Verdict::Both,
    }
}

/// Who has to have opened the connection that is kept: the speaker with the higher BGP Identifier,
/// or of equal ones (RFC 6286 section 2.3) that with the higher AS.
fn preferred(config: &SessionConfig, open: &Open) -> Direction {
    let ours = (config.bgp_id, config.open_asn());
    let theirs = (open.bgp_id, open.asn());
    if ours < theirs {
        Direction::Incoming
    } else {
        Direction::Outgoing
    }
}
