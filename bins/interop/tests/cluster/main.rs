//! A cluster of two nodes and what happens to it, up to the tables of an FRR and a BIRD router.
//!
//! The API server has a namespace of its own. It runs in the test; and where `KUBEBUILDER_ASSETS` has a real kube-apiserver, all
//! of it is lived through on that as well, with agents that have no more than the permissions under `deploy/`. After each step both
//! routers have to have exactly what follows from it.

#[path = "../../../../crates/antrea-bgp-kube/tests/support/administrator.rs"]
mod administrator;
#[path = "../../../antrea-bgp-agent/tests/common/deploy.rs"]
mod deploy;
mod fabric;
mod objects;
#[path = "../../../../crates/antrea-bgp-kube/tests/support/real.rs"]
mod real;
#[path = "../../../antrea-bgp-agent/tests/common/repository.rs"]
mod repository;
mod server;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use interop::{RouterKind, available, eventually};
use serde_json::{Value, json};

use fabric::{BIRD, FRR, Fabric, NODE_A, NODE_B, NODES, StartServer, Table, table};
use objects::{FIRST_PASSWORD, SECOND_PASSWORD, egress, slice};

/// A watch that was away for a minute may pause for half a minute more.
const BOUND: Duration = Duration::from_secs(90);

/// How long the API server is away: several hold times of the sessions (9 s).
const OUTAGE: Duration = Duration::from_secs(60);

const CLUSTER_IP: &str = "10.96.0.10/32";
const LOAD_BALANCER_IP: &str = "203.0.113.10/32";
const EGRESS_IP: &str = "192.0.2.77/32";
const PODS_A: &str = "10.244.1.0/24";
const PODS_B: &str = "10.244.2.0/24";

const BOTH: [Ipv4Addr; 2] = [NODE_A, NODE_B];
const A: [Ipv4Addr; 1] = [NODE_A];
const B: [Ipv4Addr; 1] = [NODE_B];

/// Prefixes, and the nodes that they are reached by.
type Expected<'a> = &'a [(&'a str, &'a [Ipv4Addr])];

/// Something happens, and everything follows.
type Step = (&'static str, fn(&mut Fabric) -> Result<()>);

const EVERYTHING: &[Step] = &[
    ("a start", start),
    ("an endpoint that moves", endpoint_moves),
    ("a traffic policy that changes", traffic_policy_changes),
    ("an Egress that moves", egress_moves),
    ("edits of the policy", policy_edits),
    ("a node that is relabelled", node_is_relabelled),
    ("a password that changes", password_changes),
    ("an agent that restarts", agent_restarts),
    ("an outage of the API server", api_server_is_away),
    ("a node that goes away", node_goes_away),
    ("a CRD without the newer fields", newer_fields_are_pruned),
    ("Events", people_were_told),
];

#[test]
fn two_nodes_and_two_routers_follow_what_happens_in_a_cluster() {
    live_through(server::of_the_test, EVERYTHING);
}

#[test]
fn they_do_on_a_real_kube_apiserver() {
    if real::binaries().is_none() {
        println!("skipped: a real kube-apiserver (KUBEBUILDER_ASSETS names none)");
        return;
    }
    live_through(server::real, EVERYTHING);
}

#[test]
fn scenario_63_routers_keep_every_route_while_an_agent_restarts() {
    let steps: &[Step] = &[
        ("a start", start),
        ("an agent that restarts", agent_restarts),
    ];
    live_through(server::of_the_test, steps);
}

fn live_through(server: StartServer, steps: &[Step]) {
    if !available(&[RouterKind::Frr, RouterKind::Bird]) {
        return;
    }
    let mut fabric = Fabric::new(server).unwrap_or_else(|error| panic!("the network: {error:#}"));
    for (name, step) in steps {
        let begin = Instant::now();
        if let Err(error) = step(&mut fabric) {
            panic!("at the step: {name}: {error:#}\n{}", fabric.logs());
        }
        println!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
    }
}

/// Everything, with the endpoint and the Egress on this node.
fn everything(holder: &[Ipv4Addr]) -> [(&str, &[Ipv4Addr]); 5] {
    [
        (CLUSTER_IP, &BOTH),
        (LOAD_BALANCER_IP, holder),
        (EGRESS_IP, holder),
        (PODS_A, &A),
        (PODS_B, &B),
    ]
}

fn start(fabric: &mut Fabric) -> Result<()> {
    for object in objects::all() {
        fabric.server.put(&object)?;
    }
    fabric.set_bird_password(FIRST_PASSWORD.0)?;
    fabric.bird.start()?;
    fabric.frr.start()?;
    eventually("FRR takes passwords", BOUND, || {
        fabric.set_frr_password(FIRST_PASSWORD.0).map(|()| true)
    })?;
    for (node, _) in NODES {
        fabric.start_agent(node)?;
    }
    has_exactly(fabric, &everything(&A))?;
    // FRR would use both paths at once, and of a Local one its only one.
    ensure!(fabric.multipath(CLUSTER_IP)? == 2, "no ECMP");
    ensure!(fabric.multipath(LOAD_BALANCER_IP)? == 1);
    for (node, address) in NODES {
        eventually("the router ID is written", BOUND, || {
            let object = fabric.server.node(node)?;
            let annotations = &object["metadata"]["annotations"];
            Ok(annotations["node.antrea.io/bgp-router-id"] == address.to_string())
        })?;
    }
    Ok(())
}

fn endpoint_moves(fabric: &mut Fabric) -> Result<()> {
    fabric.server.put(&slice("node-b"))?;
    let mut expected = everything(&A);
    expected[1].1 = &B;
    has_exactly(fabric, &expected)
}

fn traffic_policy_changes(fabric: &mut Fabric) -> Result<()> {
    let policy = |policy: &str| json!({ "spec": { "externalTrafficPolicy": policy } });
    fabric.server.merge(&objects::web(), &policy("Cluster"))?;
    let mut expected = everything(&A);
    expected[1].1 = &BOTH;
    has_exactly(fabric, &expected)?;
    ensure!(fabric.multipath(LOAD_BALANCER_IP)? == 2, "no ECMP");

    fabric.server.merge(&objects::web(), &policy("Local"))?;
    expected[1].1 = &B;
    has_exactly(fabric, &expected)?;
    ensure!(fabric.multipath(LOAD_BALANCER_IP)? == 1);
    Ok(())
}

fn egress_moves(fabric: &mut Fabric) -> Result<()> {
    fabric.server.put(&egress("node-b"))?;
    has_exactly(fabric, &everything(&B))
}

fn policy_edits(fabric: &mut Fabric) -> Result<()> {
    let advertise = |what: Value| json!({ "spec": { "advertisements": what } });
    fabric
        .server
        .merge(&objects::policy("edge"), &advertise(json!({ "pod": null })))?;
    has_exactly(fabric, &everything(&B)[..3])?;
    let only_cluster_ips = json!({ "pod": {}, "service": { "ipTypes": ["ClusterIP"] } });
    fabric
        .server
        .merge(&objects::policy("edge"), &advertise(only_cluster_ips))?;
    let [cluster_ip, _, rest @ ..] = everything(&B);
    has_exactly(fabric, &[&[cluster_ip], &rest[..]].concat())?;
    let both_types = json!({ "service": { "ipTypes": ["ClusterIP", "LoadBalancerIP"] } });
    fabric
        .server
        .merge(&objects::policy("edge"), &advertise(both_types))?;
    has_exactly(fabric, &everything(&B))?;
    // A younger one changes nothing; that it is ignored is told, as the last step checks.
    fabric.server.put(&young())?;
    sleep(Duration::from_secs(1));
    has_exactly(fabric, &everything(&B))?;
    no_session_was_lost(fabric)
}

fn young() -> Value {
    let mut young = objects::policy("young");
    young["metadata"]["creationTimestamp"] = json!("2099-01-01T00:00:00Z");
    young["spec"]["localASN"] = json!(64999);
    young
}

fn node_is_relabelled(fabric: &mut Fabric) -> Result<()> {
    let label = |value: &str| json!({ "metadata": { "labels": { "bgp": value } } });
    fabric
        .server
        .merge(&objects::node_b(), &label("disabled"))?;
    has_exactly(fabric, &[(CLUSTER_IP, &A), (PODS_A, &A)])?;
    fabric.server.merge(&objects::node_b(), &label("enabled"))?;
    has_exactly(fabric, &everything(&B))
}

fn password_changes(fabric: &mut Fabric) -> Result<()> {
    let bird_before = flaps(fabric, BIRD)?;
    let frr_before = flaps(fabric, FRR)?;
    fabric.server.put(&objects::passwords(SECOND_PASSWORD.1))?;
    fabric.set_frr_password(SECOND_PASSWORD.0)?;
    eventually("the sessions with FRR restart", BOUND, || {
        let after = flaps(fabric, FRR)?;
        Ok(after.iter().zip(&frr_before).all(|(now, then)| now > then))
    })?;
    has_exactly(fabric, &everything(&B))?;
    ensure!(flaps(fabric, BIRD)? == bird_before, "BIRD lost a session");
    Ok(())
}

fn flaps(fabric: &Fabric, router: Ipv4Addr) -> Result<Vec<u64>> {
    NODES
        .iter()
        .map(|(node, _)| fabric.flaps(node, router))
        .collect()
}

/// RFC 4724: not one prefix is ever gone from a router's table.
fn agent_restarts(fabric: &mut Fabric) -> Result<()> {
    let of_a = |fabric: &Fabric| -> Result<Vec<BTreeSet<String>>> {
        [&fabric.frr, &fabric.bird]
            .map(|router| {
                let routes = router.routes(NODE_A.into())?;
                Ok(routes.keys().map(ToString::to_string).collect())
            })
            .into_iter()
            .collect()
    };
    let (before, expected) = (of_a(fabric)?, table(&fabric.frr)?);
    ensure!(
        before.iter().all(|prefixes| prefixes.len() >= 2),
        "{before:?}"
    );
    fabric.stop_agent("node-a")?;
    eventually("the routes of node-a are stale", BOUND, || {
        let tables = [table(&fabric.frr)?, table(&fabric.bird)?];
        Ok(tables.iter().all(|table| !table.contains_key(PODS_A)))
    })?;
    fabric.start_agent("node-a")?;
    let deadline = Instant::now() + BOUND;
    while table(&fabric.frr)? != expected || table(&fabric.bird)? != expected {
        let routers = [&fabric.frr, &fabric.bird];
        for (router, before) in routers.into_iter().zip(&before) {
            let routes = router.routes(NODE_A.into())?;
            let now: BTreeSet<_> = routes.keys().map(ToString::to_string).collect();
            ensure!(
                now == *before,
                "{} lost {before:?}, has {now:?}",
                router.kind
            );
        }
        ensure!(Instant::now() < deadline, "no fresh routes");
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn api_server_is_away(fabric: &mut Fabric) -> Result<()> {
    let flaps_before = (flaps(fabric, FRR)?, flaps(fabric, BIRD)?);
    fabric.server.go_away()?;
    let begin = Instant::now();
    for (node, _) in NODES {
        eventually("the agent says so", BOUND, || {
            let remarks = fabric.remarks(node)?;
            Ok(remarks.contains("BGPPolicy: failing") && remarks.contains("Egress: failing"))
        })?;
    }
    let expected = expected(&everything(&B));
    while begin.elapsed() < OUTAGE {
        for router in [&fabric.frr, &fabric.bird] {
            let now = table(router)?;
            ensure!(now == expected, "{}: {now:?}", router.kind);
        }
        sleep(Duration::from_secs(1));
    }
    fabric.server.come_back(&egress("node-a"))?;
    let mut moved = everything(&B);
    moved[2].1 = &A;
    has_exactly(fabric, &moved)?;
    let flaps_after = (flaps(fabric, FRR)?, flaps(fabric, BIRD)?);
    ensure!(
        flaps_after == flaps_before,
        "{flaps_before:?} {flaps_after:?}"
    );
    eventually("nothing is wrong any more", BOUND, || {
        let remarks = [fabric.remarks("node-a")?, fabric.remarks("node-b")?];
        Ok(remarks.iter().all(|remarks| !remarks.contains("failing")))
    })
}

/// `--shutdown auto`: what is drained withdraws, so that nothing waits for the restart time.
fn node_goes_away(fabric: &mut Fabric) -> Result<()> {
    let cordon = json!({ "spec": { "unschedulable": true } });
    fabric.server.merge(&objects::node_b(), &cordon)?;
    // A cordon alone does nothing.
    sleep(Duration::from_secs(1));
    let mut moved = everything(&B);
    moved[2].1 = &A;
    has_exactly(fabric, &moved)?;
    fabric.stop_agent("node-b")?;
    for router in [&fabric.frr, &fabric.bird] {
        eventually(
            "not even stale routes of node-b are left",
            BOUND / 3,
            || Ok(router.routes(NODE_B.into())?.is_empty()),
        )?;
    }
    let left = [(CLUSTER_IP, &A[..]), (EGRESS_IP, &A), (PODS_A, &A)];
    has_exactly(fabric, &left)
}

/// As under Antrea's own CRD, which knows none of them.
fn newer_fields_are_pruned(fabric: &mut Fabric) -> Result<()> {
    // Without defaults: a watch that a real server began before goes on to have the default of a field filled in.
    let newer = ["connectRetrySeconds", "idleHoldTimeAfterResetSeconds"];
    fabric.server.forget_fields_of_peers(&newer)?;
    let mut applied = objects::policy("edge");
    let text = applied.to_string();
    applied["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": text });
    fabric.server.put(&applied)?;
    let mut remarks = String::new();
    eventually("each of them is reported", BOUND, || {
        remarks = fabric.remarks("node-a")?;
        let named =
            |field: &&str| remarks.contains(&format!("spec.bgpPeers[1].{field}: was applied"));
        Ok(newer.iter().all(named))
    })
    .with_context(|| format!("the remarks are {remarks}"))?;
    let left = [(CLUSTER_IP, &A[..]), (EGRESS_IP, &A), (PODS_A, &A)];
    has_exactly(fabric, &left)
}

/// Events, where people look for them.
fn people_were_told(fabric: &mut Fabric) -> Result<()> {
    for (reason, kind, name) in [
        ("PolicyEffective", "Node", "node-a"),
        ("PolicyEffective", "Node", "node-b"),
        ("PolicyNotEffective", "Node", "node-b"),
        ("RouterIDChosen", "Node", "node-b"),
        ("PeerUp", "Node", "node-a"),
        ("PeerDown", "Node", "node-a"),
        // What all agents see is told at any time within a minute.
        ("PolicyIgnored", "BGPPolicy", "young"),
        ("FieldDropped", "BGPPolicy", "edge"),
    ] {
        let matches = |event: &&Value| {
            let about = &event["regarding"];
            event["reason"] == reason && about["kind"] == kind && about["name"] == name
        };
        eventually(&format!("{reason} on {kind}/{name}"), BOUND, || {
            Ok(fabric.server.events()?.iter().any(|event| matches(&event)))
        })?;
    }
    let events = fabric.server.events()?;
    let ignored = events
        .iter()
        .filter(|event| event["reason"] == "PolicyIgnored");
    ensure!(
        ignored.count() == 1,
        "two agents said the same: {events:#?}"
    );
    for event in &events {
        let is_normal = event["type"] == "Normal";
        if is_normal && event["regarding"]["kind"] != "Node" {
            bail!("only warnings belong on what all nodes share: {event:#}");
        }
    }
    Ok(())
}

fn no_session_was_lost(fabric: &Fabric) -> Result<()> {
    let all = [flaps(fabric, FRR)?, flaps(fabric, BIRD)?].concat();
    ensure!(all.iter().all(|flaps| *flaps == 0), "flaps: {all:?}");
    Ok(())
}

fn expected(routes: Expected<'_>) -> Table {
    let routes = routes.iter().map(|(prefix, nodes)| {
        let hops = nodes.iter().map(|node| IpAddr::from(*node)).collect();
        ((*prefix).to_owned(), hops)
    });
    routes.collect()
}

/// Waits until both routers have these routes and no others.
fn has_exactly(fabric: &Fabric, routes: Expected<'_>) -> Result<()> {
    let expected = expected(routes);
    for router in [&fabric.frr, &fabric.bird] {
        let mut seen = Table::new();
        let what = format!("{} has the expected routes", router.kind);
        eventually(&what, BOUND, || {
            seen = table(router)?;
            Ok(seen == expected)
        })
        .with_context(|| format!("expected {expected:#?}\nlast seen {seen:#?}"))?;
    }
    Ok(())
}
