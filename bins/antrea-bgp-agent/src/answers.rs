//! Answers to queries: joins what the engine wants with what the speaker has done.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use antrea_bgp_policy::{Engine, Explanation, Finding, PeerState, Subject, Verdict};
use bgp_speaker::{Delivery, PeerStatus, Speaker, State, Status};
use ipnet::IpNet;

use crate::process::Process;
use crate::view::{
    ExplanationView, FindingView, PeerDelivery, PeerView, PolicyView, RouteView, Sent,
};

/// Which elements of a list are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) family: FamilyFilter,
    /// One of antctl's route types.
    pub(crate) route_type: Option<String>,
    /// Whether to look up what takes longer: to whom each route was sent.
    pub(crate) wide: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FamilyFilter {
    #[default]
    Both,
    Ipv4,
    Ipv6,
}

impl FamilyFilter {
    fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// The policy in effect.
pub(crate) fn policy(engine: &Engine, process: &Process) -> Option<PolicyView> {
    let policy = engine.policy()?;
    let confederation = policy.process.confederation.as_ref();
    let status = process.status();
    Some(PolicyView {
        name: policy.name.to_owned(),
        router_id: policy.process.router_id,
        local_asn: policy.process.local_asn,
        listen_port: policy.process.listen_port,
        confederation_identifier: confederation.map(|c| c.identifier),
        member_asns: confederation
            .map(|c| c.member_asns.iter().copied().collect())
            .unwrap_or_default(),
        listeners: status.as_ref().map(listeners).unwrap_or_default(),
        remarks: problems(engine),
    })
}

/// What is wrong at present, a line each.
pub(crate) fn problems(engine: &Engine) -> Vec<String> {
    engine.problems().map(ToString::to_string).collect()
}

fn listeners(status: &Status) -> Vec<String> {
    let show = |l: &bgp_speaker::ListenerStatus| match (&l.local, &l.error) {
        (Some(local), _) => local.to_string(),
        (None, Some(error)) => format!("{} ({error})", l.address),
        (None, None) => format!("{} (not yet)", l.address),
    };
    status.listeners.iter().map(show).collect()
}

/// The peers of the policy in effect, IPv4 first, by address and port.
pub(crate) fn peers(engine: &Engine, process: &Process, filter: &Filter) -> Option<Vec<PeerView>> {
    engine.policy()?;
    let status = process.status();
    let peers = engine
        .peers()
        .filter(|peer| filter.family.admits(peer.peer.address));
    let views = peers.map(|peer| {
        let spec = peer.peer;
        let name = SocketAddr::new(spec.address, spec.port).to_string();
        let session = status.as_ref().and_then(|status| status.peer(spec.address));
        match (peer.state, session) {
            (PeerState::Configured, Some(session)) => session_view(name, session),
            (PeerState::Configured, None) => without_session(
                (name, spec.asn, "Idle"),
                process.refused(&spec.address).map(str::to_owned),
            ),
            (PeerState::Skipped(_), _) => {
                without_session((name, spec.asn, "Skipped"), Some(peer.state.to_string()))
            }
            (other, _) => without_session((name, spec.asn, "Idle"), Some(other.to_string())),
        }
    });
    Some(views.collect())
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
        last_error,
    }
}

fn session_view(peer: String, session: &PeerStatus) -> PeerView {
    let since = SystemTime::now()
        .duration_since(session.since)
        .unwrap_or_default();
    PeerView {
        peer,
        asn: session.asn.0,
        state: session.state.to_string(),
        since_seconds: Some(since.as_secs()),
        advertised: Some(session.routes.iter().map(|f| f.advertised).sum()),
        received: Some(session.routes.iter().map(|f| f.received).sum()),
        flaps: Some(session.flaps),
        last_error: session
            .problem
            .clone()
            .or_else(|| session.last_down.clone()),
    }
}

/// The advertised routes: IPv4 first, then by type, prefix length and address.
pub(crate) fn routes(
    engine: &Engine,
    process: &Process,
    filter: &Filter,
) -> Option<Vec<RouteView>> {
    engine.policy()?;
    let established = process
        .status()
        .map(|status| established(&status))
        .unwrap_or_default();
    let wanted = engine.routes().filter(|route| {
        let is_type = |t: &String| route.owner().route_type.name() == t;
        filter.family.admits(route.prefix.addr()) && filter.route_type.as_ref().is_none_or(is_type)
    });
    let views = wanted.map(|route| RouteView {
        route: route.prefix.to_string(),
        route_type: route.owner().route_type.name().to_owned(),
        k8s_obj_ref: route.owner().object.to_string(),
        owners: match route.owners {
            [_] => Vec::new(),
            several => several
                .iter()
                .map(|o| format!("{} {}", o.route_type, o.object))
                .collect(),
        },
        sent: filter
            .wide
            .then(|| sent(process.speaker(), &established, &route.prefix)),
    });
    Some(views.collect())
}

fn established(status: &Status) -> Vec<IpAddr> {
    let up = status
        .peers
        .iter()
        .filter(|peer| peer.state == State::Established);
    up.map(|peer| peer.address).collect()
}

fn sent(speaker: Option<&Speaker>, established: &[IpAddr], prefix: &IpNet) -> Sent {
    let mut of_family = established
        .iter()
        .filter(|peer| peer.is_ipv4() == prefix.addr().is_ipv4())
        .peekable();
    let of = of_family.clone().count();
    let delivered = |speaker: &Speaker| {
        of_family
            .by_ref()
            .filter(|peer| speaker.delivery(**peer, prefix) == Delivery::Sent)
            .count()
    };
    Sent {
        to: speaker.map(delivered).unwrap_or_default(),
        of,
    }
}

/// Why something is advertised, to whom, and how far that has come.
pub(crate) fn explain(engine: &Engine, process: &Process, subject: &Subject) -> ExplanationView {
    let explanation = engine.explain(subject);
    let advertised = explanation.is_advertised();
    let Explanation {
        policy, findings, ..
    } = explanation;
    let status = process.status();
    let up = status.as_ref().map(established).unwrap_or_default();
    ExplanationView {
        subject: subject.to_string(),
        policy,
        advertised,
        findings: findings
            .iter()
            .map(|f| finding(f, process.speaker(), &up))
            .collect(),
    }
}

fn finding(finding: &Finding, speaker: Option<&Speaker>, established: &[IpAddr]) -> FindingView {
    let delivery = |peer: &IpAddr| {
        let words = match (speaker, finding.prefix) {
            (Some(speaker), Some(prefix)) if established.contains(peer) => {
                match speaker.delivery(*peer, &prefix) {
                    Delivery::Sent => "sent",
                    Delivery::Pending => "pending",
                    _ => "not sent",
                }
            }
            _ => "no session",
        };
        PeerDelivery {
            peer: peer.to_string(),
            delivery: words.to_owned(),
        }
    };
    let (peers, reason) = match &finding.verdict {
        Verdict::Advertised { peers } => (peers.iter().map(delivery).collect(), None),
        Verdict::Stopped(obstacle) => (Vec::new(), Some(obstacle.to_string())),
        other => (Vec::new(), Some(other.to_string())),
    };
    FindingView {
        route: finding.prefix.map(|prefix| prefix.to_string()),
        owner: finding.owner.as_ref().map(ToString::to_string),
        advertised: reason.is_none(),
        peers,
        reason,
    }
}
