//! What a BGP process that starts waits for.

use std::time::{Duration, Instant};

use antrea_bgp_api::Kind;

use crate::KindSet;

/// Sessions never wait longer than this for a source.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The restart time that counts where no peer has graceful restart: that of a BGPPolicy which does
/// not say.
const DEFAULT_RESTART_TIME: Duration = Duration::from_secs(120);

/// How far the start of a BGP process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartPhase {
    /// No session is opened: what peers may still hold from before could be withdrawn, and be
    /// announced again a moment later.
    Waiting,
    /// Sessions open, and routes flow. End-of-RIB, which lets peers drop what was not announced
    /// again (RFC 4724 section 4.1), is held back.
    Open,
    /// Nothing is held back.
    Complete,
}

/// The waiting rules of one BGP process, from its start on. A phase that was reached stays: a source
/// that is needed later, or fails later, holds nothing back.
///
/// Sessions wait until all needed kinds have [settled](crate::Engine::unsettled), but no longer
/// than 30 s and no longer than a quarter of the smallest restart time. End-of-RIB waits for the
/// same, but no longer than half the smallest restart time. Both count from the start of the
/// process, which is when policies and Node are known: the other kinds are not asked for before.
/// The Secret is not counted here, since the engine itself hands on no peer before it is known.
///
/// Like the engine it has no clock: whoever owns it says what time it is, and asks again at
/// [`Startup::deadline`].
#[derive(Clone, Copy, Debug)]
pub struct Startup {
    began: Instant,
    phase: StartPhase,
    restart_time: Duration,
}

impl Startup {
    /// A process starts.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            phase: StartPhase::Waiting,
            restart_time: DEFAULT_RESTART_TIME,
        }
    }

    /// The phase, where `unsettled` are the kinds still waited for and `restart_times` are those of
    /// the peers that have graceful restart.
    pub fn advance(
        &mut self,
        now: Instant,
        unsettled: KindSet,
        restart_times: impl IntoIterator<Item = Duration>,
    ) -> StartPhase {
        self.restart_time = restart_times
            .into_iter()
            .min()
            .unwrap_or(DEFAULT_RESTART_TIME);
        let settled = unsettled.iter().all(|kind| kind == Kind::Secret);
        let reached = if settled || now >= self.end_of_rib_at() {
            StartPhase::Complete
        } else if now >= self.open_at() {
            StartPhase::Open
        } else {
            StartPhase::Waiting
        };
        self.phase = self.phase.max(reached);
        self.phase
    }

    /// The phase that was reached.
    #[must_use]
    pub fn phase(&self) -> StartPhase {
        self.phase
    }

    /// When the next phase comes, whatever the sources do. `None`: there is none.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            StartPhase::Waiting => Some(self.open_at()),
            StartPhase::Open => Some(self.end_of_rib_at()),
            StartPhase::Complete => None,
        }
    }

    fn open_at(&self) -> Instant {
        self.began + LONGEST_WAIT.min(self.restart_time / 4)
    }

    fn end_of_rib_at(&self) -> Instant {
        self.began + self.restart_time / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A start at an arbitrary moment; the tests count from there.
    #[allow(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    fn start() -> (Startup, Instant) {
        let now = Instant::now();
        (Startup::new(now), now)
    }

    fn missing(kinds: &[Kind]) -> KindSet {
        kinds.iter().copied().collect()
    }

    fn gr(seconds: &[u64]) -> Vec<Duration> {
        seconds.iter().map(|s| Duration::from_secs(*s)).collect()
    }

    /// The seconds after the start at which sessions open and End-of-RIB goes out, while Services
    /// stay away.
    fn bounds(restart_times: &[u64]) -> (u32, u32) {
        let (mut startup, begin) = start();
        let mut first = |phase: StartPhase| {
            let reached = |second: &u32| {
                let now = begin + SECOND * *second;
                let unsettled = missing(&[Kind::Service]);
                startup.advance(now, unsettled, gr(restart_times)) >= phase
            };
            (0..=4096).find(reached).expect("it comes")
        };
        let open = first(StartPhase::Open);
        (open, first(StartPhase::Complete))
    }

    #[test]
    fn what_is_settled_is_not_waited_for() {
        let (mut startup, now) = start();
        assert_eq!(startup.phase(), StartPhase::Waiting);
        assert_eq!(
            startup.advance(now, KindSet::EMPTY, gr(&[120])),
            StartPhase::Complete
        );
        assert_eq!(startup.deadline(), None);
    }

    #[test]
    fn a_source_that_stays_away_is_waited_for_within_the_restart_time() {
        assert_eq!(bounds(&[120]), (30, 60));
        // Never more than 30 s before sessions open.
        assert_eq!(bounds(&[3600]), (30, 1800));
        // The smallest of several.
        assert_eq!(bounds(&[120, 40, 60]), (10, 20));
        assert_eq!(bounds(&[4]), (1, 2));
        // Nobody has graceful restart: as if by default.
        assert_eq!(bounds(&[]), (30, 60));
    }

    #[test]
    fn the_last_source_to_settle_ends_the_wait() {
        let (mut startup, begin) = start();
        let both = missing(&[Kind::Service, Kind::EndpointSlice]);
        let slices = missing(&[Kind::EndpointSlice]);
        for (second, unsettled, phase) in [
            (0, both, StartPhase::Waiting),
            (5, slices, StartPhase::Waiting),
            (7, KindSet::EMPTY, StartPhase::Complete),
            // A kind that is needed later holds nothing back any more.
            (8, missing(&[Kind::Egress]), StartPhase::Complete),
        ] {
            let now = begin + SECOND * second;
            assert_eq!(startup.advance(now, unsettled, gr(&[120])), phase);
        }
    }

    #[test]
    fn sessions_that_opened_late_still_hold_end_of_rib_until_all_is_there() {
        let (mut startup, begin) = start();
        let slices = missing(&[Kind::EndpointSlice]);
        startup.advance(begin, slices, gr(&[120]));
        assert_eq!(startup.deadline(), Some(begin + SECOND * 30));
        let opened = startup.advance(begin + SECOND * 30, slices, gr(&[120]));
        assert_eq!(opened, StartPhase::Open);
        assert_eq!(startup.deadline(), Some(begin + SECOND * 60));
        let settled = startup.advance(begin + SECOND * 41, KindSet::EMPTY, gr(&[120]));
        assert_eq!(settled, StartPhase::Complete);
    }

    #[test]
    fn an_edit_of_the_restart_time_moves_the_bounds() {
        let (mut startup, begin) = start();
        let slices = missing(&[Kind::EndpointSlice]);
        startup.advance(begin, slices, gr(&[120]));
        startup.advance(begin + SECOND, slices, gr(&[20]));
        assert_eq!(startup.deadline(), Some(begin + SECOND * 5));
    }

    #[test]
    fn the_secret_is_the_engines_to_wait_for() {
        let (mut startup, now) = start();
        let secret = missing(&[Kind::Secret]);
        assert_eq!(
            startup.advance(now, secret, gr(&[120])),
            StartPhase::Complete
        );
    }
}
