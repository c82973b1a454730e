//! What peers cost, in resident octets of this process. One test at a time: they share it.

mod common;

use std::net::{Ipv4Addr, SocketAddr};

use bgp_socket::{Listener, Md5Key, set_md5_key_for_network};
use bgp_wire::{Family, MessageType};
use common::*;

/// Resident octets of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).expect("the second field");
    pages.parse::<usize>().expect("a number") * 4096
}

#[tokio::test]
async fn footprints() {
    a_million_routes_of_a_peer_cost_less_than_a_megabyte().await;
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

async fn a_million_routes_of_a_peer_cost_less_than_a_megabyte() {
    const ROUTES: u64 = 1_000_000;
    let (speaker, local) = speaker("127.40.0.1").await;
    let address = "127.40.0.2";
    speaker.set_peer(passive(address, PEER_ASN));
    let (mut raw, _) = RawPeer::establish(address, local).await;
    raw.until_end_of_rib().await;

    // 800 routes a message; a first one for what is allocated once.
    let mut sent = 0;
    raw.send(&routes_from(&mut sent)).await;
    received(&speaker, address, sent).await;
    let before = resident();
    while sent < ROUTES {
        raw.send(&routes_from(&mut sent)).await;
    }
    received(&speaker, address, sent).await;
    let grown = resident().saturating_sub(before);
    println!("a peer that sends a million routes: {grown} octets");
    assert!(grown < 1 << 20, "{grown} octets");
}

async fn received(speaker: &bgp_speaker::Speaker, address: &str, count: u64) {
    until(speaker, "all routes are counted", |status| {
        let peer = status.peer(ip(address)).expect("configured");
        let mut v4 = peer
            .routes
            .iter()
            .filter(|counts| counts.family == Family::IPV4_UNICAST);
        v4.any(|counts| counts.received == count)
    })
    .await;
}

fn routes_from(sent: &mut u64) -> Vec<u8> {
    let one = update([203, 0, 113, 1], 32, [127, 40, 0, 2]);
    let mut body = one[19..one.len() - 5].to_vec();
    for _ in 0..800 {
        body.push(32);
        body.extend((0x1400_0000 + *sent as u32).to_be_bytes());
        *sent += 1;
    }
    message(MessageType::UPDATE, &body)
}
