//! Why something is advertised, to whom, or the first rule that stops it.

use std::net::IpAddr;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Engine, Explanation, Finding, Report, Severity, Subject, Verdict};
use bgp_speaker::{Delivery, Speaker, State, Status};
use ipnet::IpNet;

use super::Known;
use crate::view::{ExplanationView, FindingView, PeerDelivery};

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
pub(super) fn delivery(
    peer: IpAddr,
    prefix: Option<&IpNet>,
    speaker: Option<&Speaker>,
    status: Option<&Status>,
) -> String {
    let Some(session) = status.and_then(|status| status.peer(peer)) else {
        return "no session".to_owned();
    };
    if session.state != State::Established {
        return match session.last_error() {
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
