//! Answers to queries: joins what the engine wants with what the speaker has done.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{
    Engine, Explanation, Finding, PeerState, Report, Severity, SourceState, Subject, Verdict,
};
use bgp_speaker::{Delivery, PeerStatus, Speaker, State, Status};
use ipnet::IpNet;

use crate::process::Process;
use crate::source::Source;
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

/// All that there is to answer from.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) process: &'a Process,
    pub(crate) source: &'a Source,
}

/// One thing that a ready agent needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) name: String,
    pub(crate) holds: bool,
    /// Why it does not hold.
    pub(crate) why: String,
}

/// What readiness depends on: all must hold. A kind that was listed once and cannot be followed at
/// present costs no route, but whoever rolls out a change should wait for it.
pub(crate) fn conditions(known: &Known<'_>) -> Vec<Condition> {
    let unsettled = known.engine.unsettled();
    let mut conditions: Vec<_> = known
        .engine
        .needed()
        .iter()
        .map(|kind| {
            let state = known.engine.source(kind);
            let fails = matches!(state, SourceState::Denied | SourceState::Failing);
            Condition {
                name: format!("synced/{kind}"),
                holds: !unsettled.contains(kind) && !fails,
                why: known
                    .source
                    .detail(kind)
                    .unwrap_or_else(|| state.to_string()),
            }
        })
        .collect();
    conditions.extend(known.source.condition());
    let listeners = known.process.status().map(|status| status.listeners);
    conditions.extend(
        listeners
            .unwrap_or_default()
            .into_iter()
            .map(|l| Condition {
                name: format!("listening/{}", l.address),
                holds: l.local.is_some(),
                why: l.error.unwrap_or_else(|| "not yet".to_owned()),
            }),
    );
    conditions
}

/// The policy in effect.
pub(crate) fn policy(known: &Known<'_>) -> Option<PolicyView> {
    let (engine, process) = (known.engine, known.process);
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
        remarks: problems(known),
    })
}

/// What is wrong at present with what this node reads, a line each.
pub(crate) fn problems(known: &Known<'_>) -> Vec<String> {
    let in_source = known.source.problems();
    let in_objects = known.engine.problems().map(ToString::to_string);
    in_source.into_iter().chain(in_objects).collect()
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
pub(crate) fn peers(known: &Known<'_>, filter: &Filter) -> Option<Vec<PeerView>> {
    let (engine, process) = (known.engine, known.process);
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
            (PeerState::Configured, Some(session)) => {
                let advertised = filter.wide.then(|| held(engine, process, session));
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
    });
    Some(views.collect())
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

/// How many of the routes a peer has been sent.
fn held(engine: &Engine, process: &Process, session: &PeerStatus) -> usize {
    if session.state != State::Established {
        return 0;
    }
    let is_sent = |speaker: &Speaker, prefix: &IpNet| {
        speaker.delivery(session.address, prefix) == Delivery::Sent
    };
    let count = |speaker| {
        engine
            .routes()
            .filter(|route| is_sent(speaker, &route.prefix))
            .count()
    };
    process.speaker().map(count).unwrap_or_default()
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
        last_error: session
            .problem
            .clone()
            .or_else(|| session.last_down.clone()),
    }
}

/// The advertised routes: IPv4 first, then by type, prefix length and address.
pub(crate) fn routes(known: &Known<'_>, filter: &Filter) -> Option<Vec<RouteView>> {
    let (engine, process) = (known.engine, known.process);
    engine.policy()?;
    let established = process
        .status()
        .map(|status| established(&status))
        .unwrap_or_default();
    let routes = engine
        .routes()
        .filter(|route| filter.family.admits(route.prefix.addr()));
    // Of several owners the one of the type that is asked for stands for the route.
    let wanted = routes.filter_map(|route| {
        let owner = match &filter.route_type {
            None => Some(route.owner()),
            Some(name) => route.owners.iter().find(|o| o.route_type.name() == name),
        };
        Some((owner?, route))
    });
    let views = wanted.map(|(owner, route)| RouteView {
        route: route.prefix.to_string(),
        route_type: owner.route_type.name().to_owned(),
        k8s_obj_ref: owner.object.to_string(),
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
pub(crate) fn explain(known: &Known<'_>, subject: &Subject) -> ExplanationView {
    let (engine, process) = (known.engine, known.process);
    let explanation = engine.explain(subject);
    let Explanation {
        policy, findings, ..
    } = explanation;
    let status = process.status();
    let findings: Vec<_> = findings
        .iter()
        .map(|f| finding(f, process.speaker(), status.as_ref()))
        .collect();
    ExplanationView {
        subject: subject.to_string(),
        policy,
        remarks: about_policies(engine),
        advertised: findings.iter().any(|f| f.advertised),
        findings,
    }
}

/// What is wrong with policies may be why something is advertised, or is not.
fn about_policies(engine: &Engine) -> Vec<String> {
    let matters = |report: &&Report| {
        report.object.kind == Kind::BgpPolicy && report.severity >= Severity::Warning
    };
    engine
        .problems()
        .filter(matters)
        .map(ToString::to_string)
        .collect()
}

fn finding(finding: &Finding, speaker: Option<&Speaker>, status: Option<&Status>) -> FindingView {
    let (peers, reason) = match &finding.verdict {
        Verdict::Advertised { peers } if peers.is_empty() => (
            Vec::new(),
            Some("no peer of its family is configured".to_owned()),
        ),
        Verdict::Advertised { peers } => {
            let to = |peer: &IpAddr| PeerDelivery {
                peer: peer.to_string(),
                delivery: delivery(*peer, finding.prefix.as_ref(), speaker, status),
            };
            (peers.iter().map(to).collect(), None)
        }
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

/// How far a route has come at a peer, or why it cannot.
fn delivery(
    peer: IpAddr,
    prefix: Option<&IpNet>,
    speaker: Option<&Speaker>,
    status: Option<&Status>,
) -> String {
    let Some(session) = status.and_then(|status| status.peer(peer)) else {
        return "no session".to_owned();
    };
    if session.state != State::Established {
        let why = session.problem.as_ref().or(session.last_down.as_ref());
        return match why {
            Some(why) => format!("no session ({}: {why})", session.state),
            None => format!("no session ({})", session.state),
        };
    }
    match speaker
        .zip(prefix)
        .map(|(speaker, prefix)| speaker.delivery(peer, prefix))
    {
        Some(Delivery::Sent) => "sent",
        Some(Delivery::Pending) => "pending",
        _ => "not sent",
    }
    .to_owned()
}
