//! A simple receiver: what a peer believes after the batches it was sent.

use std::collections::{BTreeMap, BTreeSet};

use bgp_wire::{
    AttributeType, AttributeValue, Context, Disposition, Family, FamilySet, Frame,
    MAX_EXTENDED_MESSAGE, MessageType, NextHop, RefreshSubtype, RouteRefresh, UpdateView, frame,
};
use ipnet::IpNet;

use crate::{Batch, GroupKey};

/// A route as it was received: the MED stands for its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) med: Option<u32>,
    pub(crate) next_hop: Option<NextHop>,
}

pub(crate) struct Receiver {
    group: GroupKey,
    context: Context,
    pub(crate) routes: BTreeMap<IpNet, Received>,
    /// Routes not seen again since BoRR.
    stale: Option<BTreeSet<IpNet>>,
    pub(crate) ends_of_rib: u32,
    pub(crate) refreshes: u32,
}

impl Receiver {
    pub(crate) fn new(group: GroupKey) -> Self {
        let (context, routes, stale) = (context(&group), BTreeMap::new(), None);
        Self {
            group,
            context,
            routes,
            stale,
            ends_of_rib: 0,
            refreshes: 0,
        }
    }

    /// Reads a batch, and checks what it says about itself.
    pub(crate) fn take(&mut self, batch: &Batch, budget: usize) {
        let longest = budget.max(usize::from(self.group.max_message));
        assert!(
            batch.updates.len() <= longest,
            "{} > {longest}",
            batch.updates.len()
        );
        let (mut messages, mut routes, mut withdrawals) = (0, 0, 0);
        let mut rest = &batch.updates[..];
        while !rest.is_empty() {
            let next = frame(rest, MAX_EXTENDED_MESSAGE).expect("a sound header");
            let next = next.expect("a whole message");
            assert!(next.message().len() <= usize::from(self.group.max_message));
            let (announced, withdrawn) = self.message(&next);
            messages += 1;
            routes += announced;
            withdrawals += withdrawn;
            rest = &rest[next.message().len()..];
        }
        assert_eq!(
            (messages, routes, withdrawals),
            (batch.messages, batch.routes, batch.withdrawals)
        );
        assert!(batch.marker.is_none() || routes + withdrawals == 0);
    }

    /// Whether a BoRR came, and its EoRR did not.
    pub(crate) fn in_refresh(&self) -> bool {
        self.stale.is_some()
    }

    fn message(&mut self, frame: &Frame<'_>) -> (u32, u32) {
        if frame.kind() == MessageType::ROUTE_REFRESH {
            self.refresh(&RouteRefresh::decode(frame.message()).expect("a sound ROUTE-REFRESH"));
            return (0, 0);
        }
        assert_eq!(frame.kind(), MessageType::UPDATE);
        let update = UpdateView::parse(frame.message(), &self.context).expect("a sound UPDATE");
        assert_eq!(
            update.disposition(),
            Disposition::None,
            "{:?}",
            update.errors().next()
        );
        if let Some(family) = update.end_of_rib() {
            assert_eq!(family, self.group.family);
            self.ends_of_rib += 1;
        }
        let (mut announced, mut withdrawn) = (0, 0);
        for nlri in update.withdrawn() {
            self.routes.remove(&nlri.prefix);
            withdrawn += 1;
        }
        let med = med(&update);
        let next_hop = update.next_hop(self.group.family);
        for nlri in update.announced() {
            self.routes.insert(nlri.prefix, Received { med, next_hop });
            if let Some(stale) = &mut self.stale {
                stale.remove(&nlri.prefix);
            }
            announced += 1;
        }
        (announced, withdrawn)
    }

    fn refresh(&mut self, refresh: &RouteRefresh) {
        assert_eq!(refresh.family, self.group.family);
        assert!(self.ends_of_rib > 0, "RFC 7313: no BoRR before End-of-RIB");
        match refresh.subtype {
            RefreshSubtype::BeginRefresh => {
                self.stale = Some(self.routes.keys().copied().collect());
            }
            RefreshSubtype::EndRefresh => {
                let stale = self.stale.take().expect("an EoRR follows a BoRR");
                self.routes.retain(|prefix, _| !stale.contains(prefix));
                self.refreshes += 1;
            }
            other => panic!("{other:?} is not an answer"),
        }
    }
}

/// What the peers of a group negotiated.
pub(crate) fn context(group: &GroupKey) -> Context {
    Context::new(group.kind)
        .with_as_width(group.as_width)
        .with_max_message(group.max_message)
        .with_extended_next_hop(FamilySet::EMPTY.with(Family::IPV4_UNICAST))
}

fn med(update: &UpdateView<'_>) -> Option<u32> {
    match update.attribute(AttributeType::MULTI_EXIT_DISC)?.value() {
        AttributeValue::MultiExitDisc(med) => Some(med),
        other => panic!("{other:?} is no MULTI_EXIT_DISC"),
    }
}
