//! Whole messages: what is missing, what cannot be told apart, multiprotocol attributes, and errors beside no route.

use super::Fate::{Discarded, Kept, Reset, Withdrawn};
use super::{Fate, From, ROUTE, Vector, encoded, route, update};

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
/// 2001:db8::/32 by 2001:db8::1.
const MP_REACH: &[u8] = &[
    0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 32, 0x20, 1, 0xd, 0xb8,
];
/// 2001:db8::/32.
const MP_UNREACH: &[u8] = &[0, 2, 1, 32, 0x20, 1, 0xd, 0xb8];

/// For eBGP and iBGP alike.
pub(super) fn table() -> Vec<Vector> {
    let mut rows = missing();
    rows.extend(unreadable());
    rows.extend(beyond_the_list());
    rows.extend(unknown());
    rows.extend(multiprotocol());
    rows.extend(beside_no_route());
    let vector = |from| {
        move |(name, message, fate): &(String, Vec<u8>, Fate)| Vector {
            name: name.clone(),
            from,
            message: message.clone(),
            fate: *fate,
        }
    };
    let ebgp = rows.iter().map(vector(From::Ebgp));
    ebgp.chain(rows.iter().map(vector(From::Ibgp))).collect()
}

type Row = (String, Vec<u8>, Fate);

fn row(name: &str, message: Vec<u8>, fate: Fate) -> Row {
    (name.into(), message, fate)
}

/// Section 3 d.
fn missing() -> Vec<Row> {
    vec![
        row(
            "no ORIGIN",
            update(&[], &[AS_PATH, NEXT_HOP], ROUTE),
            Withdrawn,
        ),
        row(
            "no AS_PATH",
            update(&[], &[ORIGIN, NEXT_HOP], ROUTE),
            Withdrawn,
        ),
        row(
            "no NEXT_HOP",
            update(&[], &[ORIGIN, AS_PATH], ROUTE),
            Withdrawn,
        ),
        row("no attributes", update(&[], &[], ROUTE), Withdrawn),
    ]
}

/// Sections 3 a, 3 j and 5.3.
fn unreadable() -> Vec<Row> {
    let sound: &[&[u8]] = &[ORIGIN, AS_PATH, NEXT_HOP];
    let mut withdrawn_length = update(ROUTE, &[], &[]);
    withdrawn_length[20] = 99;
    let mut attributes_length = update(&[], sound, ROUTE);
    attributes_length[22] = 99;
    let withdrawn = |field: &[u8]| update(field, &[], &[]);
    let nlri = |field: &[u8]| update(&[], sound, field);
    vec![
        row(
            "Withdrawn Routes Length overrun",
            withdrawn_length,
            Reset(3, 1),
        ),
        row(
            "Total Path Attribute Length overrun",
            attributes_length,
            Reset(3, 1),
        ),
        row(
            "withdrawn of 33 bits",
            withdrawn(&[33, 1, 1, 1, 1, 1]),
            Reset(3, 10),
        ),
        row("withdrawn cut short", withdrawn(&[24, 10]), Reset(3, 10)),
        row(
            "withdrawn length alone",
            withdrawn(&[16, 10, 1, 8]),
            Reset(3, 10),
        ),
        row("NLRI of 33 bits", nlri(&[33, 1, 1, 1, 1, 1]), Reset(3, 10)),
        row("NLRI cut short", nlri(&[16, 10]), Reset(3, 10)),
        row("NLRI length alone", nlri(&[16, 10, 1, 8]), Reset(3, 10)),
    ]
}

/// Section 4: the length of the list is trusted, so that the NLRI behind it are known.
fn beyond_the_list() -> Vec<Row> {
    let tail = |tail: &[u8]| update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, tail], ROUTE);
    vec![
        row(
            "COMMUNITIES beyond the list",
            tail(&[0xc0, 8, 200, 1]),
            Withdrawn,
        ),
        row(
            "unknown beyond the list",
            tail(&[0xc0, 200, 2, 1]),
            Withdrawn,
        ),
        row("flags alone", tail(&[0xc0]), Withdrawn),
        row("no length", tail(&[0xc0, 8]), Withdrawn),
        row("half an extended length", tail(&[0xd0, 8, 1]), Withdrawn),
    ]
}

/// RFC 4271 sections 5 and 6.3.
fn unknown() -> Vec<Row> {
    let with = |flags| route(From::Ebgp, &[&encoded(flags, 200, &[1, 2])], ROUTE);
    vec![
        row("unknown transitive", with(0xc0), Kept(200)),
        row("unknown transitive, partial", with(0xe0), Kept(200)),
        row("unknown non-transitive", with(0x80), Kept(200)),
        row("unknown, extended length", with(0xd0), Kept(200)),
        row("unknown well-known", with(0x40), Reset(3, 2)),
        row("unknown, neither", with(0x00), Reset(3, 2)),
    ]
}

/// RFC 4760 and sections 3 g, 5.3 and 7.11. A family could be disabled instead of the session; a peer has only one here.
fn multiprotocol() -> Vec<Row> {
    let with =
        |flags, kind, value: &[u8]| route(From::Ebgp, &[&encoded(flags, kind, value)], ROUTE);
    let twice = |kind, value| {
        let attribute = encoded(0x80, kind, value);
        route(From::Ebgp, &[&attribute, &attribute], ROUTE)
    };
    let next_hop = |len: u8| {
        let mut value = vec![0, 2, 1, len];
        value.extend(vec![0x20; len.into()]);
        value.extend([0, 16, 0x20, 1]);
        with(0x80, 14, &value)
    };
    let mut long_prefix = MP_REACH.to_vec();
    long_prefix[21] = 129;
    vec![
        row("MP_REACH_NLRI", with(0x80, 14, MP_REACH), Kept(14)),
        row(
            "MP_REACH_NLRI, wrong flags",
            with(0xc0, 14, MP_REACH),
            Withdrawn,
        ),
        row(
            "MP_REACH_NLRI, well-known",
            with(0x40, 14, MP_REACH),
            Withdrawn,
        ),
        row("MP_REACH_NLRI twice", twice(14, MP_REACH), Reset(3, 1)),
        row("MP_REACH_NLRI of 0", with(0x80, 14, &[]), Reset(3, 9)),
        row("MP_REACH_NLRI of 2", with(0x80, 14, &[0, 2]), Reset(3, 9)),
        row(
            "MP_REACH_NLRI without next hop",
            with(0x80, 14, &[0, 2, 1]),
            Reset(3, 9),
        ),
        row("next hop of 0", next_hop(0), Reset(3, 9)),
        row("next hop of 4", next_hop(4), Reset(3, 9)),
        row("next hop of 15", next_hop(15), Reset(3, 9)),
        row("next hop of 16", next_hop(16), Kept(14)),
        row("next hop of 32", next_hop(32), Kept(14)),
        row("next hop of 33", next_hop(33), Reset(3, 9)),
        row(
            "next hop overrun",
            with(0x80, 14, &[0, 2, 1, 16, 1]),
            Reset(3, 9),
        ),
        row(
            "MP_REACH_NLRI of 129 bits",
            with(0x80, 14, &long_prefix),
            Reset(3, 9),
        ),
        row(
            "MP_REACH_NLRI cut short",
            with(0x80, 14, &MP_REACH[..24]),
            Reset(3, 9),
        ),
        row("MP_UNREACH_NLRI", with(0x80, 15, MP_UNREACH), Kept(15)),
        row(
            "MP_UNREACH_NLRI, wrong flags",
            with(0xc0, 15, MP_UNREACH),
            Withdrawn,
        ),
        row("MP_UNREACH_NLRI twice", twice(15, MP_UNREACH), Reset(3, 1)),
        row("MP_UNREACH_NLRI of 0", with(0x80, 15, &[]), Reset(3, 9)),
        row("MP_UNREACH_NLRI of 2", with(0x80, 15, &[0, 2]), Reset(3, 9)),
        row(
            "MP_UNREACH_NLRI of 129 bits",
            with(0x80, 15, &[0, 2, 1, 129]),
            Reset(3, 9),
        ),
        row(
            "MP_UNREACH_NLRI cut short",
            with(0x80, 15, &MP_UNREACH[..6]),
            Reset(3, 9),
        ),
    ]
}

/// Section 5.2: what would be treated as a withdrawal may have hidden routes, so that the session ends with the code that
/// RFC 4271 section 6.3 has for the error. What is discarded is discarded, and a withdrawal stays one.
fn beside_no_route() -> Vec<Row> {
    let alone = |attribute: &[u8]| update(ROUTE, &[attribute], &[]);
    let reset = |subcode| Withdrawn.without_routes(subcode);
    vec![
        row("withdrawal", update(ROUTE, &[], &[]), Withdrawn),
        row("ORIGIN alone, of 2", alone(&[0x40, 1, 2, 0, 0]), reset(5)),
        row("ORIGIN alone, 3", alone(&[0x40, 1, 1, 3]), reset(6)),
        row(
            "ORIGIN alone, wrong flags",
            alone(&[0xc0, 1, 1, 0]),
            reset(4),
        ),
        row(
            "NEXT_HOP alone, 0.0.0.0",
            alone(&[0x40, 3, 4, 0, 0, 0, 0]),
            reset(8),
        ),
        row(
            "AS_PATH alone, malformed",
            alone(&[0x40, 2, 2, 2, 0]),
            reset(11),
        ),
        row(
            "COMMUNITIES alone, of 3",
            alone(&[0xc0, 8, 3, 1, 1, 1]),
            reset(5),
        ),
        row(
            "ATTR_SET alone, of 3",
            alone(&[0xc0, 128, 3, 0, 0, 7]),
            reset(9),
        ),
        row(
            "attribute beyond the list",
            alone(&[0xc0, 8, 9, 1]),
            reset(1),
        ),
        row(
            "ATOMIC_AGGREGATE alone, of 1",
            alone(&[0x40, 6, 1, 0]),
            Withdrawn,
        ),
        row(
            "MP_UNREACH_NLRI alone, wrong flags",
            update(ROUTE, &[&encoded(0xc0, 15, MP_UNREACH)], &[]),
            Withdrawn,
        ),
        row(
            "several errors: the strongest counts",
            route(From::Ebgp, &[&[0x40, 6, 1, 0], &[0xc0, 8, 1, 0]], ROUTE),
            Withdrawn,
        ),
        row(
            "several errors, a reset among them",
            route(From::Ebgp, &[&[0xc0, 8, 1, 0], &[0x40, 99, 0]], ROUTE),
            Reset(3, 2),
        ),
        row(
            "several errors, all to discard",
            route(From::Ebgp, &[&[0x40, 6, 1, 0], &[0xc0, 7, 1, 0]], ROUTE),
            Discarded(7),
        ),
    ]
}
