//! RFC 7606, section by section.

mod common;

use bgp_wire::{
    AsWidth, Asn, AttributeType, Context, Disposition, ErrorCode, Family, HeaderErrorKind,
    PeerKind, Span, UpdateError, UpdateErrorKind, UpdateErrorKind as Kind, UpdateView,
};
use common::{AS_PATH, MP_REACH, MP_UNREACH, NEXT_HOP, NLRI, ORIGIN, update};

const DISCARD: Disposition = Disposition::AttributeDiscard;
const WITHDRAW: Disposition = Disposition::TreatAsWithdraw;
const RESET: Disposition = Disposition::SessionReset;
const DISABLE: Disposition = Disposition::AfiSafiDisable(Family::IPV6_UNICAST);

fn ebgp() -> Context {
    Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four)
}

fn ibgp() -> Context {
    Context::new(PeerKind::Ibgp).with_as_width(AsWidth::Four)
}

fn confederation() -> Context {
    Context::new(PeerKind::Confederation).with_as_width(AsWidth::Four)
}

fn old() -> Context {
    Context::new(PeerKind::Ebgp)
}

/// The first error of a message and the view's disposition, or the error that ends the session.
fn judge(message: &[u8], context: &Context) -> Option<(Kind, Disposition, Vec<u8>)> {
    match UpdateView::parse(message, context) {
        Ok(view) => {
            let strongest = view.errors().max_by_key(UpdateError::disposition)?;
            assert_eq!(view.disposition(), strongest.disposition());
            Some((
                strongest.kind,
                view.disposition(),
                strongest.span.of(message).to_vec(),
            ))
        }
        Err(error) => Some((
            error.kind,
            error.disposition(),
            error.span.of(message).to_vec(),
        )),
    }
}

/// One attribute beside the three that a route must have.
fn route_with(attribute: &[u8], context: &Context) -> Vec<u8> {
    let path = match context.as_width {
        AsWidth::Two => &[0x40, 2, 4, 2, 1, 0xfc, 0],
        AsWidth::Four => AS_PATH,
    };
    update(&[], &[ORIGIN, path, NEXT_HOP, attribute], NLRI)
}

/// RFC 4271 section 6.1 before RFC 7606: the header is judged first, by the least length of its type.
#[test]
fn a_message_too_short_for_an_update_has_a_bad_length() {
    for len in 19..23u8 {
        let mut message = vec![0xff; 16];
        message.extend([0, len, 2]);
        message.resize(usize::from(len), 0);
        let error = UpdateView::parse(&message, &Context::new(PeerKind::Ebgp)).unwrap_err();
        let expected = UpdateErrorKind::Header(HeaderErrorKind::BadLength);
        assert_eq!(error.kind, expected, "{len} octets");
        assert_eq!(error.disposition(), Disposition::SessionReset);
    }
}

#[test]
fn a_sound_update_has_no_error() {
    let message = update(
        &[8, 10],
        &[MP_REACH, MP_UNREACH, ORIGIN, AS_PATH, NEXT_HOP],
        NLRI,
    );
    let view = UpdateView::parse(&message, &ebgp()).unwrap();
    assert_eq!(view.disposition(), Disposition::None);
    assert_eq!(view.errors().count(), 0);
    let prefixes = |it: &mut dyn Iterator<Item = bgp_wire::Nlri>| {
        it.map(|n| n.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        prefixes(&mut view.withdrawn()),
        ["10.0.0.0/8", "2001:db8::/32"]
    );
    assert_eq!(
        prefixes(&mut view.announced()),
        ["10.1.0.0/16", "2001:db8::/32"]
    );
    let next_hop = |family| view.next_hop(family).unwrap().to_string();
    assert_eq!(next_hop(Family::IPV4_UNICAST), "192.0.2.1");
    assert_eq!(next_hop(Family::IPV6_UNICAST), "2001:db8::1");
}

/// Section 7 and the RFCs that it names: one attribute at fault, the span is that attribute.
#[test]
fn each_attribute_has_its_own_rule() {
    use AttributeType as T;
    let list = |kind, len: u8| [vec![0xc0, kind, len], vec![1; len.into()]].concat();
    let cases: &[(&str, Context, Vec<u8>, Kind, Disposition)] = &[
        (
            "MED of 3",
            ebgp(),
            list2(0x80, 4, 3),
            Kind::Length(T::MULTI_EXIT_DISC),
            WITHDRAW,
        ),
        (
            "LOCAL_PREF of 3",
            ibgp(),
            list2(0x40, 5, 3),
            Kind::Length(T::LOCAL_PREF),
            WITHDRAW,
        ),
        (
            "LOCAL_PREF by eBGP",
            ebgp(),
            list2(0x40, 5, 4),
            Kind::NotAllowed(T::LOCAL_PREF),
            DISCARD,
        ),
        (
            "the same, of 3",
            ebgp(),
            list2(0x40, 5, 3),
            Kind::NotAllowed(T::LOCAL_PREF),
            DISCARD,
        ),
        (
            "ATOMIC_AGGREGATE of 1",
            ebgp(),
            list2(0x40, 6, 1),
            Kind::Length(T::ATOMIC_AGGREGATE),
            DISCARD,
        ),
        (
            "AGGREGATOR of 6, four octets",
            ebgp(),
            list(7, 6),
            Kind::Length(T::AGGREGATOR),
            DISCARD,
        ),
        (
            "COMMUNITIES of 0",
            ebgp(),
            list(8, 0),
            Kind::Length(T::COMMUNITIES),
            WITHDRAW,
        ),
        (
            "COMMUNITIES of 5",
            ebgp(),
            list(8, 5),
            Kind::Length(T::COMMUNITIES),
            WITHDRAW,
        ),
        (
            "ORIGINATOR_ID by eBGP",
            ebgp(),
            list2(0x80, 9, 4),
            Kind::NotAllowed(T::ORIGINATOR_ID),
            DISCARD,
        ),
        (
            "ORIGINATOR_ID of 5",
            ibgp(),
            list2(0x80, 9, 5),
            Kind::Length(T::ORIGINATOR_ID),
            WITHDRAW,
        ),
        (
            "CLUSTER_LIST by eBGP",
            ebgp(),
            list2(0x80, 10, 4),
            Kind::NotAllowed(T::CLUSTER_LIST),
            DISCARD,
        ),
        (
            "CLUSTER_LIST of 0",
            ibgp(),
            list2(0x80, 10, 0),
            Kind::Length(T::CLUSTER_LIST),
            WITHDRAW,
        ),
        (
            "EXTENDED COMMUNITIES of 7",
            ebgp(),
            list(16, 7),
            Kind::Length(T::EXTENDED_COMMUNITIES),
            WITHDRAW,
        ),
        (
            "IPv6 extended of 19",
            ebgp(),
            list(25, 19),
            Kind::Length(T::IPV6_EXTENDED_COMMUNITIES),
            WITHDRAW,
        ),
        (
            "LARGE_COMMUNITY of 13",
            ebgp(),
            list(32, 13),
            Kind::Length(T::LARGE_COMMUNITY),
            WITHDRAW,
        ),
        (
            "OTC of 3",
            ebgp(),
            list(35, 3),
            Kind::Length(T::ONLY_TO_CUSTOMER),
            WITHDRAW,
        ),
        (
            "AS4_PATH from a new speaker",
            ebgp(),
            list(17, 6),
            Kind::NotAllowed(T::AS4_PATH),
            DISCARD,
        ),
        (
            "AS4_AGGREGATOR likewise",
            ebgp(),
            list(18, 8),
            Kind::NotAllowed(T::AS4_AGGREGATOR),
            DISCARD,
        ),
        (
            "AS4_PATH of 0",
            old(),
            list(17, 0),
            Kind::Length(T::AS4_PATH),
            DISCARD,
        ),
        (
            "AS4_PATH cut short",
            old(),
            list(17, 5),
            Kind::Malformed(T::AS4_PATH),
            DISCARD,
        ),
        (
            "AS4_AGGREGATOR of 6",
            old(),
            list(18, 6),
            Kind::Length(T::AS4_AGGREGATOR),
            DISCARD,
        ),
        (
            "AGGREGATOR of AS 0",
            ebgp(),
            vec![0xc0, 7, 8, 0, 0, 0, 0, 1, 1, 1, 1],
            Kind::ZeroAs(T::AGGREGATOR),
            DISCARD,
        ),
        (
            "AIGP not enabled",
            ebgp(),
            list2(0x80, 26, 3),
            Kind::NotAllowed(T::AIGP),
            DISCARD,
        ),
        (
            "AIGP metric of 4",
            ebgp().with_aigp(true),
            vec![0x80, 26, 4, 1, 0, 4, 9],
            Kind::Malformed(T::AIGP),
            DISCARD,
        ),
        (
            "AIGP transitive",
            ebgp().with_aigp(true),
            vec![0xc0, 26, 11, 1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9],
            Kind::Flags(T::AIGP),
            DISCARD,
        ),
        (
            "ATTR_SET of 3",
            ebgp(),
            list(128, 3),
            Kind::Malformed(T::ATTR_SET),
            WITHDRAW,
        ),
        (
            "ATTR_SET overrun",
            ebgp(),
            vec![0xc0, 128, 7, 0, 0, 0, 1, 0x40, 1, 2],
            Kind::Malformed(T::ATTR_SET),
            WITHDRAW,
        ),
        (
            "MED transitive",
            ebgp(),
            list2(0xc0, 4, 4),
            Kind::Flags(T::MULTI_EXIT_DISC),
            WITHDRAW,
        ),
        (
            "COMMUNITIES not optional",
            ebgp(),
            list2(0x40, 8, 4),
            Kind::Flags(T::COMMUNITIES),
            WITHDRAW,
        ),
        (
            "unknown well-known",
            ebgp(),
            list2(0x40, 99, 4),
            Kind::UnrecognizedWellKnown(T(99)),
            RESET,
        ),
        (
            "second ORIGIN",
            ebgp(),
            ORIGIN.to_vec(),
            Kind::Duplicate(T::ORIGIN),
            DISCARD,
        ),
        (
            "MP_REACH_NLRI of 2",
            ebgp(),
            list2(0x80, 14, 2),
            Kind::MultiprotocolTooShort(T::MP_REACH_NLRI),
            RESET,
        ),
        (
            "MP_UNREACH_NLRI of 2",
            ebgp(),
            list2(0x80, 15, 2),
            Kind::MultiprotocolTooShort(T::MP_UNREACH_NLRI),
            RESET,
        ),
        (
            "next hop of 4 for IPv6",
            ebgp(),
            vec![0x80, 14, 9, 0, 2, 1, 4, 1, 1, 1, 1, 0],
            Kind::MultiprotocolNextHop(Family::IPV6_UNICAST),
            DISABLE,
        ),
        (
            "next hop overrun",
            ebgp(),
            vec![0x80, 14, 5, 0, 2, 1, 16, 1],
            Kind::MultiprotocolNextHop(Family::IPV6_UNICAST),
            DISABLE,
        ),
        (
            "withdrawn IPv6 of 129 bits",
            ebgp(),
            vec![0x80, 15, 4, 0, 2, 1, 129],
            Kind::MultiprotocolSyntax(Family::IPV6_UNICAST),
            DISABLE,
        ),
        (
            "wrong flags, wrong value too",
            ebgp(),
            vec![0xc0, 15, 4, 0, 2, 1, 129],
            Kind::MultiprotocolSyntax(Family::IPV6_UNICAST),
            DISABLE,
        ),
    ];
    for (name, context, attribute, kind, disposition) in cases {
        let fits = attribute.len() == 3 + usize::from(attribute[2]);
        let message = route_with(attribute, context);
        let (found, done, span) = judge(&message, context).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((found, done), (*kind, *disposition), "{name}");
        assert!(!fits || span == *attribute, "{name}: span {span:02x?}");
    }
}

fn list2(flags: u8, kind: u8, len: u8) -> Vec<u8> {
    [vec![flags, kind, len], vec![1; len.into()]].concat()
}

/// Sections 7.1 to 7.3: the mandatory attributes themselves.
#[test]
fn malformed_mandatory_attributes_withdraw_the_routes() {
    let path = |segments: &[u8]| [&[0x40, 2, segments.len() as u8][..], segments].concat();
    let first_as = ebgp().with_first_as(Some(Asn(7)));
    let cases: &[(&str, Context, [&[u8]; 3], Kind)] = &[
        (
            "ORIGIN 3",
            ebgp(),
            [&[0x40, 1, 1, 3], AS_PATH, NEXT_HOP],
            Kind::InvalidOrigin(3),
        ),
        (
            "ORIGIN of 2",
            ebgp(),
            [&[0x40, 1, 2, 0, 0], AS_PATH, NEXT_HOP],
            Kind::Length(AttributeType::ORIGIN),
        ),
        (
            "ORIGIN optional",
            ebgp(),
            [&[0xc0, 1, 1, 0], AS_PATH, NEXT_HOP],
            Kind::Flags(AttributeType::ORIGIN),
        ),
        (
            "segment type 5",
            ebgp(),
            [ORIGIN, &path(&[5, 1, 0, 0, 0, 1]), NEXT_HOP],
            Kind::MalformedAsPath,
        ),
        (
            "segment overrun",
            ebgp(),
            [ORIGIN, &path(&[2, 2, 0, 0, 0, 1]), NEXT_HOP],
            Kind::MalformedAsPath,
        ),
        (
            "segment underrun",
            ebgp(),
            [ORIGIN, &path(&[2, 1, 0, 0, 0, 1, 2]), NEXT_HOP],
            Kind::MalformedAsPath,
        ),
        (
            "segment of none",
            ebgp(),
            [ORIGIN, &path(&[2, 0]), NEXT_HOP],
            Kind::MalformedAsPath,
        ),
        (
            "AS 0",
            ebgp(),
            [ORIGIN, &path(&[2, 1, 0, 0, 0, 0]), NEXT_HOP],
            Kind::ZeroAs(AttributeType::AS_PATH),
        ),
        (
            "confederation from a stranger",
            ebgp(),
            [ORIGIN, &path(&[3, 1, 0, 0, 0, 1]), NEXT_HOP],
            Kind::ConfederationPath,
        ),
        (
            "none from a member",
            confederation(),
            [ORIGIN, AS_PATH, NEXT_HOP],
            Kind::ConfederationPath,
        ),
        (
            "not the peer's AS",
            first_as,
            [ORIGIN, AS_PATH, NEXT_HOP],
            Kind::FirstAs(Asn(7)),
        ),
        (
            "NEXT_HOP of 5",
            ebgp(),
            [ORIGIN, AS_PATH, &[0x40, 3, 5, 1, 1, 1, 1, 1]],
            Kind::Length(AttributeType::NEXT_HOP),
        ),
        (
            "NEXT_HOP 0.0.0.0",
            ebgp(),
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 0, 0, 0, 0]],
            Kind::InvalidNextHop,
        ),
        (
            "NEXT_HOP multicast",
            ebgp(),
            [ORIGIN, AS_PATH, &[0x40, 3, 4, 224, 0, 0, 1]],
            Kind::InvalidNextHop,
        ),
    ];
    for (name, context, attributes, kind) in cases {
        let message = update(&[], attributes, NLRI);
        let (found, done, _) = judge(&message, context).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((found, done), (*kind, WITHDRAW), "{name}");
        let view = UpdateView::parse(&message, context).unwrap();
        assert_eq!(view.announced().count(), 0, "{name}");
        let withdrawn: Vec<_> = view.withdrawn().map(|n| n.to_string()).collect();
        assert_eq!(withdrawn, ["10.1.0.0/16"], "{name}");
    }
}

/// Section 3 d.
#[test]
fn missing_well_known_attributes_withdraw_the_routes() {
    for (attributes, missing) in [
        ([AS_PATH, NEXT_HOP], AttributeType::ORIGIN),
        ([ORIGIN, NEXT_HOP], AttributeType::AS_PATH),
        ([ORIGIN, AS_PATH], AttributeType::NEXT_HOP),
    ] {
        let message = update(&[], &attributes, NLRI);
        let view = UpdateView::parse(&message, &ebgp()).unwrap();
        let error = view.errors().next().unwrap();
        assert_eq!(
            (error.kind, view.disposition()),
            (Kind::Missing(missing), WITHDRAW)
        );
        assert_eq!(error.notification(&message).data.as_slice(), [missing.0]);
    }
    // NEXT_HOP is not asked for where MP_REACH_NLRI brings its own.
    let message = update(&[], &[MP_REACH, ORIGIN, AS_PATH], &[]);
    assert_eq!(judge(&message, &ebgp()), None);
}

/// Section 3 g: all but the first are discarded, and the first still counts.
#[test]
fn the_first_of_several_counts() {
    let message = route_with(&[0x40, 3, 4, 9, 9, 9, 9], &ebgp());
    let view = UpdateView::parse(&message, &ebgp()).unwrap();
    assert_eq!(view.disposition(), DISCARD);
    assert_eq!(
        view.next_hop(Family::IPV4_UNICAST).unwrap().to_string(),
        "192.0.2.1"
    );
    assert_eq!(view.attributes().count(), 3);

    for twice in [MP_REACH, MP_UNREACH] {
        let message = update(&[], &[ORIGIN, AS_PATH, twice, twice], &[]);
        let error = UpdateView::parse(&message, &ebgp()).unwrap_err();
        assert_eq!(error.kind, Kind::Duplicate(AttributeType(twice[1])));
        assert_eq!(
            (error.disposition(), error.code()),
            (RESET, ErrorCode::MALFORMED_ATTRIBUTE_LIST)
        );
    }
}

/// Section 3 h.
#[test]
fn the_strongest_of_several_errors_wins() {
    let discard: &[u8] = &[0x40, 6, 1, 0];
    let withdraw: &[u8] = &[0xc0, 8, 1, 0];
    let reset: &[u8] = &[0x40, 99, 0];
    for (attributes, expected) in [
        (vec![discard], DISCARD),
        (vec![discard, withdraw], WITHDRAW),
        (vec![withdraw, discard], WITHDRAW),
        (vec![withdraw, reset, discard], RESET),
        (vec![reset, withdraw], RESET),
    ] {
        let message = update(
            &[],
            &[&[ORIGIN, AS_PATH, NEXT_HOP], &attributes[..]].concat(),
            NLRI,
        );
        assert_eq!(judge(&message, &ebgp()).unwrap().1, expected);
    }
    let message = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, discard, withdraw], NLRI);
    let view = UpdateView::parse(&message, &ebgp()).unwrap();
    assert_eq!(view.errors().count(), 2, "each error shows");
}

/// Sections 3 a, 3 j, 5.3: what makes routes unreadable ends the session.
#[test]
fn unreadable_routes_end_the_session() {
    let mut withdrawn_too_long = update(NLRI, &[], &[]);
    withdrawn_too_long[20] = 99;
    let mut attributes_too_long = update(&[], &[ORIGIN], &[]);
    attributes_too_long[22] = 99;
    let cases: &[(&str, Vec<u8>, Kind, usize, ErrorCode)] = &[
        (
            "withdrawn length",
            withdrawn_too_long,
            Kind::LengthBeyondMessage,
            19,
            ErrorCode::MALFORMED_ATTRIBUTE_LIST,
        ),
        (
            "attributes length",
            attributes_too_long,
            Kind::LengthBeyondMessage,
            21,
            ErrorCode::MALFORMED_ATTRIBUTE_LIST,
        ),
        (
            "withdrawn /33",
            update(&[8, 10, 33, 1, 1, 1, 1, 1], &[], &[]),
            Kind::WithdrawnSyntax,
            23,
            ErrorCode::INVALID_NETWORK_FIELD,
        ),
        (
            "withdrawn cut short",
            update(&[24, 10], &[], &[]),
            Kind::WithdrawnSyntax,
            21,
            ErrorCode::INVALID_NETWORK_FIELD,
        ),
        (
            "NLRI /33",
            update(&[], &[ORIGIN, AS_PATH, NEXT_HOP], &[33, 1, 1, 1, 1, 1]),
            Kind::NlriSyntax,
            43,
            ErrorCode::INVALID_NETWORK_FIELD,
        ),
    ];
    for (name, message, kind, offset, code) in cases {
        let error = UpdateView::parse(message, &ebgp()).expect_err(name);
        assert_eq!(
            (error.kind, error.disposition(), error.code()),
            (*kind, RESET, *code),
            "{name}"
        );
        assert_eq!(usize::from(error.span.offset), *offset, "{name}");
    }
}

/// What is cut off within a length field is pointed at as far as it is there.
#[test]
fn no_error_points_beyond_its_message() {
    let mut message = update(&[0; 3], &[], &[]);
    message[20] = 4;
    let error = UpdateView::parse(&message, &ebgp()).unwrap_err();
    assert_eq!(error.kind, Kind::LengthBeyondMessage);
    assert_eq!(error.span, Span::new(message.len() - 1, 1));
}

/// Section 4: the attribute list's length is trusted to find the NLRI.
#[test]
fn an_attribute_beyond_the_list_withdraws_the_routes_behind_it() {
    for tail in [&[0xc0, 8, 200, 1][..], &[0xc0], &[0xd0, 8, 1]] {
        let message = update(&[], &[ORIGIN, AS_PATH, NEXT_HOP, tail], NLRI);
        let (kind, disposition, span) = judge(&message, &ebgp()).unwrap();
        assert_eq!((kind, disposition), (Kind::AttributeBeyondList, WITHDRAW));
        assert_eq!(span, tail);
    }
}

/// Section 5.2: without a reachable route, routes may have got lost in what is malformed.
#[test]
fn errors_beside_no_route_end_the_session() {
    let message = update(NLRI, &[&[0xc0, 8, 1, 0]], &[]);
    let error = UpdateView::parse(&message, &ebgp()).unwrap_err();
    assert_eq!(error.kind, Kind::Length(AttributeType::COMMUNITIES));
    assert_eq!(error.disposition(), RESET);
    assert_eq!(
        error.notification(&message).error,
        ErrorCode::ATTRIBUTE_LENGTH_ERROR
    );
    assert_eq!(
        error.notification(&message).data.as_slice(),
        [0xc0, 8, 1, 0]
    );

    // Attribute discard does not count, nor does MP_UNREACH_NLRI alone.
    let message = update(NLRI, &[&[0x40, 6, 1, 0]], &[]);
    assert_eq!(judge(&message, &ebgp()).unwrap().1, DISCARD);
    let mut flags = MP_UNREACH.to_vec();
    flags[0] = 0xc0;
    let message = update(&[], &[&flags], &[]);
    let view = UpdateView::parse(&message, &ebgp()).unwrap();
    assert_eq!(
        (view.disposition(), view.withdrawn().count()),
        (WITHDRAW, 1)
    );

    // But what is cut off behind it may have been routes.
    let message = update(&[], &[&flags, &[0x80, 14]], &[]);
    let error = UpdateView::parse(&message, &ebgp()).unwrap_err();
    assert_eq!(error.disposition(), RESET);
}

/// Section 2: a family may be disabled and the session kept; the rest of the message stands, by its
/// own errors.
#[test]
fn a_family_can_be_disabled_alone() {
    let context = ebgp().with_afi_safi_disable(true);
    let broken: &[u8] = &[0x80, 15, 4, 0, 2, 1, 129];
    let message = update(&[], &[broken, ORIGIN, AS_PATH, NEXT_HOP], NLRI);
    let view = UpdateView::parse(&message, &context).unwrap();
    assert_eq!(view.disposition(), DISABLE);
    assert_eq!((view.announced().count(), view.withdrawn().count()), (1, 0));
    assert!(view.mp_unreach().is_none());

    let message = update(&[], &[broken, ORIGIN, NEXT_HOP], NLRI);
    let view = UpdateView::parse(&message, &context).unwrap();
    assert_eq!(view.disposition(), DISABLE);
    assert_eq!((view.announced().count(), view.withdrawn().count()), (0, 1));
}

/// Section 2: what else the message says of a disabled family is ignored too.
#[test]
fn no_route_of_a_disabled_family_is_shown() {
    let context = ebgp().with_afi_safi_disable(true);
    let counts = |message: &[u8]| {
        let view = UpdateView::parse(message, &context).unwrap();
        (view.announced().count(), view.withdrawn().count())
    };
    // A sound MP_REACH_NLRI beside a broken MP_UNREACH_NLRI of the same family, and the reverse.
    let mut reach = vec![0x80, 14, 24, 0, 2, 1, 16];
    reach.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    reach.extend([16, 0x20, 1]);
    let broken_unreach: &[u8] = &[0x80, 15, 4, 0, 2, 1, 129];
    let message = update(&[], &[&reach, broken_unreach, ORIGIN, AS_PATH], &[]);
    assert_eq!(counts(&message), (0, 0));
    let broken_reach: &[u8] = &[0x80, 14, 4, 0, 2, 1, 200];
    let message = update(&[], &[broken_reach, MP_UNREACH], &[]);
    assert_eq!(counts(&message), (0, 0));
    // The fields of IPv4 unicast, where that is the family.
    let broken_v4: &[u8] = &[0x80, 15, 4, 0, 1, 1, 33];
    let message = update(NLRI, &[broken_v4, ORIGIN, AS_PATH, NEXT_HOP], NLRI);
    assert_eq!(counts(&message), (0, 0));
}

/// A disposition names one family, so two that would have to be disabled end the session.
#[test]
fn two_families_to_disable_end_the_session() {
    let context = ebgp().with_afi_safi_disable(true);
    let v6: &[u8] = &[0x80, 14, 4, 0, 2, 1, 200];
    let v4: &[u8] = &[0x80, 15, 4, 0, 1, 2, 33];
    let message = update(&[], &[v6, v4], &[]);
    let error = UpdateView::parse(&message, &context).unwrap_err();
    assert_eq!(error.disposition(), RESET);
    let same: &[u8] = &[0x80, 15, 4, 0, 2, 1, 129];
    let message = update(&[], &[v6, same], &[]);
    let view = UpdateView::parse(&message, &context).unwrap();
    assert_eq!(view.disposition(), DISABLE);
}

/// RFC 8950: IPv4 routes with an IPv6 next hop, where that was negotiated.
#[test]
fn an_ipv6_next_hop_of_ipv4_must_be_negotiated() {
    let mut reach = vec![0x80, 14, 24, 0, 1, 1, 16];
    reach.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    reach.extend(NLRI);
    let message = update(&[], &[&reach, ORIGIN, AS_PATH], &[]);
    let kind = Kind::MultiprotocolNextHop(Family::IPV4_UNICAST);
    assert_eq!(judge(&message, &ebgp()).unwrap().0, kind);
    let families = [Family::IPV4_UNICAST].into_iter().collect();
    let context = ebgp().with_extended_next_hop(families);
    let view = UpdateView::parse(&message, &context).unwrap();
    assert_eq!(
        view.next_hop(Family::IPV4_UNICAST).unwrap().to_string(),
        "2001:db8::1"
    );
    assert_eq!(view.announced().next().unwrap().to_string(), "10.1.0.0/16");
}

#[test]
fn end_of_rib_markers_are_known() {
    for family in [
        Family::IPV4_UNICAST,
        Family::IPV6_UNICAST,
        Family::IPV4_MULTICAST,
    ] {
        let mut message = Vec::new();
        bgp_wire::encode_end_of_rib(family, &mut message);
        let view = UpdateView::parse(&message, &ebgp()).unwrap();
        assert_eq!(view.end_of_rib(), Some(family));
    }
    let message = update(&[], &[MP_UNREACH], &[]);
    assert_eq!(
        UpdateView::parse(&message, &ebgp()).unwrap().end_of_rib(),
        None
    );
}
