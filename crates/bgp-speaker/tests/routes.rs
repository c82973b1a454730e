//! Routes from one speaker to its peers.

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bgp_speaker::{Attributes, Delivery, Family, Shutdown, Speaker, SpeakerConfig};
use bgp_wire::{MessageType, RefreshSubtype, RouteRefresh, UpdateView};
use bytes::BytesMut;
use common::*;

/// A speaker and a recording peer that it dials, Established.
async fn pair(
    near: &str,
    far: &str,
) -> (
    Speaker,
    Speaker,
    std::sync::Arc<Recorder>,
    SocketAddr,
    SocketAddr,
) {
    let (speaker, local) = speaker(near).await;
    let (receiver, remote, recorder) = peer_speaker(far).await;
    receiver.set_peer(passive(near, ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    until_established(&speaker, remote.ip()).await;
    until_established(&receiver, local.ip()).await;
    (speaker, receiver, recorder, local, remote)
}

#[tokio::test]
async fn routes_arrive_change_and_go() {
    let (speaker, _receiver, recorder, local, remote) = pair("127.10.1.1", "127.10.1.2").await;
    let attributes = Attributes::default();
    let routes = [
        net("10.96.0.1/32"),
        net("10.96.0.2/32"),
        net("172.16.0.0/24"),
    ];
    speaker.announce(routes, &attributes);
    recorder.until_routes(local.ip(), routes).await;
    recorder
        .until_heard(Heard::EndOfRib(local.ip(), Family::IPV4_UNICAST))
        .await;
    assert_eq!(recorder.next_hops(), [local.ip().to_string()].into());
    assert_eq!(recorder.as_paths(), [ASN.to_string()].into());
    assert_eq!(speaker.delivery(remote.ip(), &routes[0]), Delivery::Sent);

    speaker.withdraw([routes[1]]);
    recorder
        .until_routes(local.ip(), [routes[0], routes[2]])
        .await;
    speaker.announce([routes[1]], &attributes);
    recorder.until_routes(local.ip(), routes).await;

    let status = peer(&speaker, remote.ip());
    let counts = status.routes[0];
    assert_eq!(
        (counts.family, counts.advertised, counts.withdrawn),
        (Family::IPV4_UNICAST, 4, 1)
    );
    assert!(status.end_of_rib_sent);
    assert_eq!((status.pending_changes, status.queue_octets), (0, 0));
    assert_eq!(
        speaker.delivery(remote.ip(), &net("10.96.0.9/32")),
        Delivery::NotAdvertised
    );
}

/// More than are looked up under one lock, of both families in turns, and one that is gone.
#[tokio::test]
async fn what_a_peer_has_of_many_routes_is_as_of_each() {
    let (speaker, _receiver, recorder, local, remote) = pair("127.10.99.1", "127.10.99.2").await;
    let ipv4 = |n: u32| net(&format!("{}/32", Ipv4Addr::from(0x0a60_0000 + n)));
    let ipv6 = |n: u32| net(&format!("fd00::{n:x}/128"));
    let all: Vec<_> = (0..5000).flat_map(|n| [ipv4(n), ipv6(n)]).collect();
    speaker.announce(all.iter().copied(), &Attributes::default());
    speaker.withdraw([ipv4(4)]);
    let left = (0..5000).filter(|n| *n != 4).map(ipv4);
    recorder.until_routes(local.ip(), left).await;
    let deliveries = speaker.deliveries(remote.ip(), &all);
    let one_by_one = all.iter().map(|it| speaker.delivery(remote.ip(), it));
    assert_eq!(deliveries, one_by_one.collect::<Vec<_>>());
    let sent = deliveries.iter().filter(|it| **it == Delivery::Sent);
    assert_eq!((sent.count(), speaker.sent(remote.ip())), (4999, 4999));
    assert_eq!(deliveries[8], Delivery::NotAdvertised);
}

#[tokio::test]
async fn announcing_the_same_again_sends_nothing() {
    let (speaker, _receiver, recorder, local, remote) = pair("127.10.2.1", "127.10.2.2").await;
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32")])
        .await;
    recorder
        .until_heard(Heard::EndOfRib(local.ip(), Family::IPV4_UNICAST))
        .await;
    let before = peer(&speaker, remote.ip()).messages.sent.update;

    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    speaker.withdraw([net("10.96.0.7/32")]);
    // What comes after shows that nothing came between.
    speaker.announce([net("10.96.0.2/32")], &Attributes::default());
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32"), net("10.96.0.2/32")])
        .await;
    assert_eq!(peer(&speaker, remote.ip()).messages.sent.update, before + 1);
}

#[tokio::test]
async fn end_of_rib_waits_while_it_is_held() {
    let (speaker, local) = speaker("127.10.3.1").await;
    let (receiver, remote, recorder) = peer_speaker("127.10.3.2").await;
    let end = Heard::EndOfRib(local.ip(), Family::IPV4_UNICAST);
    speaker.hold_end_of_rib(true);
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    receiver.set_peer(passive("127.10.3.1", ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32")])
        .await;
    speaker.announce([net("10.96.0.2/32")], &Attributes::default());
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32"), net("10.96.0.2/32")])
        .await;
    assert!(
        !recorder.heard().contains(&end),
        "routes flow, the marker waits"
    );
    assert!(!peer(&speaker, remote.ip()).end_of_rib_sent);

    speaker.hold_end_of_rib(false);
    recorder.until_heard(end).await;
}

#[tokio::test]
async fn each_family_goes_to_its_peers() {
    let config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
    let config = config.listen(SocketAddr::new(ip("::1"), 0));
    let (speaker, _) = speaker_with(config, "127.10.4.1").await;
    let (v4, v4_remote, v4_recorder) = peer_speaker("127.10.4.2").await;
    let (v6, v6_remote, v6_recorder) = peer_speaker("::1").await;
    v4.set_peer(passive("127.10.4.1", ASN));
    v6.set_peer(passive("::1", ASN));
    speaker.set_peer(active(v4_remote, PEER_ASN));
    speaker.set_peer(active(v6_remote, PEER_ASN));
    speaker.announce(
        [net("10.96.0.1/32"), net("fd00::1/128")],
        &Attributes::default(),
    );

    v4_recorder
        .until_routes(ip("127.10.4.1"), [net("10.96.0.1/32")])
        .await;
    v6_recorder
        .until_routes(ip("::1"), [net("fd00::1/128")])
        .await;
    assert_eq!(v6_recorder.next_hops(), ["::1".to_owned()].into());
    v6_recorder
        .until_heard(Heard::EndOfRib(ip("::1"), Family::IPV6_UNICAST))
        .await;
}

#[tokio::test]
async fn a_configured_next_hop_replaces_the_local_address() {
    let mut config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
    config.next_hop_v4 = Some(Ipv4Addr::new(192, 0, 2, 7));
    let (speaker, local) = speaker_with(config, "127.10.5.1").await;
    let (receiver, remote, recorder) = peer_speaker("127.10.5.2").await;
    receiver.set_peer(passive("127.10.5.1", ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32")])
        .await;
    assert_eq!(recorder.next_hops(), ["192.0.2.7".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_peers_get_the_same_routes() {
    let (speaker, local) = speaker("127.10.6.1").await;
    speaker.announce(host_routes(5_000), &Attributes::default());
    let mut peers = Vec::new();
    for n in 0..16 {
        let (receiver, remote, recorder) = peer_speaker(&format!("127.10.6.{}", 100 + n)).await;
        receiver.set_peer(passive("127.10.6.1", ASN));
        speaker.set_peer(active(remote, PEER_ASN));
        peers.push((receiver, recorder));
    }
    for (_, recorder) in &peers {
        recorder.until_routes(local.ip(), host_routes(5_000)).await;
    }
    speaker.withdraw(host_routes(2_500));
    for (_, recorder) in &peers {
        recorder
            .until_routes(local.ip(), host_routes(5_000).skip(2_500))
            .await;
    }
}

/// A peer that reads nothing holds one batch and a socket buffer; another one gets everything, and KEEPALIVEs go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_delays_nobody() {
    let (speaker, local) = speaker("127.10.7.1").await;
    let (receiver, remote, recorder) = peer_speaker("127.10.7.2").await;
    let mut slow = passive("127.10.7.3", PEER_ASN);
    slow.keepalive_interval = Some(1);
    speaker.set_peer(slow);
    let (mut slow, _) = RawPeer::establish("127.10.7.3", local).await;
    slow.until_end_of_rib().await;

    // More than the buffers of both sockets hold.
    let count = 200_000;
    speaker.announce(host_routes(count), &Attributes::default());
    eventually("the slow peer is stuck", || {
        peer(&speaker, ip("127.10.7.3")).queue_octets > 0
    })
    .await;
    receiver.set_peer(passive("127.10.7.1", ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    recorder
        .until_heard(Heard::EndOfRib(local.ip(), Family::IPV4_UNICAST))
        .await;
    assert_eq!(recorder.routes(local.ip()).len(), count as usize);

    let stuck = peer(&speaker, ip("127.10.7.3"));
    assert!(
        stuck.queue_octets <= 64 * 1024 + 4096,
        "{} octets wait",
        stuck.queue_octets
    );
    assert!(stuck.pending_changes > 0, "the table holds the rest");
    let keepalives = stuck.messages.sent.keepalive;
    eventually("a KEEPALIVE while it is stuck", || {
        peer(&speaker, ip("127.10.7.3")).messages.sent.keepalive > keepalives
    })
    .await;

    // When it reads again it gets everything, and KEEPALIVEs among it.
    let mut announced = 0;
    while announced < count as usize {
        let received = slow.next().await.expect("the session holds");
        if received.kind == MessageType::UPDATE {
            let update = UpdateView::parse(&received.message, &context()).expect("well-formed");
            announced += update.announced().count();
        }
    }
    assert_eq!(announced, count as usize);
}

/// Nobody waits for the table while the caller makes up its prefixes; and no peer believes that those so far are all.
#[tokio::test(flavor = "multi_thread")]
async fn prefixes_that_come_slowly_keep_nobody_waiting() {
    let (speaker, local) = speaker("127.10.12.1").await;
    let address = ip("127.10.12.2");
    speaker.set_peer(passive("127.10.12.2", PEER_ASN));
    let (go_on, told) = std::sync::mpsc::channel();
    let (stopped, stops) = std::sync::mpsc::channel();
    let announcing = {
        let speaker = speaker.clone();
        let slowly = host_routes(10_000)
            .enumerate()
            .map(move |(number, prefix)| {
                if number == 9_000 {
                    stopped.send(()).expect("the test waits");
                    told.recv_timeout(BOUND).expect("the test goes on");
                }
                prefix
            });
        tokio::task::spawn_blocking(move || speaker.announce(slowly, &Attributes::default()))
    };
    stops.recv_timeout(BOUND).expect("two chunks are announced");
    let (mut raw, _) = RawPeer::establish("127.10.12.2", local).await;
    let mut announced = 0;
    while announced < 8_192 {
        let received = raw.next_of_interest().await.expect("the session");
        let update = UpdateView::parse(&received.message, &context()).expect("well-formed");
        assert_eq!(update.end_of_rib(), None, "there are more");
        announced += update.announced().count();
    }
    until(&speaker, "all that there is", |status| {
        status.peer(address).is_some_and(|p| p.pending_changes == 0)
    })
    .await;
    assert!(!peer(&speaker, address).end_of_rib_sent);
    go_on.send(()).expect("the other thread waits");
    announcing.await.expect("no panic");
    for update in raw.until_end_of_rib().await {
        let update = UpdateView::parse(&update, &context()).expect("well-formed");
        announced += update.announced().count();
    }
    assert_eq!(announced, 10_000);
    // An iterator may ask the speaker.
    speaker.withdraw(
        host_routes(10).filter(|route| {
            speaker.delivery(address, route) != bgp_speaker::Delivery::NotAdvertised
        }),
    );
}

/// Withdrawals that one stuck peer holds back are bounded: it is reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_holds_back_too_many_withdrawals_is_reset() {
    let mut config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
    config.laggard_patience = Duration::from_secs(1);
    let (speaker, local) = speaker_with(config, "127.10.8.1").await;
    let stuck = ip("127.10.8.2");
    speaker.set_peer(passive("127.10.8.2", PEER_ASN));
    let (mut raw, _) = RawPeer::establish("127.10.8.2", local).await;
    raw.until_end_of_rib().await;
    speaker.announce(host_routes(200_000), &Attributes::default());
    eventually("the peer is stuck", || {
        peer(&speaker, stuck).queue_octets > 0
    })
    .await;
    speaker.withdraw(host_routes(200_000));
    until(&speaker, "the reset", |status| {
        status.peer(stuck).is_some_and(|p| p.flaps == 1)
    })
    .await;
    let sent = peer(&speaker, stuck)
        .last_error_sent
        .expect("a NOTIFICATION was queued")
        .text;
    assert!(sent.contains("out of resources"), "{sent}");
    // It never got to see that: for the peer, this speaker has restarted (RFC 4724 section 4.2).
    let (_again, open) = RawPeer::establish("127.10.8.2", local).await;
    assert!(graceful_restart(&open).restarting);
}

/// Acceptance: a route learned from one peer is never sent to another.
#[tokio::test]
async fn scenario_58_a_learned_route_goes_to_nobody() {
    let (speaker, local) = speaker("127.10.9.1").await;
    speaker.set_peer(passive("127.10.9.2", PEER_ASN));
    speaker.set_peer(passive("127.10.9.3", PEER_ASN));
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    let (mut teacher, _) = RawPeer::establish("127.10.9.2", local).await;
    let (mut listener, _) = RawPeer::establish("127.10.9.3", local).await;
    assert_eq!(listener.until_end_of_rib().await.len(), 1);

    teacher
        .send(&update([203, 0, 113, 0], 24, [127, 10, 9, 2]))
        .await;
    until(&speaker, "the route is counted", |status| {
        let teacher = status.peer(ip("127.10.9.2")).expect("configured");
        teacher.routes.iter().any(|counts| counts.received == 1)
    })
    .await;
    // What comes next shows that nothing came between.
    speaker.announce([net("10.96.0.2/32")], &Attributes::default());
    let next = listener
        .next_of_interest()
        .await
        .expect("the session holds");
    let update = UpdateView::parse(&next.message, &context()).expect("well-formed");
    let announced: Vec<_> = update.announced().map(|nlri| nlri.prefix).collect();
    assert_eq!(announced, [net("10.96.0.2/32")]);
    // Nor is it sent to a peer that comes later, or back.
    assert_eq!(teacher.until_end_of_rib().await.len(), 1);
    let (mut late, _) = {
        drop(listener);
        RawPeer::establish("127.10.9.3", local).await
    };
    for message in late.until_end_of_rib().await {
        let update = UpdateView::parse(&message, &context()).expect("well-formed");
        assert!(
            update
                .announced()
                .all(|nlri| nlri.prefix != net("203.0.113.0/24"))
        );
    }
}

#[tokio::test]
async fn a_refresh_sends_the_routes_again() {
    let (speaker, local) = speaker("127.10.10.1").await;
    speaker.set_peer(passive("127.10.10.2", PEER_ASN));
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    let (mut peer, _) = RawPeer::establish("127.10.10.2", local).await;
    let first = peer.until_end_of_rib().await;

    let mut request = BytesMut::new();
    let refresh = RouteRefresh::new(Family::IPV4_UNICAST, RefreshSubtype::Normal);
    refresh.encode(&mut request).expect("fits");
    peer.send(&request).await;
    let again = peer.next_of_interest().await.expect("the session holds");
    assert_eq!(vec![again.message], first);
}

#[tokio::test]
async fn ibgp_and_ebgp_peers_get_their_own_paths() {
    let (speaker, local) = speaker("127.10.11.1").await;
    let config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 3));
    let recorder = std::sync::Arc::new(Recorder::default());
    let (receiver, remote) = speaker_with(config.observer(recorder.clone()), "127.10.11.2").await;
    receiver.set_peer(passive("127.10.11.1", ASN));
    speaker.set_peer(active(remote, ASN));
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    recorder
        .until_routes(local.ip(), [net("10.96.0.1/32")])
        .await;
    assert_eq!(
        recorder.as_paths(),
        [String::new()].into(),
        "iBGP prepends nothing"
    );
}

/// In silence the peer sees TCP close and nothing else; it keeps the routes as a graceful restart helper.
#[tokio::test]
async fn a_silent_shutdown_sends_no_notification() {
    let (speaker, local) = speaker("127.10.12.1").await;
    speaker.set_peer(passive("127.10.12.2", PEER_ASN));
    let (mut peer, _) = RawPeer::establish("127.10.12.2", local).await;
    peer.until_end_of_rib().await;
    speaker.shutdown(Shutdown::Silent).await;
    assert_eq!(peer.notification().await, None);
}

#[tokio::test]
async fn a_withdrawing_shutdown_tells_why() {
    let (speaker, local) = speaker("127.10.13.1").await;
    speaker.set_peer(passive("127.10.13.2", PEER_ASN));
    let (mut peer, _) = RawPeer::establish("127.10.13.2", local).await;
    peer.until_end_of_rib().await;
    let how = Shutdown::Withdraw {
        text: "node drains".into(),
    };
    let (notification, ()) = tokio::join!(peer.notification(), speaker.shutdown(how));
    let notification = notification.expect("Cease");
    assert_eq!(
        (notification.error.code, notification.error.subcode),
        (6, 2)
    );
    assert_eq!(notification.shutdown_text().as_deref(), Some("node drains"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_a_peer_that_reads_nothing() {
    let (speaker, local) = speaker("127.10.15.1").await;
    let address = ip("127.10.15.2");
    speaker.set_peer(passive("127.10.15.2", PEER_ASN));
    let (_stuck, _) = RawPeer::establish("127.10.15.2", local).await;
    speaker.announce(host_routes(200_000), &Attributes::default());
    eventually("it is stuck", || peer(&speaker, address).queue_octets > 0).await;
    let how = Shutdown::Withdraw {
        text: String::new(),
    };
    tokio::time::timeout(Duration::from_secs(10), speaker.shutdown(how))
        .await
        .expect("bounded");
}

#[tokio::test]
async fn a_dropped_speaker_ends_its_sessions_and_frees_its_port() {
    let (speaker, local) = speaker("127.10.14.1").await;
    speaker.set_peer(passive("127.10.14.2", PEER_ASN));
    let (mut peer, _) = RawPeer::establish("127.10.14.2", local).await;
    drop(speaker);
    assert_eq!(peer.notification().await, None);
    eventually("the port is free", || {
        std::net::TcpListener::bind(local).is_ok()
    })
    .await;
}
