//! Collisions (RFC 4271 section 6.8, RFC 6286 section 2.3, RFC 4724 section 5).

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use bgp_fsm::{
    AcceptError, Closed, Command, ConnId, DialError, DownReason, Output, Session, SessionConfig,
    State,
};
use bgp_wire::{Asn, ErrorCode, Open};
use bytes::{Bytes, BytesMut};

use crate::support::{
    Bench, HIGH_ID, LOW_ID, OUR_ASN, OUR_ID, PEER_ASN, config, end_of_rib, endpoints, epoch,
    peer_open, peer_open_without_gr, secs,
};

/// Our outgoing #1 is in `state`; the peer's #2 comes, gets an OPEN and, if it lives, a KEEPALIVE.
fn collide(state: State, peer: Open) -> (Bench, Vec<String>) {
    let mut bench = Bench::new(config());
    bench.peer = peer;
    bench.bring_to(state);
    // Long enough ago for #2 not to have been on its way.
    bench.pass(secs(1));
    bench.lines();
    let second = bench.accept();
    bench.open(second);
    bench.keepalive(second);
    let lines = bench.lines();
    (bench, lines)
}

fn open_with_id(id: Ipv4Addr) -> Open {
    Open {
        bgp_id: id,
        ..peer_open_without_gr()
    }
}

#[test]
fn while_connecting_the_accepted_one_wins_and_the_dial_is_given_up() {
    for id in [LOW_ID, HIGH_ID] {
        let (bench, lines) = collide(State::Connect, open_with_id(id));
        assert_eq!(
            lines,
            ["OPEN on #2", "cancel #1", "KEEPALIVE on #2", "up #2"]
        );
        assert_eq!(bench.session.state(), State::Established);
    }
}

#[test]
fn active_takes_the_connection() {
    for id in [LOW_ID, HIGH_ID] {
        let (bench, lines) = collide(State::Active, open_with_id(id));
        assert_eq!(lines, ["OPEN on #2", "KEEPALIVE on #2", "up #2"]);
        assert_eq!(bench.session.state(), State::Established);
    }
}

#[test]
fn in_open_sent_nothing_is_decided_until_one_is_established() {
    // The peer's connections are preferred: ours is closed as soon as its own is up.
    let (_, lines) = collide(State::OpenSent, open_with_id(HIGH_ID));
    assert_eq!(
        lines,
        [
            "OPEN on #2",
            "KEEPALIVE on #2",
            "6/7 on #1",
            "close #1",
            "down #1",
            "up #2"
        ]
    );
    // Ours is preferred, and the peer may have decided so: #2 waits for the OPEN on #1.
    let mut bench = waiting_for_the_preferred_one();
    bench.open(bench.first());
    bench.keepalive(bench.first());
    assert_eq!(
        bench.lines(),
        [
            "6/7 on #2",
            "close #2",
            "down #2",
            "KEEPALIVE on #1",
            "up #1"
        ]
    );
}

/// Our #1 is preferred and waits for an OPEN; #2 has all that it needs.
fn waiting_for_the_preferred_one() -> Bench {
    let (bench, lines) = collide(State::OpenSent, open_with_id(LOW_ID));
    assert_eq!(lines, ["OPEN on #2", "KEEPALIVE on #2"]);
    assert_eq!(bench.session.state(), State::OpenConfirm);
    bench
}

fn second(bench: &Bench) -> ConnId {
    bench.connections().nth(1).expect("it was accepted")
}

#[test]
fn the_other_one_is_up_once_the_preferred_one_fails() {
    let mut bench = waiting_for_the_preferred_one();
    bench.closed(bench.first(), Closed::Reset);
    assert_eq!(bench.lines(), ["drop #1", "down #1", "up #2"]);
}

#[test]
fn a_peer_that_goes_on_without_the_preferred_one_has_decided() {
    let decided = ["6/7 on #1", "close #1", "down #1", "up #2"];
    let mut bench = waiting_for_the_preferred_one();
    bench.keepalive(second(&bench));
    assert_eq!(bench.lines(), decided);

    let mut bench = waiting_for_the_preferred_one();
    bench.data(second(&bench), &end_of_rib());
    assert_eq!(bench.lines()[..4], decided);
    assert_eq!(bench.session.state(), State::Established);
}

#[test]
fn in_open_confirm_the_higher_identifier_decides() {
    let (_, lines) = collide(State::OpenConfirm, open_with_id(HIGH_ID));
    assert_eq!(
        lines,
        [
            "OPEN on #2",
            "6/7 on #1",
            "close #1",
            "down #1",
            "KEEPALIVE on #2",
            "up #2"
        ]
    );
    let (bench, lines) = collide(State::OpenConfirm, open_with_id(LOW_ID));
    assert_eq!(lines, ["OPEN on #2", "6/7 on #2", "close #2", "down #2"]);
    assert_eq!(bench.session.state(), State::OpenConfirm);
    assert_eq!(bench.downs, [DownReason::CollisionLost]);
}

#[test]
fn equal_identifiers_are_told_apart_by_the_as() {
    // RFC 6286 section 2.3: AS 65001 is higher than our 64512, so the peer's connection is kept.
    let (_, lines) = collide(State::OpenConfirm, open_with_id(OUR_ID));
    assert!(lines.contains(&"6/7 on #1".to_owned()), "{lines:?}");

    let mut bench = Bench::new(SessionConfig::new(Asn(65010), OUR_ID, PEER_ASN));
    bench.peer = open_with_id(OUR_ID);
    bench.bring_to(State::OpenConfirm);
    let second = bench.accept();
    bench.open(second);
    assert!(bench.lines().contains(&"6/7 on #2".to_owned()));
}

#[test]
fn an_established_session_refuses_a_second_one() {
    for id in [LOW_ID, HIGH_ID] {
        let (bench, lines) = collide(State::Established, open_with_id(id));
        assert_eq!(lines, ["OPEN on #2", "6/7 on #2", "close #2", "down #2"]);
        assert_eq!(bench.session.state(), State::Established);
    }
}

#[test]
fn with_graceful_restart_a_second_one_takes_the_place_of_an_established_one() {
    for id in [LOW_ID, HIGH_ID] {
        let (bench, lines) = collide(
            State::Established,
            Open {
                bgp_id: id,
                ..peer_open()
            },
        );
        // No NOTIFICATION: it would undo the graceful restart (RFC 4724 section 5).
        assert_eq!(
            lines,
            [
                "OPEN on #2",
                "KEEPALIVE on #2",
                "drop #1",
                "down #1",
                "up #2"
            ]
        );
        assert_eq!(bench.downs, [DownReason::Replaced]);
    }
}

#[test]
fn a_stranger_to_the_protocol_does_not_take_an_established_session_down() {
    let mut bench = Bench::in_state(config(), State::Established);
    let second = bench.accept();
    bench.closed(second, Closed::Reset);
    assert_eq!(bench.session.state(), State::Established);
    let third = bench.accept();
    bench.notification(third, ErrorCode::CEASE);
    assert_eq!(bench.session.state(), State::Established);
}

#[test]
fn the_newer_of_two_accepted_connections_is_kept() {
    let mut bench = Bench::in_state(config(), State::Active);
    let (older, newer) = (bench.accept(), bench.accept());
    bench.open(older);
    bench.open(newer);
    assert_eq!(
        bench.lines(),
        [
            "OPEN on #2",
            "OPEN on #3",
            "KEEPALIVE on #2",
            "6/7 on #2",
            "close #2",
            "down #2",
            "KEEPALIVE on #3"
        ]
    );
}

#[test]
fn a_third_connection_is_not_taken() {
    let mut bench = Bench::in_state(config(), State::OpenSent);
    bench.accept();
    assert_eq!(bench.try_accept(), Err(AcceptError::Busy));
}

#[test]
fn a_dial_that_succeeds_after_it_was_given_up_is_closed() {
    let mut bench = Bench::in_state(config(), State::Connect);
    let second = bench.accept();
    bench.open(second);
    bench.keepalive(second);
    bench.lines();
    bench.connected();
    assert_eq!(bench.lines(), ["drop #1"]);
}

/// Two sessions dial at once; whatever order things arrive in, one connection is left at the end,
/// Established on both sides, nobody had to go Idle for it, and no Established session was lost.
#[test]
fn every_interleaving_of_two_dials_leaves_one_connection() {
    for ids in [(LOW_ID, HIGH_ID), (HIGH_ID, LOW_ID), (OUR_ID, OUR_ID)] {
        for graceful in [true, false] {
            let runs = explore(|choices| interleave(ids, graceful, choices));
            assert!(runs > 1000, "only {runs} orders");
        }
    }
}

/// Calls `run` with every sequence of choices, depth first, until there are no more.
fn explore(run: impl Fn(&mut Choices)) -> usize {
    let mut choices = Choices::default();
    for runs in 1.. {
        choices.at = 0;
        run(&mut choices);
        while choices
            .taken
            .pop_if(|(taken, of)| *taken + 1 == *of)
            .is_some()
        {}
        match choices.taken.last_mut() {
            Some((taken, _)) => *taken += 1,
            None => return runs,
        }
    }
    unreachable!("the number of orders is finite")
}

/// What was chosen so far, of how many: the last one is advanced from run to run.
#[derive(Default, Debug)]
struct Choices {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, of));
        }
        self.at += 1;
        self.taken[self.at - 1].0
    }
}

enum Event {
    Syn,
    SynAck,
    Refused,
    Data(Bytes),
    Fin,
}

/// A connection, with what is on its way to each side.
struct Wire {
    ends: [Option<ConnId>; 2],
    open: [bool; 2],
    queues: [VecDeque<Event>; 2],
}

struct Pair {
    sides: [Session; 2],
    wires: Vec<Wire>,
    now: Instant,
}

fn interleave(ids: (Ipv4Addr, Ipv4Addr), graceful: bool, choices: &mut Choices) {
    let side = |asn, id, peer| {
        let mut config = SessionConfig::new(asn, id, peer);
        if !graceful {
            config.graceful_restart = None;
        }
        Session::new(Arc::new(config), 1)
    };
    let sides = [
        side(OUR_ASN, ids.0, PEER_ASN),
        side(PEER_ASN, ids.1, OUR_ASN),
    ];
    let mut pair = Pair {
        sides,
        wires: Vec::new(),
        now: epoch(),
    };
    for side in 0..2 {
        pair.sides[side].handle_command(pair.now, Command::Start);
        pair.drain(side);
    }
    let mut passed_over = Vec::new();
    loop {
        let ready: Vec<_> = pair.ready().collect();
        if ready.is_empty() {
            break;
        }
        // What could have gone to side 0 before the last delivery to side 1 did so in another run,
        // with the same outcome: the two sides share nothing but what is on the wire.
        let new: Vec<_> = ready.iter().filter(|r| !passed_over.contains(*r)).collect();
        if new.is_empty() {
            return;
        }
        let (wire, side) = *new[choices.choose(new.len())];
        passed_over = if side == 0 {
            Vec::new()
        } else {
            ready.iter().copied().filter(|r| r.1 == 0).collect()
        };
        pair.deliver(wire, side);
    }
    for side in &pair.sides {
        assert_eq!(
            side.state(),
            State::Established,
            "{ids:?} {graceful} {choices:?}"
        );
    }
    let alive: Vec<_> = pair.wires.iter().map(|w| w.open).collect();
    assert_eq!(
        alive.iter().filter(|open| **open == [true, true]).count(),
        1,
        "{choices:?}"
    );
    assert!(
        alive.iter().all(|open| open[0] == open[1]),
        "{choices:?}: {alive:?}"
    );
}

impl Pair {
    fn ready(&self) -> impl Iterator<Item = (usize, usize)> {
        let all = self
            .wires
            .iter()
            .enumerate()
            .flat_map(|(w, _)| [(w, 0), (w, 1)]);
        all.filter(|(w, side)| !self.wires[*w].queues[*side].is_empty())
    }

    fn deliver(&mut self, wire: usize, side: usize) {
        let w = &mut self.wires[wire];
        let event = w.queues[side].pop_front().expect("it was ready");
        if matches!(event, Event::Syn) {
            match self.sides[side].handle_accepted(self.now, endpoints()) {
                Ok(conn) => {
                    w.ends[side] = Some(conn);
                    w.open[side] = true;
                    w.queues[1 - side].push_back(Event::SynAck);
                }
                Err(_) => w.queues[1 - side].push_back(Event::Refused),
            }
        } else if let Some(conn) = w.ends[side].filter(|_| w.open[side]) {
            let session = &mut self.sides[side];
            match event {
                Event::SynAck => session.handle_connected(self.now, conn, endpoints()),
                Event::Refused => session.handle_dial_failed(self.now, conn, DialError::Refused),
                Event::Data(data) => {
                    session.handle_data(self.now, conn, &mut BytesMut::from(&data[..]));
                }
                Event::Fin => {
                    w.open[side] = false;
                    session.handle_closed(self.now, conn, Closed::ByPeer);
                }
                Event::Syn => {}
            }
        }
        self.drain(side);
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].poll_output() {
            match output {
                Output::Dial(conn) => {
                    let mut wire = Wire {
                        ends: [None; 2],
                        open: [false; 2],
                        queues: Default::default(),
                    };
                    wire.ends[side] = Some(conn);
                    wire.open[side] = true;
                    wire.queues[1 - side].push_back(Event::Syn);
                    self.wires.push(wire);
                }
                Output::Send(conn, message) => self.push(side, conn, Event::Data(message)),
                Output::CancelDial(conn) | Output::Close(conn, _) => {
                    self.push(side, conn, Event::Fin);
                    if let Some(wire) = self.wire(side, conn) {
                        wire.open[side] = false;
                    }
                }
                Output::Down { reason, was, .. } => {
                    assert!(was < State::Established, "{was}: {reason}");
                    assert_ne!(self.sides[side].state(), State::Idle, "{reason}");
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, side: usize, conn: ConnId, event: Event) {
        if let Some(wire) = self.wire(side, conn).filter(|w| w.open[side]) {
            wire.queues[1 - side].push_back(event);
        }
    }

    fn wire(&mut self, side: usize, conn: ConnId) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|w| w.ends[side] == Some(conn))
    }
}
