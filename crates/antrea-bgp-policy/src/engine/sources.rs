//! Which kinds are needed, which have been listed, and how their sources are doing.

use antrea_bgp_api::Kind;

use crate::{KindSet, SourceState};

/// The state of every kind's source.
#[derive(Default)]
pub(super) struct Sources {
    states: [SourceState; Kind::ALL.len()],
    /// Needed by the effective policy.
    needed: KindSet,
    /// Listed or known to be absent, and not dropped since.
    known: KindSet,
    /// Were needed, are not any more: what still comes in is late.
    dropped: KindSet,
}

impl Sources {
    pub(super) fn state(&self, kind: Kind) -> SourceState {
        self.states[kind as usize]
    }

    /// Records a state, and returns whether it is another.
    pub(super) fn set_state(&mut self, kind: Kind, state: SourceState) -> bool {
        if matches!(state, SourceState::Synced | SourceState::Absent) {
            self.set_known(kind);
        }
        std::mem::replace(&mut self.states[kind as usize], state) != state
    }

    pub(super) fn set_known(&mut self, kind: Kind) {
        self.known = self.known.with(kind);
    }

    pub(super) fn needed(&self) -> KindSet {
        self.needed
    }

    /// Whether all objects of a kind have come in.
    pub(super) fn is_known(&self, kind: Kind) -> bool {
        self.known.contains(kind)
    }

    /// Whether objects of a kind are of interest. Those that come unasked are kept, so that a
    /// folder can be fed in any order; those that come late, after the kind was dropped, are not:
    /// nobody would tell when they go.
    pub(super) fn accepts(&self, kind: Kind) -> bool {
        !self.dropped.contains(kind)
    }

    /// Whether the first list of policies is under way, so that the oldest may be yet to come.
    pub(super) fn policies_pending(&self) -> bool {
        let waiting = matches!(
            self.state(Kind::BgpPolicy),
            SourceState::Listing | SourceState::Failing | SourceState::Denied
        );
        waiting && !self.is_known(Kind::BgpPolicy)
    }

    /// Records which kinds are needed, and returns those that no longer are.
    pub(super) fn need(&mut self, needed: KindSet) -> KindSet {
        let dropped = self.needed.difference(needed);
        self.needed = needed;
        self.dropped = self.dropped.union(dropped).difference(needed);
        self.known = self.known.difference(dropped);
        for kind in dropped.iter() {
            self.states[kind as usize] = SourceState::Unwatched;
        }
        dropped
    }

    /// The needed kinds that have neither been listed nor are otherwise settled.
    pub(super) fn unsettled(&self) -> KindSet {
        let settled = |kind: &Kind| self.is_known(*kind) || self.state(*kind).is_settled();
        self.needed.iter().filter(|kind| !settled(kind)).collect()
    }
}
