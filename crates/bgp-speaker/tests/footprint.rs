//! What peers cost, in resident octets of this process. One test at a time: they share it.

mod common;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bgp_socket::{Listener, Md5Key, set_md5_key_for_network};
use bgp_speaker::{Attributes, Speaker};
use bgp_wire::{KEEPALIVE, MessageType};
use common::*;
use socket2::{Domain, Socket, Type};

/// Resident octets of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).expect("the second field");
    pages.parse::<usize>().expect("a number") * 4096
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn footprints() {
    what_a_peer_sends_costs_less_than_a_megabyte().await;
    ten_thousand_half_open_connections_cost_nothing().await;
    an_unreachable_peer_costs_less_than_four_kibibytes().await;
}

/// SYNs without a signature are dropped, so that these peers neither answer nor refuse.
async fn an_unreachable_peer_costs_less_than_four_kibibytes() {
    const PEERS: usize = 400;
    let silent = Listener::new(SocketAddr::from(([0, 0, 0, 0], 0)))
        .listen()
        .expect("a free port");
    let key = Md5Key::new(b"nobody knows").expect("short");
    set_md5_key_for_network(&silent, ip("127.0.0.0"), 8, &key).expect("a kernel with TCP MD5");
    let port = silent.local_addr().expect("bound").port();

    let (speaker, _) = speaker("127.40.1.1").await;
    let add = |from: usize, to: usize| {
        for n in from..to {
            let address = Ipv4Addr::new(127, 40, 2 + (n / 200) as u8, (n % 200) as u8 + 1);
            speaker.set_peer(active(SocketAddr::new(address.into(), port), PEER_ASN));
        }
    };
    let all_dialling = |count: usize| {
        let speaker = speaker.clone();
        async move {
            until(&speaker, "every peer is dialled", |status| {
                let dialling = |peer: &&bgp_speaker::PeerStatus| peer.state.name() == "Connect";
                status.peers.len() == count && status.peers.iter().filter(dialling).count() == count
            })
            .await;
        }
    };
    // The first ones pay for what all share.
    add(0, PEERS / 4);
    all_dialling(PEERS / 4).await;
    let before = resident();
    add(PEERS / 4, PEERS);
    all_dialling(PEERS).await;
    let each = resident().saturating_sub(before) / (PEERS * 3 / 4);
    println!("an unreachable peer: {each} octets");
    assert!(each < 4096, "{each} octets each");

    // An operator is told what that may be.
    until(&speaker, "the reason", |status| {
        let reason = status.peers[0].last_down.as_deref();
        reason.is_some_and(|text| text.contains("no answer") && text.contains("passwords differ"))
    })
    .await;
}

/// A million routes, a default route, routes that we announce ourselves, garbage. Memory stays, and so
/// does the session of another peer.
async fn what_a_peer_sends_costs_less_than_a_megabyte() {
    let (speaker, local) = speaker("127.40.0.1").await;
    let own: Vec<_> = host_routes(100).collect();
    speaker.announce(own, &Attributes::default());
    let bystander = "127.40.0.9";
    speaker.set_peer(passive(bystander, PEER_ASN));
    let (mut untouched, _) = RawPeer::establish(bystander, local).await;
    untouched.until_end_of_rib().await;

    for (number, (what, octets, repeat)) in floods().into_iter().enumerate() {
        let address = format!("127.40.0.{}", number + 2);
        speaker.set_peer(passive(&address, PEER_ASN));
        let (mut raw, _) = RawPeer::establish(&address, local).await;
        raw.until_end_of_rib().await;
        // Once for what is allocated once.
        raw.send(&octets).await;
        all_read(&speaker, &mut raw, &address).await;
        let before = resident();
        for _ in 0..repeat {
            raw.send(&octets).await;
        }
        all_read(&speaker, &mut raw, &address).await;
        let grown = resident().saturating_sub(before);
        println!("{what}: {grown} octets");
        assert!(grown < 1 << 20, "{what}: {grown} octets");
        assert_eq!(peer(&speaker, ip(&address)).flaps, 0, "{what}");
        speaker.remove_peer(ip(&address));
    }

    // It was told nothing of all this, and is told what comes next.
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    let received = untouched.next_of_interest().await.expect("the session");
    assert_eq!(received.message, announcement_of_10_96_0_1([127, 40, 0, 1]));
    assert_eq!(peer(&speaker, ip(bystander)).flaps, 0);
}

/// What a peer sends, and how often.
fn floods() -> [(&'static str, Vec<u8>, usize); 5] {
    let next_hop = [127, 40, 0, 2];
    let million: Vec<u8> = (0..125).flat_map(|n| host_routes_from(n * 8_000)).collect();
    let mut bad_origin = update([203, 0, 113, 0], 24, next_hop);
    bad_origin[26] = 9;
    let mut unknown = update([203, 0, 113, 0], 24, next_hop);
    let attribute = [0xc0, 200, 3, 1, 2, 3];
    unknown.splice(23..23, attribute);
    unknown[17] += attribute.len() as u8;
    unknown[22] += attribute.len() as u8;
    [
        ("a million routes", million, 1),
        ("a default route", update([0; 4], 0, next_hop), 10_000),
        ("our own prefixes", host_routes_from(0), 100),
        ("malformed UPDATEs", bad_origin, 10_000),
        ("unknown attributes", unknown, 10_000),
    ]
}

/// 8,000 host routes in ten messages.
fn host_routes_from(first: u32) -> Vec<u8> {
    let one = update([203, 0, 113, 1], 32, [127, 40, 0, 2]);
    let attributes = &one[19..one.len() - 5];
    let message_from = |first: u32| {
        let mut body = attributes.to_vec();
        for bits in first..first + 800 {
            body.push(32);
            body.extend((0x1400_0000 + bits).to_be_bytes());
        }
        message(MessageType::UPDATE, &body)
    };
    (0..10)
        .flat_map(|n| message_from(first + n * 800))
        .collect()
}

/// The speaker has read everything, once it has read a KEEPALIVE behind it.
async fn all_read(speaker: &Speaker, raw: &mut RawPeer, address: &str) {
    let keepalives = || peer(speaker, ip(address)).messages.received.keepalive;
    let before = keepalives();
    raw.send(&KEEPALIVE).await;
    eventually("all is read", || keepalives() > before).await;
}

fn announcement_of_10_96_0_1(next_hop: [u8; 4]) -> Vec<u8> {
    let mut attributes = vec![0x40, 1, 1, 0];
    attributes.extend([0x40, 2, 6, 2, 1]);
    attributes.extend(ASN.0.to_be_bytes());
    attributes.extend([0x40, 3, 4]);
    attributes.extend(next_hop);
    let mut body = vec![0, 0, 0, attributes.len() as u8];
    body.extend(attributes);
    body.extend([32, 10, 96, 0, 1]);
    message(MessageType::UPDATE, &body)
}

/// Of a stranger and of a peer: they come, say nothing, stay for a while and go. Memory and the session of another peer do
/// not notice.
async fn ten_thousand_half_open_connections_cost_nothing() {
    const CONNECTIONS: usize = 10_000;
    let (speaker, local) = speaker("127.41.0.1").await;
    let (bystander, flooder) = ("127.41.0.2", "127.41.0.3");
    for address in [bystander, flooder] {
        speaker.set_peer(passive(address, PEER_ASN));
    }
    let (mut untouched, _) = RawPeer::establish(bystander, local).await;
    untouched.until_end_of_rib().await;
    let flood = move |count| {
        tokio::task::spawn_blocking(move || {
            let mut open = VecDeque::new();
            for n in 0..count {
                let source = if n % 2 == 0 { flooder } else { "127.41.0.4" };
                open.push_back(mute(source, local));
                // As many as fit into a small limit of open files.
                if open.len() == 200 {
                    open.pop_front();
                }
                // A full backlog would cost a second each time, until the SYN is repeated.
                if n % 64 == 0 {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        })
    };
    flood(CONNECTIONS / 10).await.expect("connections");
    let before = resident();
    let flooding = flood(CONNECTIONS);
    let (mut longest, mut probes) = (Duration::ZERO, 0);
    while !flooding.is_finished() {
        let began = Instant::now();
        let probe = [net("10.96.0.1/32")];
        speaker.announce(probe, &Attributes::default());
        let received = untouched.next_of_interest().await.expect("the session");
        assert_eq!(received.message, announcement_of_10_96_0_1([127, 41, 0, 1]));
        longest = longest.max(began.elapsed());
        probes += 1;
        speaker.withdraw(probe);
        untouched.next_of_interest().await.expect("the session");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    flooding.await.expect("connections");
    let grown = resident().saturating_sub(before);
    println!(
        "{CONNECTIONS} half-open connections: {grown} octets, a probe took {longest:?} at most of {probes}"
    );
    assert!(grown < 1 << 20, "{grown} octets");
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    let status = speaker.status();
    assert!(status.peers.iter().all(|peer| peer.flaps == 0));
    assert_eq!(state(&status, ip(bystander)).name(), "Established");
}

/// A connection that says nothing, and is reset when it goes, so that no port stays taken.
fn mute(source: &str, remote: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source = SocketAddr::new(ip(source), 0);
    socket.bind(&source.into()).expect("a loopback address");
    socket.connect(&remote.into()).expect("somebody listens");
    socket.set_linger(Some(Duration::ZERO)).expect("an option");
    socket
}
