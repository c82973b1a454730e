//! `explain`.

use std::process::ExitCode;

use anyhow::Result;

use super::{pretty, read, say_no};
use crate::cli::{ExplainArgs, PlanOutput};
use crate::client::{self, Answer};
use crate::style::{BAD, GOOD, NOTICE, Paint as _, columns, print};
use crate::table::paragraph;
use crate::view::{ExplanationView, FindingView};

/// Carries out `explain`. The exit code is 0 only where something is advertised.
pub(crate) async fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let path = format!("/explain?subject={}", client::query_value(&args.subject));
    let body = match client::get(&args.ask.api_socket, &path).await? {
        Answer::Found(body) => body,
        Answer::NotFound(why) => return Ok(say_no(&why)),
    };
    let explanation: ExplanationView = read(&body)?;
    let text = match args.ask.output {
        PlanOutput::Json => pretty(&body)?,
        PlanOutput::Table => text(&explanation),
    };
    print(&text)?;
    Ok(if explanation.advertised {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn text(explanation: &ExplanationView) -> String {
    let mut out = String::new();
    let limit = columns();
    for finding in &explanation.findings {
        let name = name(finding, &explanation.subject);
        let text = format!("{name} {}", verdict(finding));
        out += &paragraph(&text, 0, limit);
        for peer in &finding.peers {
            let colour = match peer.delivery.as_str() {
                "sent" => GOOD,
                _ => NOTICE,
            };
            let delivery = peer.delivery.paint(colour);
            out += &paragraph(&format!("to {}: {delivery}", peer.peer), 4, limit);
        }
    }
    if let Some(policy) = &explanation.policy {
        out += &format!("effective policy: {policy}\n");
    }
    for remark in &explanation.remarks {
        out += &paragraph(remark, 0, limit);
    }
    out
}

/// What a finding is about.
fn name(finding: &FindingView, subject: &str) -> String {
    match (&finding.route, &finding.owner) {
        (Some(route), Some(owner)) => format!("{route} ({owner})"),
        (Some(route), None) => route.clone(),
        (None, Some(owner)) => format!("({owner})"),
        (None, None) => subject.to_owned(),
    }
}

fn verdict(finding: &FindingView) -> String {
    match (&finding.reason, finding.advertised) {
        (None, true) => "is advertised".paint(GOOD),
        (None, false) => "is not advertised".paint(BAD),
        (Some(reason), _) => format!("{}: {reason}", "is not advertised".paint(BAD)),
    }
}
