//! Sessions come up, change, end and come back; one never disturbs another.

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bgp_speaker::{Asn, Attributes, Password, Shutdown, Speaker, SpeakerConfig, State};
use bgp_wire::MessageType;
use common::*;
use tokio::net::TcpListener;

/// How long a session has to stay down to count as refused; the controls beside it take milliseconds.
const REFUSED: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_session_shows_what_was_negotiated() {
    let (speaker, local) = speaker("127.20.1.1").await;
    speaker.set_peer(passive("127.20.1.2", PEER_ASN));
    assert!(matches!(
        state(&speaker.status(), ip("127.20.1.2")),
        State::Idle | State::Active
    ));
    let (_peer, open) = RawPeer::establish("127.20.1.2", local).await;
    until_established(&speaker, ip("127.20.1.2")).await;
    assert_eq!((open.asn(), open.bgp_id), (ASN, Ipv4Addr::new(10, 0, 0, 1)));

    let status = peer(&speaker, ip("127.20.1.2"));
    let negotiated = status.negotiated.expect("Established");
    assert_eq!(negotiated.peer_id, Ipv4Addr::new(10, 0, 0, 9));
    assert_eq!(negotiated.hold_time, 90);
    assert_eq!(negotiated.keepalive_interval, Some(Duration::from_secs(30)));
    assert!(negotiated.four_octet_as);
    assert_eq!(status.endpoints.expect("Established").local, local);
    assert!(status.uptime.is_some());
    assert_eq!(
        (status.messages.sent.open, status.messages.received.open),
        (1, 1)
    );
    assert_eq!(
        (status.flaps, status.last_down, status.problem),
        (0, None, None)
    );
}

#[tokio::test]
async fn both_sides_dial_and_one_session_stays() {
    let (a, a_address) = speaker("127.20.2.1").await;
    let (b, b_address, recorder) = peer_speaker("127.20.2.2").await;
    a.set_peer(active(b_address, PEER_ASN));
    b.set_peer(active(a_address, ASN));
    a.announce(host_routes(100), &Attributes::default());
    recorder
        .until_routes(a_address.ip(), host_routes(100))
        .await;
    until_established(&a, b_address.ip()).await;
    // The other connection of a collision is no session that was lost.
    assert_eq!(
        (
            peer(&a, b_address.ip()).flaps,
            peer(&b, a_address.ip()).flaps
        ),
        (0, 0)
    );
    assert_eq!(recorder.heard()[0], Heard::Up(a_address.ip()));
    assert!(!recorder.heard().contains(&Heard::Down(a_address.ip())));
}

#[tokio::test]
async fn a_stranger_is_closed_before_a_byte_is_sent() {
    let (speaker, local) = speaker("127.20.3.1").await;
    speaker.set_peer(passive("127.20.3.2", PEER_ASN));
    let mut stranger = RawPeer::dial("127.20.3.3", local).await;
    assert!(stranger.next().await.is_none(), "closed without a message");
    // The control: the peer itself gets in.
    RawPeer::establish("127.20.3.2", local).await;
    let peers = speaker.status().peers;
    assert_eq!(peers.len(), 1);
}

#[tokio::test]
async fn a_removed_peer_is_told_and_then_a_stranger() {
    let (speaker, local) = speaker("127.20.4.1").await;
    speaker.set_peer(passive("127.20.4.2", PEER_ASN));
    let (mut peer, _) = RawPeer::establish("127.20.4.2", local).await;
    speaker.remove_peer(ip("127.20.4.2"));
    let notification = peer.notification().await.expect("Cease");
    assert_eq!(
        (notification.error.code, notification.error.subcode),
        (6, 3)
    );
    assert!(
        RawPeer::dial("127.20.4.2", local)
            .await
            .next()
            .await
            .is_none()
    );
    assert!(speaker.status().peers.is_empty());
}

/// Acceptance: the listen port is busy: reported, retried, works once it is free.
#[tokio::test]
async fn a_busy_port_is_reported_and_retried() {
    let occupant = TcpListener::bind("127.20.5.1:0")
        .await
        .expect("a free port");
    let address = occupant.local_addr().expect("bound");
    let config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1)).listen(address);
    let speaker = Speaker::start(config);
    speaker.set_peer(passive("127.20.5.2", PEER_ASN));
    until(&speaker, "the report", |status| {
        let error = status.listeners[0].error.as_deref();
        error.is_some_and(|error| error.contains("another process holds this address and port"))
    })
    .await;
    drop(occupant);
    until(&speaker, "listening", |status| {
        status.listeners[0].local == Some(address)
    })
    .await;
    assert_eq!(speaker.status().listeners[0].error, None);
    RawPeer::establish("127.20.5.2", address).await;
}

#[tokio::test]
async fn a_peer_that_restarts_gets_everything_again() {
    let (speaker, local) = speaker("127.20.6.1").await;
    let (first, remote, _) = peer_speaker("127.20.6.2").await;
    first.set_peer(passive("127.20.6.1", ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    speaker.announce(host_routes(10), &Attributes::default());
    until_established(&speaker, remote.ip()).await;
    drop(first);
    until(&speaker, "the end", |status| {
        state(status, remote.ip()) != State::Established
    })
    .await;
    let lost = peer(&speaker, remote.ip());
    assert_eq!(lost.flaps, 1);
    assert!(lost.last_down.is_some());

    let recorder = std::sync::Arc::new(Recorder::default());
    let config = SpeakerConfig::new(PEER_ASN, Ipv4Addr::new(10, 0, 0, 2));
    let second = Speaker::start(config.listen(remote).observer(recorder.clone()));
    second.set_peer(passive("127.20.6.1", ASN));
    recorder.until_routes(local.ip(), host_routes(10)).await;
}

#[tokio::test]
async fn equal_configuration_changes_nothing() {
    let (speaker, local) = speaker("127.20.7.1").await;
    speaker.set_peer(passive("127.20.7.2", PEER_ASN));
    let (mut raw, _) = RawPeer::establish("127.20.7.2", local).await;
    raw.until_end_of_rib().await;
    let mut mapped = passive("127.20.7.2", PEER_ASN);
    mapped.address = ip("::ffff:127.20.7.2");
    speaker.set_peer(passive("127.20.7.2", PEER_ASN));
    speaker.set_peer(mapped);
    // The session that carries this is the same one.
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    assert_eq!(
        raw.next_of_interest().await.expect("the session").kind,
        MessageType::UPDATE
    );
    assert_eq!(speaker.status().peers.len(), 1);
    assert_eq!(peer(&speaker, ip("::ffff:127.20.7.2")).flaps, 0);
}

#[tokio::test]
async fn a_change_of_one_peer_leaves_the_others_alone() {
    let (speaker, local) = speaker("127.20.8.1").await;
    let addresses = ["127.20.8.2", "127.20.8.3"];
    let mut peers = Vec::new();
    for address in addresses {
        speaker.set_peer(passive(address, PEER_ASN));
        let (mut raw, _) = RawPeer::establish(address, local).await;
        raw.until_end_of_rib().await;
        peers.push(raw);
    }
    let mut changed = passive(addresses[0], PEER_ASN);
    changed.hold_time = 30;
    speaker.set_peer(changed);
    assert_eq!(peers[0].notification().await, None, "in silence");
    let (_again, open) = RawPeer::establish(addresses[0], local).await;
    assert_eq!(open.hold_time, 30);

    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    assert_eq!(
        peers[1].next_of_interest().await.expect("untouched").kind,
        MessageType::UPDATE
    );
    assert_eq!(peer(&speaker, ip(addresses[1])).flaps, 0);
}

/// Acceptance: a peer's ASN changes at the same address: only that session restarts.
#[tokio::test]
async fn another_as_at_the_same_address_is_another_peer() {
    let (speaker, local) = speaker("127.20.9.1").await;
    speaker.set_peer(passive("127.20.9.2", PEER_ASN));
    let (mut old, _) = RawPeer::establish("127.20.9.2", local).await;
    let other = Asn(65099);
    speaker.set_peer(passive("127.20.9.2", other));
    let notification = old.notification().await.expect("Cease");
    assert_eq!(
        (notification.error.code, notification.error.subcode),
        (6, 3)
    );

    let mut new = RawPeer::dial("127.20.9.2", local).await;
    new.handshake(&own_open(other))
        .await
        .expect("the new AS is accepted");
    until_established(&speaker, ip("127.20.9.2")).await;
    assert_eq!(peer(&speaker, ip("127.20.9.2")).asn, other);
}

#[tokio::test]
async fn the_wrong_as_is_refused_in_words() {
    let (speaker, local) = speaker("127.20.10.1").await;
    speaker.set_peer(passive("127.20.10.2", Asn(65099)));
    let mut raw = RawPeer::dial("127.20.10.2", local).await;
    assert!(raw.handshake(&own_open(PEER_ASN)).await.is_none());
    until(&speaker, "the reason", |status| {
        let status = status.peer(ip("127.20.10.2")).expect("configured");
        status
            .last_error_sent
            .as_ref()
            .is_some_and(|sent| sent.text.contains("bad peer AS"))
    })
    .await;
}

/// R from the start of the process until End-of-RIB went to the peer, and after a silent end of ours (RFC 4724).
#[tokio::test]
async fn the_restart_bit_tells_the_truth() {
    let (speaker, local) = speaker("127.20.11.1").await;
    let address = "127.20.11.2";
    speaker.hold_end_of_rib(true);
    speaker.set_peer(passive(address, PEER_ASN));
    let (raw, open) = RawPeer::establish(address, local).await;
    assert!(
        graceful_restart(&open).restarting,
        "the process has just started"
    );
    drop(raw);

    let (mut raw, open) = RawPeer::establish(address, local).await;
    assert!(
        graceful_restart(&open).restarting,
        "End-of-RIB has not gone out yet"
    );
    speaker.hold_end_of_rib(false);
    raw.until_end_of_rib().await;
    drop(raw);

    let (mut raw, open) = RawPeer::establish(address, local).await;
    assert!(
        !graceful_restart(&open).restarting,
        "the peer has everything"
    );
    let mut changed = passive(address, PEER_ASN);
    changed.hold_time = 60;
    speaker.set_peer(changed.clone());
    assert_eq!(raw.notification().await, None);

    let (mut raw, open) = RawPeer::establish(address, local).await;
    assert!(graceful_restart(&open).restarting, "we closed in silence");
    raw.until_end_of_rib().await;
    speaker.remove_peer(ip(address));
    raw.notification().await.expect("Cease");
    speaker.set_peer(changed);
    let (_raw, open) = RawPeer::establish(address, local).await;
    assert!(
        !graceful_restart(&open).restarting,
        "End-of-RIB went to it once"
    );
}

/// As for a password that cannot be used: the peer keeps the routes for its restart time.
#[tokio::test]
async fn a_peer_can_be_removed_in_silence() {
    let mut config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
    config.restarting = false;
    let (speaker, local) = speaker_with(config, "127.20.19.1").await;
    let address = "127.20.19.2";
    speaker.set_peer(passive(address, PEER_ASN));
    let (mut raw, open) = RawPeer::establish(address, local).await;
    assert!(!graceful_restart(&open).restarting);
    raw.until_end_of_rib().await;
    speaker.remove_peer_with(ip(address), Shutdown::Silent);
    assert_eq!(raw.notification().await, None);
    assert!(speaker.status().peers.is_empty());
    speaker.set_peer(passive(address, PEER_ASN));
    let (_raw, open) = RawPeer::establish(address, local).await;
    assert!(graceful_restart(&open).restarting, "we closed in silence");
}

#[tokio::test]
async fn without_graceful_restart_no_such_capability() {
    let (speaker, local) = speaker("127.20.12.1").await;
    let mut config = passive("127.20.12.2", PEER_ASN);
    config.graceful_restart = None;
    speaker.set_peer(config);
    let (_raw, open) = RawPeer::establish("127.20.12.2", local).await;
    assert!(
        !open
            .capabilities
            .iter()
            .any(|c| matches!(c, bgp_wire::Capability::GracefulRestart(_)))
    );
}

fn password(text: &str) -> Option<Password> {
    Some(Password::new(text.as_bytes()).expect("short"))
}

#[tokio::test]
async fn equal_passwords_meet_and_others_stay_down() {
    let (speaker, local) = speaker("127.20.13.1").await;
    let (right, right_remote, _) = peer_speaker("127.20.13.2").await;
    let (wrong, wrong_remote, _) = peer_speaker("127.20.13.3").await;
    for (remote, receiver, theirs) in [
        (wrong_remote, &wrong, "secret"),
        (right_remote, &right, "s3cret"),
    ] {
        let mut near = active(remote, PEER_ASN);
        near.password = password("s3cret");
        speaker.set_peer(near);
        let mut far = active(local, ASN);
        far.password = password(theirs);
        receiver.set_peer(far);
    }
    until_established(&speaker, right_remote.ip()).await;
    tokio::time::sleep(REFUSED).await;
    assert_eq!(
        peer(&speaker, wrong_remote.ip()).messages.received.total(),
        0
    );
    // The control on the same pair: with the right password it comes up, on that session alone.
    let mut far = active(local, ASN);
    far.password = password("s3cret");
    wrong.set_peer(far);
    until_established(&speaker, wrong_remote.ip()).await;
    assert_eq!(peer(&speaker, right_remote.ip()).flaps, 0);
}

#[tokio::test]
async fn a_changed_password_restarts_that_session_alone() {
    let (speaker, local) = speaker("127.20.14.1").await;
    let mut receivers = Vec::new();
    for address in ["127.20.14.2", "127.20.14.3"] {
        let (receiver, remote, _) = peer_speaker(address).await;
        let mut near = passive(address, PEER_ASN);
        near.password = password("old");
        let mut far = active(local, ASN);
        far.password = password("old");
        speaker.set_peer(near);
        receiver.set_peer(far);
        until_established(&speaker, remote.ip()).await;
        receivers.push((receiver, remote));
    }
    let changed = receivers[0].1.ip();
    let mut near = passive("127.20.14.2", PEER_ASN);
    near.password = password("new");
    speaker.set_peer(near);
    let mut far = active(local, ASN);
    far.password = password("new");
    receivers[0].0.set_peer(far);
    until(&speaker, "the restart", |status| {
        let status = status.peer(changed).expect("configured");
        status.flaps == 1 && status.state == State::Established
    })
    .await;
    assert_eq!(peer(&speaker, receivers[1].1.ip()).flaps, 0);

    // Without a password again.
    speaker.set_peer(passive("127.20.14.2", PEER_ASN));
    receivers[0].0.set_peer(active(local, ASN));
    until(&speaker, "the restart", |status| {
        let status = status.peer(changed).expect("configured");
        status.flaps == 2 && status.state == State::Established
    })
    .await;
}

#[test]
fn passwords_are_not_shown() {
    let mut peer = passive("127.20.15.2", PEER_ASN);
    peer.password = password("s3cret");
    assert!(!format!("{peer:?}").contains("s3cret"));
}

#[tokio::test]
async fn ttl_security_meets_ttl_security() {
    let (speaker, local) = speaker("127.20.16.1").await;
    let (receiver, remote, _) = peer_speaker("127.20.16.2").await;
    let mut near = active(remote, PEER_ASN);
    near.ttl_security = true;
    speaker.set_peer(near);
    // The far side sends TTL 1: what it sends after the handshake is dropped here.
    receiver.set_peer(passive("127.20.16.1", ASN));
    tokio::time::sleep(REFUSED).await;
    assert_eq!(peer(&speaker, remote.ip()).messages.received.total(), 0);
    // The control on the same pair.
    let mut far = active(local, ASN);
    far.ttl_security = true;
    receiver.set_peer(far);
    until_established(&speaker, remote.ip()).await;
}

#[tokio::test]
async fn a_failed_dial_tells_why_and_harms_nobody() {
    let (speaker, local) = speaker("127.20.17.1").await;
    let nobody = SocketAddr::new(ip("127.20.17.9"), 1);
    speaker.set_peer(active(nobody, PEER_ASN));
    until(&speaker, "the reason", |status| {
        let status = status.peer(nobody.ip()).expect("configured");
        status
            .last_down
            .as_deref()
            .is_some_and(|text| text.contains("Connection refused"))
    })
    .await;
    speaker.set_peer(passive("127.20.17.2", PEER_ASN));
    RawPeer::establish("127.20.17.2", local).await;
}

#[tokio::test]
async fn an_option_that_the_kernel_refuses_is_shown() {
    let (speaker, _) = speaker("127.20.18.1").await;
    let mut config = active(SocketAddr::new(ip("127.20.18.2"), 1), PEER_ASN);
    config.source = Some(ip("192.0.2.1"));
    speaker.set_peer(config);
    until(&speaker, "the problem", |status| {
        let status = status.peer(ip("127.20.18.2")).expect("configured");
        status
            .problem
            .as_deref()
            .is_some_and(|text| text.contains("no interface of this host"))
    })
    .await;
}
