//! What happened in a history, or in many.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use crate::received::Why;

/// Counts over one history or several, to see that things happen at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Histories.
    pub seeds: u64,
    /// Time on the virtual clock.
    pub time: Duration,
    /// How often an end became Established.
    pub sessions: u64,
    /// Processes that were killed.
    pub kills: u64,
    /// Sessions that were reset because their neighbour read too slowly.
    pub laggards: u64,
    /// ROUTE-REFRESH messages that asked for routes again.
    pub refreshes: u64,
    /// Routes that arrived.
    pub announced: u64,
    /// Routes that went because they were withdrawn.
    pub withdrawn: u64,
    /// Routes that went at End-of-RIB, having been withdrawn during a restart.
    pub swept: u64,
    /// Routes that went at the end of an enhanced refresh.
    pub refreshed_away: u64,
    /// Routes that went when a restart time was over.
    pub expired: u64,
    /// Routes that went with their session.
    pub flushed: u64,
}

impl Report {
    pub(crate) fn removed(&mut self, why: Why) {
        let count = match why {
            Why::Withdrawn => &mut self.withdrawn,
            Why::EndOfRib => &mut self.swept,
            Why::EndOfRefresh => &mut self.refreshed_away,
            Why::RestartTime => &mut self.expired,
            Why::Session | Why::SecondRestart | Why::Ours => &mut self.flushed,
        };
        *count += 1;
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.time += other.time;
        self.sessions += other.sessions;
        self.kills += other.kills;
        self.laggards += other.laggards;
        self.refreshes += other.refreshes;
        self.announced += other.announced;
        self.withdrawn += other.withdrawn;
        self.swept += other.swept;
        self.refreshed_away += other.refreshed_away;
        self.expired += other.expired;
        self.flushed += other.flushed;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.time.as_secs() / 3600;
        writeln!(f, "{} seeds, {hours} virtual hours", self.seeds)?;
        writeln!(
            f,
            "{} sessions, {} kills, {} laggards, {} refreshes",
            self.sessions, self.kills, self.laggards, self.refreshes
        )?;
        write!(
            f,
            "routes: {} announced, {} withdrawn, {} swept at End-of-RIB, {} at the end of a \
             refresh, {} expired, {} flushed",
            self.announced,
            self.withdrawn,
            self.swept,
            self.refreshed_away,
            self.expired,
            self.flushed
        )
    }
}
