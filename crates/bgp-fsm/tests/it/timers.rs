//! When things happen: retries, damping, keepalives, hold and send hold timers.

use std::time::Duration;

use bgp_fsm::{
    AcceptError, Command, DownReason, GracefulRestartConfig, Output, SendProgress, Session,
    SessionConfig, SessionTimers, State,
};
use bgp_wire::{ErrorCode, KEEPALIVE, MessageType, Open};

use crate::support::{Bench, config, end_of_rib, message, peer_open, secs};

/// At least this much below, at most exactly: RFC 4271 section 10's jitter.
fn assert_jittered(time: Duration, full: Duration) {
    assert!(
        time <= full && time >= full.mul_f64(0.75),
        "{time:?} of {full:?}"
    );
}

#[test]
fn retries_wait_five_seconds_unless_configured() {
    assert_jittered(Bench::in_state(config(), State::Active).timeout(), secs(5));
    for (configured, waits) in [(2, 2), (10, 10), (30, 30), (65535, 30)] {
        let config = SessionConfig {
            connect_retry: Some(configured),
            ..config()
        };
        assert_jittered(
            Bench::in_state(config, State::Active).timeout(),
            secs(waits),
        );
    }
    // Without graceful restart nobody waits for us.
    let alone = SessionConfig {
        connect_retry: Some(300),
        graceful_restart: None,
        ..config()
    };
    assert_jittered(Bench::in_state(alone, State::Active).timeout(), secs(300));
}

/// The restart time caps the pause between attempts, but a neighbour that is far away has to get a chance to answer.
#[test]
fn an_attempt_to_connect_gets_three_seconds_at_least() {
    let config = SessionConfig {
        graceful_restart: Some(GracefulRestartConfig {
            time: 1,
            notification: false,
        }),
        ..config()
    };
    let mut bench = Bench::in_state(config, State::Connect);
    assert_eq!(bench.timeout(), secs(3));
    bench.dial_fails();
    assert_jittered(bench.timeout(), Duration::from_millis(250));
    bench.pass(bench.timeout());
    bench.lines();
    bench.pass(secs(3));
    assert_eq!(bench.lines(), ["cancel #2", "down #2", "dial #3"]);
}

#[test]
fn jitter_differs_from_session_to_session() {
    let wait = |seed| {
        let mut session = Session::new(std::sync::Arc::new(config()), seed);
        let now = crate::support::epoch();
        session.handle_command(now, Command::Start);
        session.poll_timeout().expect("the ConnectRetryTimer runs") - now
    };
    assert_ne!(wait(1), wait(2));
    assert_eq!(wait(1), wait(1));
}

/// Resets an Established session and returns how long it stays Idle.
fn reset(bench: &mut Bench) -> Duration {
    bench.notification(bench.last_dialled(), ErrorCode::CEASE);
    assert_eq!(bench.session.state(), State::Idle);
    bench.timeout()
}

fn reestablish(bench: &mut Bench) {
    bench.pass(bench.timeout());
    let conn = bench.connected();
    bench.open(conn);
    bench.keepalive(conn);
    assert_eq!(bench.session.state(), State::Established);
}

#[test]
fn idle_hold_doubles_up_to_a_quarter_of_the_restart_time() {
    let mut bench = Bench::in_state(config(), State::Established);
    for full in [1, 2, 4, 8, 16, 30, 30] {
        assert_jittered(reset(&mut bench), secs(full));
        reestablish(&mut bench);
    }
}

#[test]
fn idle_hold_decays_while_a_session_holds() {
    let mut bench = Bench::in_state(config(), State::Established);
    for _ in 0..4 {
        reset(&mut bench);
        reestablish(&mut bench);
    }
    hold_for(&mut bench, 60);
    // 16 s were due; each 30 s of being Established took back one doubling.
    assert_jittered(reset(&mut bench), secs(4));
    reestablish(&mut bench);
    hold_for(&mut bench, 600);
    assert_jittered(reset(&mut bench), secs(1));
}

#[test]
fn a_session_tells_when_it_tries_again() {
    let mut bench = Bench::in_state(config(), State::Established);
    assert_eq!(bench.session.retry_at(), None);
    let held = reset(&mut bench);
    assert_eq!(bench.session.retry_at(), Some(bench.now + held));
    bench.pass(held);
    assert_eq!(bench.session.retry_at(), None, "it dials");
    bench.dial_fails();
    let pause = bench.timeout();
    assert_eq!(bench.session.retry_at(), Some(bench.now + pause));
}

/// Stays Established for a multiple of 20 seconds.
fn hold_for(bench: &mut Bench, seconds: u64) {
    for _ in 0..seconds / 20 {
        bench.keepalive(bench.last_dialled());
        bench.pass(secs(20));
    }
    assert_eq!(bench.session.state(), State::Established);
}

#[test]
fn a_configured_idle_hold_is_kept_but_capped() {
    for (configured, waits) in [(1, 1), (7, 7), (3600, 30)] {
        let config = SessionConfig {
            idle_hold: Some(configured),
            ..config()
        };
        let mut bench = Bench::in_state(config, State::Established);
        assert_eq!(reset(&mut bench), secs(waits));
        reestablish(&mut bench);
        assert_eq!(reset(&mut bench), secs(waits));
    }
}

#[test]
fn without_graceful_restart_a_configured_idle_hold_is_not_capped() {
    let config = SessionConfig {
        idle_hold: Some(3600),
        graceful_restart: None,
        ..config()
    };
    assert_eq!(
        reset(&mut Bench::in_state(config, State::Established)),
        secs(3600)
    );
}

#[test]
fn short_restart_times_make_short_retries() {
    let gr = Some(GracefulRestartConfig {
        time: 2,
        notification: false,
    });
    let mut bench = Bench::in_state(
        SessionConfig {
            graceful_restart: gr,
            ..config()
        },
        State::Established,
    );
    assert_jittered(reset(&mut bench), Duration::from_millis(500));
}

#[test]
fn while_held_idle_connections_are_refused_with_the_time_to_come_back() {
    let mut bench = Bench::in_state(config(), State::Established);
    let wait = reset(&mut bench);
    assert_eq!(
        bench.try_accept(),
        Err(AcceptError::IdleHold {
            until: bench.now + wait
        })
    );
    bench.pass(wait);
    assert!(bench.try_accept().is_ok());
}

#[test]
fn a_passive_session_never_dials() {
    let mut bench = Bench::new(SessionConfig {
        passive: true,
        ..config()
    });
    bench.command(Command::Start);
    assert_eq!(bench.session.poll_timeout(), None);
    let conn = bench.accept();
    bench.closed(conn, bgp_fsm::Closed::Reset);
    assert_eq!(bench.session.poll_timeout(), None);
    bench.pass(secs(3600));
    assert!(!bench.lines().iter().any(|line| line.starts_with("dial")));
}

#[test]
fn keepalives_leave_within_a_third_of_the_hold_time() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.pass(secs(80));
    let sent = bench.lines().len();
    assert!((2..=3).contains(&sent), "{sent} in 80 s");
}

#[test]
fn running_timers_are_shown_while_established() {
    let mut bench = Bench::in_state(config(), State::OpenConfirm);
    assert_eq!(bench.session.timers(), SessionTimers::default());
    bench.keepalive(bench.first());
    let began = bench.now;
    let timers = bench.session.timers();
    assert_eq!(timers.hold, Some(began + secs(90)));
    assert_jittered(timers.keepalive.expect("it runs") - began, secs(30));
    assert_eq!(timers.send_hold, None);
    bench.sent(SendProgress {
        written: 0,
        updates: 0,
        unsent: 5000,
    });
    let send_hold = bench.session.timers().send_hold;
    assert_eq!(send_hold, Some(began + secs(480)));
}

#[test]
fn updates_stand_in_for_keepalives() {
    let mut bench = Bench::in_state(config(), State::Established);
    for _ in 0..8 {
        bench.pass(secs(10));
        bench.sent(SendProgress {
            written: 1000,
            updates: 3,
            unsent: 0,
        });
    }
    assert_eq!(bench.lines(), [""; 0]);
}

#[test]
fn keepalives_and_updates_restart_the_hold_timer_and_nothing_else_does() {
    for arrival in [KEEPALIVE.to_vec(), end_of_rib()] {
        let mut bench = Bench::in_state(config(), State::Established);
        bench.pass(secs(80));
        bench.data(bench.first(), &arrival);
        bench.pass(secs(80));
        assert_eq!(bench.session.state(), State::Established);
        bench.pass(secs(10));
        assert_eq!(bench.downs, [DownReason::HoldTimerExpired]);
    }
    let mut bench = Bench::in_state(config(), State::Established);
    bench.pass(secs(80));
    bench.data(
        bench.first(),
        &message(MessageType::ROUTE_REFRESH, &[0, 1, 0, 1]),
    );
    // The first half of a KEEPALIVE is none.
    bench.data(bench.first(), &KEEPALIVE[..10]);
    bench.pass(secs(10));
    assert_eq!(bench.downs, [DownReason::HoldTimerExpired]);
}

#[test]
fn a_late_look_at_what_arrived_does_not_expire_the_hold_timer() {
    let mut bench = Bench::in_state(config(), State::Established);
    // The process was suspended for two hold times; a KEEPALIVE waits in the socket.
    bench.now += secs(180);
    bench.keepalive(bench.first());
    bench.pass(secs(0));
    assert_eq!(bench.session.state(), State::Established);
}

#[test]
fn a_peer_that_reads_nothing_is_given_up() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.sent(SendProgress {
        written: 0,
        updates: 0,
        unsent: 5000,
    });
    for _ in 0..24 {
        bench.keepalive(bench.first());
        assert_eq!(bench.session.state(), State::Established);
        bench.pass(secs(20));
    }
    // No NOTIFICATION: it would wait behind what is not read.
    assert_eq!(bench.downs, [DownReason::SendHoldTimerExpired]);
    assert!(
        bench
            .lines()
            .ends_with(&["drop #1".into(), "down #1".into()])
    );
}

#[test]
fn a_peer_that_reads_slowly_is_not_given_up() {
    let mut bench = Bench::in_state(config(), State::Established);
    for _ in 0..60 {
        bench.sent(SendProgress {
            written: 1,
            updates: 0,
            unsent: 5000,
        });
        bench.keepalive(bench.first());
        bench.pass(secs(20));
    }
    bench.sent(SendProgress {
        written: 5000,
        updates: 0,
        unsent: 0,
    });
    hold_for(&mut bench, 1000);
}

#[test]
fn an_open_that_never_comes_is_not_awaited_for_long() {
    let mut bench = Bench::in_state(config(), State::OpenSent);
    assert_eq!(bench.timeout(), secs(30));
    let configured = SessionConfig {
        open_timeout: Some(secs(240)),
        ..config()
    };
    assert_eq!(
        Bench::in_state(configured, State::OpenSent).timeout(),
        secs(240)
    );
    bench.pass(secs(30));
    assert_eq!(bench.downs, [DownReason::HoldTimerExpired]);
}

#[test]
fn a_keepalive_that_never_comes_is_not_awaited_forever_without_a_hold_time() {
    let mut bench = Bench::new(config());
    bench.peer = Open {
        hold_time: 0,
        ..peer_open()
    };
    bench.bring_to(State::OpenConfirm);
    bench.pass(secs(30));
    assert_eq!(bench.downs, [DownReason::HoldTimerExpired]);
}

#[test]
fn messages_may_come_in_any_pieces() {
    let mut stream = crate::support::encode_open(&peer_open());
    stream.extend(KEEPALIVE);
    stream.extend(end_of_rib());
    for size in [1, 7, 19, 1000] {
        let mut bench = Bench::in_state(config(), State::OpenSent);
        let mut buf = bytes::BytesMut::new();
        for piece in stream.chunks(size) {
            buf.extend_from_slice(piece);
            bench.buffered(bench.first(), &mut buf);
        }
        assert!(buf.is_empty());
        assert_eq!(bench.lines(), ["KEEPALIVE on #1", "up #1", "update #1"]);
    }
}

#[test]
fn nothing_is_read_after_an_error() {
    let mut bench = Bench::in_state(config(), State::Established);
    let mut stream = bytes::BytesMut::from(&message(MessageType::UPDATE, &[0, 200, 0, 0])[..]);
    stream.extend_from_slice(&end_of_rib());
    bench.buffered(bench.first(), &mut stream);
    assert!(stream.is_empty());
    assert_eq!(bench.lines(), ["3/1 on #1", "close #1", "down #1"]);
}

#[test]
fn an_unreachable_peer_is_small() {
    let mut bench = Bench::in_state(config(), State::Active);
    for _ in 0..1000 {
        bench.pass(secs(5));
        bench.dial_fails();
    }
    bench.lines();
    // The queue of outputs keeps room for four; dials that came and went leave nothing else.
    let octets = size_of::<Session>() + 4 * size_of::<Output>();
    assert!(octets < 1024, "{octets} octets");
}
