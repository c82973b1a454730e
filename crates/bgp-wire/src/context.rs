//! What a session negotiated, as far as it changes how messages read.

use crate::{AddPathMode, PeerKind};
use crate::{AsWidth, Asn, Capability, Family, FamilySet, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Open};

/// What a session negotiated, as far as it changes how UPDATEs read and are written. `Copy`.
///
/// [`Context::new`] is a session between two speakers without any capability;
/// [`Context::negotiated`] takes the two OPENs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Context {
    /// Octets of AS numbers in AS_PATH and AGGREGATOR (RFC 6793).
    pub as_width: AsWidth,
    /// How the peer relates to us.
    pub peer_kind: PeerKind,
    /// The most octets of a message: 4096, or 65535 with RFC 8654.
    pub max_message: u16,
    /// Families whose NLRI the peer sends with path identifiers (RFC 7911).
    pub add_path_receive: FamilySet,
    /// Families whose NLRI we send with path identifiers (RFC 7911).
    pub add_path_send: FamilySet,
    /// Families of IPv4 that may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: FamilySet,
    /// The AS that must stand first in an AS_PATH from an eBGP peer; `None` does not ask (RFC 4271
    /// section 6.3 leaves it to configuration, as route servers do not prepend).
    pub first_as: Option<Asn>,
    /// Whether AIGP is enabled on the session; otherwise the attribute is ignored (RFC 7311 section
    /// 3.3).
    pub aigp: bool,
    /// Whether we survive an error that RFC 7606 answers with "AFI/SAFI disable", to ignore that
    /// family from then on; otherwise, and by default, it is an error that ends the session, which
    /// that RFC allows too.
    pub afi_safi_disable: bool,
}

impl Context {
    /// A session with a peer of this kind and no capabilities: two-octet AS numbers, messages of up
    /// to 4096 octets.
    #[must_use]
    pub const fn new(peer_kind: PeerKind) -> Self {
        Self {
            as_width: AsWidth::Two,
            peer_kind,
            max_message: MAX_MESSAGE,
            add_path_receive: FamilySet::EMPTY,
            add_path_send: FamilySet::EMPTY,
            extended_next_hop: FamilySet::EMPTY,
            first_as: None,
            aigp: false,
            afi_safi_disable: false,
        }
    }

    /// What the OPENs `sent` and `received` agree on.
    ///
    /// IPv4 next hops over IPv6 need the capability from both sides. For messages that we receive,
    /// RFC 8654 asks only that we advertised extended messages and for those that we send only that
    /// the peer did; this crate uses one limit, so both.
    #[must_use]
    pub fn negotiated(sent: &Open, received: &Open, peer_kind: PeerKind) -> Self {
        let both = |is: fn(&Capability) -> bool| {
            sent.capabilities.iter().any(is) && received.capabilities.iter().any(is)
        };
        let mut context = Self::new(peer_kind);
        if both(|c| matches!(c, Capability::FourOctetAsn(_))) {
            context.as_width = AsWidth::Four;
        }
        if both(|c| matches!(c, Capability::ExtendedMessage)) {
            context.max_message = MAX_EXTENDED_MESSAGE;
        }
        let (our_send, our_receive) = add_path(sent);
        let (peer_send, peer_receive) = add_path(received);
        context.add_path_receive = intersection(our_receive, peer_send);
        context.add_path_send = intersection(our_send, peer_receive);
        context.extended_next_hop =
            intersection(extended_next_hop(sent), extended_next_hop(received));
        context
    }

    /// The context of messages that we send, as the peer reads them: [`Update`](crate::Update)s are
    /// built with it.
    #[must_use]
    pub const fn outgoing(mut self) -> Self {
        (self.add_path_receive, self.add_path_send) = (self.add_path_send, self.add_path_receive);
        self
    }

    /// The context with AS numbers of this width.
    #[must_use]
    pub const fn with_as_width(mut self, as_width: AsWidth) -> Self {
        self.as_width = as_width;
        self
    }

    /// The context with messages of up to `max` octets.
    #[must_use]
    pub const fn with_max_message(mut self, max: u16) -> Self {
        self.max_message = max;
        self
    }

    /// The context with path identifiers for these families, both ways.
    #[must_use]
    pub const fn with_add_path(mut self, families: FamilySet) -> Self {
        self.add_path_receive = families;
        self.add_path_send = families;
        self
    }

    /// The context with IPv6 next hops for these families of IPv4.
    #[must_use]
    pub const fn with_extended_next_hop(mut self, families: FamilySet) -> Self {
        self.extended_next_hop = families;
        self
    }

    /// The context that asks for this AS at the start of every AS_PATH of an eBGP peer.
    #[must_use]
    pub const fn with_first_as(mut self, first_as: Option<Asn>) -> Self {
        self.first_as = first_as;
        self
    }

    /// The context with AIGP enabled or not.
    #[must_use]
    pub const fn with_aigp(mut self, aigp: bool) -> Self {
        self.aigp = aigp;
        self
    }

    /// The context that survives "AFI/SAFI disable", or does not.
    #[must_use]
    pub const fn with_afi_safi_disable(mut self, survive: bool) -> Self {
        self.afi_safi_disable = survive;
        self
    }
}

fn intersection(a: FamilySet, b: FamilySet) -> FamilySet {
    a.iter().filter(|f| b.contains(*f)).collect()
}

/// The families that an OPEN offers to send and to receive with path identifiers.
fn add_path(open: &Open) -> (FamilySet, FamilySet) {
    let entries = open.capabilities.iter().filter_map(|c| match c {
        Capability::AddPath(entries) => Some(entries),
        _ => None,
    });
    let (mut send, mut receive) = (FamilySet::EMPTY, FamilySet::EMPTY);
    for entry in entries.flatten() {
        if matches!(entry.mode, AddPathMode::Send | AddPathMode::Both) {
            send = send.with(entry.family);
        }
        if matches!(entry.mode, AddPathMode::Receive | AddPathMode::Both) {
            receive = receive.with(entry.family);
        }
    }
    (send, receive)
}

fn extended_next_hop(open: &Open) -> FamilySet {
    open.capabilities
        .iter()
        .filter_map(|c| match c {
            Capability::ExtendedNextHop(entries) => Some(entries),
            _ => None,
        })
        .flatten()
        .filter(|entry| entry.next_hop == crate::Afi::IPV6)
        .map(|entry| entry.family)
        .collect::<FamilySet>()
        .without(Family::IPV6_UNICAST)
        .without(Family::IPV6_MULTICAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddPathFamily, ExtendedNextHop};
    use alloc::vec;
    use core::net::Ipv4Addr;

    fn open(mode: AddPathMode) -> Open {
        let mut open = Open::new(Asn(64512), 90, Ipv4Addr::new(1, 1, 1, 1));
        open.capabilities.extend([
            Capability::AddPath(vec![AddPathFamily {
                family: Family::IPV4_UNICAST,
                mode,
            }]),
            Capability::ExtendedNextHop(vec![ExtendedNextHop {
                family: Family::IPV4_UNICAST,
                next_hop: crate::Afi::IPV6,
            }]),
        ]);
        open
    }

    #[test]
    fn add_path_needs_a_sender_and_a_receiver() {
        let context = Context::negotiated(
            &open(AddPathMode::Receive),
            &open(AddPathMode::Both),
            PeerKind::Ebgp,
        );
        assert!(context.add_path_receive.contains(Family::IPV4_UNICAST));
        assert!(context.add_path_send.is_empty());
        assert_eq!(context.as_width, AsWidth::Four);
        assert!(context.extended_next_hop.contains(Family::IPV4_UNICAST));
    }

    #[test]
    fn a_capability_of_one_side_changes_nothing() {
        let mut old = open(AddPathMode::Both);
        old.capabilities.clear();
        let context = Context::negotiated(&open(AddPathMode::Both), &old, PeerKind::Ibgp);
        assert_eq!(context, Context::new(PeerKind::Ibgp));
    }
}
