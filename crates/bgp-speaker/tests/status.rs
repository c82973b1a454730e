//! What an operator is told of a session: what was agreed on, its timers, its history, how fast changes leave.

mod common;

use std::time::{Duration, Instant};

use bgp_speaker::{Attributes, DownCause, PeerStatus, SessionEventKind, Speaker, State};
use bgp_wire::{
    AddPathFamily, AddPathMode, Capability, Family, GracefulRestart, GracefulRestartFamily, NextHop,
};
use common::*;
use tokio::net::TcpListener;

/// The kinds of events of a peer, the oldest first.
fn events(status: &PeerStatus) -> Vec<SessionEventKind> {
    status.history.iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn what_was_agreed_on_is_shown_both_ways() {
    let (speaker, local) = speaker("127.51.1.1").await;
    let address = ip("127.51.1.2");
    let mut config = passive("127.51.1.2", PEER_ASN);
    config.hold_time = 30;
    config.graceful_notification = true;
    speaker.set_peer(config);
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());

    let mut open = own_open(PEER_ASN);
    let theirs = GracefulRestart {
        notification: true,
        time: 77,
        families: vec![GracefulRestartFamily {
            family: Family::IPV4_UNICAST,
            forwarding: true,
        }],
        ..GracefulRestart::default()
    };
    let add_path = vec![AddPathFamily {
        family: Family::IPV4_UNICAST,
        mode: AddPathMode::Both,
    }];
    open.capabilities.extend([
        Capability::GracefulRestart(theirs.clone()),
        Capability::AddPath(add_path.clone()),
        Capability::ExtendedMessage,
    ]);
    let mut raw = RawPeer::dial("127.51.1.2", local).await;
    let ours = raw.handshake(&open).await.expect("accepted");
    raw.until_end_of_rib().await;
    until_established(&speaker, address).await;
    eventually("End-of-RIB has left", || {
        peer(&speaker, address).end_of_rib_sent
    })
    .await;

    let status = peer(&speaker, address);
    let agreed = status.negotiated.expect("Established");
    assert_eq!(agreed.local_capabilities, ours.capabilities);
    assert_eq!(agreed.peer_capabilities, open.capabilities);
    let holds = (
        agreed.local_hold_time,
        agreed.peer_hold_time,
        agreed.hold_time,
    );
    assert_eq!(holds, (30, 90, 30));
    assert_eq!((agreed.local_asn, agreed.max_message), (ASN, u16::MAX));
    assert_eq!(agreed.graceful_restart, Some(theirs));
    assert!(agreed.notification_restart && agreed.route_refresh);
    assert!(!agreed.enhanced_route_refresh);

    let endpoints = status.endpoints.expect("Established");
    assert_eq!(endpoints.local, local);
    assert_eq!(endpoints.remote.ip(), address);
    let next_hop = NextHop::from(local.ip());
    assert_eq!(status.next_hops, [(Family::IPV4_UNICAST, next_hop)]);
    let left = status.timers.hold.expect("it runs");
    assert!(left <= Duration::from_secs(30), "{left:?}");
    assert!(status.timers.keepalive.expect("it runs") <= Duration::from_secs(10));

    let table = speaker.status().table;
    assert_eq!(
        (table[0].family, table[0].routes),
        (Family::IPV4_UNICAST, 1)
    );
    assert_eq!(
        (table[1].family, table[1].routes),
        (Family::IPV6_UNICAST, 0)
    );
}

#[tokio::test]
async fn the_history_of_a_peer_tells_what_happened_and_why() {
    let (speaker, _) = speaker("127.51.2.1").await;
    let address = ip("127.51.2.2");
    let listener = TcpListener::bind("127.51.2.2:0").await.expect("ours");
    let remote = listener.local_addr().expect("bound");
    drop(listener);
    speaker.set_peer(active(remote, PEER_ASN));
    // Nobody listens, time and again.
    until(&speaker, "a second attempt", |status| {
        let history = &status.peer(address).expect("configured").history;
        history.first().is_some_and(|event| event.count > 1)
    })
    .await;

    let listener = TcpListener::bind(remote).await.expect("free");
    let mut raw = RawPeer::accept(&listener).await;
    raw.handshake(&own_open(PEER_ASN)).await.expect("accepted");
    until_established(&speaker, address).await;
    // Cease, administrative shutdown, "disk".
    let cease = [6, 2, 4, b'd', b'i', b's', b'k'];
    raw.send(&message(bgp_wire::MessageType::NOTIFICATION, &cease))
        .await;
    until(&speaker, "the end", |status| {
        state(status, address) != State::Established
    })
    .await;

    let status = peer(&speaker, address);
    assert_eq!(
        events(&status)[..3],
        [
            SessionEventKind::Failed(DownCause::ConnectionRefused),
            SessionEventKind::Established,
            SessionEventKind::Down(DownCause::NotificationReceived),
        ]
    );
    let [refused, up, down] = &status.history[..3] else {
        panic!("{:?}", status.history);
    };
    assert!(refused.first < refused.last && refused.last <= up.first && up.first <= down.first);
    assert!(up.text.ends_with(&format!(" to {remote}")), "{}", up.text);
    assert!(down.text.contains("\"disk\""), "{}", down.text);
    let received = status.last_error_received.expect("a NOTIFICATION");
    assert_eq!((received.error.code, received.error.subcode), (6, 2));
    assert!(received.text.contains("\"disk\""), "{}", received.text);
    assert!(received.at >= up.first);
}

async fn with_a_peer(own: &str, other: &str) -> (Speaker, RawPeer) {
    let (speaker, local) = speaker(own).await;
    speaker.set_peer(passive(other, PEER_ASN));
    let (mut raw, _) = RawPeer::establish(other, local).await;
    raw.until_end_of_rib().await;
    (speaker, raw)
}

#[tokio::test]
async fn the_time_of_a_change_to_the_socket_is_counted_once() {
    let (speaker, _raw) = with_a_peer("127.51.3.1", "127.51.3.2").await;
    let address = ip("127.51.3.2");
    let count = || peer(&speaker, address).latency.count();
    assert_eq!(count(), 0, "nothing has changed");

    let an_hour = Duration::from_secs(3600);
    let since = Instant::now().checked_sub(an_hour).expect("booted before");
    speaker.announce_since(since, [net("10.96.0.1/32")], &Attributes::default());
    eventually("the change has left", || count() == 1).await;
    let latency = peer(&speaker, address).latency;
    assert!(latency.sum() >= an_hour);
    assert_eq!(latency.buckets().last().map(|(_, count)| count), Some(1));

    // What changes nothing, or nothing that the peer is told.
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    speaker.announce([net("2001:db8::1/128")], &Attributes::default());
    speaker.withdraw([net("10.96.0.1/32")]);
    eventually("the change has left", || count() == 2).await;
    let latency = peer(&speaker, address).latency;
    assert!(latency.sum() < an_hour + Duration::from_secs(30));
}
