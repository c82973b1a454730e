//! Octets written down from the RFCs' diagrams.

use bgp_wire::{
    AddPathFamily, AddPathMode, Asn, Capability, ErrorCode, ExtendedNextHop, Family,
    GracefulRestart, GracefulRestartFamily, HeaderErrorKind, KEEPALIVE, LongLivedFamily,
    MAX_EXTENDED_MESSAGE, MAX_MESSAGE, MessageType, NextHop, Notification, Open, OpenErrorKind,
    RefreshErrorKind, RefreshSubtype, Role, RouteRefresh, UpdatePacker, encode_end_of_rib, frame,
};
use bytes::Bytes;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend(((19 + body.len()) as u16).to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

/// RFC 4271 section 4.2, RFC 5492 section 4.
#[test]
fn open_with_capabilities() {
    let mut open = Open::new(Asn(4_200_000_000), 90, [192, 0, 2, 1].into());
    open.capabilities.extend([
        Capability::MultiProtocol(Family::IPV6_UNICAST),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(vec![ExtendedNextHop {
            family: Family::IPV4_UNICAST,
            next_hop: bgp_wire::Afi::IPV6,
        }]),
        Capability::ExtendedMessage,
        Capability::Role(Role::Customer),
        Capability::GracefulRestart(GracefulRestart {
            restarting: true,
            notification: true,
            time: 120,
            families: vec![GracefulRestartFamily {
                family: Family::IPV4_UNICAST,
                forwarding: true,
            }],
        }),
        Capability::AddPath(vec![AddPathFamily {
            family: Family::IPV4_UNICAST,
            mode: AddPathMode::Both,
        }]),
        Capability::EnhancedRouteRefresh,
        Capability::LongLivedGracefulRestart(vec![LongLivedFamily {
            family: Family::IPV4_UNICAST,
            forwarding: true,
            stale_time: 0x01_02_03,
        }]),
        Capability::Fqdn {
            host: "a".into(),
            domain: "b.c".into(),
        },
        Capability::SoftwareVersion("v1".into()),
        Capability::Unknown {
            code: 200,
            value: Bytes::from_static(&[7]),
        },
    ]);
    let body = [
        &[4, 0x5b, 0xa0, 0, 90, 192, 0, 2, 1][..],
        &[70, 2, 68],
        &[65, 4, 0xfa, 0x56, 0xea, 0],
        &[1, 4, 0, 2, 0, 1],
        &[2, 0],
        &[5, 6, 0, 1, 0, 1, 0, 2],
        &[6, 0],
        &[9, 1, 3],
        &[64, 6, 0xc0, 120, 0, 1, 1, 0x80],
        &[69, 4, 0, 1, 1, 3],
        &[70, 0],
        &[71, 7, 0, 1, 1, 0x80, 1, 2, 3],
        &[73, 6, 1, b'a', 3, b'b', b'.', b'c'],
        &[75, 3, 2, b'v', b'1'],
        &[200, 1, 7],
    ]
    .concat();
    let octets = message(1, &body);
    let mut out = Vec::new();
    open.encode(&mut out).unwrap();
    assert_eq!(out, octets);
    assert_eq!(Open::decode(&octets), Ok(open));
}

/// RFC 9072 section 2: the extended form, needed from 254 octets of capabilities on.
#[test]
fn open_with_extended_parameters() {
    let mut open = Open::new(Asn(1), 90, [192, 0, 2, 1].into());
    let value = Bytes::from(vec![7; 255]);
    open.capabilities = vec![Capability::Unknown { code: 200, value }];
    let mut out = Vec::new();
    open.encode(&mut out).unwrap();
    let head = [255, 255, 1, 4, 2, 1, 1, 200, 255, 7];
    assert_eq!(out[28..38], head);
    assert_eq!(out.len(), 29 + 3 + 3 + 2 + 255);
    assert_eq!(Open::decode(&out).as_ref(), Ok(&open));
    // The form may also be used where it is not needed, whatever the plain length says.
    let short = message(
        1,
        &[4, 0, 1, 0, 90, 192, 0, 2, 1, 9, 255, 0, 5, 2, 0, 2, 70, 0],
    );
    assert_eq!(
        Open::decode(&short).unwrap().capabilities,
        [Capability::EnhancedRouteRefresh]
    );
}

/// Capabilities each in a parameter of its own, as older speakers send them.
#[test]
fn open_with_several_parameters() {
    let octets = message(
        1,
        &[
            4, 0, 1, 0, 90, 192, 0, 2, 1, 10, 2, 2, 2, 0, 2, 4, 70, 0, 6, 0,
        ],
    );
    let expected = [
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::ExtendedMessage,
    ];
    assert_eq!(Open::decode(&octets).unwrap().capabilities, expected);
}

/// A message, and what is wrong with it: kind, code, offset and length of the span, data.
type OpenCase<'a> = (Vec<u8>, OpenErrorKind, ErrorCode, (u16, u16), &'a [u8]);

/// RFC 4271 section 6.2: which NOTIFICATION, which data, where.
#[test]
fn errors_in_open() {
    let open = |version: u8, asn: [u8; 2], hold: u8, id: u8, parameters: &[u8]| {
        let mut body = vec![version, asn[0], asn[1], 0, hold, id, 0, 0, 0];
        body.push(parameters.len() as u8);
        body.extend(parameters);
        message(1, &body)
    };
    let mut too_many = open(4, [0, 1], 90, 9, &[]);
    assert!(Open::decode(&too_many).is_ok());
    too_many[28] = 1;
    let roles = [2, 6, 9, 1, 0, 9, 1, 4];
    let cases: [OpenCase<'_>; 10] = [
        (
            open(3, [0, 1], 90, 9, &[]),
            OpenErrorKind::UnsupportedVersion(3),
            ErrorCode::UNSUPPORTED_VERSION,
            (19, 1),
            &[0, 4],
        ),
        (
            open(4, [0, 0], 90, 9, &[]),
            OpenErrorKind::BadPeerAs(Asn(0)),
            ErrorCode::BAD_PEER_AS,
            (20, 2),
            &[],
        ),
        (
            open(4, [0, 1], 90, 9, &[2, 6, 65, 4, 0, 0, 0, 0]),
            OpenErrorKind::BadPeerAs(Asn(0)),
            ErrorCode::BAD_PEER_AS,
            (20, 2),
            &[],
        ),
        (
            open(4, [0, 1], 2, 9, &[]),
            OpenErrorKind::UnacceptableHoldTime(2),
            ErrorCode::UNACCEPTABLE_HOLD_TIME,
            (22, 2),
            &[],
        ),
        (
            open(4, [0, 1], 90, 0, &[]),
            OpenErrorKind::BadIdentifier([0; 4].into()),
            ErrorCode::BAD_BGP_IDENTIFIER,
            (24, 4),
            &[],
        ),
        (
            open(4, [0, 1], 90, 9, &[2, 0, 1, 2, 0, 0]),
            OpenErrorKind::UnsupportedParameter(1),
            ErrorCode::UNSUPPORTED_OPTIONAL_PARAMETER,
            (31, 4),
            &[],
        ),
        (
            open(4, [0, 1], 90, 9, &[2, 9, 2, 0]),
            OpenErrorKind::MalformedParameters,
            ErrorCode::OPEN_MESSAGE_ERROR,
            (29, 4),
            &[],
        ),
        (
            open(4, [0, 1], 90, 9, &[2, 4, 2, 0, 70, 3]),
            OpenErrorKind::MalformedParameters,
            ErrorCode::OPEN_MESSAGE_ERROR,
            (33, 2),
            &[],
        ),
        (
            too_many,
            OpenErrorKind::MalformedParameters,
            ErrorCode::OPEN_MESSAGE_ERROR,
            (29, 0),
            &[],
        ),
        (
            open(4, [0, 1], 90, 9, &roles),
            OpenErrorKind::RoleMismatch,
            ErrorCode::ROLE_MISMATCH,
            (28, 0),
            &[],
        ),
    ];
    for (octets, kind, code, (offset, len), data) in cases {
        let error = Open::decode(&octets).expect_err("each case is wrong");
        assert_eq!((error.kind, error.code()), (kind, code));
        assert_eq!((error.span.offset, error.span.len), (offset, len), "{kind}");
        assert_eq!(error.notification(&octets).data.as_slice(), data, "{kind}");
    }
}

/// RFC 4271 section 6.1, RFC 8654 section 4.
#[test]
fn errors_in_headers() {
    let mut marker = KEEPALIVE;
    marker[3] = 0;
    let keepalive_with_body = message(4, &[0]);
    let unknown_type = message(9, &[]);
    let update_too_short = message(2, &[0; 3]);
    let too_long = message(2, &[0; 4096]);
    let open_too_long = message(1, &[0; 4096]);
    let cases: &[(&[u8], u16, HeaderErrorKind, &[u8])] = &[
        (&marker, MAX_MESSAGE, HeaderErrorKind::NotSynchronized, &[]),
        (
            &keepalive_with_body,
            MAX_MESSAGE,
            HeaderErrorKind::BadLength,
            &[0, 20],
        ),
        (&unknown_type, MAX_MESSAGE, HeaderErrorKind::BadType, &[9]),
        (
            &update_too_short,
            MAX_MESSAGE,
            HeaderErrorKind::BadLength,
            &[0, 22],
        ),
        (
            &too_long,
            MAX_MESSAGE,
            HeaderErrorKind::BadLength,
            &[0x10, 0x13],
        ),
        (
            &open_too_long,
            MAX_EXTENDED_MESSAGE,
            HeaderErrorKind::BadLength,
            &[0x10, 0x13],
        ),
    ];
    for (octets, max, kind, data) in cases {
        // The header alone is enough to say so.
        let error = frame(&octets[..19], *max).expect_err("each case is wrong");
        assert_eq!(error.kind, *kind);
        assert_eq!(error.notification(octets).data.as_slice(), *data);
    }
    assert!(frame(&too_long, MAX_EXTENDED_MESSAGE).unwrap().is_some());
    assert!(
        frame(&too_long[..19], MAX_EXTENDED_MESSAGE)
            .unwrap()
            .is_none()
    );
}

/// RFC 4271 section 4.5, RFC 9003 section 2, RFC 8538 section 3.1.
#[test]
fn notification_with_a_text() {
    let shutdown = Notification::new(ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN)
        .with_shutdown_text("maintenance");
    let mut out = Vec::new();
    shutdown.encode(&mut out).unwrap();
    assert_eq!(out, message(3, b"\x06\x02\x0bmaintenance"));
    assert_eq!(
        shutdown.to_string(),
        r#"Cease: administrative shutdown (6/2): "maintenance""#
    );
    let hard = shutdown.clone().into_hard_reset();
    assert_eq!(hard.data[..], b"\x06\x02\x0bmaintenance"[..]);
    assert_eq!(hard.shutdown_text(), shutdown.shutdown_text());
    assert_eq!(
        Notification::new(ErrorCode::BAD_MESSAGE_LENGTH)
            .with_data(vec![0, 20])
            .to_string(),
        "Message header: bad message length (1/2), data 0014"
    );
    // A length octet beyond the data is no text, and one of 255 octets is the longest.
    let cut = Notification::new(ErrorCode::CEASE_ADMINISTRATIVE_RESET).with_data(&b"\x09short"[..]);
    assert_eq!(cut.shutdown_text(), None);
    let long = Notification::new(ErrorCode::CEASE_ADMINISTRATIVE_RESET)
        .with_shutdown_text(&"é".repeat(200));
    assert_eq!(long.shutdown_text().map(|text| text.len()), Some(254));
}

/// RFC 2918 section 3, RFC 7313 section 5.
#[test]
fn route_refresh() {
    let begin = RouteRefresh::new(Family::IPV6_UNICAST, RefreshSubtype::BeginRefresh);
    let mut out = Vec::new();
    begin.encode(&mut out).unwrap();
    assert_eq!(out, message(5, &[0, 2, 1, 1]));
    assert_eq!(RouteRefresh::decode(&out), Ok(begin));
    for wrong in [message(5, &[0, 2, 1]), message(5, &[0, 2, 2, 1, 0])] {
        let error = RouteRefresh::decode(&wrong).unwrap_err();
        assert_eq!(error.kind, RefreshErrorKind::BadLength);
        assert_eq!(error.code(), ErrorCode::INVALID_ROUTE_REFRESH_LENGTH);
        assert_eq!(error.notification(&wrong).data.as_slice(), wrong);
    }
}

/// RFC 4271 section 4.3: NEXT_HOP takes its place between AS_PATH and what has a higher type.
#[test]
fn packed_ipv4() {
    let block = [0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 5, 4, 0, 0, 0, 100];
    let next_hop = NextHop::V4([192, 0, 2, 1].into());
    let mut packer =
        UpdatePacker::reach(Family::IPV4_UNICAST, next_hop, &block, MAX_MESSAGE).unwrap();
    let mut out = vec![9];
    packer.push(&mut out, "10.96.0.1/32".parse().unwrap());
    packer.push(&mut out, "10.0.0.0/9".parse().unwrap());
    packer.finish(&mut out);
    let body = [
        &[0, 0, 0, 21, 0x40, 1, 1, 0, 0x40, 2, 0][..],
        &[0x40, 3, 4, 192, 0, 2, 1],
        &[0x40, 5, 4, 0, 0, 0, 100],
        &[32, 10, 96, 0, 1, 9, 10, 0],
    ]
    .concat();
    assert_eq!(
        out[1..],
        message(2, &body),
        "what was in the buffer before stays"
    );
}

/// RFC 4760 section 3, RFC 2545 section 3, RFC 7606 section 5.1.
#[test]
fn packed_ipv6() {
    let next_hop = NextHop::V6 {
        global: "2001:db8::1".parse().unwrap(),
        link_local: Some("fe80::1".parse().unwrap()),
    };
    let block = [0x40, 1, 1, 0, 0x40, 2, 0];
    let mut packer =
        UpdatePacker::reach(Family::IPV6_UNICAST, next_hop, &block, MAX_MESSAGE).unwrap();
    let mut out = Vec::new();
    packer.push(&mut out, "2001:db8::/32".parse().unwrap());
    packer.finish(&mut out);
    let body = [
        &[0, 0, 0, 53, 0x90, 14, 0, 42, 0, 2, 1, 32][..],
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 32, 0x20, 1, 0xd, 0xb8],
        &block,
    ]
    .concat();
    assert_eq!(out, message(2, &body));
}

/// RFC 7911 section 3.
#[test]
fn packed_path_identifiers() {
    let mut packer = UpdatePacker::unreach(Family::IPV4_UNICAST, MAX_MESSAGE).unwrap();
    let mut out = Vec::new();
    packer.push_path(&mut out, 7, "10.0.0.0/8".parse().unwrap());
    packer.push_path(&mut out, 0x0102_0304, "192.0.2.1/32".parse().unwrap());
    packer.finish(&mut out);
    let body = [
        &[0, 15][..],
        &[0, 0, 0, 7, 8, 10],
        &[1, 2, 3, 4, 32, 192, 0, 2, 1],
        &[0, 0],
    ];
    assert_eq!(out, message(2, &body.concat()));
}

/// RFC 4724 section 2.
#[test]
fn end_of_rib() {
    let mut out = Vec::new();
    encode_end_of_rib(Family::IPV4_UNICAST, &mut out);
    assert_eq!(out, message(2, &[0; 4]));
    out.clear();
    encode_end_of_rib(Family::IPV6_UNICAST, &mut out);
    assert_eq!(out, message(2, &[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]));
}

#[test]
fn keepalive() {
    assert_eq!(KEEPALIVE[..], message(4, &[]));
    let frame = frame(&KEEPALIVE, MAX_MESSAGE).unwrap().unwrap();
    assert_eq!(
        (frame.kind(), frame.body()),
        (MessageType::KEEPALIVE, &[][..])
    );
}
