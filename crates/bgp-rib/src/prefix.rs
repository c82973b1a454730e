//! Prefixes in as few octets as their family needs.

use core::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};

use bgp_wire::Family;
use foldhash::fast::FixedState;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address of one family as it lies in a log record.
///
/// IPv6 uses four words instead of a `u128`, whose alignment of 16 would pad a record from 24 to
/// 32 octets.
pub(crate) trait Address: Copy + Eq + 'static {
    /// The unicast family of such addresses.
    const FAMILY: Family;

    /// Address and length of `net`, host bits cleared; `None` for a prefix of the other family.
    fn split(net: &IpNet) -> Option<(Self, u8)>;

    /// The reverse of [`Address::split`].
    fn join(self, len: u8) -> IpNet;

    /// Feeds the address to `hasher`.
    fn feed(self, hasher: &mut impl Hasher);
}

impl Address for u32 {
    const FAMILY: Family = Family::IPV4_UNICAST;

    fn split(net: &IpNet) -> Option<(Self, u8)> {
        match net {
            IpNet::V4(net) => Some((net.network().to_bits(), net.prefix_len())),
            IpNet::V6(_) => None,
        }
    }

    fn join(self, len: u8) -> IpNet {
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_bits(self), len))
    }

    fn feed(self, hasher: &mut impl Hasher) {
        hasher.write_u32(self);
    }
}

impl Address for [u32; 4] {
    const FAMILY: Family = Family::IPV6_UNICAST;

    fn split(net: &IpNet) -> Option<(Self, u8)> {
        match net {
            IpNet::V4(_) => None,
            IpNet::V6(net) => {
                let bits = net.network().to_bits();
                let word = |shift: u32| (bits >> shift) as u32;
                Some(([word(96), word(64), word(32), word(0)], net.prefix_len()))
            }
        }
    }

    fn join(self, len: u8) -> IpNet {
        let bits = self
            .iter()
            .fold(0u128, |bits, &word| bits << 32 | u128::from(word));
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), len))
    }

    fn feed(self, hasher: &mut impl Hasher) {
        hasher.write_u64(u64::from(self[0]) << 32 | u64::from(self[1]));
        hasher.write_u64(u64::from(self[2]) << 32 | u64::from(self[3]));
    }
}

/// Hash of a prefix. The seed is fixed: prefixes come from the operator's cluster, not from peers,
/// and equal inputs shall give equal runs.
pub(crate) fn hash<A: Address>(state: &FixedState, address: A, len: u8) -> u64 {
    let mut hasher = state.build_hasher();
    address.feed(&mut hasher);
    hasher.write_u8(len);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_come_back_without_host_bits() {
        let cases = [
            ("10.96.0.1/32", "10.96.0.1/32"),
            ("10.96.0.1/16", "10.96.0.0/16"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8:1:2:3:4:5:6/128", "2001:db8:1:2:3:4:5:6/128"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ];
        for (given, kept) in cases {
            let given: IpNet = given.parse().unwrap();
            let back = match given {
                IpNet::V4(_) => u32::split(&given).map(|(a, len)| a.join(len)),
                IpNet::V6(_) => <[u32; 4]>::split(&given).map(|(a, len)| a.join(len)),
            };
            assert_eq!(back, Some(kept.parse().unwrap()));
        }
    }
}
