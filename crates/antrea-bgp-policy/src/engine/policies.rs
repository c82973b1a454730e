//! All BGPPolicies, and which of them is for this node.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use antrea_bgp_api::{Policy, Selector, Timestamp};

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
    /// What is known of its present form, if that is invalid or could not be decoded.
    broken: Option<Broken>,
    /// It was in effect when [`settle`](Policies::settle) was called last, and has been the same
    /// object since: not deleted, nor made anew under its name.
    effective: bool,
}

impl Entry {
    /// Whether an object of this creation time can be the one that the good form is of. An unknown
    /// time says nothing.
    fn may_be_of(&self, created: Option<Timestamp>) -> bool {
        let known = self.good.as_ref().map(|good| good.created);
        created.is_none() || known == Some(created)
    }
}

/// What can be told of an invalid policy.
#[derive(Default)]
pub(super) struct Broken {
    /// `metadata.creationTimestamp`, where that much is known.
    pub(super) created: Option<Timestamp>,
    /// Its node selector, where that is valid.
    pub(super) selector: Option<Selector>,
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
        entry.broken = None;
        entry.effective &= entry.may_be_of(candidate.created);
        if entry.good.as_deref() != Some(&candidate) {
            entry.good = Some(Arc::new(candidate));
        }
    }

    /// A policy is there, and invalid. Returns whether its last good form stays, as only that of
    /// the one in effect does.
    pub(super) fn apply_broken(&mut self, name: &str, broken: Broken) -> bool {
        let entry = self.entries.entry(name.to_owned()).or_default();
        entry.effective &= entry.may_be_of(broken.created);
        if !entry.effective {
            entry.good = None;
        }
        entry.broken = Some(broken);
        entry.effective
    }

    /// A policy is gone.
    pub(super) fn delete(&mut self, name: &str) {
        self.entries.remove(name);
    }

    /// Deletes the policies that `listed` does not name.
    pub(super) fn sweep(&mut self, listed: &HashSet<String>) {
        self.entries.retain(|name, _| listed.contains(name));
    }

    /// Notes which policy is in effect. Forgets the last good forms of the broken ones among the
    /// others, and returns the names of those that had one.
    pub(super) fn settle(&mut self, effective: Option<&str>) -> Vec<String> {
        let mut retired = Vec::new();
        for (name, entry) in &mut self.entries {
            entry.effective = Some(name.as_str()) == effective;
            if !entry.effective && entry.broken.is_some() && entry.good.take().is_some() {
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

    /// The names of the valid policies whose selectors match these labels.
    pub(super) fn matching<'a>(
        &'a self,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a str> {
        self.entries
            .values()
            .filter_map(|entry| entry.good.as_ref())
            .filter(|candidate| candidate.policy.node_selector.matches(labels))
            .map(|candidate| candidate.name.as_str())
    }

    /// Whether there is a policy of this name with a form that counts.
    pub(super) fn has_form(&self, name: &str) -> bool {
        self.entries
            .get(name)
            .is_some_and(|entry| entry.good.is_some())
    }

    /// Whether the present form of a policy is invalid.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.entries
            .get(name)
            .is_some_and(|entry| entry.broken.is_some())
    }

    /// The names of the invalid policies that would select these labels, as far as can be told.
    pub(super) fn broken_for<'a>(
        &'a self,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a str> {
        let may_select = |broken: &Broken| {
            let selector = broken.selector.as_ref();
            selector.is_none_or(|selector| selector.matches(labels))
        };
        self.entries
            .iter()
            .filter(move |(_, entry)| entry.broken.as_ref().is_some_and(may_select))
            .map(|(name, _)| name.as_str())
    }

    /// How many policies there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
