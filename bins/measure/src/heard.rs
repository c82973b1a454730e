//! What a receiver has heard, and when.

use std::collections::HashSet;
use std::time::Instant;

use bgp_wire::UpdateView;
use ipnet::IpNet;

use crate::Change;

/// What a receiver has heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Routes that it has. It may be told of one again that it has, where changes cancelled each other out.
    pub routes: HashSet<IpNet>,
    /// Whether End-of-RIB was among it.
    pub end_of_rib: bool,
    /// UPDATEs.
    pub updates: u64,
    /// Each change since it was emptied last.
    pub history: Vec<Change>,
}

impl Heard {
    /// Takes in an UPDATE that came at `now`.
    pub fn take(&mut self, update: &UpdateView<'_>, now: Instant) {
        self.updates += 1;
        self.end_of_rib |= update.end_of_rib().is_some();
        for route in update.withdrawn() {
            self.routes.remove(&route.prefix);
            self.history.push((route.prefix, false, now));
        }
        for route in update.announced() {
            self.routes.insert(route.prefix);
            self.history.push((route.prefix, true, now));
        }
    }

    /// Whether each of these routes is there, or is not, as is said of it.
    #[must_use]
    pub fn agrees(&self, expected: &[(IpNet, bool)]) -> bool {
        let is_so = |(route, is_there): &(IpNet, bool)| self.routes.contains(route) == *is_there;
        expected.iter().all(is_so)
    }
}
