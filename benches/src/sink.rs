//! Where codecs put what they find.

use std::net::IpAddr;

/// Whether routes come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// They are reachable.
    Announced,
    /// They are not any more.
    Withdrawn,
}

/// Takes what is in an UPDATE.
pub trait Sink {
    /// A number in an attribute of this type: ORIGIN, MULTI_EXIT_DISC, LOCAL_PREF, ORIGINATOR_ID, OTC, the members of CLUSTER_LIST,
    /// both numbers of AGGREGATOR.
    fn number(&mut self, kind: u8, value: u32);
    /// A member of a segment of AS_PATH (2) or AS4_PATH (17).
    fn hop(&mut self, kind: u8, asn: u32);
    /// NEXT_HOP, or the global one of MP_REACH_NLRI.
    fn next_hop(&mut self, address: IpAddr);
    /// A community.
    fn community(&mut self, value: u32);
    /// A large community.
    fn large_community(&mut self, value: [u32; 3]);
    /// How many extended communities there are. Some codecs take them apart so far that the octets are not at hand.
    fn extended_communities(&mut self, count: usize);
    /// A prefix, with its path identifier.
    fn v4(&mut self, way: Way, address: u32, bits: u8, path_id: Option<u32>);
    /// A prefix, with its path identifier.
    fn v6(&mut self, way: Way, address: u128, bits: u8, path_id: Option<u32>);

    /// NEXT_HOP and all other addresses as they come.
    #[inline]
    fn prefix(&mut self, way: Way, address: IpAddr, bits: u8, path_id: Option<u32>) {
        match address {
            IpAddr::V4(it) => self.v4(way, it.to_bits(), bits, path_id),
            IpAddr::V6(it) => self.v6(way, it.to_bits(), bits, path_id),
        }
    }
}

/// The sum of everything, in any order: a few instructions for each value, the same for all codecs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub u64);

impl Digest {
    #[inline(always)]
    fn add(&mut self, salt: u64, value: u64) {
        self.0 = self
            .0
            .wrapping_add((value ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (salt << 32)));
    }
}

impl Sink for Digest {
    #[inline]
    fn number(&mut self, kind: u8, value: u32) {
        self.add(u64::from(kind), u64::from(value));
    }

    #[inline]
    fn hop(&mut self, kind: u8, asn: u32) {
        self.add(u64::from(kind), u64::from(asn));
    }

    #[inline]
    fn next_hop(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(it) => self.add(3, u64::from(it.to_bits())),
            IpAddr::V6(it) => self.add(14, fold(it.to_bits())),
        }
    }

    #[inline]
    fn community(&mut self, value: u32) {
        self.add(8, u64::from(value));
    }

    #[inline]
    fn large_community(&mut self, [global, one, two]: [u32; 3]) {
        self.add(
            32,
            u64::from(global) << 32 ^ u64::from(one) << 16 ^ u64::from(two),
        );
    }

    #[inline]
    fn extended_communities(&mut self, count: usize) {
        self.add(16, count as u64);
    }

    #[inline]
    fn v4(&mut self, way: Way, address: u32, bits: u8, _: Option<u32>) {
        self.add(
            0x100 + way as u64,
            u64::from(address) << 8 | u64::from(bits),
        );
    }

    #[inline]
    fn v6(&mut self, way: Way, address: u128, bits: u8, _: Option<u32>) {
        self.add(0x200 + way as u64, fold(address) ^ u64::from(bits));
    }
}

fn fold(address: u128) -> u64 {
    (address >> 64) as u64 ^ address as u64
}

/// What was found, kept and put in order, as far as codecs are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Members of AS_PATH in order.
    pub as_path: Vec<u32>,
    /// Members of AS4_PATH in order.
    pub as4_path: Vec<u32>,
    /// Communities in order.
    pub communities: Vec<u32>,
    /// Large communities in order.
    pub large_communities: Vec<[u32; 3]>,
    /// How many extended communities.
    pub extended_communities: usize,
    /// Next hops, sorted.
    pub next_hops: Vec<IpAddr>,
    /// Prefixes, sorted.
    pub prefixes: Vec<(Way, IpAddr, u8, Option<u32>)>,
}

impl Facts {
    /// Puts in order what codecs may find in any order.
    pub fn sort(&mut self) {
        self.next_hops.sort();
        self.prefixes.sort();
    }
}

impl Sink for Facts {
    fn number(&mut self, _: u8, _: u32) {}

    fn hop(&mut self, kind: u8, asn: u32) {
        match kind {
            2 => self.as_path.push(asn),
            _ => self.as4_path.push(asn),
        }
    }

    fn next_hop(&mut self, address: IpAddr) {
        self.next_hops.push(address);
    }

    fn community(&mut self, value: u32) {
        self.communities.push(value);
    }

    fn large_community(&mut self, value: [u32; 3]) {
        self.large_communities.push(value);
    }

    fn extended_communities(&mut self, count: usize) {
        self.extended_communities += count;
    }

    fn v4(&mut self, way: Way, address: u32, bits: u8, path_id: Option<u32>) {
        let address = IpAddr::V4(address.into());
        self.prefixes.push((way, address, bits, path_id));
    }

    fn v6(&mut self, way: Way, address: u128, bits: u8, path_id: Option<u32>) {
        let address = IpAddr::V6(address.into());
        self.prefixes.push((way, address, bits, path_id));
    }
}
