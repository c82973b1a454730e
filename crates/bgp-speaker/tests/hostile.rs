//! Bad input ends one session with the right NOTIFICATION, and nothing else.

mod common;

use bgp_speaker::{Attributes, Speaker, State};
use bgp_wire::{Family, MessageType};
use common::*;
use std::net::SocketAddr;

/// A speaker with a bystander whose session has to survive, and a second peer that will misbehave.
struct Scene {
    speaker: Speaker,
    local: SocketAddr,
    bystander: RawPeer,
    attacker: String,
}

impl Scene {
    async fn new(network: &str) -> Self {
        let (speaker, local) = speaker(&format!("{network}.1")).await;
        let (bystander, attacker) = (format!("{network}.2"), format!("{network}.3"));
        speaker.set_peer(passive(&bystander, PEER_ASN));
        speaker.set_peer(passive(&attacker, PEER_ASN));
        let (mut bystander, _) = RawPeer::establish(&bystander, local).await;
        bystander.until_end_of_rib().await;
        Self {
            speaker,
            local,
            bystander,
            attacker,
        }
    }

    /// Sends `octets` on an Established session and expects this NOTIFICATION.
    async fn expect(&mut self, octets: &[u8], code: u8, subcode: u8) {
        let (mut raw, _) = RawPeer::establish(&self.attacker, self.local).await;
        raw.send(octets).await;
        let notification = raw.notification().await.expect("a NOTIFICATION");
        let error = notification.error;
        assert_eq!(
            (error.code, error.subcode),
            (code, subcode),
            "{notification}"
        );
        assert!(raw.next().await.is_none(), "nothing follows a NOTIFICATION");
        self.bystander_lives().await;
    }

    async fn bystander_lives(&mut self) {
        let probe = [net("10.96.0.1/32")];
        self.speaker.announce(probe, &Attributes::default());
        let received = self.bystander.next_of_interest().await.expect("untouched");
        assert_eq!(received.kind, MessageType::UPDATE);
        self.speaker.withdraw(probe);
        let received = self.bystander.next_of_interest().await.expect("untouched");
        assert_eq!(received.kind, MessageType::UPDATE);
    }
}

#[tokio::test]
async fn a_wrong_marker_is_connection_not_synchronized() {
    let mut scene = Scene::new("127.30.1").await;
    let mut octets = message(MessageType::KEEPALIVE, &[]);
    octets[3] = 0;
    scene.expect(&octets, 1, 1).await;
}

#[tokio::test]
async fn a_wrong_length_is_bad_message_length() {
    let mut scene = Scene::new("127.30.2").await;
    let mut octets = message(MessageType::KEEPALIVE, &[]);
    octets[17] = 18;
    scene.expect(&octets, 1, 2).await;
}

#[tokio::test]
async fn an_unknown_type_is_bad_message_type() {
    let mut scene = Scene::new("127.30.3").await;
    scene.expect(&message(MessageType(9), &[]), 1, 3).await;
}

#[tokio::test]
async fn an_update_that_cannot_be_parsed_is_malformed_attribute_list() {
    let mut scene = Scene::new("127.30.4").await;
    // The withdrawn routes would be longer than the message.
    scene
        .expect(&message(MessageType::UPDATE, &[0xff, 0xff, 0, 0]), 3, 1)
        .await;
}

#[tokio::test]
async fn a_second_open_is_a_state_machine_error() {
    let mut scene = Scene::new("127.30.5").await;
    let mut octets = bytes::BytesMut::new();
    own_open(PEER_ASN).encode(&mut octets).expect("fits");
    scene.expect(&octets, 5, 3).await;
}

/// RFC 7606: an UPDATE whose routes can be told apart is treated as a withdrawal, and the session goes on.
#[tokio::test]
async fn a_malformed_attribute_costs_its_routes_only() {
    let mut scene = Scene::new("127.30.6").await;
    let (mut raw, _) = RawPeer::establish(&scene.attacker, scene.local).await;
    let mut bad = update([203, 0, 113, 0], 24, [127, 30, 6, 3]);
    // ORIGIN 9: the value of the first attribute.
    bad[26] = 9;
    raw.send(&bad).await;
    raw.send(&update([198, 51, 100, 0], 24, [127, 30, 6, 3]))
        .await;
    let attacker = ip(&scene.attacker);
    until(&scene.speaker, "both UPDATEs", |status| {
        let counts = &status.peer(attacker).expect("configured").routes;
        let v4 = counts
            .iter()
            .find(|counts| counts.family == Family::IPV4_UNICAST);
        v4.is_some_and(|counts| counts.received == 1 && counts.received_withdrawn == 1)
    })
    .await;
    assert_eq!(state(&scene.speaker.status(), attacker), State::Established);
    assert_eq!(peer(&scene.speaker, attacker).malformed_updates, 1);
    scene.bystander_lives().await;
}

#[tokio::test]
async fn received_routes_are_counted_by_family() {
    let mut scene = Scene::new("127.30.9").await;
    let (mut raw, _) = RawPeer::establish(&scene.attacker, scene.local).await;
    let mut both = update([203, 0, 113, 0], 24, [127, 30, 9, 3]);
    // MP_REACH_NLRI in front: 2001:db8::/32 and ::/0 by 2001:db8::1.
    let mut reach = vec![0x80, 14, 27, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8];
    reach.extend([0; 11]);
    reach.extend([1, 0, 32, 0x20, 1, 0xd, 0xb8, 0]);
    both[17] += reach.len() as u8;
    both[22] += reach.len() as u8;
    both.splice(23..23, reach);
    raw.send(&both).await;
    let attacker = ip(&scene.attacker);
    until(&scene.speaker, "both families", |status| {
        let status = status.peer(attacker).expect("configured");
        let mut received: Vec<_> = status
            .routes
            .iter()
            .map(|it| (it.family, it.received))
            .collect();
        received.sort_unstable();
        received == [(Family::IPV4_UNICAST, 1), (Family::IPV6_UNICAST, 2)]
    })
    .await;
    assert_eq!(peer(&scene.speaker, attacker).malformed_updates, 0);
    scene.bystander_lives().await;
}

#[tokio::test]
async fn a_connection_that_ends_midway_is_a_lost_session() {
    let mut scene = Scene::new("127.30.7").await;
    let attacker = ip(&scene.attacker);
    let (mut raw, _) = RawPeer::establish(&scene.attacker, scene.local).await;
    until_established(&scene.speaker, attacker).await;
    raw.send(&[0xff; 7]).await;
    drop(raw);
    until(&scene.speaker, "the end", |status| {
        status.peer(attacker).is_some_and(|p| p.flaps == 1)
    })
    .await;
    assert_eq!(peer(&scene.speaker, attacker).last_error_sent, None);
    scene.bystander_lives().await;
}

/// Connections of a stranger, and more connections of a peer than it may have, are closed; the session holds.
#[tokio::test]
async fn a_flood_of_connections_changes_nothing() {
    let mut scene = Scene::new("127.30.8").await;
    let attacker = ip(&scene.attacker);
    let (_raw, _) = RawPeer::establish(&scene.attacker, scene.local).await;
    until_established(&scene.speaker, attacker).await;
    for _ in 0..200 {
        let mut stranger = RawPeer::dial("127.30.8.9", scene.local).await;
        assert!(stranger.next().await.is_none());
    }
    let mut kept = Vec::new();
    for _ in 0..200 {
        kept.push(RawPeer::dial(&scene.attacker, scene.local).await);
    }
    let mut open = 0;
    for raw in &mut kept {
        // One may wait for an OPEN beside the session; the others are closed without a byte.
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), raw.next()).await;
        open += usize::from(!matches!(waits, Ok(None)));
    }
    assert!(open <= 1, "{open} connections beside the session");
    assert_eq!(peer(&scene.speaker, attacker).flaps, 0);
    scene.bystander_lives().await;
}
