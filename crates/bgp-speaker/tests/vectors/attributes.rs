//! The attributes of RFC 7606 section 7 and of the RFCs that came later.

use super::Fate::{self, Discarded, Kept, Withdrawn};
use super::{Attribute, From, ROUTE, Vector, encoded, route};

const WELL_KNOWN: u8 = 0x40;
const NON_TRANSITIVE: u8 = 0x80;
const TRANSITIVE: u8 = 0xc0;

/// What this kind of peer sends to speakers with four-octet AS numbers.
pub(super) fn table(from: From) -> Vec<Attribute> {
    let internal = from == From::Ibgp;
    let mut table = mandatory(internal);
    table.extend(optional(internal));
    table
}

/// Sections 7.1 to 7.6.
fn mandatory(internal: bool) -> Vec<Attribute> {
    let confederation = if internal { Kept(2) } else { Withdrawn };
    vec![
        Attribute {
            good: vec![vec![0], vec![1], vec![2]],
            bad: vec![
                ("of 0", vec![], Withdrawn),
                ("of 2", vec![0, 0], Withdrawn),
                ("3", vec![3], Withdrawn),
                ("255", vec![255], Withdrawn),
            ],
            ..attribute("ORIGIN", 1, WELL_KNOWN)
        },
        Attribute {
            good: vec![
                vec![2, 1, 0, 0, 0xfd, 0xe9],
                vec![2, 2, 0, 0, 0xfd, 0xe9, 0, 1, 0, 0],
                vec![2, 1, 0, 0, 0xfd, 0xe9, 1, 2, 0, 0, 0, 7, 0, 0, 0, 8],
                vec![],
            ],
            bad: vec![
                ("of a segment's head alone", vec![2], Withdrawn),
                ("with a segment of none", vec![2, 0], Withdrawn),
                ("cut short", vec![2, 1, 0, 0, 0xfd], Withdrawn),
                ("with two-octet numbers", vec![2, 1, 0xfd, 0xe9], Withdrawn),
                ("overrun", vec![2, 2, 0, 0, 0xfd, 0xe9], Withdrawn),
                (
                    "with an octet too many",
                    vec![2, 1, 0, 0, 0xfd, 0xe9, 2],
                    Withdrawn,
                ),
                ("of segment type 0", vec![0, 1, 0, 0, 0xfd, 0xe9], Withdrawn),
                ("of segment type 5", vec![5, 1, 0, 0, 0xfd, 0xe9], Withdrawn),
                (
                    "with AS 0",
                    vec![2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0, 0],
                    Withdrawn,
                ),
                (
                    "with a confederation",
                    vec![3, 1, 0, 0, 0xfd, 0xe9],
                    confederation,
                ),
                (
                    "with a confederation's set",
                    vec![4, 1, 0, 0, 0xfd, 0xe9],
                    confederation,
                ),
            ],
            ..attribute("AS_PATH", 2, WELL_KNOWN)
        },
        Attribute {
            good: vec![vec![192, 0, 2, 1]],
            bad: vec![
                ("of 0", vec![], Withdrawn),
                ("of 3", vec![192, 0, 2], Withdrawn),
                ("of 5", vec![192, 0, 2, 1, 1], Withdrawn),
                ("of 16", vec![1; 16], Withdrawn),
                ("0.0.0.0", vec![0, 0, 0, 0], Withdrawn),
                ("multicast", vec![224, 0, 0, 1], Withdrawn),
                ("broadcast", vec![255, 255, 255, 255], Withdrawn),
            ],
            ..attribute("NEXT_HOP", 3, WELL_KNOWN)
        },
        Attribute {
            good: vec![vec![0, 0, 0, 9]],
            bad: lengths(&[0, 3, 5], Withdrawn),
            ..attribute("MULTI_EXIT_DISC", 4, NON_TRANSITIVE)
        },
        Attribute {
            allowed: internal,
            good: vec![vec![0, 0, 0, 100]],
            bad: lengths(&[0, 3, 5], Withdrawn),
            ..attribute("LOCAL_PREF", 5, WELL_KNOWN)
        },
        Attribute {
            good: vec![vec![]],
            bad: lengths(&[1, 4], Discarded(6)),
            ..attribute("ATOMIC_AGGREGATE", 6, WELL_KNOWN)
        },
    ]
}

/// Sections 7.7 to 7.16, and RFCs 8092, 9234, 7311 and 6793.
fn optional(internal: bool) -> Vec<Attribute> {
    let aggregator = |asn: u8| vec![0, 0, 0, asn, 192, 0, 2, 1];
    let mut bad_aggregators = lengths(&[0, 6, 7, 9], Discarded(7));
    bad_aggregators.push(("of AS 0", aggregator(0), Discarded(7)));
    vec![
        Attribute {
            good: vec![aggregator(7)],
            bad: bad_aggregators,
            ..attribute("AGGREGATOR", 7, TRANSITIVE)
        },
        list("COMMUNITIES", 8, TRANSITIVE, 4),
        Attribute {
            allowed: internal,
            good: vec![vec![192, 0, 2, 1]],
            bad: lengths(&[0, 3, 5, 8], Withdrawn),
            ..attribute("ORIGINATOR_ID", 9, NON_TRANSITIVE)
        },
        Attribute {
            allowed: internal,
            ..list("CLUSTER_LIST", 10, NON_TRANSITIVE, 4)
        },
        list("EXTENDED COMMUNITIES", 16, TRANSITIVE, 8),
        // RFC 6793 section 4.1: not between speakers with four-octet numbers.
        Attribute {
            allowed: false,
            good: vec![vec![2, 1, 0, 0, 0, 7]],
            bad: lengths(&[0, 1, 5], Withdrawn),
            ..attribute("AS4_PATH", 17, TRANSITIVE)
        },
        Attribute {
            allowed: false,
            good: vec![aggregator(7)],
            bad: lengths(&[0, 6, 9], Withdrawn),
            ..attribute("AS4_AGGREGATOR", 18, TRANSITIVE)
        },
        list("IPv6 Extended Communities", 25, TRANSITIVE, 20),
        // RFC 7311 section 3.3: not enabled on any session of ours.
        Attribute {
            allowed: false,
            good: vec![vec![1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9]],
            bad: lengths(&[1, 3], Withdrawn),
            ..attribute("AIGP", 26, NON_TRANSITIVE)
        },
        list("LARGE_COMMUNITY", 32, TRANSITIVE, 12),
        Attribute {
            good: vec![vec![0, 0, 0xfd, 0xe9]],
            bad: lengths(&[0, 3, 5], Withdrawn),
            ..attribute("OTC", 35, TRANSITIVE)
        },
        Attribute {
            good: vec![vec![0, 0, 0, 7], vec![0, 0, 0, 7, 0x40, 1, 1, 0]],
            bad: vec![
                ("of 0", vec![], Withdrawn),
                ("of 3", vec![0, 0, 7], Withdrawn),
                ("overrun", vec![0, 0, 0, 7, 0x40, 1, 2, 0], Withdrawn),
            ],
            ..attribute("ATTR_SET", 128, TRANSITIVE)
        },
    ]
}

/// From peers with two-octet AS numbers (RFC 6793 section 6), and from members of the confederation (RFC 5065 section 5).
pub(super) fn of_others() -> Vec<Vector> {
    let old: &[(&str, u8, &[u8], Fate)] = &[
        ("AS_PATH", 2, &[2, 1, 0xfd, 0xe9], Kept(2)),
        (
            "AS_PATH with four-octet numbers",
            2,
            &[2, 1, 0, 0, 0xfd, 0xe9],
            Withdrawn,
        ),
        ("AGGREGATOR of 6", 7, &[0, 7, 192, 0, 2, 1], Kept(7)),
        (
            "AGGREGATOR of 8",
            7,
            &[0, 0, 0, 7, 192, 0, 2, 1],
            Discarded(7),
        ),
        ("AGGREGATOR of AS 0", 7, &[0, 0, 192, 0, 2, 1], Discarded(7)),
        ("AS4_PATH", 17, &[2, 1, 0, 0, 0xfd, 0xe9], Kept(17)),
        ("AS4_PATH of 0", 17, &[], Discarded(17)),
        ("AS4_PATH cut short", 17, &[2, 1, 0, 0, 0xfd], Discarded(17)),
        (
            "AS4_PATH of segment type 5",
            17,
            &[5, 1, 0, 0, 0xfd, 0xe9],
            Discarded(17),
        ),
        ("AS4_PATH with AS 0", 17, &[2, 1, 0, 0, 0, 0], Discarded(17)),
        ("AS4_AGGREGATOR", 18, &[0, 0, 0, 7, 192, 0, 2, 1], Kept(18)),
        (
            "AS4_AGGREGATOR of 6",
            18,
            &[0, 7, 192, 0, 2, 1],
            Discarded(18),
        ),
        (
            "AS4_AGGREGATOR of AS 0",
            18,
            &[0, 0, 0, 0, 192, 0, 2, 1],
            Discarded(18),
        ),
    ];
    let member: &[(&str, u8, &[u8], Fate)] = &[
        (
            "AS_PATH of the confederation",
            2,
            &[3, 1, 0, 0, 0xfd, 0xea],
            Kept(2),
        ),
        (
            "AS_PATH without it",
            2,
            &[2, 1, 0, 0, 0xfd, 0xea],
            Withdrawn,
        ),
        ("AS_PATH of none", 2, &[], Withdrawn),
        ("LOCAL_PREF", 5, &[0, 0, 0, 100], Kept(5)),
        ("LOCAL_PREF of 3", 5, &[0, 0, 100], Withdrawn),
        ("ORIGINATOR_ID", 9, &[192, 0, 2, 1], Discarded(9)),
        ("CLUSTER_LIST", 10, &[192, 0, 2, 1], Discarded(10)),
    ];
    let vectors = |from: From, rows: &[(&str, u8, &[u8], Fate)]| {
        let vector = |(name, kind, value, fate): &(&str, u8, &[u8], Fate)| {
            let flags = match kind {
                2 | 5 => WELL_KNOWN,
                9 | 10 => NON_TRANSITIVE,
                _ => TRANSITIVE,
            };
            Vector {
                name: (*name).into(),
                from,
                message: route(from, &[&encoded(flags, *kind, value)], ROUTE),
                fate: *fate,
            }
        };
        rows.iter().map(vector).collect::<Vec<_>>()
    };
    let mut all = vectors(From::Old, old);
    all.extend(vectors(From::Member, member));
    all
}

/// Everyone may send it, and wrong flags withdraw the route (section 3 c).
fn attribute(name: &'static str, kind: u8, flags: u8) -> Attribute {
    Attribute {
        name,
        kind,
        flags,
        allowed: true,
        wrong_flags: Withdrawn,
        good: Vec::new(),
        bad: Vec::new(),
    }
}

/// One value or more, of `size` octets each.
fn list(name: &'static str, kind: u8, flags: u8, size: usize) -> Attribute {
    Attribute {
        good: vec![vec![1; size], vec![1; 2 * size]],
        bad: vec![
            ("of 0", vec![], Withdrawn),
            ("of an octet less", vec![1; size - 1], Withdrawn),
            ("of an octet more", vec![1; size + 1], Withdrawn),
        ],
        ..attribute(name, kind, flags)
    }
}

fn lengths(lengths: &[usize], fate: Fate) -> Vec<(&'static str, Vec<u8>, Fate)> {
    const NAMES: [&str; 10] = [
        "of 0", "of 1", "of 2", "of 3", "of 4", "of 5", "of 6", "of 7", "of 8", "of 9",
    ];
    let row = |&len: &usize| (NAMES[len], vec![1; len], fate);
    lengths.iter().map(row).collect()
}
