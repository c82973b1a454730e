//! Why something is advertised, to whom, or the first rule that stops it.

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{
    Engine, Explanation, Finding, PeerView, Report, Severity, Subject, Verdict,
};
use bgp_speaker::Status;

use super::Known;
use super::delivery::AtPeer;
use crate::view::{ExplanationView, FindingView, PeerDelivery};

/// Why something is advertised, to whom, and how far that has come.
pub(crate) fn explain(known: &Known<'_>, subject: &Subject) -> ExplanationView {
    let engine = known.engine;
    let explanation = engine.explain(subject);
    let advertised = explanation.is_advertised();
    let Explanation {
        policy, findings, ..
    } = explanation;
    let status = known.process.status();
    let findings: Vec<_> = findings
        .iter()
        .map(|f| finding(f, known, status.as_ref()))
        .collect();
    ExplanationView {
        subject: subject.to_string(),
        policy,
        remarks: about_policies(engine),
        advertised,
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

fn finding(finding: &Finding, known: &Known<'_>, status: Option<&Status>) -> FindingView {
    let (peers, reason) = match &finding.verdict {
        Verdict::Advertised { peers } => {
            let views = (known.engine.peers()).filter(|view| peers.contains(&view.peer.address));
            let to = |view: PeerView<'_>| PeerDelivery {
                peer: view.peer.address.to_string(),
                delivery: AtPeer::of(known, &view, status).delivery(finding.prefix.as_ref()),
            };
            (views.map(to).collect(), None)
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
