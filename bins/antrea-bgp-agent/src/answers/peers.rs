//! The peers of the policy in effect, a line each.

use std::net::SocketAddr;
use std::time::SystemTime;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Engine, PeerState};
use bgp_speaker::PeerStatus;

use super::{Filter, Known, Missing};
use crate::view::PeerView;

/// The peers of the policy in effect, IPv4 first, by address and port.
pub(crate) fn peers(known: &Known<'_>, filter: &Filter) -> Result<Vec<PeerView>, Missing> {
    let (engine, process) = (known.engine, known.process);
    engine.policy().ok_or(Missing::Policy)?;
    let status = process.status();
    let peers = engine
        .peers()
        .filter(|peer| filter.family.admits(peer.peer.address));
    let views = peers.map(|peer| {
        let session = status
            .as_ref()
            .and_then(|status| status.peer(peer.peer.address));
        summary(known, &peer, session, filter.wide)
    });
    Ok(views.collect())
}

/// One peer: what its session is, or why it has none.
pub(super) fn summary(
    known: &Known<'_>,
    peer: &antrea_bgp_policy::PeerView<'_>,
    session: Option<&PeerStatus>,
    wide: bool,
) -> PeerView {
    let (engine, process) = (known.engine, known.process);
    let spec = peer.peer;
    let name = SocketAddr::new(spec.address, spec.port).to_string();
    match (peer.state, session) {
        (PeerState::Configured, Some(session)) => {
            let advertised = wide.then(|| {
                let speaker = process.speaker();
                speaker.map_or(0, |speaker| speaker.sent(session.address))
            });
            session_view(name, session, advertised)
        }
        (PeerState::Configured, None) => {
            let why = process.refused(&spec.address).map(str::to_owned);
            let waiting = process.is_waiting(&spec.address);
            let why = why.or_else(|| waiting.then(|| waits_for(engine)));
            without_session((name, spec.asn, "Idle"), why)
        }
        (PeerState::Skipped(_), _) => {
            without_session((name, spec.asn, "Skipped"), Some(peer.state.to_string()))
        }
        (other, _) => without_session((name, spec.asn, "Idle"), Some(other.to_string())),
    }
}

/// What holds back the sessions of a process that starts.
fn waits_for(engine: &Engine) -> String {
    let kinds: Vec<_> = engine.unsettled().iter().map(Kind::as_str).collect();
    format!("waits for the first list of {}", kinds.join(", "))
}

fn without_session(
    (peer, asn, state): (String, u32, &str),
    last_error: Option<String>,
) -> PeerView {
    PeerView {
        peer,
        asn,
        state: state.to_owned(),
        since_seconds: None,
        advertised: None,
        received: None,
        flaps: None,
        retry_in_seconds: None,
        last_error,
    }
}

fn session_view(peer: String, session: &PeerStatus, advertised: Option<usize>) -> PeerView {
    let since = SystemTime::now()
        .duration_since(session.since)
        .unwrap_or_default();
    PeerView {
        peer,
        asn: session.asn.0,
        state: session.state.to_string(),
        since_seconds: Some(since.as_secs()),
        advertised,
        received: Some(session.routes.iter().map(|f| f.received).sum()),
        flaps: Some(session.flaps),
        // A second that has begun counts.
        retry_in_seconds: session
            .retry_in
            .map(|left| left.as_millis().div_ceil(1000) as u64),
        last_error: session.last_error().map(str::to_owned),
    }
}
