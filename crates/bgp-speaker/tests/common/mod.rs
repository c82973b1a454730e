//! Speakers and hand-driven peers on loopback. Every test has addresses of its own in 127/8; every wait is bounded.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses another part"
)]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bgp_speaker::{
    Asn, NegotiatedStatus, Observer, PeerConfig, PeerStatus, SessionEndpoints, Speaker,
    SpeakerConfig, State, Status,
};
use bgp_wire::{
    AsWidth, Capability, Context, Family, GracefulRestart, KEEPALIVE, MAX_EXTENDED_MESSAGE,
    MessageType, Notification, Open, PeerKind, UpdateView, frame,
};
use bytes::BytesMut;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing_subscriber::fmt::MakeWriter;

/// The bound of every wait; nothing here takes nearly as long.
pub const BOUND: Duration = Duration::from_secs(30);

pub const ASN: Asn = Asn(64512);
pub const PEER_ASN: Asn = Asn(65001);

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// `count` host routes from 20.0.0.0 on.
pub fn host_routes(count: u32) -> impl Iterator<Item = IpNet> {
    let first = u32::from(Ipv4Addr::new(20, 0, 0, 0));
    (first..first + count).map(|bits| IpAddr::from(Ipv4Addr::from(bits)).into())
}

/// A speaker that listens on a free port of `address`.
pub async fn speaker(address: &str) -> (Speaker, SocketAddr) {
    speaker_with(SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1)), address).await
}

/// The same as a peer of it: another AS, another router ID, and a recorder.
pub async fn peer_speaker(address: &str) -> (Speaker, SocketAddr, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let config =
        SpeakerConfig::new(PEER_ASN, Ipv4Addr::new(10, 0, 0, 2)).observer(recorder.clone());
    let (speaker, local) = speaker_with(config, address).await;
    (speaker, local, recorder)
}

pub async fn speaker_with(config: SpeakerConfig, address: &str) -> (Speaker, SocketAddr) {
    let speaker = Speaker::start(config.listen(SocketAddr::new(ip(address), 0)));
    until(&speaker, "listening", |status| {
        status.listeners[0].local.is_some()
    })
    .await;
    let local = speaker.status().listeners[0].local.expect("just seen");
    (speaker, local)
}

/// A peer that is dialled at `remote`, often.
pub fn active(remote: SocketAddr, asn: Asn) -> PeerConfig {
    let mut peer = PeerConfig::new(remote.ip(), asn);
    peer.port = remote.port();
    peer.connect_retry = Some(2);
    peer.idle_hold_after_reset = Some(1);
    peer
}

/// A peer that dials.
pub fn passive(address: &str, asn: Asn) -> PeerConfig {
    let mut peer = PeerConfig::new(ip(address), asn);
    peer.passive = true;
    peer.idle_hold_after_reset = Some(1);
    peer
}

/// Until the condition holds.
pub async fn until(speaker: &Speaker, what: &str, condition: impl Fn(&Status) -> bool) {
    eventually(what, || condition(&speaker.status())).await;
}

pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < end, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn until_established(speaker: &Speaker, peer: IpAddr) {
    until(speaker, "Established", |status| {
        state(status, peer) == State::Established
    })
    .await;
}

pub fn state(status: &Status, peer: IpAddr) -> State {
    status.peer(peer).expect("configured").state
}

pub fn peer(speaker: &Speaker, address: IpAddr) -> PeerStatus {
    speaker.status().peer(address).expect("configured").clone()
}

/// What an observer hears.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    Up(IpAddr),
    Down(IpAddr),
    EndOfRib(IpAddr, Family),
}

/// Keeps what peers sent, as their last word on each prefix.
#[derive(Default)]
pub struct Recorder {
    heard: Mutex<Vec<Heard>>,
    routes: Mutex<BTreeSet<(IpAddr, IpNet)>>,
    next_hops: Mutex<BTreeSet<String>>,
    as_paths: Mutex<BTreeSet<String>>,
}

impl Recorder {
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Prefixes that this peer announced and did not withdraw.
    pub fn routes(&self, peer: IpAddr) -> BTreeSet<IpNet> {
        let routes = self.routes.lock().unwrap();
        routes
            .iter()
            .filter(|(from, _)| *from == peer)
            .map(|(_, prefix)| *prefix)
            .collect()
    }

    pub fn next_hops(&self) -> BTreeSet<String> {
        self.next_hops.lock().unwrap().clone()
    }

    pub fn as_paths(&self) -> BTreeSet<String> {
        self.as_paths.lock().unwrap().clone()
    }

    pub async fn until_routes(&self, peer: IpAddr, expected: impl IntoIterator<Item = IpNet>) {
        let expected: BTreeSet<_> = expected.into_iter().collect();
        eventually("the expected routes", || self.routes(peer) == expected).await;
    }

    pub async fn until_heard(&self, expected: Heard) {
        eventually(&format!("{expected:?}"), || {
            self.heard().contains(&expected)
        })
        .await;
    }
}

impl Observer for Recorder {
    fn session_up(&self, peer: IpAddr, _: &SessionEndpoints, _: &NegotiatedStatus) {
        self.heard.lock().unwrap().push(Heard::Up(peer));
    }

    fn session_down(&self, peer: IpAddr, _: &str) {
        self.heard.lock().unwrap().push(Heard::Down(peer));
        self.routes
            .lock()
            .unwrap()
            .retain(|(from, _)| *from != peer);
    }

    fn update(&self, peer: IpAddr, update: &UpdateView<'_>) {
        if let Some(family) = update.end_of_rib() {
            self.heard
                .lock()
                .unwrap()
                .push(Heard::EndOfRib(peer, family));
        }
        let mut routes = self.routes.lock().unwrap();
        for nlri in update.withdrawn() {
            routes.remove(&(peer, nlri.prefix));
        }
        for nlri in update.announced() {
            routes.insert((peer, nlri.prefix));
            let next_hop = update.next_hop(Family::unicast_of(&nlri.prefix));
            let text = next_hop.map_or_else(|| "none".to_owned(), |hop| hop.to_string());
            self.next_hops.lock().unwrap().insert(text);
            if let Some(path) = update.as_path() {
                self.as_paths.lock().unwrap().insert(path.to_string());
            }
        }
    }
}

/// Everything that is logged or shown.
#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// With the log of this process from now on.
    pub fn of_process(level: tracing::Level) -> Self {
        let output = Self::default();
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(output.clone())
            .with_ansi(false)
            .init();
        output
    }

    pub fn show(&self, it: &impl Debug) {
        let text = format!("{it:?}\n{it:#?}\n");
        self.0.lock().unwrap().extend(text.into_bytes());
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Output {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Output {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// A peer that a test drives by hand.
pub struct RawPeer {
    pub stream: TcpStream,
    buffer: BytesMut,
}

/// One message.
pub struct Received {
    pub kind: MessageType,
    pub message: Vec<u8>,
}

impl RawPeer {
    /// Connects from `source`. The buffer is small, so that a peer that does not read is soon stuck.
    pub async fn dial(source: &str, remote: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(16 * 1024).expect("a size");
        socket
            .bind(SocketAddr::new(ip(source), 0))
            .expect("a loopback address");
        Self::from(socket.connect(remote).await.expect("somebody listens"))
    }

    /// Waits to be dialled.
    pub async fn accept(listener: &TcpListener) -> Self {
        let accepted = tokio::time::timeout(BOUND, listener.accept())
            .await
            .expect("dialled");
        Self::from(accepted.expect("a connection").0)
    }

    /// Connects and exchanges OPENs and KEEPALIVEs; returns the speaker's OPEN too. Tried again while the speaker refuses,
    /// as it does for a moment after a reset.
    pub async fn establish(source: &str, remote: SocketAddr) -> (Self, Open) {
        let end = Instant::now() + BOUND;
        loop {
            let mut peer = Self::dial(source, remote).await;
            if let Some(open) = peer.handshake(&own_open(PEER_ASN)).await {
                return (peer, open);
            }
            assert!(Instant::now() < end, "never accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// `None` if the speaker refuses.
    pub async fn handshake(&mut self, open: &Open) -> Option<Open> {
        let mut octets = BytesMut::new();
        open.encode(&mut octets).expect("fits");
        octets.extend_from_slice(&KEEPALIVE);
        self.stream.write_all(&octets).await.ok()?;
        let theirs = self.next().await?;
        assert_eq!(theirs.kind, MessageType::OPEN);
        match self.next().await?.kind {
            MessageType::KEEPALIVE => {}
            MessageType::NOTIFICATION => return None,
            other => panic!("{other:?} instead of a KEEPALIVE"),
        }
        Some(Open::decode(&theirs.message).expect("a good OPEN"))
    }

    pub async fn send(&mut self, octets: &[u8]) {
        self.stream
            .write_all(octets)
            .await
            .expect("the speaker reads");
    }

    /// The next message, or `None` where the connection ends.
    pub async fn next(&mut self) -> Option<Received> {
        tokio::time::timeout(BOUND, self.read())
            .await
            .expect("a message in time")
    }

    async fn read(&mut self) -> Option<Received> {
        loop {
            let found = frame(&self.buffer, MAX_EXTENDED_MESSAGE).expect("the speaker's header");
            if let Some(found) = found {
                let (kind, message) = (found.kind(), found.message().to_vec());
                let _ = self.buffer.split_to(message.len());
                return Some(Received { kind, message });
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The next message that is no KEEPALIVE.
    pub async fn next_of_interest(&mut self) -> Option<Received> {
        loop {
            let received = self.next().await?;
            if received.kind != MessageType::KEEPALIVE {
                return Some(received);
            }
        }
    }

    /// Reads on until a NOTIFICATION; `None` where the connection ends without one.
    pub async fn notification(&mut self) -> Option<Notification> {
        loop {
            let received = self.next().await?;
            if received.kind == MessageType::NOTIFICATION {
                return Some(Notification::decode(&received.message).expect("well-formed"));
            }
        }
    }

    /// Reads on until an UPDATE that is End-of-RIB for IPv4; the UPDATEs before it.
    pub async fn until_end_of_rib(&mut self) -> Vec<Vec<u8>> {
        let mut updates = Vec::new();
        loop {
            let received = self.next().await.expect("End-of-RIB before the end");
            match received.kind {
                MessageType::UPDATE if received.message.len() == 23 => return updates,
                MessageType::UPDATE => updates.push(received.message),
                _ => {}
            }
        }
    }
}

impl From<TcpStream> for RawPeer {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
        }
    }
}

/// An OPEN with IPv4 unicast and graceful restart.
pub fn own_open(asn: Asn) -> Open {
    let mut open = Open::new(asn, 90, Ipv4Addr::new(10, 0, 0, 9));
    open.capabilities
        .push(Capability::MultiProtocol(Family::IPV4_UNICAST));
    open.capabilities.push(Capability::RouteRefresh);
    open
}

/// What an OPEN says about graceful restart.
pub fn graceful_restart(open: &Open) -> &GracefulRestart {
    let mut capabilities = open.capabilities.iter();
    let found = capabilities.find_map(|capability| match capability {
        Capability::GracefulRestart(graceful) => Some(graceful),
        _ => None,
    });
    found.expect("graceful restart")
}

/// How to read what a speaker sends to a hand-driven peer.
pub fn context() -> Context {
    Context::new(PeerKind::Ebgp).with_as_width(AsWidth::Four)
}

/// Announces one IPv4 prefix with AS_PATH 65001 (four octets a number) and this next hop.
pub fn update(prefix: [u8; 4], len: u8, next_hop: [u8; 4]) -> Vec<u8> {
    let mut attributes = vec![0x40, 1, 1, 0];
    attributes.extend([0x40, 2, 6, 2, 1]);
    attributes.extend(PEER_ASN.0.to_be_bytes());
    attributes.extend([0x40, 3, 4]);
    attributes.extend(next_hop);
    let mut body = vec![0, 0, 0, attributes.len() as u8];
    body.extend(&attributes);
    body.push(len);
    body.extend(&prefix[..usize::from(len).div_ceil(8)]);
    message(MessageType::UPDATE, &body)
}

pub fn message(kind: MessageType, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0xff; 16];
    message.extend((19 + body.len() as u16).to_be_bytes());
    message.push(kind.0);
    message.extend(body);
    message
}
