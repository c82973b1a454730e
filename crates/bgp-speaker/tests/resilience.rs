//! What goes wrong on our own side: panics, and a runtime that did not get to look.

mod common;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bgp_speaker::{
    Attributes, NegotiatedStatus, Observer, SessionEndpoints, Shutdown, Speaker, SpeakerConfig,
    State,
};
use bgp_wire::{KEEPALIVE, MessageType, UpdateView};
use common::*;

/// Panics at the first UPDATE, and passes everything else on.
#[derive(Default)]
struct PanicsOnce {
    panicked: AtomicBool,
    recorder: Recorder,
}

impl Observer for PanicsOnce {
    fn session_up(&self, peer: IpAddr, ends: &SessionEndpoints, agreed: &NegotiatedStatus) {
        self.recorder.session_up(peer, ends, agreed);
    }

    fn session_down(&self, peer: IpAddr, reason: &str) {
        self.recorder.session_down(peer, reason);
    }

    fn update(&self, peer: IpAddr, update: &UpdateView<'_>) {
        assert!(
            self.panicked.swap(true, Ordering::SeqCst),
            "an observer with a bug"
        );
        self.recorder.update(peer, update);
    }
}

async fn panicking_speaker(address: &str) -> (Speaker, SocketAddr, Arc<PanicsOnce>) {
    let observer = Arc::new(PanicsOnce::default());
    let config =
        SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1)).observer(Arc::clone(&observer) as _);
    let (speaker, local) = speaker_with(config, address).await;
    (speaker, local, observer)
}

#[tokio::test]
async fn a_panic_ends_one_session_and_no_peer() {
    let (speaker, local, observer) = panicking_speaker("127.50.1.1").await;
    let (bystander, unlucky) = ("127.50.1.2", "127.50.1.3");
    for address in [bystander, unlucky] {
        speaker.set_peer(passive(address, PEER_ASN));
    }
    let (mut untouched, _) = RawPeer::establish(bystander, local).await;
    untouched.until_end_of_rib().await;
    let (mut raw, _) = RawPeer::establish(unlucky, local).await;
    raw.until_end_of_rib().await;

    raw.send(&update([203, 0, 113, 0], 24, [127, 50, 1, 3]))
        .await;
    assert!(raw.notification().await.is_none(), "TCP closes in silence");
    until(&speaker, "the report", |status| {
        let status = status.peer(ip(unlucky)).expect("configured");
        let told = status.last_down.as_deref();
        status.flaps == 1
            && status.state == State::Idle
            && told.is_some_and(|text| text.contains("a bug") && text.contains("an observer"))
    })
    .await;
    observer
        .recorder
        .until_heard(Heard::Down(ip(unlucky)))
        .await;

    // It comes back, says that it restarted, and everything works.
    let (mut raw, open) = RawPeer::establish(unlucky, local).await;
    assert!(graceful_restart(&open).restarting);
    raw.until_end_of_rib().await;
    raw.send(&update([203, 0, 113, 0], 24, [127, 50, 1, 3]))
        .await;
    observer
        .recorder
        .until_routes(ip(unlucky), [net("203.0.113.0/24")])
        .await;
    speaker.announce([net("10.96.0.1/32")], &Attributes::default());
    for peer in [&mut untouched, &mut raw] {
        let received = peer.next_of_interest().await.expect("a session");
        assert_eq!(received.kind, MessageType::UPDATE);
    }
    assert_eq!(peer(&speaker, ip(bystander)).flaps, 0);
}

/// A peer that is removed while its task waits to start again does not come back, and holds up no shutdown.
#[tokio::test]
async fn a_removed_peer_does_not_come_back_after_a_panic() {
    let (speaker, local, _) = panicking_speaker("127.50.2.1").await;
    let address = "127.50.2.2";
    speaker.set_peer(passive(address, PEER_ASN));
    let (mut raw, _) = RawPeer::establish(address, local).await;
    raw.send(&update([203, 0, 113, 0], 24, [127, 50, 2, 2]))
        .await;
    assert!(raw.notification().await.is_none());
    speaker.remove_peer(ip(address));
    assert!(RawPeer::dial(address, local).await.next().await.is_none());
    let began = Instant::now();
    speaker.shutdown(Shutdown::Silent).await;
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// RFC 4271 section 4.2 is about messages that do not arrive. These did, and waited in the socket.
#[tokio::test]
async fn a_blocked_runtime_does_not_end_sessions() {
    const HOLD: Duration = Duration::from_secs(3);
    let (speaker, local) = speaker("127.50.3.1").await;
    let (talking, silent) = ("127.50.3.2", "127.50.3.3");
    let mut raw = Vec::new();
    for address in [talking, silent] {
        let mut peer = passive(address, PEER_ASN);
        peer.hold_time = HOLD.as_secs() as u16;
        speaker.set_peer(peer);
        raw.push(RawPeer::establish(address, local).await.0);
        until_established(&speaker, ip(address)).await;
    }
    let silence = raw.pop().expect("two");
    let stream = raw.pop().expect("two").stream.into_std();
    let mut stream = stream.expect("a registered socket");
    let done = Arc::new(AtomicBool::new(false));
    let keeps_talking = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                stream.write_all(&KEEPALIVE).expect("the session holds");
                std::thread::sleep(HOLD / 10);
            }
        })
    };

    // The only thread of the runtime.
    std::thread::sleep(HOLD + HOLD / 2);
    until(&speaker, "the end of who was silent", |status| {
        state(status, ip(silent)) != State::Established
    })
    .await;
    let heard = peer(&speaker, ip(talking)).messages.received.keepalive;
    until(&speaker, "more of who was not", |status| {
        let status = status.peer(ip(talking)).expect("configured");
        status.messages.received.keepalive > heard + 1
    })
    .await;
    let status = peer(&speaker, ip(talking));
    assert_eq!((status.flaps, status.state), (0, State::Established));
    let down = peer(&speaker, ip(silent)).last_down.unwrap_or_default();
    assert!(down.contains("hold timer expired"), "{down}");
    done.store(true, Ordering::SeqCst);
    keeps_talking.join().expect("no panic");
    drop(silence);
}
