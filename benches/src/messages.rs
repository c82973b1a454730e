//! The messages that are decoded: a generated set, and real ones where the corpus lies beside the checkout.

use bytes::Bytes;
use std::path::{Path, PathBuf};

/// An UPDATE, and what must be known to read it.
#[derive(Clone, Debug)]
pub struct Message {
    /// The whole message, its header included.
    pub octets: Bytes,
    /// AS numbers have four octets.
    pub four_octets: bool,
    /// Whether AS numbers have four octets is a guess.
    pub width_unknown: bool,
    /// Prefixes have path identifiers.
    pub add_path: bool,
}

/// `count` UPDATEs with the mix of attributes that collectors of routes see, from a generator that always gives the same: the octets are
/// put together here, by none of the codecs. AS numbers have four octets; no path identifiers.
#[must_use]
pub fn generated(count: usize) -> Vec<Message> {
    let mut random = Random(0x5eed);
    (0..count)
        .map(|_| Message {
            octets: update(&mut random).into(),
            four_octets: true,
            width_unknown: false,
            add_path: false,
        })
        .collect()
}

/// Where the corpus is looked for.
#[must_use]
pub fn corpus_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/messages.bgpc")
}

/// All UPDATEs of the corpus; `None` where there is none.
///
/// A record is `u8 flags | u32 length | message`. Flags: 1 four-octet AS numbers, 2 path identifiers, 4 a width that is not known.
#[must_use]
pub fn corpus() -> Option<Vec<Message>> {
    let corpus = Bytes::from(std::fs::read(corpus_path()).ok()?);
    let mut messages = Vec::new();
    let mut at = 0;
    while let Some(head) = corpus.get(at..at + 5) {
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let flags = head[0];
        at += 5;
        if at + len > corpus.len() {
            break;
        }
        // Each in an allocation of its own, as from a socket.
        let octets = Bytes::copy_from_slice(&corpus[at..at + len]);
        at += len;
        if octets.get(18) == Some(&2) {
            messages.push(Message {
                octets,
                four_octets: flags & 5 != 0,
                width_unknown: flags & 4 != 0,
                add_path: flags & 2 != 0,
            });
        }
    }
    Some(messages)
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Two or four octets' worth, as half of today's networks.
    fn asn(&mut self) -> u32 {
        let wide = self.percent(40);
        (if wide {
            131_072 + self.below(270_000)
        } else {
            1 + self.below(64_000)
        }) as u32
    }
}

/// One UPDATE: of ten, six announce IPv4 prefixes, two IPv6 prefixes, one withdraws IPv4 prefixes and one IPv6 prefixes.
fn update(random: &mut Random) -> Vec<u8> {
    let (mut withdrawn, mut attributes, mut nlri) = (Vec::new(), Vec::new(), Vec::new());
    match random.below(10) {
        0..6 => {
            put_attributes(random, true, &mut attributes);
            put_prefixes(random, false, &mut nlri);
            if random.percent(5) {
                put_prefixes(random, false, &mut withdrawn);
            }
        }
        6..8 => {
            put_reach(random, &mut attributes);
            put_attributes(random, false, &mut attributes);
        }
        8 => put_prefixes(random, false, &mut withdrawn),
        _ => {
            let mut value = vec![0, 2, 1];
            put_prefixes(random, true, &mut value);
            put(0x80, 15, &value, &mut attributes);
        }
    }
    let len = 23 + withdrawn.len() + attributes.len() + nlri.len();
    let mut message = vec![0xff; 16];
    message.extend((len as u16).to_be_bytes());
    message.push(2);
    message.extend((withdrawn.len() as u16).to_be_bytes());
    message.extend(withdrawn);
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend(attributes);
    message.extend(nlri);
    message
}

fn put(flags: u8, kind: u8, value: &[u8], out: &mut Vec<u8>) {
    match u8::try_from(value.len()) {
        Ok(len) => out.extend([flags, kind, len]),
        Err(_) => {
            out.extend([flags | 0x10, kind]);
            out.extend((value.len() as u16).to_be_bytes());
        }
    }
    out.extend(value);
}

fn put_reach(random: &mut Random, out: &mut Vec<u8>) {
    let mut value = vec![0, 2, 1, 16];
    value.extend([0x20, 1, 0x7, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0]);
    value.extend((random.next() as u32).to_be_bytes());
    value.push(0);
    put_prefixes(random, true, &mut value);
    put(0x80, 14, &value, out);
}

/// ORIGIN, AS_PATH and what collectors see beside them. In ascending order.
fn put_attributes(random: &mut Random, next_hop: bool, out: &mut Vec<u8>) {
    let origin = if random.percent(90) { 0 } else { 2 };
    put(0x40, 1, &[origin], out);
    let hops = 2 + random.below(7);
    let mut path = vec![2, hops as u8];
    path.extend((0..hops).flat_map(|_| random.asn().to_be_bytes()));
    put(0x40, 2, &path, out);
    if next_hop {
        put(0x40, 3, &[195, 66, 224, 1 + random.below(250) as u8], out);
    }
    if random.percent(30) {
        put(0x80, 4, &(random.below(500) as u32).to_be_bytes(), out);
    }
    if random.percent(3) {
        put(0x40, 6, &[], out);
    }
    if random.percent(8) {
        let mut value = random.asn().to_be_bytes().to_vec();
        value.extend([10, 0, 0, random.below(256) as u8]);
        put(0xc0, 7, &value, out);
    }
    if random.percent(70) {
        put_communities(random, out);
    }
    if random.percent(5) {
        let value = [0, 2, 0xfc, 0, 0, 0, 0, random.below(256) as u8];
        put(0xc0, 16, &value, out);
    }
    if random.percent(30) {
        put_large_communities(random, out);
    }
}

/// Ascending and distinct, so that codecs that sort them and drop duplicates have as many to read.
fn put_communities(random: &mut Random, out: &mut Vec<u8>) {
    let asn = 1 + random.below(64_000) as u32;
    let count = 1 + random.below(14) as u32;
    let value: Vec<u8> = (0..count)
        .flat_map(|n| (asn << 16 | (100 * n + random.below(100) as u32)).to_be_bytes())
        .collect();
    put(0xc0, 8, &value, out);
}

fn put_large_communities(random: &mut Random, out: &mut Vec<u8>) {
    let (asn, count) = (random.asn(), 1 + random.below(4) as u32);
    let value: Vec<u8> = (0..count)
        .flat_map(|n| [asn, n, random.below(1000) as u32])
        .flat_map(u32::to_be_bytes)
        .collect();
    put(0xc0, 32, &value, out);
}

/// Most UPDATEs carry one or two prefixes, few carry many.
fn put_prefixes(random: &mut Random, v6: bool, out: &mut Vec<u8>) {
    let count = match random.below(10) {
        0..6 => 1,
        6..9 => 2 + random.below(3),
        _ => 5 + random.below(27),
    };
    for _ in 0..count {
        let bits: u64 = match (v6, random.below(10)) {
            (false, 0..6) => 24,
            (false, _) => 16 + random.below(8),
            (true, 0..6) => 48,
            (true, _) => 32 + random.below(16),
        };
        let first = if v6 { 0x2001 } else { 11 + random.below(180) };
        let shift = if v6 { 48 } else { 56 };
        let spread = random.next() >> (64 - shift);
        let address = (first << shift | spread) & (u64::MAX << (64 - bits));
        out.push(bits as u8);
        out.extend(&address.to_be_bytes()[..bits.div_ceil(8) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_set_is_always_the_same() {
        let messages = generated(20_000);
        let octets: usize = messages.iter().map(|it| it.octets.len()).sum();
        assert_eq!(octets / messages.len(), 101, "mean octets");
        assert_eq!(messages[7].octets, generated(8)[7].octets);
    }
}
