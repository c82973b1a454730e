//! Prefixes of UPDATEs (NLRI).

use crate::Family;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A prefix of an UPDATE, with its family, and its path identifier where RFC 7911 was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Nlri {
    /// The family: unicast or multicast of the prefix's address family.
    pub family: Family,
    /// The prefix; bits beyond its length are zero.
    pub prefix: IpNet,
    /// The path identifier (RFC 7911).
    pub path_id: Option<u32>,
}

/// A unicast prefix without path identifier; bits beyond its length become zero.
impl From<IpNet> for Nlri {
    fn from(prefix: IpNet) -> Self {
        Self {
            family: Family::unicast_of(&prefix),
            prefix: prefix.trunc(),
            path_id: None,
        }
    }
}

impl fmt::Display for Nlri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.prefix, f)?;
        match self.path_id {
            Some(id) => write!(f, " (path {id})"),
            None => Ok(()),
        }
    }
}

/// The prefixes of a field, read one by one:
///
/// ```text
/// | path identifier (4, with RFC 7911) | length in bits (1) | as many octets as the bits need | next prefix …
/// ```
///
/// Ends where the field is not well formed, which the fields of a view always are.
#[derive(Clone, Copy, Debug)]
pub struct Prefixes<'a> {
    octets: &'a [u8],
    family: Family,
    v4: bool,
    add_path: bool,
}

impl<'a> Prefixes<'a> {
    /// The prefixes of `octets`; none for a family whose NLRI are not plain prefixes.
    #[inline]
    pub(crate) fn new(octets: &'a [u8], family: Family, add_path: bool) -> Self {
        let bits = family.prefix_bits();
        let octets = if bits.is_some() { octets } else { &[] };
        Self {
            octets,
            family,
            v4: bits == Some(32),
            add_path,
        }
    }

    #[inline]
    pub(crate) const fn none() -> Self {
        Self {
            octets: &[],
            family: Family::IPV4_UNICAST,
            v4: true,
            add_path: false,
        }
    }
}

impl Iterator for Prefixes<'_> {
    type Item = Nlri;

    #[inline]
    fn next(&mut self) -> Option<Nlri> {
        let (nlri, rest) = match (self.v4, self.add_path) {
            (true, false) => split::<true, false>(self.octets, self.family),
            (false, false) => split::<false, false>(self.octets, self.family),
            (true, true) => split::<true, true>(self.octets, self.family),
            (false, true) => split::<false, true>(self.octets, self.family),
        }?;
        self.octets = rest;
        Some(nlri)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.octets.len()))
    }

    /// What all prefixes of a field have in common is asked for once.
    #[inline]
    fn fold<B, F: FnMut(B, Nlri) -> B>(self, init: B, f: F) -> B {
        match (self.v4, self.add_path) {
            (true, false) => self.fold_as::<true, false, _, _>(init, f),
            (false, false) => self.fold_as::<false, false, _, _>(init, f),
            (true, true) => self.fold_as::<true, true, _, _>(init, f),
            (false, true) => self.fold_as::<false, true, _, _>(init, f),
        }
    }
}

impl Prefixes<'_> {
    #[inline(always)]
    pub(crate) const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    #[inline]
    fn fold_as<const V4: bool, const ADD_PATH: bool, B, F: FnMut(B, Nlri) -> B>(
        self,
        init: B,
        mut f: F,
    ) -> B {
        let (mut rest, mut sum) = (self.octets, init);
        while let Some((nlri, after)) = split::<V4, ADD_PATH>(rest, self.family) {
            rest = after;
            sum = f(sum, nlri);
        }
        sum
    }
}

/// The first prefix, and what is behind it.
#[inline(always)]
fn split<const V4: bool, const ADD_PATH: bool>(
    octets: &[u8],
    family: Family,
) -> Option<(Nlri, &[u8])> {
    let mut octets = octets;
    let mut path_id = None;
    if ADD_PATH {
        let (id, after) = octets.split_first_chunk::<4>()?;
        path_id = Some(u32::from_be_bytes(*id));
        octets = after;
    }
    let bits = *octets.first()?;
    let rest = octets.get(1 + usize::from(bits).div_ceil(8)..)?;
    let prefix = if V4 {
        v4(bits, octets)?
    } else {
        v6(bits, octets)?
    };
    let nlri = Nlri {
        family,
        prefix,
        path_id,
    };
    Some((nlri, rest))
}

/// The prefix of `bits` at the start of `octets`, which hold all of it, its length in front. Four
/// octets are read at once, whatever the last of them are: copying fewer one by one costs more than
/// all the rest.
#[inline(always)]
fn v4(bits: u8, octets: &[u8]) -> Option<IpNet> {
    if bits > 32 {
        return None;
    }
    let address = if let Some([_, address @ ..]) = octets.first_chunk::<5>() {
        u32::from_be_bytes(*address)
    } else if let Some(length_and_three) = octets.first_chunk::<4>() {
        u32::from_be_bytes(*length_and_three) << 8
    } else {
        match *octets {
            [_, a, b] => u32::from_be_bytes([a, b, 0, 0]),
            [_, a] => u32::from_be_bytes([a, 0, 0, 0]),
            _ => 0,
        }
    };
    let mask = (u64::from(u32::MAX) << (32 - u32::from(bits))) as u32;
    let net = Ipv4Net::new(Ipv4Addr::from_bits(address & mask), bits).ok()?;
    Some(IpNet::V4(net))
}

/// As [`v4`], with sixteen octets.
#[inline(always)]
fn v6(bits: u8, octets: &[u8]) -> Option<IpNet> {
    if bits > 128 {
        return None;
    }
    let address = match octets.first_chunk::<17>() {
        Some([_, address @ ..]) => u128::from_be_bytes(*address),
        None => short_v6(octets.get(1..)?),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    let net = Ipv6Net::new(Ipv6Addr::from_bits(address & mask), bits).ok()?;
    Some(IpNet::V6(net))
}

/// An address of at most fifteen octets.
#[inline]
fn short_v6(octets: &[u8]) -> u128 {
    let (high, low) = match octets.split_first_chunk::<8>() {
        None => (high_octets(octets), 0),
        Some((high, low)) => (u64::from_be_bytes(*high), high_octets(low)),
    };
    u128::from(high) << 64 | u128::from(low)
}

/// At most eight octets as the highest of a number. Four or more are read as the first four and the
/// last four, which may overlap.
#[inline]
fn high_octets(octets: &[u8]) -> u64 {
    let missing = 8 * (8 - octets.len() as u32);
    match (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_be_bytes(*first)) << 32
                | u64::from(u32::from_be_bytes(*last)) << missing
        }
        _ => {
            let number = octets.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
            number.checked_shl(missing).unwrap_or(0)
        }
    }
}

/// Checks the syntax of a field of prefixes (RFC 7606 section 5.3). The error is where the first
/// wrong prefix starts in it.
#[inline]
pub(crate) fn check_prefixes(octets: &[u8], max_bits: u8, add_path: bool) -> Result<(), usize> {
    let id = if add_path { 4 } else { 0 };
    if fit(octets, max_bits, id) {
        Ok(())
    } else {
        Err(first_wrong(octets, max_bits, id))
    }
}

/// Whether the prefixes, each behind `id` octets, are well formed and fill `octets`: nothing is
/// asked of one that the next shows as well.
#[inline]
fn fit(octets: &[u8], max_bits: u8, id: usize) -> bool {
    let mut at = 0;
    while let Some(&bits) = octets.get(at + id) {
        if bits > max_bits {
            return false;
        }
        at += id + 1 + usize::from(bits).div_ceil(8);
    }
    at == octets.len()
}

/// Where the first prefix starts that is not well formed, in octets that do not [`fit`].
#[cold]
fn first_wrong(octets: &[u8], max_bits: u8, id: usize) -> usize {
    let mut at = 0;
    while let Some(&bits) = octets.get(at + id) {
        let end = at + id + 1 + usize::from(bits).div_ceil(8);
        if bits > max_bits || end > octets.len() {
            break;
        }
        at = end;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn bits_beyond_the_length_are_dropped() {
        let octets = [12, 0xac, 0x1f, 0, 32, 192, 0, 2, 1];
        assert!(check_prefixes(&octets, 32, false).is_ok());
        let prefixes: Vec<_> = Prefixes::new(&octets, Family::IPV4_UNICAST, false)
            .map(|n| n.to_string())
            .collect();
        assert_eq!(prefixes, ["172.16.0.0/12", "0.0.0.0/0", "192.0.2.1/32"]);
    }

    #[test]
    fn path_identifiers_stand_in_front() {
        let octets = [0, 0, 0, 7, 16, 0x20, 0x01];
        assert!(check_prefixes(&octets, 128, true).is_ok());
        let mut prefixes = Prefixes::new(&octets, Family::IPV6_UNICAST, true);
        assert_eq!(prefixes.next().unwrap().to_string(), "2001::/16 (path 7)");
        assert!(prefixes.next().is_none());
    }

    #[test]
    fn the_first_wrong_prefix_is_pointed_at() {
        assert_eq!(
            check_prefixes(&[8, 10, 33, 1, 2, 3, 4, 5], 32, false),
            Err(2)
        );
        assert_eq!(check_prefixes(&[8, 10, 24, 1, 2], 32, false), Err(2));
        assert_eq!(check_prefixes(&[0, 0, 0, 1], 32, true), Err(0));
    }
}
