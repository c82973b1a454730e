//! Connections that nobody asked for: strangers, too many of a peer, and those that never say a word.

mod common;

use std::time::{Duration, Instant};

use bgp_speaker::State;
use bgp_wire::MessageType;
use common::*;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn a_stranger_is_closed_before_a_byte_is_read() {
    let (speaker, local) = speaker("127.70.1.1").await;
    speaker.set_peer(passive("127.70.1.2", PEER_ASN));
    let mut stranger = RawPeer::dial("127.70.1.3", local).await;
    let mut open = bytes::BytesMut::new();
    own_open(PEER_ASN).encode(&mut open).expect("fits");
    // It may be closed already.
    let _ = stranger.stream.try_write(&open);
    let mut answer = Vec::new();
    let end = tokio::time::timeout(BOUND, stranger.stream.read_to_end(&mut answer)).await;
    // Closing with unread octets is a reset, without any it is not.
    assert!(end.is_ok(), "closed");
    assert!(answer.is_empty(), "{answer:02x?}");
    // The control: the peer is let in.
    RawPeer::establish("127.70.1.2", local).await;
    assert_eq!(peer(&speaker, ip("127.70.1.2")).messages.received.open, 1);
}

/// The session's own and one more: a collision can be resolved, a flood costs nothing.
#[tokio::test]
async fn a_peer_has_one_pending_connection_beside_its_own() {
    let (speaker, local) = speaker("127.70.2.1").await;
    let address = "127.70.2.2";
    speaker.set_peer(passive(address, PEER_ASN));
    let mut kept = Vec::new();
    for _ in 0..20 {
        kept.push(RawPeer::dial(address, local).await);
    }
    // Each is told an OPEN or closed.
    let (mut opened, mut closed) = (Vec::new(), 0);
    for mut raw in kept {
        match raw.next().await {
            Some(received) => {
                assert_eq!(received.kind, MessageType::OPEN);
                opened.push(raw);
            }
            None => closed += 1,
        }
    }
    assert_eq!((opened.len(), closed), (2, 18));
    assert_eq!(speaker.status().peers.len(), 1);
}

#[tokio::test]
async fn a_connection_without_an_open_is_closed_in_time() {
    let (speaker, local) = speaker("127.70.3.1").await;
    let address = "127.70.3.2";
    let mut config = passive(address, PEER_ASN);
    // A quarter of the restart time, and not under ten seconds.
    config.graceful_restart = Some(10);
    speaker.set_peer(config);
    let mut mute = RawPeer::dial(address, local).await;
    let began = Instant::now();
    assert_eq!(mute.next().await.expect("OPEN").kind, MessageType::OPEN);
    let notification = mute.notification().await.expect("a NOTIFICATION");
    let error = notification.error;
    assert_eq!((error.code, error.subcode), (4, 0), "{notification}");
    assert!(mute.next().await.is_none(), "closed");
    let waited = began.elapsed();
    let expected = Duration::from_secs(9)..Duration::from_secs(20);
    assert!(expected.contains(&waited), "{waited:?}");
    // The control: it can do better.
    RawPeer::establish(address, local).await;
    until_established(&speaker, ip(address)).await;
}

/// A session that is up is not disturbed by a second connection of the same peer that never says a word.
#[tokio::test]
async fn a_mute_connection_does_not_disturb_the_session() {
    let (speaker, local) = speaker("127.70.4.1").await;
    let address = "127.70.4.2";
    speaker.set_peer(passive(address, PEER_ASN));
    let (mut raw, _) = RawPeer::establish(address, local).await;
    raw.until_end_of_rib().await;
    let mut mute = RawPeer::dial(address, local).await;
    assert_eq!(mute.next().await.expect("OPEN").kind, MessageType::OPEN);
    speaker.announce([net("10.96.0.1/32")], &bgp_speaker::Attributes::default());
    let received = raw.next_of_interest().await.expect("the session");
    assert_eq!(received.kind, MessageType::UPDATE);
    let status = peer(&speaker, ip(address));
    assert_eq!((status.state, status.flaps), (State::Established, 0));
}
