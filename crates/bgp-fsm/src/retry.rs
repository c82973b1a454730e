//! How long to wait before trying again.

use std::time::Duration;

use crate::SessionConfig;

/// How a session goes on after its last connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Stay Active and dial when the ConnectRetryTimer expires.
    Retry,
    /// Idle for the damped time.
    Hold,
    /// Idle for as long as retries may take: nothing will change until somebody changes it.
    HoldLong,
}

/// RFC 4271's DampPeerOscillations: each reset doubles the time in Idle, each stretch of being
/// Established takes one doubling back.
#[derive(Debug, Default)]
pub(crate) struct Damping {
    doublings: u32,
}

/// The first time in Idle.
const FIRST_HOLD: Duration = Duration::from_secs(1);
/// The time between attempts to connect unless configured.
const CONNECT_RETRY: Duration = Duration::from_secs(5);
/// The least time for TCP to connect, however short the restart time.
const LEAST_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What the least open timeout is, however short the restart time.
const LEAST_OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// 2^12 seconds exceed the longest cap (a quarter of 4095 s).
const MOST_DOUBLINGS: u32 = 12;

impl Damping {
    /// A session was Established for this long: it takes back a doubling for each stretch as long
    /// as the longest hold.
    pub(crate) fn decay(&mut self, config: &SessionConfig, established: Duration) {
        let stretches = established.as_millis() / config.retry_cap().as_millis().max(1);
        let stretches = u32::try_from(stretches).unwrap_or(u32::MAX);
        self.doublings = self.doublings.saturating_sub(stretches);
    }

    /// The time in Idle after a reset.
    pub(crate) fn hold(
        &mut self,
        config: &SessionConfig,
        rng: &mut fastrand::Rng,
        next: Next,
    ) -> Duration {
        let cap = config.retry_cap();
        if next == Next::HoldLong {
            return jitter(rng, cap);
        }
        if let Some(time) = config.idle_hold {
            return capped(config, Duration::from_secs(u64::from(time)));
        }
        let time = FIRST_HOLD * (1 << self.doublings);
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        // Without jitter both sides would come back at once, and collide in the same way again.
        jitter(rng, time.min(cap))
    }
}

/// RFC 4271's ConnectRetryTime with jitter.
pub(crate) fn connect_retry(config: &SessionConfig, rng: &mut fastrand::Rng) -> Duration {
    let time = config
        .connect_retry
        .map_or(CONNECT_RETRY, |s| Duration::from_secs(u64::from(s)));
    jitter(rng, capped(config, time))
}

/// How long to wait for TCP to connect: as long as between attempts, but long enough for a far neighbour's answer and for a
/// second SYN, which leaves after one second. It is no pause, so the restart time does not cap it.
pub(crate) fn connect_timeout(config: &SessionConfig, rng: &mut fastrand::Rng) -> Duration {
    connect_retry(config, rng).max(LEAST_CONNECT_TIMEOUT)
}

/// A configured time: nobody waits for us without graceful restart, so nothing caps it then.
fn capped(config: &SessionConfig, time: Duration) -> Duration {
    match config.graceful_restart {
        Some(_) => time.min(config.retry_cap()),
        None => time,
    }
}

/// How long to wait for an OPEN.
pub(crate) fn open_timeout(config: &SessionConfig) -> Duration {
    config
        .open_timeout
        .unwrap_or_else(|| config.retry_cap().max(LEAST_OPEN_TIMEOUT))
}

/// 0.75 to 1 times `time` (RFC 4271 section 10).
pub(crate) fn jitter(rng: &mut fastrand::Rng, time: Duration) -> Duration {
    time.mul_f64(0.75 + 0.25 * rng.f64())
}
