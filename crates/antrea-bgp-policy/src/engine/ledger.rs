//! What is wrong at present, so that each thing is reported once per change.

use std::collections::BTreeMap;

use antrea_bgp_api::ObjectRef;

use crate::report::{ReasonCode, Report};

/// Where the reports of one object come from. Each topic is renewed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// The object in itself.
    Object,
    /// A policy's peers, on this node.
    Peers,
    /// A Secret, for the peers that there are.
    Passwords,
    /// The node's annotation.
    RouterId,
    /// The source of a kind.
    Source,
}

/// All that is wrong, by object, and what of it nobody was told yet.
#[derive(Default)]
pub(super) struct Ledger {
    present: BTreeMap<(ObjectRef, Topic), Vec<Report>>,
    news: Vec<Report>,
}

impl Ledger {
    /// From now on this is all that is wrong with an object in this respect.
    pub(super) fn set(&mut self, object: &ObjectRef, topic: Topic, reports: Vec<Report>) {
        if reports.is_empty() && self.present.is_empty() {
            return;
        }
        let key = (object.clone(), topic);
        let former = self.present.remove(&key).unwrap_or_default();
        self.news.extend(
            reports
                .iter()
                .filter(|report| !former.contains(report))
                .cloned(),
        );
        if !reports.is_empty() {
            self.present.insert(key, reports);
        }
    }

    /// Tells something that is not a lasting state.
    pub(super) fn tell(&mut self, report: Report) {
        self.news.push(report);
    }

    /// What a code says of an object is true no longer.
    pub(super) fn mend(&mut self, object: &ObjectRef, code: ReasonCode) {
        let other = |report: &Report| report.code != code || report.object != *object;
        self.present
            .values_mut()
            .for_each(|reports| reports.retain(other));
        self.news.retain(other);
    }

    /// Nothing is wrong with an object any more: it is gone.
    pub(super) fn forget(&mut self, object: &ObjectRef) {
        self.retain(|present, topic| present != object || topic == Topic::Source);
    }

    /// Keeps only what `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&ObjectRef, Topic) -> bool) {
        if !self.present.is_empty() {
            self.present
                .retain(|(object, topic), _| keep(object, *topic));
        }
    }

    /// What nobody was told yet.
    pub(super) fn take_news(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.news)
    }

    /// All that is wrong at present.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Report> {
        self.present.values().flatten()
    }
}
