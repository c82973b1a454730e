//! Graceful restart (RFC 4724, RFC 8538) and how sessions are ended on purpose.

use bgp_fsm::{
    Command, DownReason, GracefulRestartConfig, SendProgress, SessionConfig, Shutdown, State,
};
use bgp_wire::{Capability, ErrorCode, Family, GracefulRestart, Notification, Open};

use crate::support::{Bench, config, peer_open, secs};

fn graceful_restart(open: &Open) -> Option<&GracefulRestart> {
    open.capabilities.iter().find_map(|c| match c {
        Capability::GracefulRestart(gr) => Some(gr),
        _ => None,
    })
}

/// The capability in the OPEN that the session sends next.
fn offered(bench: &mut Bench) -> GracefulRestart {
    bench.pass(
        bench
            .session
            .held_until()
            .map_or(secs(0), |at| at - bench.now),
    );
    bench.connected();
    graceful_restart(&bench.sent_open())
        .expect("graceful restart is on")
        .clone()
}

fn silent_stop_and_start(bench: &mut Bench) {
    bench.command(Command::Stop(Shutdown::Silent));
    bench.command(Command::Start);
}

#[test]
fn forwarding_is_always_preserved_and_the_n_bit_is_off() {
    let gr = offered(&mut Bench::in_state(config(), State::Connect));
    assert_eq!(
        (gr.restarting, gr.notification, gr.time),
        (false, false, 120)
    );
    assert_eq!(gr.families.len(), 1);
    assert_eq!(gr.families[0].family, Family::IPV4_UNICAST);
    assert!(gr.families[0].forwarding);
}

#[test]
fn switched_off_it_is_not_offered() {
    let config = SessionConfig {
        graceful_restart: None,
        ..config()
    };
    let mut bench = Bench::in_state(config, State::Connect);
    bench.connected();
    assert_eq!(graceful_restart(&bench.sent_open()), None);
}

#[test]
fn a_started_process_says_restarting_until_end_of_rib_went_out_once() {
    let restarting = SessionConfig {
        restarting: true,
        ..config()
    };
    let mut bench = Bench::in_state(restarting, State::Connect);
    assert!(offered(&mut bench).restarting);
    // A reset before End-of-RIB: still restarting.
    bench.notification(bench.first(), ErrorCode::CEASE);
    assert!(offered(&mut bench).restarting);

    bench.command(Command::EndOfRibSent);
    bench.notification(bench.last_dialled(), ErrorCode::CEASE);
    assert!(!offered(&mut bench).restarting);
}

#[test]
fn a_silent_close_of_ours_is_a_restart() {
    let mut bench = Bench::in_state(config(), State::Established);
    silent_stop_and_start(&mut bench);
    assert_eq!(bench.lines(), ["close #1", "down #1", "dial #2"]);
    assert!(offered(&mut bench).restarting);
    bench.command(Command::EndOfRibSent);
    bench.command(Command::Stop(Shutdown::Reset {
        text: String::new(),
    }));
    bench.command(Command::Start);
    assert!(!offered(&mut bench).restarting);
}

/// RFC 9687: no NOTIFICATION is sent, so the neighbour takes it for a restart (RFC 4724 section 4.2).
#[test]
fn a_send_hold_timer_that_expires_is_a_silent_close_of_ours() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.sent(SendProgress {
        written: 0,
        updates: 0,
        unsent: 5000,
    });
    while bench.downs.is_empty() {
        bench.keepalive(bench.first());
        bench.pass(secs(20));
    }
    assert_eq!(bench.downs, [DownReason::SendHoldTimerExpired]);
    assert!(offered(&mut bench).restarting);
}

#[test]
fn a_farewell_that_was_lost_is_a_silent_close_of_ours() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.command(Command::Stop(Shutdown::OutOfResources));
    bench.command(Command::FarewellLost);
    bench.command(Command::Start);
    assert!(offered(&mut bench).restarting);
    bench.command(Command::EndOfRibSent);
    bench.command(Command::Stop(Shutdown::OutOfResources));
    bench.command(Command::Start);
    assert!(!offered(&mut bench).restarting);
}

/// The NOTIFICATION with which an Established session stops.
fn farewell(how: Shutdown, ours: bool, theirs: bool) -> Option<Notification> {
    let config = SessionConfig {
        graceful_restart: Some(GracefulRestartConfig {
            time: 120,
            notification: ours,
        }),
        ..config()
    };
    let mut bench = Bench::new(config);
    for capability in &mut bench.peer.capabilities {
        if let Capability::GracefulRestart(gr) = capability {
            gr.notification = theirs;
        }
    }
    bench.bring_to(State::Established);
    bench.command(Command::Stop(how));
    assert_eq!(bench.session.state(), State::Idle);
    assert_eq!(bench.session.poll_timeout(), None);
    bench.sent_notification()
}

fn text(text: &str) -> Shutdown {
    Shutdown::Administrative {
        text: text.to_owned(),
    }
}

#[test]
fn each_way_to_stop_has_its_notification() {
    for (how, code) in [
        (Shutdown::Silent, None),
        (text("maintenance"), Some((6, 2))),
        (Shutdown::PeerDeconfigured, Some((6, 3))),
        (
            Shutdown::Reset {
                text: String::new(),
            },
            Some((6, 4)),
        ),
        (Shutdown::OtherConfigurationChange, Some((6, 6))),
        (Shutdown::OutOfResources, Some((6, 8))),
    ] {
        let sent = farewell(how, false, false).map(|n| (n.error.code, n.error.subcode));
        assert_eq!(sent, code);
    }
}

#[test]
fn the_text_goes_along() {
    let sent = farewell(text("node is drained"), false, false).expect("6/2");
    assert_eq!(sent.shutdown_text().as_deref(), Some("node is drained"));
    let sent = farewell(text(""), false, false).expect("6/2");
    assert!(sent.data.is_empty());
    let sent = farewell(text(&"ä".repeat(200)), false, false).expect("6/2");
    assert_eq!(sent.shutdown_text(), Some("ä".repeat(127)));
}

#[test]
fn with_the_n_bit_on_both_sides_what_withdraws_is_a_hard_reset() {
    let sent = farewell(text("bye"), true, true).expect("6/9");
    assert_eq!(sent.error, ErrorCode::CEASE_HARD_RESET);
    assert_eq!(sent.data[..2], [6, 2]);
    assert_eq!(sent.shutdown_text().as_deref(), Some("bye"));
    for (ours, theirs) in [(true, false), (false, true)] {
        let sent = farewell(text("bye"), ours, theirs).expect("6/2");
        assert_eq!(sent.error, ErrorCode::CEASE_ADMINISTRATIVE_SHUTDOWN);
    }
    // Not meant to withdraw.
    let sent = farewell(
        Shutdown::Reset {
            text: String::new(),
        },
        true,
        true,
    )
    .expect("6/4");
    assert_eq!(sent.error, ErrorCode::CEASE_ADMINISTRATIVE_RESET);
}

#[test]
fn a_stopped_session_takes_and_says_nothing() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.command(Command::Stop(Shutdown::Silent));
    bench.lines();
    bench.open(bench.first());
    bench.keepalive(bench.first());
    bench.closed(bench.first(), bgp_fsm::Closed::ByPeer);
    bench.command(Command::Refresh(Family::IPV4_UNICAST));
    bench.pass(secs(3600));
    assert_eq!(bench.lines(), [""; 0]);
}

#[test]
fn routes_can_be_asked_for_again() {
    let mut bench = Bench::in_state(config(), State::Established);
    bench.command(Command::Refresh(Family::IPV4_UNICAST));
    bench.command(Command::Refresh(Family::IPV6_UNICAST));
    assert_eq!(bench.lines(), ["ROUTE-REFRESH on #1"]);

    let mut bench = Bench::new(config());
    bench.peer = Open {
        capabilities: Vec::new(),
        ..peer_open()
    };
    bench.bring_to(State::Established);
    bench.command(Command::Refresh(Family::IPV4_UNICAST));
    assert_eq!(bench.lines(), [""; 0]);
}
