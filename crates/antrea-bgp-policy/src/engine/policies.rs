//! All BGPPolicies, and which of them is for this node.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use antrea_bgp_api::{Policy, Timestamp};

/// A valid policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// `metadata.creationTimestamp`. A policy from a file may have none, and is younger than all
    /// that have one.
    pub(super) created: Option<Timestamp>,
    pub(super) policy: Policy,
}

impl Candidate {
    /// Smaller means older. Equal times are told apart by name, so that the choice never wavers.
    fn age(&self) -> (bool, Option<Timestamp>, &str) {
        (self.created.is_none(), self.created, &self.name)
    }
}

/// A policy by name.
#[derive(Default)]
struct Entry {
    /// Its present form, or while it is in effect and `broken`, its last good one.
    good: Option<Arc<Candidate>>,
    /// The present form is invalid or could not be decoded.
    broken: bool,
}

/// All policies of the cluster.
#[derive(Default)]
pub(super) struct Policies {
    entries: BTreeMap<String, Entry>,
}

impl Policies {
    /// A policy is there, in a valid form.
    pub(super) fn apply(&mut self, candidate: Candidate) {
        let entry = self.entries.entry(candidate.name.clone()).or_default();
        entry.broken = false;
        if entry.good.as_deref() != Some(&candidate) {
            entry.good = Some(Arc::new(candidate));
        }
    }

    /// A policy is there, and invalid. Its last good form stays until
    /// [`retire`](Self::retire) finds that it is not in effect.
    pub(super) fn apply_broken(&mut self, name: &str) {
        self.entries.entry(name.to_owned()).or_default().broken = true;
    }

    /// A policy is gone.
    pub(super) fn delete(&mut self, name: &str) {
        self.entries.remove(name);
    }

    /// Deletes the policies that `listed` does not name.
    pub(super) fn sweep(&mut self, listed: &HashSet<String>) {
        self.entries.retain(|name, _| listed.contains(name));
    }

    /// Forgets the last good forms of broken policies, except of the one in effect, and returns
    /// the names of those that had one.
    pub(super) fn retire(&mut self, effective: Option<&str>) -> Vec<String> {
        let mut retired = Vec::new();
        for (name, entry) in &mut self.entries {
            let stays = !entry.broken || Some(name.as_str()) == effective;
            if !stays && entry.good.take().is_some() {
                retired.push(name.clone());
            }
        }
        retired
    }

    /// The oldest policy whose selector matches these labels.
    pub(super) fn select(&self, labels: &BTreeMap<String, String>) -> Option<Arc<Candidate>> {
        self.entries
            .values()
            .filter_map(|entry| entry.good.as_ref())
            .filter(|candidate| candidate.policy.node_selector.matches(labels))
            .min_by(|a, b| a.age().cmp(&b.age()))
            .cloned()
    }

    /// Whether there is a policy of this name, whatever its form.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Whether the present form of a policy is invalid.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.broken)
    }

    /// How many policies there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
