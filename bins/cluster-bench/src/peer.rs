//! The agent's peer: it knows when it heard of what.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bgp_speaker::{Asn, Observer, PeerConfig, Speaker, SpeakerConfig};
use bgp_wire::UpdateView;
use measure::Heard;

use crate::{HERE, PORT, THERE};

#[derive(Default)]
struct Listener(Mutex<Heard>);

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Observer for Listener {
    fn update(&self, _: IpAddr, update: &UpdateView<'_>) {
        self.lock().take(update, Instant::now());
    }
}

pub(crate) struct Peer {
    listener: Arc<Listener>,
    _speaker: Speaker,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let listener = Arc::new(Listener::default());
        let config = SpeakerConfig::new(Asn(65001), [10, 0, 0, 2].into());
        let config = config
            .listen((THERE, PORT).into())
            .observer(listener.clone());
        let speaker = Speaker::start(config);
        let mut agent = PeerConfig::new(HERE.into(), Asn(64512));
        agent.passive = true;
        speaker.set_peer(agent);
        Self {
            listener,
            _speaker: speaker,
        }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.listener.lock())
    }

    /// Drops the history.
    pub(crate) fn forget(&self) {
        self.listener.lock().history.clear();
    }

    pub(crate) async fn until(
        &self,
        bound: Duration,
        is_so: impl Fn(&Heard) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + bound;
        while !self.with(&is_so) {
            let routes = self.with(|heard| heard.routes.len());
            ensure!(
                Instant::now() < deadline,
                "the peer has {routes} routes after {bound:?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}
