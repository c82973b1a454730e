//! The BGP process of this node: carries out what the engine asks of it.
//!
//! The one place that sees both sides: the engine's effects, in std and ipnet types, become the
//! speaker's configuration.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use antrea_bgp_policy::{PeerSpec, ProcessSpec, StopReason};
use bgp_speaker::{
    Asn, Attributes, Confederation, Password, PeerConfig, PeerStatus, Shutdown, Speaker,
    SpeakerConfig, State, Status,
};
use ipnet::IpNet;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{error, info};

/// How long a restart waits for peers to be told of the end of the process before.
const FAREWELL: Duration = Duration::from_millis(100);

/// At most one BGP process, and the routes that wait to be handed to it in one go.
pub(crate) struct Process {
    listen: Vec<IpAddr>,
    running: Option<Speaker>,
    /// Whether peers may still hold routes of a process before the next one (RFC 4724's R bit).
    peers_may_hold_routes: bool,
    end_of_rib_held: bool,
    /// While sessions do not open yet, the peers that will get one.
    waiting: Option<BTreeMap<IpAddr, PeerSpec>>,
    /// Hears of sessions and listeners that change their state.
    changes: Option<watch::Receiver<u64>>,
    /// Routes come as runs of one kind; each run is one call to the speaker.
    pending: Pending,
    /// When that came up which they follow from.
    since: Instant,
    /// Peers that cannot be configured, and why.
    refused: BTreeMap<IpAddr, String>,
}

#[derive(Default)]
struct Pending {
    announced: Vec<IpNet>,
    withdrawn: Vec<IpNet>,
}

impl Process {
    /// No process yet; one that starts listens on these addresses, or on all if there are none.
    pub(crate) fn new(listen: Vec<IpAddr>) -> Self {
        Self {
            listen: if listen.is_empty() {
                everywhere()
            } else {
                listen
            },
            running: None,
            // Whatever ran here before this agent was started may have left routes behind.
            peers_may_hold_routes: true,
            end_of_rib_held: false,
            waiting: None,
            changes: None,
            pending: Pending::default(),
            since: Instant::now(),
            refused: BTreeMap::new(),
        }
    }

    /// Starts the process. Sessions wait until [`open_sessions`](Self::open_sessions), and
    /// End-of-RIB until [`routes_complete`](Self::routes_complete).
    pub(crate) fn start(&mut self, spec: &ProcessSpec) {
        let speaker = Speaker::start(speaker_config(
            spec,
            &self.listen,
            self.peers_may_hold_routes,
        ));
        speaker.hold_end_of_rib(true);
        self.end_of_rib_held = true;
        self.waiting = Some(BTreeMap::new());
        self.changes = Some(speaker.subscribe());
        self.running = Some(speaker);
    }

    /// Stops the process; each reason has its own way to take leave. A peer that is slow to be told
    /// does not hold up what comes next.
    pub(crate) async fn stop(&mut self, reason: StopReason) {
        info!("BGP stops: {reason}");
        let mut farewell = Box::pin(self.end(leave(reason)));
        if timeout(FAREWELL, &mut farewell).await.is_err() {
            tokio::spawn(farewell);
        }
    }

    /// Ends all sessions in this way, if there is a process, and waits until peers were told.
    pub(crate) async fn shut_down(&mut self, how: Shutdown) {
        self.end(how).await;
    }

    fn end(&mut self, how: Shutdown) -> impl Future<Output = ()> + Send + use<> {
        self.pending = Pending::default();
        self.refused.clear();
        self.changes = None;
        let none_waits = self.waiting.take().is_none_or(|waiting| waiting.is_empty());
        let speaker = self.running.take();
        if let Some(speaker) = &speaker {
            // Peers that are told withdraw; those without a session may hold what an earlier
            // process left behind.
            let is_up = |peer: &PeerStatus| peer.state == State::Established;
            let is_told = how != Shutdown::Silent && none_waits;
            self.peers_may_hold_routes = !(is_told && speaker.status().peers.iter().all(is_up));
        }
        async move {
            if let Some(speaker) = speaker {
                speaker.shutdown(how).await;
            }
        }
    }

    /// Adds a peer or changes the one at its address. A peer that cannot have the session that it is
    /// configured with gets none: never one without the password that was asked for.
    pub(crate) fn set_peer(&mut self, spec: &PeerSpec) {
        let address = spec.peer.address;
        if let Some(waiting) = &mut self.waiting {
            waiting.insert(address, spec.clone());
            return;
        }
        let Some(speaker) = &self.running else { return };
        match peer_config(spec) {
            Ok(peer) => {
                self.refused.remove(&address);
                speaker.set_peer(peer);
            }
            Err(why) => {
                error!(peer = %address, "no session with this peer: {why}");
                // As for any change of a password: the peer may keep the routes for its restart time.
                speaker.remove_peer_with(address, Shutdown::Silent);
                self.refused.insert(address, why);
            }
        }
    }

    pub(crate) fn remove_peer(&mut self, address: IpAddr) {
        self.refused.remove(&address);
        if let Some(waiting) = &mut self.waiting {
            waiting.remove(&address);
        } else if let Some(speaker) = &self.running {
            speaker.remove_peer(address);
        }
    }

    /// All first routes have been announced, or are not to be waited for any longer: sessions may
    /// open.
    pub(crate) fn open_sessions(&mut self) {
        for (_, spec) in self.waiting.take().into_iter().flatten() {
            self.set_peer(&spec);
        }
    }

    pub(crate) fn announce(&mut self, prefix: IpNet) {
        if !self.pending.withdrawn.is_empty() {
            self.flush();
        }
        self.pending.announced.push(prefix);
    }

    pub(crate) fn withdraw(&mut self, prefix: IpNet) {
        if !self.pending.announced.is_empty() {
            self.flush();
        }
        self.pending.withdrawn.push(prefix);
    }

    /// What is announced and withdrawn from now on follows from something that came up then.
    pub(crate) fn follows_from(&mut self, since: Instant) {
        self.since = since;
    }

    /// Hands over the routes collected since the last call.
    pub(crate) fn flush(&mut self) {
        let Pending {
            announced,
            withdrawn,
        } = std::mem::take(&mut self.pending);
        let Some(speaker) = &self.running else { return };
        if !announced.is_empty() {
            speaker.announce_since(self.since, announced, &Attributes::default());
        }
        if !withdrawn.is_empty() {
            speaker.withdraw_since(self.since, withdrawn);
        }
    }

    /// The same for the rest of the start: peers may be told that they have seen everything.
    pub(crate) fn routes_complete(&mut self) {
        if std::mem::take(&mut self.end_of_rib_held)
            && let Some(speaker) = &self.running
        {
            speaker.hold_end_of_rib(false);
        }
    }

    pub(crate) fn speaker(&self) -> Option<&Speaker> {
        self.running.as_ref()
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.speaker().map(Speaker::status)
    }

    /// Returns when a session or a listener may have changed its state. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        if let Some(changes) = &mut self.changes
            && changes.changed().await.is_ok()
        {
            return;
        }
        // Without a process there is nothing to hear of.
        std::future::pending::<()>().await;
    }

    /// Whether the peer at this address will get a session as soon as sessions open.
    pub(crate) fn is_waiting(&self, address: &IpAddr) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|waiting| waiting.contains_key(address))
    }

    /// Why the peer at this address has no session at all, if so.
    pub(crate) fn refused(&self, address: &IpAddr) -> Option<&str> {
        self.refused.get(address).map(String::as_str)
    }
}

/// All addresses: IPv4, and IPv6 where the kernel has it.
fn everywhere() -> Vec<IpAddr> {
    let mut all = vec![Ipv4Addr::UNSPECIFIED.into()];
    match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => all.push(Ipv6Addr::UNSPECIFIED.into()),
        Err(error) => info!(%error, "this host has no IPv6; BGP listens on IPv4 only"),
    }
    all
}

fn speaker_config(spec: &ProcessSpec, listen: &[IpAddr], restarting: bool) -> SpeakerConfig {
    let mut config = SpeakerConfig::new(Asn(spec.local_asn), spec.router_id);
    config.listen = listen
        .iter()
        .map(|ip| SocketAddr::new(*ip, spec.listen_port))
        .collect();
    config.confederation = spec
        .confederation
        .as_ref()
        .map(|confederation| Confederation {
            identifier: Asn(confederation.identifier),
            members: confederation.member_asns.iter().copied().map(Asn).collect(),
        });
    config.restarting = restarting;
    config
}

fn peer_config(spec: &PeerSpec) -> Result<PeerConfig, String> {
    let wanted = &spec.peer;
    let mut peer = PeerConfig::new(wanted.address, Asn(wanted.asn));
    peer.port = wanted.port;
    peer.multihop_ttl = wanted.multihop_ttl;
    peer.ttl_security = wanted.ttl_security;
    peer.hold_time = wanted.hold_time;
    peer.keepalive_interval = wanted.keepalive_interval;
    peer.connect_retry = wanted.connect_retry;
    peer.idle_hold_after_reset = wanted.idle_hold_time_after_reset;
    peer.graceful_restart = wanted
        .graceful_restart
        .then_some(wanted.graceful_restart_time);
    peer.password = match &spec.password {
        Some(password) => {
            Some(Password::new(password.as_bytes()).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    Ok(peer)
}

/// How a process that stops for this reason takes leave of its peers.
fn leave(reason: StopReason) -> Shutdown {
    match reason {
        StopReason::LocalAsnChanged | StopReason::ConfederationChanged => {
            Shutdown::ConfigurationChange
        }
        StopReason::RouterIdChanged | StopReason::ListenPortChanged => Shutdown::Silent,
        gone => Shutdown::Withdraw {
            text: gone.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_peers_need_not_notice_is_silent_and_an_end_is_told() {
        assert_eq!(leave(StopReason::RouterIdChanged), Shutdown::Silent);
        assert_eq!(leave(StopReason::ListenPortChanged), Shutdown::Silent);
        assert_eq!(
            leave(StopReason::LocalAsnChanged),
            Shutdown::ConfigurationChange
        );
        assert_eq!(
            leave(StopReason::ConfederationChanged),
            Shutdown::ConfigurationChange
        );
        for end in [
            StopReason::PolicyGone,
            StopReason::NodeDeselected,
            StopReason::NodeGone,
        ] {
            assert!(matches!(leave(end), Shutdown::Withdraw { text } if !text.is_empty()));
        }
    }
}
