//! What is measured: who sends how many prefixes of which family to how many receivers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fmt, ops};

use bgp_wire::Family;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The AS of every sender.
pub(crate) const SENDER_AS: u32 = 64512;
/// The AS of every receiver, so that all sessions are eBGP.
pub(crate) const RECEIVER_AS: u32 = 65001;
/// The AS that GoBGP gets its table from.
pub(crate) const FEEDER_AS: u32 = 64999;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub(crate) enum Sender {
    /// The same octets, written by a program that knows nothing else.
    Raw,
    /// `examples/announce.rs`.
    Ours,
    /// BIRD 2.
    Bird,
    /// FRR's bgpd.
    Frr,
    /// GoBGP.
    Gobgp,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raw => "a raw write",
            Self::Ours => "bgp-speaker",
            Self::Bird => "BIRD",
            Self::Frr => "FRR",
            Self::Gobgp => "GoBGP",
        })
    }
}

/// The family of a table, and of the addresses that it travels between.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize,
)]
pub(crate) enum Version {
    /// IPv4 unicast: /32.
    V4,
    /// IPv6 unicast: /128.
    V6,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl Version {
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::V4 => Family::IPV4_UNICAST,
            Self::V6 => Family::IPV6_UNICAST,
        }
    }

    /// The address of the sender, or of what feeds it.
    pub(crate) fn sender(self) -> IpAddr {
        self.host(0, 1)
    }

    pub(crate) fn feeder(self) -> IpAddr {
        self.host(0, 2)
    }

    /// The address of a receiver. That of number 0 is for runs with one receiver, so that no run
    /// waits until a sender has got over the end of an earlier session.
    pub(crate) fn receiver(self, number: u16) -> IpAddr {
        self.host(1, number + 1)
    }

    fn host(self, net: u16, host: u16) -> IpAddr {
        match self {
            Self::V4 => {
                Ipv4Addr::from(0x0a63_0000 + (u32::from(net) << 12) + u32::from(host)).into()
            }
            Self::V6 => Ipv6Addr::new(0xfd99, net, 0, 0, 0, 0, 0, host).into(),
        }
    }

    /// The prefix with this number.
    pub(crate) fn prefix(self, number: u32) -> ipnet::IpNet {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from(FIRST_V4 + number)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from(FIRST_V6 + u128::from(number))),
        }
        .into()
    }
}

const FIRST_V4: u32 = 0x1400_0000;
const FIRST_V6: u128 = 0x2001_0db8 << 96;

/// Numbers of receivers: the one of single runs, then those of runs with several.
pub(crate) fn receiver_numbers(receivers: u16) -> ops::Range<u16> {
    if receivers == 1 {
        0..1
    } else {
        1..receivers + 1
    }
}
