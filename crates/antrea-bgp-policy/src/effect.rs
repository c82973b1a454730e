//! What comes out of the engine: differences, in the order in which they are to be carried out.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::{KindSet, PeerSpec, ProcessSpec, Report, StopReason};

/// Something to be done outside.
///
/// The order within one call of [`handle`](crate::Engine::handle) or
/// [`handle_all`](crate::Engine::handle_all): `StopProcess`, `StartProcess`, `WriteRouterId`, `RemovePeer`…,
/// `SetPeer`…, `Watch`, `Report`…, `Mended`…, `Announce`…, `Withdraw`…. An effect never asks for what an
/// earlier one has already brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Start a BGP process. It has no peers and no routes; those follow.
    StartProcess(Box<ProcessSpec>),
    /// Stop the BGP process. Its peers and routes are gone with it: no `RemovePeer` and no
    /// `Withdraw` follows.
    StopProcess(StopReason),
    /// Add a peer, or change the one at this address.
    SetPeer(Box<PeerSpec>),
    /// Remove the peer at this address.
    RemovePeer(IpAddr),
    /// Advertise a prefix that was not advertised.
    Announce(Announcement),
    /// Advertise a prefix no longer.
    Withdraw(IpNet),
    /// Write the router ID to the annotation of the node (or to where that is kept). Nothing waits
    /// for it; the owner repeats it until it succeeds or another one comes.
    WriteRouterId(Ipv4Addr),
    /// The kinds of object that are needed from now on. Kinds new to the set are to be listed
    /// (`Relisted`) and then followed. Objects of kinds that left the set were forgotten, and are
    /// ignored until the kind is needed again.
    Watch(KindSet),
    /// Tell people.
    Report(Box<Report>),
    /// Tell people that this, which was reported, is so no longer, while the object is there still.
    Mended(Box<Report>),
}

/// A prefix to be advertised, with all that distinguishes it from other routes: for now nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Announcement {
    /// The prefix.
    pub prefix: IpNet,
}

impl Announcement {
    pub(crate) const fn new(prefix: IpNet) -> Self {
        Self { prefix }
    }
}
