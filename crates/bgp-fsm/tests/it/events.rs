//! Every event of RFC 4271 section 8.1 by number and name, in every state where it means something.

use bgp_fsm::{AcceptError, Closed, Command, SessionConfig, Shutdown, State};
use bgp_wire::{ErrorCode, MessageType};

use crate::support::{Bench, config, encode_open, end_of_rib, message, peer_open, secs};

/// One cell of the tables of RFC 4271 section 8.2.2.
struct Row {
    event: (u8, &'static str),
    config: fn() -> SessionConfig,
    from: State,
    act: fn(&mut Bench),
    outputs: &'static [&'static str],
    then: State,
}

#[test]
fn each_event_in_each_state() {
    for row in TABLE {
        let (number, name) = row.event;
        let what = format!("event {number} {name} in {}", row.from);
        let mut bench = Bench::in_state((row.config)(), row.from);
        (row.act)(&mut bench);
        assert_eq!(bench.lines(), row.outputs, "{what}");
        assert_eq!(bench.session.state(), row.then, "{what}");
        if row.then == State::Idle && bench.session.held_until().is_none() {
            assert_eq!(
                bench.session.poll_timeout(),
                None,
                "{what}: a timer is left"
            );
        }
    }
}

#[test]
fn no_event_is_left_out() {
    for number in 1..=28 {
        assert!(
            TABLE.iter().any(|row| row.event.0 == number),
            "event {number}"
        );
    }
}

use State::{Active, Connect, Established, Idle, OpenConfirm, OpenSent};

macro_rules! row {
    ($number:literal $name:literal, $config:expr, $from:ident, $act:expr => [$($output:literal),*], $then:ident) => {
        Row {
            event: ($number, $name),
            config: $config,
            from: $from,
            act: $act,
            outputs: &[$($output),*],
            then: $then,
        }
    };
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Administrative events.
    row!(1 "ManualStart", config, Idle, start => ["dial #1"], Connect),
    row!(1 "ManualStart", config, Connect, start => [], Connect),
    row!(1 "ManualStart", config, Active, start => [], Active),
    row!(1 "ManualStart", config, OpenSent, start => [], OpenSent),
    row!(1 "ManualStart", config, OpenConfirm, start => [], OpenConfirm),
    row!(1 "ManualStart", config, Established, start => [], Established),
    row!(2 "ManualStop", config, Idle, stop => [], Idle),
    row!(2 "ManualStop", config, Connect, stop => ["cancel #1"], Idle),
    row!(2 "ManualStop", config, Active, stop => [], Idle),
    row!(2 "ManualStop", config, OpenSent, stop => ["6/2 on #1", "close #1", "down #1"], Idle),
    row!(2 "ManualStop", config, OpenConfirm, stop => ["6/2 on #1", "close #1", "down #1"], Idle),
    row!(2 "ManualStop", config, Established, stop => ["6/2 on #1", "close #1", "down #1"], Idle),
    row!(3 "AutomaticStart", config, Idle, start => ["dial #1"], Connect),
    row!(4 "ManualStart_with_PassiveTcpEstablishment", passive, Idle, start => [], Active),
    row!(5 "AutomaticStart_with_PassiveTcpEstablishment", passive, Idle, start => [], Active),
    row!(6 "AutomaticStart_with_DampPeerOscillations", config, Established, reset_and_wait
        => ["drop #1", "down #1", "dial #2"], Connect),
    row!(7 "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment", passive, Idle,
        reset_passive_and_wait
        => ["OPEN on #1", "KEEPALIVE on #1", "drop #1", "down #1"], Active),
    row!(8 "AutomaticStop", config, Established, stop_for_configuration
        => ["6/6 on #1", "close #1", "down #1"], Idle),

    // Timers.
    row!(9 "ConnectRetryTimer_Expires", config, Connect, |b| b.pass(secs(5))
        => ["cancel #1", "down #1", "dial #2"], Connect),
    row!(9 "ConnectRetryTimer_Expires", config, Active, |b| b.pass(secs(5)) => ["dial #2"], Connect),
    row!(10 "HoldTimer_Expires", config, OpenSent, |b| b.pass(secs(30))
        => ["4/0 on #1", "close #1", "down #1"], Idle),
    row!(10 "HoldTimer_Expires", slow_keepalive, OpenConfirm, |b| b.pass(secs(90))
        => ["KEEPALIVE on #1", "4/0 on #1", "close #1", "down #1"], Idle),
    row!(10 "HoldTimer_Expires", slow_keepalive, Established, |b| b.pass(secs(90))
        => ["KEEPALIVE on #1", "4/0 on #1", "close #1", "down #1"], Idle),
    row!(11 "KeepaliveTimer_Expires", config, OpenConfirm, |b| b.pass(secs(30))
        => ["KEEPALIVE on #1"], OpenConfirm),
    row!(11 "KeepaliveTimer_Expires", config, Established, |b| b.pass(secs(30))
        => ["KEEPALIVE on #1"], Established),
    row!(12 "DelayOpenTimer_Expires", delay_open, Connect, |b| { b.connected(); b.pass(secs(3)) }
        => ["OPEN on #1"], OpenSent),
    row!(12 "DelayOpenTimer_Expires", delay_open, Active, |b| { b.accept(); b.pass(secs(3)) }
        => ["OPEN on #2"], OpenSent),
    row!(13 "IdleHoldTimer_Expires", config, OpenSent, |b| { b.notification(b.first(), ErrorCode::CEASE); b.pass(secs(1)) }
        => ["drop #1", "down #1", "dial #2"], Connect),

    // TCP.
    row!(14 "TcpConnection_Valid", config, Active, accept => ["OPEN on #2"], OpenSent),
    row!(15 "Tcp_CR_Invalid", config, Idle, |b| assert_eq!(b.try_accept(), Err(AcceptError::Stopped))
        => [], Idle),
    row!(16 "Tcp_CR_Acked", config, Connect, connected => ["OPEN on #1"], OpenSent),
    row!(16 "Tcp_CR_Acked", delay_open, Connect, connected => [], Connect),
    row!(17 "TcpConnectionConfirmed", config, Connect, accept => ["OPEN on #2"], OpenSent),
    row!(17 "TcpConnectionConfirmed", config, Active, accept => ["OPEN on #2"], OpenSent),
    row!(17 "TcpConnectionConfirmed", config, OpenSent, accept => ["OPEN on #2"], OpenSent),
    row!(17 "TcpConnectionConfirmed", config, OpenConfirm, accept => ["OPEN on #2"], OpenConfirm),
    row!(17 "TcpConnectionConfirmed", config, Established, accept => ["OPEN on #2"], Established),
    row!(17 "TcpConnectionConfirmed", delay_open, Active, accept => [], Active),
    row!(18 "TcpConnectionFails", config, Connect, Bench::dial_fails => ["down #1"], Active),
    row!(18 "TcpConnectionFails", delay_open, Connect, |b| { b.connected(); close(b) }
        => ["drop #1", "down #1"], Active),
    row!(18 "TcpConnectionFails", config, OpenSent, close => ["drop #1", "down #1"], Active),
    row!(18 "TcpConnectionFails", config, OpenConfirm, close => ["drop #1", "down #1"], Idle),
    row!(18 "TcpConnectionFails", config, Established, close => ["drop #1", "down #1"], Idle),

    // Messages.
    row!(19 "BGPOpen", config, OpenSent, |b| b.open(b.first()) => ["KEEPALIVE on #1"], OpenConfirm),
    row!(19 "BGPOpen", config, OpenConfirm, |b| b.open(b.first()) => [], OpenConfirm),
    row!(19 "BGPOpen", config, OpenConfirm, |b| { b.peer.hold_time += 1; b.open(b.first()) }
        => ["5/2 on #1", "close #1", "down #1"], Idle),
    row!(19 "BGPOpen", config, Established, |b| b.open(b.first())
        => ["5/3 on #1", "close #1", "down #1"], Idle),
    row!(20 "BGPOpen with DelayOpenTimer running", delay_open, Connect, |b| { let c = b.connected(); b.open(c) }
        => ["OPEN on #1", "KEEPALIVE on #1"], OpenConfirm),
    row!(20 "BGPOpen with DelayOpenTimer running", delay_open, Active, |b| { let c = b.accept(); b.open(c) }
        => ["OPEN on #2", "KEEPALIVE on #2"], OpenConfirm),
    row!(21 "BGPHeaderErr", config, OpenSent, bad_header => ["1/1 on #1", "close #1", "down #1"], Idle),
    row!(21 "BGPHeaderErr", config, OpenConfirm, bad_header => ["1/1 on #1", "close #1", "down #1"], Idle),
    row!(21 "BGPHeaderErr", config, Established, bad_header => ["1/1 on #1", "close #1", "down #1"], Idle),
    row!(21 "BGPHeaderErr", delay_open, Connect, |b| { b.connected(); bad_header(b) }
        => ["close #1", "down #1"], Idle),
    row!(22 "BGPOpenMsgErr", config, OpenSent, bad_open => ["2/1 on #1", "close #1", "down #1"], Idle),
    row!(22 "BGPOpenMsgErr", delay_open, Connect, |b| { b.connected(); bad_open(b) }
        => ["close #1", "down #1"], Idle),
    row!(23 "OpenCollisionDump", config, OpenConfirm, |b| { let c = b.accept(); b.open(c) }
        => ["OPEN on #2", "6/7 on #1", "close #1", "down #1", "KEEPALIVE on #2"], OpenConfirm),
    row!(24 "NotifMsgVerErr", config, OpenSent, |b| b.notification(b.first(), ErrorCode::UNSUPPORTED_VERSION)
        => ["drop #1", "down #1"], Idle),
    row!(24 "NotifMsgVerErr", config, OpenConfirm, |b| b.notification(b.first(), ErrorCode::UNSUPPORTED_VERSION)
        => ["drop #1", "down #1"], Idle),
    row!(25 "NotifMsg", config, OpenSent, |b| b.notification(b.first(), ErrorCode::CEASE)
        => ["drop #1", "down #1"], Idle),
    row!(25 "NotifMsg", config, OpenConfirm, |b| b.notification(b.first(), ErrorCode::CEASE)
        => ["drop #1", "down #1"], Idle),
    row!(25 "NotifMsg", config, Established, |b| b.notification(b.first(), ErrorCode::CEASE)
        => ["drop #1", "down #1"], Idle),
    row!(26 "KeepAliveMsg", config, OpenSent, |b| b.keepalive(b.first())
        => ["5/1 on #1", "close #1", "down #1"], Idle),
    row!(26 "KeepAliveMsg", config, OpenConfirm, |b| b.keepalive(b.first()) => ["up #1"], Established),
    row!(26 "KeepAliveMsg", config, Established, |b| b.keepalive(b.first()) => [], Established),
    row!(27 "UpdateMsg", config, OpenSent, |b| b.data(b.first(), &end_of_rib())
        => ["5/1 on #1", "close #1", "down #1"], Idle),
    row!(27 "UpdateMsg", config, OpenConfirm, |b| b.data(b.first(), &end_of_rib())
        => ["5/2 on #1", "close #1", "down #1"], Idle),
    row!(27 "UpdateMsg", config, Established, |b| b.data(b.first(), &end_of_rib()) => ["update #1"], Established),
    row!(28 "UpdateMsgErr", config, Established, bad_update
        => ["3/1 on #1", "close #1", "down #1"], Idle),
    // RFC 2918's message has no number.
    row!(0 "RouteRefresh", config, OpenSent, refresh => ["5/1 on #1", "close #1", "down #1"], Idle),
    row!(0 "RouteRefresh", config, OpenConfirm, refresh => ["5/2 on #1", "close #1", "down #1"], Idle),
    row!(0 "RouteRefresh", config, Established, refresh => ["refresh #1"], Established),
];

fn passive() -> SessionConfig {
    SessionConfig {
        passive: true,
        ..config()
    }
}

fn delay_open() -> SessionConfig {
    SessionConfig {
        delay_open: Some(secs(3)),
        ..config()
    }
}

/// One KEEPALIVE before the hold time is over.
fn slow_keepalive() -> SessionConfig {
    SessionConfig {
        keepalive: Some(89),
        ..config()
    }
}

fn start(bench: &mut Bench) {
    bench.command(Command::Start);
}

fn stop(bench: &mut Bench) {
    bench.command(Command::Stop(Shutdown::Administrative {
        text: String::new(),
    }));
}

fn stop_for_configuration(bench: &mut Bench) {
    bench.command(Command::Stop(Shutdown::OtherConfigurationChange));
}

fn connected(bench: &mut Bench) {
    bench.connected();
}

fn accept(bench: &mut Bench) {
    bench.accept();
}

fn close(bench: &mut Bench) {
    bench.closed(bench.first(), Closed::ByPeer);
}

fn reset_and_wait(bench: &mut Bench) {
    bench.notification(bench.first(), ErrorCode::CEASE);
    assert_eq!(bench.session.state(), Idle);
    bench.pass(secs(1));
}

fn reset_passive_and_wait(bench: &mut Bench) {
    start(bench);
    let conn = bench.accept();
    bench.open(conn);
    bench.notification(conn, ErrorCode::CEASE);
    assert_eq!(bench.session.state(), Idle);
    bench.pass(secs(1));
}

fn bad_header(bench: &mut Bench) {
    let mut bytes = encode_open(&peer_open());
    bytes[3] = 0;
    bench.data(bench.first(), &bytes);
}

fn bad_open(bench: &mut Bench) {
    let mut bytes = encode_open(&peer_open());
    bytes[19] = 3;
    bench.data(bench.first(), &bytes);
}

fn bad_update(bench: &mut Bench) {
    // Withdrawn routes longer than the message.
    bench.data(
        bench.first(),
        &message(MessageType::UPDATE, &[0, 200, 0, 0]),
    );
}

fn refresh(bench: &mut Bench) {
    bench.data(
        bench.first(),
        &message(MessageType::ROUTE_REFRESH, &[0, 1, 0, 1]),
    );
}
