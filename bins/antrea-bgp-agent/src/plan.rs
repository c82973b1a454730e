//! `plan`: what each node would advertise, from the files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use antrea_bgp_manifests::{Folder, Severity};
use antrea_bgp_policy::{Engine, PeerState, Report, RouteView};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::cli::{PlanArgs, PlanOutput};
use crate::get::{object_ref, print};
use crate::snapshot::Snapshot;
use crate::table::render;

/// Prints the plan, and on standard error what is wrong with the files and policies.
pub(crate) fn plan(args: &PlanArgs) -> Result<ExitCode> {
    let mut folder = Folder::open(&args.manifests)?;
    let snapshot = Snapshot::new(folder.rescan().changes);
    let nodes = nodes(&snapshot, args)?;
    for finding in folder
        .diagnostics()
        .filter(|finding| finding.severity >= Severity::Warning)
    {
        eprintln!("{finding}");
    }
    let mut told = BTreeSet::new();
    // One engine at a time: a folder may hold many Nodes.
    let engines = nodes.iter().map(|node| {
        let engine = snapshot.engine(node);
        tell(&engine, &mut told);
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

/// Says what is wrong, each thing once: most of it is the same on every Node.
fn tell(engine: &Engine, told: &mut BTreeSet<String>) {
    let is_worth_telling =
        |report: &&Report| report.severity >= antrea_bgp_policy::Severity::Warning;
    for report in engine.problems().filter(is_worth_telling) {
        let line = report.to_string();
        if !told.contains(&line) {
            eprintln!("{line}");
            told.insert(line);
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
    router_id: Option<String>,
    routes: Vec<PlannedRoute>,
}

/// A route as the plan's contract has it: every member is always there, and `k8sObjRef` is empty
/// for a Pod CIDR.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedRoute {
    route: String,
    #[serde(rename = "type")]
    route_type: &'static str,
    k8s_obj_ref: String,
}

impl NodePlan {
    fn of(engine: &Engine) -> Self {
        let policy = engine.policy();
        Self {
            policy: policy.map(|policy| policy.name.to_owned()),
            router_id: policy.map(|policy| policy.process.router_id.to_string()),
            routes: routes(engine),
        }
    }
}

fn routes(engine: &Engine) -> Vec<PlannedRoute> {
    let planned = |route: RouteView<'_>| PlannedRoute {
        route: route.prefix.to_string(),
        route_type: route.owner().route_type.name(),
        k8s_obj_ref: route.owner().object.to_string(),
    };
    engine.routes().map(planned).collect()
}

/// What one node would do, for people.
fn text(engine: &Engine) -> String {
    let node = engine.node();
    let Some(policy) = engine.policy() else {
        return format!("Node {node}: no BGPPolicy is in effect, nothing is advertised\n");
    };
    let routes = routes(engine);
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
        let rows: Vec<_> = routes
            .into_iter()
            .map(|r| vec![r.route, r.route_type.to_owned(), object_ref(&r.k8s_obj_ref)])
            .collect();
        out.push_str(&render(&["ROUTE", "TYPE", "K8S-OBJ-REF"], &rows));
    }
    out
}
