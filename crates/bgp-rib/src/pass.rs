//! Where one peer stands in the log, and what it is still to be told.

use crate::log::Ranks;
use crate::types::{Marker, RefreshKind, TombstoneLimit};

/// The state of one peer: a cursor and what its present pass through the log is for.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// The next record to look at.
    cursor: u32,
    /// Tombstones before this position are none of the peer's business: it never saw the route (it
    /// joined later), or it saw the withdrawal (it asked for a refresh later).
    since: u32,
    /// The furthest that the cursor ever was: refreshes take it back, but not what was sent.
    reached: u32,
    end_of_rib: bool,
    begin_due: bool,
    again: Option<RefreshKind>,
    /// An enhanced refresh that waits for End-of-RIB.
    wanted: bool,
    /// Whether the peer took anything since the last look for laggards.
    moved: bool,
    /// Tombstones that it held back then.
    held: u32,
}

impl Pass {
    /// A first pass, of a peer that joins when the log ends at `tail`.
    pub(crate) fn new(tail: u32) -> Self {
        Self {
            cursor: 0,
            since: tail,
            reached: 0,
            end_of_rib: false,
            begin_due: false,
            again: None,
            wanted: false,
            moved: true,
            held: 0,
        }
    }

    pub(crate) fn cursor(&self) -> u32 {
        self.cursor
    }

    pub(crate) fn since(&self) -> u32 {
        self.since
    }

    /// Tombstones before this position need not be kept for this peer.
    pub(crate) fn horizon(&self) -> u32 {
        self.cursor.max(self.since)
    }

    /// Whether an announcement at `position` was handed out.
    pub(crate) fn has_sent(&self, position: u32) -> bool {
        position < self.reached
    }

    pub(crate) fn end_of_rib(&self) -> bool {
        self.end_of_rib
    }

    pub(crate) fn refreshing(&self) -> bool {
        self.wanted || self.begin_due || self.again.is_some()
    }

    /// Whether there is anything to hand out, given the tail and whether End-of-RIB is held back.
    pub(crate) fn is_ready(&self, tail: u32, hold: bool) -> bool {
        self.begin_due
            || self.cursor < tail
            || (!self.end_of_rib && !hold)
            || self.again == Some(RefreshKind::Enhanced)
    }

    /// Starts the pass again. Withdrawals that were due stay due, because `since` only moves up to
    /// where the peer has been.
    pub(crate) fn refresh(&mut self, kind: RefreshKind) {
        if kind == RefreshKind::Enhanced {
            // RFC 7313 section 4: no BoRR before End-of-RIB.
            if !self.end_of_rib {
                self.wanted = true;
                return;
            }
            self.begin_due = true;
        }
        // An EoRR that is owed stays owed.
        if self.again != Some(RefreshKind::Enhanced) {
            self.again = Some(kind);
        }
        self.since = self.horizon();
        self.cursor = 0;
    }

    /// The cursor moves to `position`.
    pub(crate) fn advance(&mut self, position: u32) {
        self.cursor = position;
        self.reached = self.reached.max(position);
        self.moved = true;
    }

    /// The marker to send before any route.
    pub(crate) fn marker_before(&mut self) -> Option<Marker> {
        core::mem::take(&mut self.begin_due).then_some(Marker::BeginRefresh)
    }

    /// The marker to send now that the cursor met the tail.
    pub(crate) fn marker_at_tail(&mut self, hold: bool) -> Option<Marker> {
        if !self.end_of_rib && !hold {
            self.end_of_rib = true;
            if core::mem::take(&mut self.wanted) {
                self.refresh(RefreshKind::Enhanced);
            }
            return Some(Marker::EndOfRib);
        }
        (self.again.take() == Some(RefreshKind::Enhanced)).then_some(Marker::EndRefresh)
    }

    /// Whether the peer is to be given up, given how many tombstones it holds back. Takes note of them for the next look.
    pub(crate) fn lags(&mut self, held: u32, allowed: u64) -> bool {
        let moved = core::mem::take(&mut self.moved);
        let before = core::mem::replace(&mut self.held, held);
        let held = u64::from(held);
        let hard = allowed.saturating_mul(TombstoneLimit::HARD_FACTOR);
        // One look is not enough: many routes may have been withdrawn just before it.
        let catches_up = u64::from(before) <= hard || held <= u64::from(before) / 2;
        held > allowed && (!moved || (held > hard && !catches_up))
    }

    /// Follows a compaction of the log.
    pub(crate) fn map(&mut self, ranks: &Ranks) {
        for position in [&mut self.cursor, &mut self.since, &mut self.reached] {
            *position = ranks.map(*position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enhanced_refresh_waits_for_end_of_rib() {
        let mut pass = Pass::new(4);
        pass.advance(2);
        pass.refresh(RefreshKind::Enhanced);
        assert_eq!((pass.marker_before(), pass.cursor()), (None, 2));
        pass.advance(4);
        assert_eq!(pass.marker_at_tail(true), None, "held back");
        assert_eq!(pass.marker_at_tail(false), Some(Marker::EndOfRib));
        assert_eq!(
            (pass.marker_before(), pass.cursor()),
            (Some(Marker::BeginRefresh), 0)
        );
        pass.advance(4);
        assert_eq!(pass.marker_at_tail(false), Some(Marker::EndRefresh));
        assert_eq!(pass.marker_at_tail(false), None);
    }

    #[test]
    fn a_peer_that_moves_lags_if_it_falls_behind_all_the_same() {
        let mut pass = Pass::new(0);
        let mut look = |held| {
            pass.advance(pass.cursor() + 1);
            pass.lags(held, 10)
        };
        assert!(!look(40), "four times what is allowed");
        assert!(!look(1000), "all of them may be new");
        assert!(!look(500), "half of them are gone");
        assert!(look(499), "it takes too long");
        assert!(!look(40));
        assert!(!look(41));
        assert!(look(41));
    }

    #[test]
    fn a_peer_that_does_not_move_lags_beyond_what_is_allowed() {
        let mut pass = Pass::new(0);
        assert!(!pass.lags(11, 10), "it has just joined");
        assert!(pass.lags(11, 10));
        assert!(!pass.lags(10, 10));
    }

    #[test]
    fn a_refresh_leaves_the_horizon_where_it_was() {
        let mut pass = Pass::new(4);
        assert_eq!(pass.horizon(), 4, "a first pass skips older tombstones");
        pass.advance(9);
        pass.refresh(RefreshKind::Plain);
        assert_eq!((pass.cursor(), pass.horizon()), (0, 9));
        pass.advance(3);
        pass.refresh(RefreshKind::Plain);
        assert_eq!((pass.cursor(), pass.horizon()), (0, 9));
        assert!(pass.has_sent(8), "what was sent stays sent");
    }
}
