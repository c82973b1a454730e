//! OPENs: what ours says, what is wrong with the neighbour's, what both amount to.

use std::net::Ipv4Addr;
use std::time::Duration;

use bgp_fsm::{Confederation, DownReason, GracefulRestartConfig, SessionConfig, State};
use bgp_wire::{
    AsWidth, Asn, Capability, CapabilityCode, ErrorCode, Family, MAX_EXTENDED_MESSAGE, MAX_MESSAGE,
    Notification, Open, OpenErrorKind, PeerKind,
};

use crate::support::{
    Bench, HIGH_ID, OUR_ASN, OUR_ID, PEER_ASN, config, encode_notification, encode_open, message,
    peer_open, secs,
};

/// What the session answers an OPEN with: nothing, or code, subcode and data of a NOTIFICATION.
fn answer(config: SessionConfig, open: &[u8]) -> Option<(u8, u8, Vec<u8>)> {
    let mut bench = Bench::in_state(config, State::OpenSent);
    bench.data(bench.first(), open);
    let notification = bench.sent_notification();
    assert_eq!(
        notification.is_none(),
        bench.session.state() == State::OpenConfirm
    );
    notification.map(|n| (n.error.code, n.error.subcode, n.data.to_vec()))
}

fn answer_to(open: &Open) -> Option<(u8, u8, Vec<u8>)> {
    answer(config(), &encode_open(open))
}

fn with(change: impl FnOnce(&mut Open)) -> Open {
    let mut open = peer_open();
    change(&mut open);
    open
}

#[test]
fn a_fitting_open_is_taken() {
    assert_eq!(answer_to(&peer_open()), None);
}

#[test]
fn another_version_is_refused_with_ours() {
    let mut open = encode_open(&peer_open());
    open[19] = 5;
    assert_eq!(answer(config(), &open), Some((2, 1, vec![0, 4])));
}

#[test]
fn another_as_is_refused() {
    let open = Open {
        hold_time: 90,
        ..Open::new(Asn(65002), 90, HIGH_ID)
    };
    let (code, subcode, _) = answer_to(&open).expect("AS 65002 is not the peer's");
    assert_eq!((code, subcode), (2, 2));
}

#[test]
fn a_four_octet_as_is_compared_whole() {
    let peer = Asn(4_200_000_001);
    let config = || SessionConfig::new(OUR_ASN, OUR_ID, peer);
    let mut open = Open::new(peer, 90, HIGH_ID);
    assert_eq!(u32::from(open.my_as), Asn::TRANS.0);
    assert_eq!(answer(config(), &encode_open(&open)), None);
    // AS_TRANS alone could be anybody.
    open.capabilities.clear();
    let refused = answer(config(), &encode_open(&open)).expect("no AS is AS_TRANS");
    assert_eq!((refused.0, refused.1), (2, 2));
}

#[test]
fn identifiers_follow_rfc_6286() {
    let zero = answer_to(&with(|o| o.bgp_id = Ipv4Addr::UNSPECIFIED)).expect("zero is refused");
    assert_eq!((zero.0, zero.1), (2, 3));
    // Not a host's address, and no matter.
    assert_eq!(
        answer_to(&with(|o| o.bgp_id = Ipv4Addr::new(224, 0, 0, 1))),
        None
    );
    // Ours, from another AS: no matter. From our own: refused.
    assert_eq!(answer_to(&with(|o| o.bgp_id = OUR_ID)), None);
    let internal = SessionConfig::new(OUR_ASN, OUR_ID, OUR_ASN);
    let same = answer(internal, &encode_open(&Open::new(OUR_ASN, 90, OUR_ID)));
    let same = same.expect("an identifier is unique in its AS");
    assert_eq!((same.0, same.1), (2, 3));
}

#[test]
fn hold_times_of_one_and_two_seconds_are_refused() {
    for time in [1, 2] {
        let refused = answer_to(&with(|o| o.hold_time = time)).expect("too short");
        assert_eq!((refused.0, refused.1), (2, 6));
    }
    for time in [0, 3, 65535] {
        assert_eq!(answer_to(&with(|o| o.hold_time = time)), None);
    }
}

#[test]
fn an_unknown_optional_parameter_is_refused() {
    let mut open = encode_open(&Open {
        capabilities: Vec::new(),
        ..peer_open()
    });
    open[28] = 3;
    open.extend([1, 1, 0]);
    open[17] += 3;
    let refused = answer(config(), &open).expect("authentication (1) is deprecated");
    assert_eq!((refused.0, refused.1), (2, 4));
}

#[test]
fn without_a_common_family_the_missing_capability_is_named() {
    let ipv6 = SessionConfig {
        families: vec![Family::IPV6_UNICAST],
        ..config()
    };
    let mut bench = Bench::in_state(ipv6, State::OpenSent);
    bench.open(bench.first());
    let refused = bench.sent_notification().expect("no family is left");
    assert_eq!(refused.error, ErrorCode::UNSUPPORTED_CAPABILITY);
    assert_eq!(refused.data[..], [1, 4, 0, 2, 0, 1]);
    assert!(matches!(&bench.downs[..], [DownReason::OpenRefused(e)]
        if e.kind == OpenErrorKind::MissingCapability));
    // Nothing changes until somebody changes it: a quarter of the restart time, with jitter.
    assert!(
        bench.timeout() >= secs(30).mul_f64(0.75),
        "{:?}",
        bench.timeout()
    );
}

#[test]
fn an_open_without_multiprotocol_means_ipv4_unicast() {
    let old = Open {
        capabilities: Vec::new(),
        ..peer_open()
    };
    assert_eq!(answer_to(&old), None);
    let other = with(|o| o.capabilities = vec![Capability::MultiProtocol(Family::IPV6_UNICAST)]);
    let refused = answer_to(&other).expect("IPv6 only is not IPv4");
    assert_eq!((refused.0, refused.1), (2, 7));
}

/// The OPEN that a session of this configuration sends.
fn ours(config: SessionConfig) -> Open {
    let mut bench = Bench::in_state(config, State::Connect);
    bench.connected();
    bench.sent_open()
}

#[test]
fn our_open_says_what_is_configured() {
    let open = ours(SessionConfig {
        families: vec![Family::IPV6_UNICAST],
        ..config()
    });
    assert_eq!(
        (open.asn(), open.bgp_id, open.hold_time),
        (OUR_ASN, OUR_ID, 90)
    );
    for capability in [
        Capability::MultiProtocol(Family::IPV6_UNICAST),
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::ExtendedMessage,
        Capability::FourOctetAsn(OUR_ASN),
    ] {
        assert!(open.capabilities.contains(&capability), "{capability:?}");
    }
}

#[test]
fn confederations_show_the_member_as_inside_and_the_identifier_outside() {
    let toward = |peer| SessionConfig {
        confederation: Some(Confederation {
            identifier: Asn(100),
            members: vec![Asn(65010)],
        }),
        ..SessionConfig::new(OUR_ASN, OUR_ID, peer)
    };
    for (peer, seen_as, kind) in [
        (OUR_ASN, OUR_ASN, PeerKind::Ibgp),
        (Asn(65010), OUR_ASN, PeerKind::Confederation),
        (PEER_ASN, Asn(100), PeerKind::Ebgp),
    ] {
        let open = ours(toward(peer));
        assert_eq!(open.asn(), seen_as);
        let mut bench = Bench::in_state(toward(peer), State::OpenSent);
        bench.peer = Open::new(peer, 90, HIGH_ID);
        bench.open(bench.first());
        bench.keepalive(bench.first());
        let negotiated = bench.session.negotiated().expect("Established");
        assert_eq!(negotiated.peer_kind, kind);
        assert_eq!(
            negotiated.prepend,
            (kind != PeerKind::Ibgp).then_some(seen_as)
        );
        assert_eq!(negotiated.context.peer_kind, kind);
    }
}

/// What comes of an OPEN of the neighbour's.
fn established(config: SessionConfig, peer: Open) -> Bench {
    let mut bench = Bench::new(config);
    bench.peer = peer;
    bench.bring_to(State::Established);
    bench
}

#[test]
fn the_smaller_hold_time_counts_and_keepalives_follow_it() {
    let third = |s| Some(secs(s));
    for (ours, configured, theirs, hold, keepalive) in [
        (90, None, 90, 90, third(30)),
        (90, None, 9, 9, third(3)),
        (9, None, 90, 9, third(3)),
        (90, Some(10), 90, 90, third(10)),
        (90, Some(60), 90, 90, third(60)),
        // Less hold time than we asked for leaves no room for the configured time.
        (90, Some(60), 30, 30, third(10)),
        (90, Some(1), 3, 3, third(1)),
    ] {
        let config = SessionConfig {
            hold_time: ours,
            keepalive: configured,
            ..config()
        };
        let bench = established(
            config,
            Open {
                hold_time: theirs,
                ..peer_open()
            },
        );
        let negotiated = bench.session.negotiated().expect("Established");
        assert_eq!(negotiated.hold_time, Some(secs(hold)));
        assert_eq!(negotiated.keepalive, keepalive);
    }
}

#[test]
fn a_hold_time_of_zero_stops_every_timer() {
    let bench = established(
        config(),
        Open {
            hold_time: 0,
            ..peer_open()
        },
    );
    let negotiated = bench.session.negotiated().expect("Established");
    assert_eq!((negotiated.hold_time, negotiated.keepalive), (None, None));
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn a_capability_counts_if_both_have_it() {
    let mut peer = peer_open();
    peer.capabilities.push(Capability::ExtendedMessage);
    let bench = established(config(), peer.clone());
    let negotiated = bench.session.negotiated().expect("Established");
    assert_eq!(negotiated.max_message, MAX_EXTENDED_MESSAGE);
    assert_eq!(negotiated.as_width, AsWidth::Four);
    assert!(negotiated.route_refresh && negotiated.enhanced_route_refresh);
    assert_eq!(
        negotiated.graceful_restart.as_ref().map(|gr| gr.time),
        Some(120)
    );
    assert_eq!(negotiated.families, [Family::IPV4_UNICAST]);
    assert_eq!(negotiated.peer_open, peer);
    assert_eq!(negotiated.local_open, ours(config()));

    let reticent = SessionConfig {
        extended_messages: false,
        graceful_restart: None,
        ..config()
    };
    let bench = established(reticent, peer);
    let negotiated = bench.session.negotiated().expect("Established");
    assert_eq!(negotiated.max_message, MAX_MESSAGE);
    assert_eq!(negotiated.graceful_restart, None);

    let bench = established(
        config(),
        Open {
            capabilities: Vec::new(),
            ..peer_open()
        },
    );
    let negotiated = bench.session.negotiated().expect("Established");
    assert_eq!(negotiated.as_width, AsWidth::Two);
    assert!(!negotiated.route_refresh && !negotiated.enhanced_route_refresh);
}

#[test]
fn extended_messages_are_taken_once_both_agreed() {
    let mut peer = peer_open();
    peer.capabilities.push(Capability::ExtendedMessage);
    let refresh = |len: usize| message(bgp_wire::MessageType::ROUTE_REFRESH, &vec![0; len - 19]);
    let mut bench = established(config(), peer);
    bench.data(bench.first(), &refresh(5000));
    assert_eq!(bench.session.state(), State::Established);

    let mut bench = established(config(), peer_open());
    bench.data(bench.first(), &refresh(5000));
    let refused = bench.sent_notification().expect("4096 is the limit");
    assert_eq!(refused.error, ErrorCode::BAD_MESSAGE_LENGTH);
    assert_eq!(refused.data[..], 5000u16.to_be_bytes());
}

/// RFC 5492: what the neighbour refuses is left out of the next OPEN.
#[test]
fn a_refused_capability_is_left_out() {
    let mut bench = Bench::in_state(config(), State::OpenSent);
    refuse(
        &mut bench,
        &[
            CapabilityCode::EXTENDED_MESSAGE,
            CapabilityCode::GRACEFUL_RESTART,
        ],
    );
    let codes = next_open(&mut bench);
    assert!(!codes.contains(&CapabilityCode::EXTENDED_MESSAGE));
    assert!(!codes.contains(&CapabilityCode::GRACEFUL_RESTART));
    assert!(codes.contains(&CapabilityCode::MULTI_PROTOCOL));
    // The same again means that this was no way out: all of it, but not soon.
    refuse(&mut bench, &[CapabilityCode::EXTENDED_MESSAGE]);
    assert!(bench.timeout() > secs(20));
    assert!(next_open(&mut bench).contains(&CapabilityCode::EXTENDED_MESSAGE));
}

#[test]
fn a_neighbour_without_capabilities_gets_an_open_without() {
    let mut bench = Bench::in_state(config(), State::OpenSent);
    bench.notification(bench.first(), ErrorCode::UNSUPPORTED_OPTIONAL_PARAMETER);
    assert!(bench.timeout() <= secs(1));
    assert_eq!(next_open(&mut bench), []);
}

#[test]
fn a_session_that_was_up_offers_everything_again() {
    let mut bench = Bench::in_state(config(), State::OpenSent);
    refuse(&mut bench, &[CapabilityCode::EXTENDED_MESSAGE]);
    assert!(!next_open(&mut bench).contains(&CapabilityCode::EXTENDED_MESSAGE));
    let conn = bench.last_dialled();
    bench.open(conn);
    bench.keepalive(conn);
    bench.notification(conn, ErrorCode::CEASE);
    assert!(next_open(&mut bench).contains(&CapabilityCode::EXTENDED_MESSAGE));
}

#[test]
fn a_family_that_is_needed_is_never_left_out() {
    let ipv6 = SessionConfig {
        families: vec![Family::IPV6_UNICAST],
        ..config()
    };
    let mut bench = Bench::in_state(ipv6, State::OpenSent);
    refuse(&mut bench, &[CapabilityCode::MULTI_PROTOCOL]);
    assert!(bench.timeout() > secs(20));
    assert!(next_open(&mut bench).contains(&CapabilityCode::MULTI_PROTOCOL));
}

#[test]
fn a_capability_too_long_for_an_open_is_left_out() {
    let long = |len| Capability::Unknown {
        code: 240,
        value: vec![0; len].into(),
    };
    let open = ours(SessionConfig {
        extra_capabilities: vec![long(256), long(255)],
        ..config()
    });
    let kept = open.capabilities.iter().filter(|c| c.code().0 == 240);
    assert_eq!(kept.collect::<Vec<_>>(), [&long(255)]);
}

#[test]
fn retries_are_capped_by_the_restart_time() {
    let gr = |time| {
        Some(GracefulRestartConfig {
            time,
            notification: false,
        })
    };
    for (graceful_restart, cap) in [
        (gr(120), secs(30)),
        (gr(4), secs(1)),
        (gr(1), Duration::from_millis(250)),
        (None, secs(30)),
    ] {
        assert_eq!(
            SessionConfig {
                graceful_restart,
                ..config()
            }
            .retry_cap(),
            cap
        );
    }
}

fn refuse(bench: &mut Bench, codes: &[CapabilityCode]) {
    let data: Vec<u8> = codes.iter().flat_map(|code| [code.0, 0]).collect();
    let notification = Notification::new(ErrorCode::UNSUPPORTED_CAPABILITY).with_data(data);
    let conn = bench.last_dialled();
    bench.data(conn, &encode_notification(&notification));
}

/// Waits until the session tries again, and returns the capabilities that it offers then.
fn next_open(bench: &mut Bench) -> Vec<CapabilityCode> {
    bench.pass(bench.timeout());
    bench.connected();
    bench
        .sent_open()
        .capabilities
        .iter()
        .map(Capability::code)
        .collect()
}
