//! `get` and `explain`: ask the agent, print what it says.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;

use crate::cli::{AskArgs, ExplainArgs, FamilyArgs, GetCommand, Output, PlanOutput};
use crate::client::{self, Answer};
use crate::table::{age, render};
use crate::view::{ExplanationView, PeerView, PolicyView, RouteView};

/// Carries out a `get` command.
pub(crate) async fn get(command: &GetCommand) -> Result<ExitCode> {
    match command {
        GetCommand::Policy(ask) => {
            let table = |wide| move |policy: PolicyView| policy_table(&policy, wide);
            let code = show(&ask.api_socket, "/bgppolicy", ask.output, table).await?;
            if code != ExitCode::SUCCESS {
                say_problems(&ask.api_socket).await?;
            }
            Ok(code)
        }
        GetCommand::Peers(args) => {
            let query = family_query(&args.family);
            let path = with_query("/bgppeers", query.into_iter().chain(wide_query(&args.ask)));
            let table = |wide| move |peers: Vec<PeerView>| peers_table(&peers, wide);
            show(&args.ask.api_socket, &path, args.ask.output, table).await
        }
        GetCommand::Routes(args) => {
            let wanted = args
                .route_type
                .iter()
                .map(|t| format!("type={}", client::query_value(t)));
            let query = family_query(&args.family)
                .into_iter()
                .chain(wanted)
                .chain(wide_query(&args.ask));
            let path = with_query("/bgproutes", query);
            let table = |wide| move |routes: Vec<RouteView>| routes_table(&routes, wide);
            show(&args.ask.api_socket, &path, args.ask.output, table).await
        }
    }
}

/// Carries out `explain`. The exit code is 0 only where something is advertised.
pub(crate) async fn explain(args: &ExplainArgs) -> Result<ExitCode> {
    let path = format!("/explain?subject={}", client::query_value(&args.subject));
    let body = match client::get(&args.ask.api_socket, &path).await? {
        Answer::Found(body) => body,
        Answer::NotFound(why) => return Ok(say_no(&why)),
    };
    let explanation: ExplanationView = read(&body)?;
    match args.ask.output {
        PlanOutput::Json => print(&pretty(&body)?)?,
        PlanOutput::Table => print(&explanation_text(&explanation))?,
    }
    Ok(if explanation.advertised {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Asks, and prints the answer as JSON or through `table(wide)`.
async fn show<T, F>(
    socket: &Path,
    path: &str,
    output: Output,
    table: impl FnOnce(bool) -> F,
) -> Result<ExitCode>
where
    T: DeserializeOwned,
    F: FnOnce(T) -> String,
{
    match client::get(socket, path).await? {
        Answer::NotFound(why) => Ok(say_no(&why)),
        Answer::Found(body) => {
            match output {
                Output::Json => print(&pretty(&body)?)?,
                Output::Yaml => print(&yaml(&body)?)?,
                Output::Table => print(&table(false)(read(&body)?))?,
                Output::Wide => print(&table(true)(read(&body)?))?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Where no policy is in effect, what is wrong with those that there are is the next question.
async fn say_problems(socket: &Path) -> Result<()> {
    if let Answer::Found(body) = client::get(socket, "/problems").await? {
        for problem in read::<Vec<String>>(&body)? {
            eprintln!("{problem}");
        }
    }
    Ok(())
}

fn say_no(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(1)
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    serde_json::from_slice(body)
        .context("the agent's answer is not understood: is it of another version?")
}

fn pretty(body: &Bytes) -> Result<String> {
    let value: serde_json::Value = read(body)?;
    Ok(format!("{value:#}\n"))
}

fn yaml(body: &Bytes) -> Result<String> {
    let value: serde_json::Value = read(body)?;
    serde_saphyr::to_string(&value).context("the answer as YAML")
}

/// A reader that has seen enough (`| head`) closes the pipe; that is not our failure.
pub(crate) fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}

fn family_query(family: &FamilyArgs) -> Vec<String> {
    let flags = [
        (family.ipv4_only, "ipv4-only"),
        (family.ipv6_only, "ipv6-only"),
    ];
    flags
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

/// What takes longer to look up is asked for only where it is shown.
fn wide_query(ask: &AskArgs) -> Option<String> {
    (ask.output == Output::Wide).then(|| "wide".to_owned())
}

fn with_query(path: &str, parts: impl IntoIterator<Item = String>) -> String {
    let query = parts.into_iter().collect::<Vec<_>>().join("&");
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

fn policy_table(policy: &PolicyView, wide: bool) -> String {
    let mut header = vec![
        "NAME",
        "ROUTER-ID",
        "LOCAL-ASN",
        "LISTEN-PORT",
        "CONFEDERATION-IDENTIFIER",
        "MEMBER-ASNs",
    ];
    let members: Vec<String> = policy.member_asns.iter().map(u32::to_string).collect();
    let mut row = vec![
        policy.name.clone(),
        policy.router_id.to_string(),
        policy.local_asn.to_string(),
        policy.listen_port.to_string(),
        policy
            .confederation_identifier
            .map(|id| id.to_string())
            .unwrap_or_default(),
        members.join(","),
    ];
    if wide {
        header.push("LISTENERS");
        row.push(policy.listeners.join(","));
    }
    let mut out = render(&header, &[row]);
    if wide {
        for remark in &policy.remarks {
            out.push_str(remark);
            out.push('\n');
        }
    }
    out
}

fn peers_table(peers: &[PeerView], wide: bool) -> String {
    let mut header = vec!["PEER", "ASN", "STATE"];
    if wide {
        header.extend(["SINCE", "ADVERTISED", "RECEIVED", "FLAPS", "RETRY-IN"]);
        header.push("LAST-ERROR");
    }
    let rows: Vec<Vec<String>> = peers
        .iter()
        .map(|p| {
            let mut row = vec![p.peer.clone(), p.asn.to_string(), p.state.clone()];
            if wide {
                row.push(p.since_seconds.map(age).unwrap_or_default());
                row.extend([shown(p.advertised), shown(p.received), shown(p.flaps)]);
                row.push(p.retry_in_seconds.map(age).unwrap_or_default());
                row.push(p.last_error.clone().unwrap_or_default());
            }
            row
        })
        .collect();
    render(&header, &rows)
}

fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn routes_table(routes: &[RouteView], wide: bool) -> String {
    let mut header = vec!["ROUTE", "TYPE", "K8S-OBJ-REF"];
    if wide {
        header.extend(["SENT", "OWNERS"]);
    }
    let rows: Vec<Vec<String>> = routes
        .iter()
        .map(|r| {
            let mut row = vec![
                r.route.clone(),
                r.route_type.clone(),
                object_ref(&r.k8s_obj_ref),
            ];
            if wide {
                row.push(
                    r.sent
                        .map(|s| format!("{}/{}", s.to, s.of))
                        .unwrap_or_default(),
                );
                row.push(r.owners.join(", "));
            }
            row
        })
        .collect();
    render(&header, &rows)
}

/// antctl's word for a route without an object.
pub(crate) fn object_ref(object: &str) -> String {
    if object.is_empty() {
        "<NONE>".to_owned()
    } else {
        object.to_owned()
    }
}

fn explanation_text(explanation: &ExplanationView) -> String {
    let mut out = String::new();
    for finding in &explanation.findings {
        if let Some(route) = &finding.route {
            out.push_str(route);
            out.push(' ');
        }
        if let Some(owner) = &finding.owner {
            out.push_str(&format!("({owner}) "));
        }
        if finding.route.is_none() && finding.owner.is_none() {
            out.push_str(&format!("{} ", explanation.subject));
        }
        match (&finding.reason, finding.advertised) {
            (Some(reason), _) => out.push_str(&format!("is not advertised: {reason}\n")),
            (None, true) => out.push_str("is advertised\n"),
            (None, false) => out.push_str("is not advertised\n"),
        }
        for peer in &finding.peers {
            out.push_str(&format!("    to {}: {}\n", peer.peer, peer.delivery));
        }
    }
    if let Some(policy) = &explanation.policy {
        out.push_str(&format!("effective policy: {policy}\n"));
    }
    for remark in &explanation.remarks {
        out.push_str(remark);
        out.push('\n');
    }
    out
}
