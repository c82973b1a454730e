//! What is wrong at present, so that each thing is reported once per change.

use std::collections::BTreeMap;

use antrea_bgp_api::{Kind, ObjectRef};

use crate::report::{ReasonCode, Report, Severity};

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

impl Topic {
    /// All topics, in the order of the variants.
    const ALL: [Self; 5] = [
        Self::Object,
        Self::Peers,
        Self::Passwords,
        Self::RouterId,
        Self::Source,
    ];
}

/// All that is wrong, and what of it nobody was told yet.
///
/// There may be a problem with every Service, so what concerns one object is found by that, and
/// what concerns one topic is not looked for among the others.
#[derive(Default)]
pub(super) struct Ledger {
    /// By topic, in the order of [`Topic::ALL`].
    present: [BTreeMap<ObjectRef, Vec<Report>>; Topic::ALL.len()],
    news: Vec<Report>,
    /// What was wrong with objects that are there still, and nobody was told yet that it is over.
    mended: Vec<Report>,
    touched: u64,
}

impl Ledger {
    /// From now on this is all that is wrong with an object in this respect.
    pub(super) fn set(&mut self, object: &ObjectRef, topic: Topic, reports: Vec<Report>) {
        let present = &mut self.present[topic as usize];
        let former = present.remove(object).unwrap_or_default();
        self.news.extend(
            reports
                .iter()
                .filter(|report| !former.contains(report))
                .cloned(),
        );
        let is_mended = |report: &Report| {
            let still = |other: &Report| other.code == report.code && other.field == report.field;
            report.severity >= Severity::Warning && !reports.iter().any(still)
        };
        self.mended.extend(former.into_iter().filter(is_mended));
        if !reports.is_empty() {
            present.insert(object.clone(), reports);
        }
    }

    /// Tells something that is not a lasting state.
    pub(super) fn tell(&mut self, report: Report) {
        self.news.push(report);
    }

    /// What a code says of an object is true no longer.
    pub(super) fn mend(&mut self, object: &ObjectRef, code: ReasonCode) {
        let other = |report: &Report| report.code != code || report.object != *object;
        for present in &mut self.present {
            if let Some(reports) = present.get_mut(object) {
                reports.retain(other);
            }
        }
        self.news.retain(other);
    }

    /// Nothing is wrong with an object any more: it is gone.
    pub(super) fn forget(&mut self, object: &ObjectRef) {
        for topic in Topic::ALL {
            if topic != Topic::Source {
                self.present[topic as usize].remove(object);
            }
        }
    }

    /// Nothing is wrong in this respect with any other object.
    pub(super) fn only(&mut self, topic: Topic, object: Option<&ObjectRef>) {
        let present = &mut self.present[topic as usize];
        self.touched += present.len() as u64;
        present.retain(|other, _| Some(other) == object);
    }

    /// Keeps of all objects only those that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&ObjectRef) -> bool) {
        for topic in Topic::ALL {
            if topic != Topic::Source {
                let present = &mut self.present[topic as usize];
                self.touched += present.len() as u64;
                present.retain(|object, _| keep(object));
            }
        }
    }

    /// Why an object cannot be decoded, if it cannot.
    pub(super) fn undecodable(&self, object: &ObjectRef) -> Option<&str> {
        let reports = self.present[Topic::Object as usize].get(object)?;
        let found = reports.iter().find(|it| it.code == ReasonCode::Undecodable);
        found.map(|report| &*report.message)
    }

    /// Whether anything is wrong with an object of this kind.
    pub(super) fn names(&self, kind: Kind) -> bool {
        let mut objects = self.present.iter().flat_map(BTreeMap::keys);
        objects.any(|object| object.kind == kind)
    }

    /// What nobody was told yet.
    pub(super) fn take_news(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.news)
    }

    /// What is over, and nobody was told yet.
    pub(super) fn take_mended(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.mended)
    }

    /// All that is wrong at present, by object and topic.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Report> {
        let mut present: Vec<_> = (self.present.iter().zip(Topic::ALL))
            .flat_map(|(present, topic)| present.iter().map(move |it| (it.0, topic, it.1)))
            .collect();
        present.sort_by_key(|(object, topic, _)| (*object, *topic));
        present.into_iter().flat_map(|(_, _, reports)| reports)
    }

    /// How many objects were looked at so far to find those that are concerned.
    pub(super) fn touched(&self) -> u64 {
        self.touched
    }
}
