//! KEEPALIVEs leave on time, whatever else there is to send.

mod common;

use std::time::{Duration, Instant};

use bgp_speaker::{Attributes, Speaker};
use bgp_wire::MessageType;
use common::*;
use tokio::task::JoinSet;

/// What the sockets of both ends may hold of a batch that has left us: the bound on what is unsent in ours, and twice the
/// 16 KiB that the reader asked for, which the kernel doubles.
const IN_SOCKETS: usize = 64 * 1024 + 2 * 32 * 1024;

fn every_second(mut peer: bgp_speaker::PeerConfig) -> bgp_speaker::PeerConfig {
    peer.keepalive_interval = Some(1);
    peer
}

/// A full table to a peer that does not read: what is unsent before a KEEPALIVE is one batch at most, that in the sockets.
#[tokio::test(flavor = "multi_thread")]
async fn one_batch_at_most_is_unsent_before_a_keepalive() {
    let (speaker, local) = speaker("127.80.1.1").await;
    let address = "127.80.1.2";
    speaker.set_peer(every_second(passive(address, PEER_ASN)));
    let (mut slow, _) = RawPeer::establish(address, local).await;
    slow.until_end_of_rib().await;
    speaker.announce(host_routes(300_000), &Attributes::default());
    eventually("it is stuck", || queued(&speaker, address) > 0).await;
    let sent = || peer(&speaker, ip(address)).messages.sent.keepalive;
    let before = sent();
    eventually("a KEEPALIVE is due", || sent() > before).await;
    assert!(queued(&speaker, address) <= 64 * 1024 + 2 * 4096);

    let mut octets = 0;
    loop {
        let received = slow.next().await.expect("the session holds");
        if received.kind == MessageType::KEEPALIVE {
            break;
        }
        octets += received.message.len();
    }
    println!("{octets} octets before the KEEPALIVE");
    assert!(octets <= IN_SOCKETS + 4096, "{octets} octets");
}

fn queued(speaker: &Speaker, address: &str) -> usize {
    peer(speaker, ip(address)).queue_octets
}

/// A reader that takes little at a time is always busy with UPDATEs, and yet hears a KEEPALIVE or an UPDATE in each
/// interval; 64 sessions come up at once, each with a full table to be told.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_peers_at_once_all_hear_in_time() {
    const PEERS: u8 = 64;
    const ROUTES: usize = 50_000;
    let (speaker, local) = speaker("127.80.2.1").await;
    speaker.announce(host_routes(ROUTES as u32), &Attributes::default());
    let addresses: Vec<_> = (0..PEERS).map(|n| format!("127.80.2.{}", n + 10)).collect();
    for address in &addresses {
        speaker.set_peer(every_second(passive(address, PEER_ASN)));
    }
    let mut readers = JoinSet::new();
    for (number, address) in addresses.iter().cloned().enumerate() {
        readers.spawn(async move {
            let (mut raw, _) = RawPeer::establish(&address, local).await;
            let silence = longest_silence(&mut raw, number % 8 == 0).await;
            (raw, silence)
        });
    }
    let (mut longest, mut open) = (Duration::ZERO, Vec::new());
    while let Some(reader) = readers.join_next().await {
        let (raw, silence) = reader.expect("no panic");
        open.push(raw);
        longest = longest.max(silence);
    }
    println!("longest silence: {longest:?}");
    // The least hold time that there is.
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    let flapped = speaker
        .status()
        .peers
        .iter()
        .filter(|it| it.flaps > 0)
        .count();
    assert_eq!(flapped, 0);
}

/// Reads until End-of-RIB and for three KEEPALIVEs more; the longest time without a message.
async fn longest_silence(raw: &mut RawPeer, slow: bool) -> Duration {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    let (mut told, mut keepalives) = (false, 0);
    while keepalives < 3 {
        let received = raw.next().await.expect("the session holds");
        longest = longest.max(last.elapsed());
        last = Instant::now();
        match received.kind {
            MessageType::UPDATE if received.message.len() == 23 => told = true,
            // A pause that is the reader's own does not count.
            MessageType::UPDATE if slow => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                last = Instant::now();
            }
            MessageType::KEEPALIVE if told => keepalives += 1,
            _ => {}
        }
    }
    longest
}
