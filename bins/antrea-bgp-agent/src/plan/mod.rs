//! `plan`: what each node would advertise, from the files alone; `plan --diff`: what that would
//! change about the agent that runs.

mod diff;
mod intent;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use antrea_bgp_manifests::{Folder, Problem, Severity, locate};
use antrea_bgp_policy::{Engine, PeerState, ReasonCode, Report};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::ask;
use crate::cli::{PlanArgs, PlanOutput};
use crate::client::{self, Answer};
use crate::get::{object_ref, read};
use crate::snapshot::Snapshot;
use crate::style::{columns, print};
use crate::table::render;

use diff::Diff;
pub(crate) use intent::Intent;
use intent::PlannedRoute;

/// Prints the plan, and on standard error what is wrong with the files and policies.
pub(crate) fn plan(args: &PlanArgs) -> Result<ExitCode> {
    let mut folder = Folder::open(&args.manifests)?;
    let snapshot = Snapshot::new(folder.rescan().changes);
    for finding in folder
        .diagnostics()
        .filter(|finding| finding.severity >= Severity::Warning)
    {
        eprintln!("{finding}");
    }
    if args.diff {
        let unread = (folder.diagnostics()).any(|finding| {
            let unread = matches!(
                finding.problem,
                Problem::Unreadable | Problem::Syntax | Problem::Undecodable
            );
            unread && finding.severity == Severity::Error
        });
        return ask(diff(snapshot, unread, args));
    }
    let nodes = nodes(&snapshot, args)?;
    let mut told = BTreeSet::new();
    // One engine at a time: a folder may hold many Nodes.
    let engines = nodes.iter().map(|node| {
        let engine = snapshot.engine(node);
        tell(&engine, folder.path(), &mut told);
        engine
    });
    let out = match args.output {
        PlanOutput::Json => {
            let plans: BTreeMap<_, _> = engines
                .map(|engine| (engine.node().to_owned(), NodePlan::of(&engine)))
                .collect();
            serde_json::to_string_pretty(&plans).context("the plan as JSON")? + "\n"
        }
        PlanOutput::Table => engines
            .map(|engine| text(&engine))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what the running agent would change; the exit code is 1 if there is anything.
async fn diff(snapshot: Snapshot, unread: bool, args: &PlanArgs) -> Result<ExitCode> {
    let now: Intent = match client::get(&args.api_socket, "/plan").await? {
        Answer::Found(body) => read(&body)?,
        Answer::NotFound(why) => bail!("the agent is of an older version: {why}"),
    };
    if let Some(named) = args.node.as_ref().filter(|named| **named != now.node) {
        bail!("the agent runs for Node {:?}, not for {named:?}", now.node);
    }
    let folder = args.manifests.display();
    if !snapshot.node_names().contains(&now.node) {
        eprintln!(
            "warning: {folder} has no Node {:?}, for which the agent runs",
            now.node
        );
    }
    let mut engine = Engine::new(&*now.node);
    if let Some(process) = &now.process {
        // In a cluster the annotation is the agent's, and no manifest has it; in a folder it is gone where it was.
        let was_there = now.router_id_annotation.is_some();
        let planned = snapshot.node(&now.node);
        let planned = planned.and_then(|node| node.metadata.annotations.bgp_router_id.as_ref());
        let is_removed = was_there && planned.is_none();
        engine.resume_router_id(process.settings.router_id, is_removed);
    }
    let engine = snapshot.seen_by(engine);
    tell(&engine, &args.manifests, &mut BTreeSet::new());
    let then = Intent::of(&engine);
    let diff = Diff::new(&now, &then);
    if let Some(note) = kept(&now, &engine, unread).filter(|_| !diff.is_empty()) {
        eprintln!("note: {note}");
    }
    if Diff::leaves_out_passwords(&now, &then) {
        eprintln!(
            "note: passwords are not compared, since the agent tells nobody what they are; where one differs, the session \
             of its peer restarts"
        );
    }
    let out = match args.output {
        PlanOutput::Json => serde_json::to_string_pretty(&diff).context("as JSON")? + "\n",
        PlanOutput::Table => diff.text(),
    };
    print(&out)?;
    Ok(if diff.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// What a running agent keeps in its last good form, where a fresh start would do without.
fn kept(now: &Intent, engine: &Engine, unread: bool) -> Option<String> {
    let running = now.process.as_ref().map(|process| process.policy.as_str());
    let mut invalid = engine.invalid_policies();
    match invalid.find(|name| Some(*name) == running) {
        Some(policy) => Some(format!(
            "BGPPolicy {policy} is invalid here. The agent keeps the form that is in effect until it starts again, so what \
             differs for it, its peers and its routes comes only then"
        )),
        None => unread.then(|| {
            "what cannot be read counts as absent here; an agent that knows a good form of it keeps that until it starts \
             again, so some of these differences may come only then"
                .to_owned()
        }),
    }
}

fn nodes(snapshot: &Snapshot, args: &PlanArgs) -> Result<Vec<String>> {
    let (folder, known) = (args.manifests.display(), snapshot.node_names());
    match &args.node {
        Some(node) if known.contains(node) => Ok(vec![node.clone()]),
        Some(node) if known.is_empty() => bail!("{folder} has no Node {node:?}, nor any other"),
        Some(node) => {
            let known = known
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            bail!("{folder} has no Node {node:?}; it has {known}")
        }
        None if known.is_empty() => {
            bail!("{folder} has no Node, so there is nobody to plan for; add a manifest of one")
        }
        None => Ok(known.into_iter().collect()),
    }
}

/// Says what is wrong, each thing once: most of it is the same on every Node. The folder has said what cannot be decoded.
fn tell(engine: &Engine, folder: &Path, told: &mut BTreeSet<String>) {
    let is_new = |report: &&Report| {
        report.severity >= antrea_bgp_policy::Severity::Warning
            && report.code != ReasonCode::Undecodable
            && told.insert(report.to_string())
    };
    let reports: Vec<_> = engine.problems().filter(is_new).collect();
    let wanted: Vec<_> = (reports.iter())
        .map(|report| (&report.object, report.field.as_deref()))
        .collect();
    if wanted.is_empty() {
        return;
    }
    for (report, place) in reports.iter().zip(locate(folder, &wanted)) {
        match place {
            Some((file, position)) => eprintln!("{}:{position}: {report}", file.display()),
            None => eprintln!("{report}"),
        }
    }
}

/// What one node would do, in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodePlan {
    policy: Option<String>,
    /// None where there is no policy: a router ID is chosen for a BGP process only.
    #[serde(rename = "routerID")]
    router_id: Option<Ipv4Addr>,
    routes: Vec<PlannedRoute>,
}

impl NodePlan {
    fn of(engine: &Engine) -> Self {
        let Intent {
            process, routes, ..
        } = Intent::of(engine);
        let (policy, router_id) = process.map(|it| (it.policy, it.settings.router_id)).unzip();
        Self {
            policy,
            router_id,
            routes,
        }
    }
}

/// What one node would do, for people.
fn text(engine: &Engine) -> String {
    let node = engine.node();
    let Some(policy) = engine.policy() else {
        return format!("Node {node}: no BGPPolicy is in effect, nothing is advertised\n");
    };
    let routes = Intent::of(engine).routes;
    let mut out = format!(
        "Node {node}: BGPPolicy {}, router ID {}, AS {}, {} {}\n",
        policy.name,
        policy.process.router_id,
        policy.process.local_asn,
        routes.len(),
        if routes.len() == 1 { "route" } else { "routes" },
    );
    for peer in engine.peers() {
        let address = SocketAddr::new(peer.peer.address, peer.peer.port);
        let _ = write!(out, "peer {address} AS {}", peer.peer.asn);
        match peer.state {
            PeerState::Configured => out.push('\n'),
            other => {
                let _ = writeln!(out, " ({other})");
            }
        }
    }
    if !routes.is_empty() {
        let row = |r: PlannedRoute| {
            let object = object_ref(&r.k8s_obj_ref);
            vec![r.route.into(), r.route_type.into(), object.into()]
        };
        let rows: Vec<_> = routes.into_iter().map(row).collect();
        out += &render(&["ROUTE", "TYPE", "K8S-OBJ-REF"], &rows, columns());
    }
    out
}
