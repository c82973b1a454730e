//! What operators read in the log and the status when a session ends. One test for all of it, since the log of a process is
//! one.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use bgp_speaker::{Asn, Password, PeerConfig, Shutdown, Speaker};
use bgp_wire::{ErrorCode, Notification};
use bytes::BytesMut;
use common::*;

#[tokio::test]
async fn the_log_says_who_ended_a_session_and_why() {
    let output = Output::of_process(tracing::Level::INFO);
    let (speaker, local) = speaker("127.95.1.1").await;
    wrong_as_of_the_peer(&speaker, local).await;
    wrong_as_of_ours(&speaker, local).await;
    let _up = ends_of_ours(&speaker, local).await;
    nobody_listens(&speaker).await;
    speaker
        .shutdown(Shutdown::Withdraw {
            text: "node drained".to_owned(),
        })
        .await;

    let text = output.text();
    let said = |peer: &str, words: &str| {
        let peer = format!("peer={peer}");
        let line = text
            .lines()
            .find(|line| line.contains(&peer) && line.contains(words));
        line.unwrap_or_else(|| panic!("nobody says {words:?} of {peer} in:\n{text}"))
    };
    let line = said(
        "127.95.1.2",
        "the peer says AS 65014, AS 65015 is configured",
    );
    assert!(
        line.contains("WARN") && line.contains("next_attempt=\"in "),
        "{line}"
    );
    let line = said("127.95.1.3", "it expected another AS than 64512");
    assert!(line.contains("WARN"), "{line}");
    for why in [
        "configuration changed",
        "password changed",
        "the peer's AS changed",
        "peer removed",
    ] {
        said("127.95.1.4", &format!("ended by this side: {why}"));
    }
    let line = said("127.95.1.9", "cannot connect");
    assert!(line.contains("next_attempt=\"in "), "{line}");
    said("127.95.1.5", "ended by this side: process stops");
    assert!(
        text.contains(
            "BGP speaker stops: peers are told to withdraw the routes, because: node drained"
        ),
        "{text}"
    );
}

async fn until_last_down(speaker: &Speaker, address: &str, expected: &str) {
    let address = ip(address);
    eventually(expected, || {
        peer(speaker, address).last_down.as_deref() == Some(expected)
    })
    .await;
}

async fn wrong_as_of_the_peer(speaker: &Speaker, local: SocketAddr) {
    let address = "127.95.1.2";
    speaker.set_peer(passive(address, Asn(65015)));
    let mut raw = RawPeer::dial(address, local).await;
    assert!(raw.handshake(&own_open(Asn(65014))).await.is_none());
    until_last_down(
        speaker,
        address,
        "the peer says AS 65014, AS 65015 is configured",
    )
    .await;
}

async fn wrong_as_of_ours(speaker: &Speaker, local: SocketAddr) {
    let address = "127.95.1.3";
    let mut config = passive(address, PEER_ASN);
    config.idle_hold_after_reset = Some(20);
    speaker.set_peer(config);
    let mut raw = RawPeer::dial(address, local).await;
    raw.next().await.expect("an OPEN");
    let mut octets = BytesMut::new();
    let refusal = Notification::new(ErrorCode::BAD_PEER_AS);
    refusal.encode(&mut octets).expect("short");
    raw.send(&octets).await;
    let told = "the peer refused our OPEN: bad peer AS (2/2), it expected another AS than 64512";
    until_last_down(speaker, address, told).await;
    let wait = peer(speaker, ip(address)).retry_in.expect("held idle");
    assert!(
        wait > Duration::from_secs(5) && wait <= Duration::from_secs(20),
        "{wait:?}"
    );
}

/// Sessions that this side ends, for one reason after the other; and one that is still up.
async fn ends_of_ours(speaker: &Speaker, local: SocketAddr) -> RawPeer {
    let address = "127.95.1.4";
    let mut config = passive(address, PEER_ASN);
    let _raw = establish(speaker, local, &config).await;
    assert_eq!(peer(speaker, ip(address)).retry_in, None);
    config.hold_time = 60;
    speaker.set_peer(config.clone());
    until_last_down(
        speaker,
        address,
        "ended by this side: configuration changed",
    )
    .await;
    let _raw = establish(speaker, local, &config).await;
    config.password = Some(Password::new(b"s3cret").expect("short"));
    speaker.set_peer(config.clone());
    until_last_down(speaker, address, "ended by this side: password changed").await;
    config.password = None;
    let _raw = establish(speaker, local, &config).await;
    config.asn = Asn(65099);
    speaker.set_peer(config.clone());
    until_last_down(
        speaker,
        address,
        "ended by this side: the peer's AS changed",
    )
    .await;
    config.asn = PEER_ASN;
    let mut raw = establish(speaker, local, &config).await;
    speaker.remove_peer(ip(address));
    raw.notification().await.expect("Cease");
    establish(speaker, local, &passive("127.95.1.5", PEER_ASN)).await
}

async fn establish(speaker: &Speaker, local: SocketAddr, config: &PeerConfig) -> RawPeer {
    speaker.set_peer(config.clone());
    let (mut raw, _) = RawPeer::establish(&config.address.to_string(), local).await;
    raw.until_end_of_rib().await;
    raw
}

async fn nobody_listens(speaker: &Speaker) {
    let nobody = SocketAddr::new(ip("127.95.1.9"), 1);
    speaker.set_peer(active(nobody, PEER_ASN));
    eventually("a pause", || peer(speaker, nobody.ip()).retry_in.is_some()).await;
}
