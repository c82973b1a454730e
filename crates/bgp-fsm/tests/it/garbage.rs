//! Neighbours that send nonsense: the session may end, nothing else may.

use bgp_fsm::{Command, Output, State};
use bgp_wire::{ErrorCode, Family, KEEPALIVE, MessageType, Notification};

use crate::support::{
    Bench, config, encode_notification, encode_open, end_of_rib, message, peer_open, secs,
};

/// An UPDATE that announces 10.0.0.0/8 with the given ORIGIN.
fn update(origin: u8) -> Vec<u8> {
    let attributes = [
        &[0x40, 1, 1, origin][..],
        &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9],
        &[0x40, 3, 4, 192, 0, 2, 2],
    ]
    .concat();
    let len = u8::try_from(attributes.len()).expect("a few octets");
    message(
        MessageType::UPDATE,
        &[&[0, 0, 0, len], &attributes[..], &[8, 10]].concat(),
    )
}

#[test]
fn an_update_to_be_treated_as_withdrawn_keeps_the_session() {
    for origin in [0, 9] {
        let mut bench = Bench::in_state(config(), State::Established);
        bench.data(bench.first(), &update(origin));
        assert_eq!(bench.lines(), ["update #1"]);
        assert_eq!(bench.session.state(), State::Established);
    }
}

#[test]
fn an_unknown_type_and_a_wrong_length_are_named_in_the_data() {
    for (bytes, code, data) in [
        (
            message(MessageType(9), &[]),
            ErrorCode::BAD_MESSAGE_TYPE,
            &[9][..],
        ),
        (
            message(MessageType::KEEPALIVE, &[0]),
            ErrorCode::BAD_MESSAGE_LENGTH,
            &[0, 20],
        ),
        (
            message(MessageType::ROUTE_REFRESH, &[0, 1, 0]),
            ErrorCode::INVALID_ROUTE_REFRESH_LENGTH,
            &[],
        ),
    ] {
        let mut bench = Bench::in_state(config(), State::Established);
        bench.data(bench.first(), &bytes);
        let sent = bench.sent_notification().expect("an error");
        assert_eq!(sent.error, code);
        // RFC 7313 section 5 wants the whole message.
        let whole = code == ErrorCode::INVALID_ROUTE_REFRESH_LENGTH;
        assert_eq!(sent.data[..], *if whole { &bytes[..] } else { data });
    }
}

#[test]
fn what_came_before_the_end_is_told_before_the_end() {
    let mut bench = Bench::in_state(config(), State::OpenConfirm);
    let cease = encode_notification(&Notification::new(ErrorCode::CEASE));
    bench.data(
        bench.first(),
        &[KEEPALIVE.to_vec(), update(0), cease, update(0)].concat(),
    );
    assert_eq!(bench.lines(), ["up #1", "update #1", "drop #1", "down #1"]);
    assert!(bench.session.negotiated().is_none());
}

#[test]
fn refreshes_that_were_not_agreed_on_are_ignored() {
    for body in [[0, 2, 0, 1], [0, 1, 0, 128], [0, 1, 77, 1]] {
        let mut bench = Bench::in_state(config(), State::Established);
        bench.data(bench.first(), &message(MessageType::ROUTE_REFRESH, &body));
        assert_eq!(bench.lines(), [""; 0]);
    }
}

#[test]
fn whatever_arrives_the_session_keeps_its_promises() {
    for seed in 0..3000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new(config());
        bench.command(Command::Start);
        for _ in 0..40 {
            poke(&mut bench, &mut rng);
        }
        bench.command(Command::Stop(bgp_fsm::Shutdown::Silent));
        assert_eq!(bench.session.poll_timeout(), None, "seed {seed}");
        check(&bench.outputs, seed);
    }
}

/// One thing that may happen, sensible or not.
fn poke(bench: &mut Bench, rng: &mut fastrand::Rng) {
    let conns: Vec<_> = bench.connections().collect();
    match (rng.u8(..10), rng.choice(&conns)) {
        (0, _) => bench.pass(secs(rng.u64(..100))),
        (1, _) if bench.is_dialling() => bench.dial_fails(),
        (2 | 3, _) if bench.is_dialling() => {
            bench.connected();
        }
        (4, _) => {
            let _ = bench.try_accept();
        }
        (5, _) => bench.command(Command::Refresh(Family::IPV4_UNICAST)),
        (6, Some(conn)) => bench.closed(*conn, bgp_fsm::Closed::Reset),
        (_, Some(conn)) => bench.data(*conn, &stream(rng)),
        _ => {}
    }
}

/// A few messages, mostly whole, sometimes with an octet changed.
fn stream(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let mut next = match rng.u8(..9) {
            0..3 => encode_open(&peer_open()),
            3..6 => KEEPALIVE.to_vec(),
            6 => {
                if rng.bool() {
                    end_of_rib()
                } else {
                    update(0)
                }
            }
            7 => message(MessageType::ROUTE_REFRESH, &[0, 1, 0, 1]),
            _ => encode_notification(&Notification::new(ErrorCode::new(
                rng.u8(..9),
                rng.u8(..12),
            ))),
        };
        if rng.u8(..3) == 0 {
            let at = rng.usize(..next.len());
            next[at] = rng.u8(..);
        }
        out.extend(next);
    }
    out
}

/// Nothing after a NOTIFICATION but the close, nothing after the close but the reason, at most one
/// Established connection.
fn check(outputs: &[Output], seed: u64) {
    let mut closed = std::collections::BTreeSet::new();
    let mut notified = std::collections::BTreeSet::new();
    let mut established = None;
    for output in outputs {
        match output {
            Output::Send(conn, message) => {
                assert!(
                    !closed.contains(conn) && !notified.contains(conn),
                    "seed {seed}"
                );
                if message[18] == MessageType::NOTIFICATION.0 {
                    notified.insert(*conn);
                }
            }
            Output::Close(conn, _) => {
                notified.remove(conn);
                assert!(closed.insert(*conn), "seed {seed}");
            }
            Output::Established(conn) => {
                assert_eq!(established.replace(*conn), None, "seed {seed}");
            }
            Output::Update(conn, _) | Output::Refresh(conn, _) => {
                assert_eq!(established, Some(*conn), "seed {seed}");
            }
            Output::Down {
                conn,
                was: State::Established,
                ..
            } => {
                assert_eq!(established.take(), Some(*conn), "seed {seed}");
            }
            _ => {}
        }
    }
    assert!(
        notified.is_empty(),
        "seed {seed}: a NOTIFICATION without a close"
    );
}
