//! The agent against BIRD, FRR, GoBGP and OpenBGPD: IPv4 and IPv6 sessions over veth, on port 179.
//!
//! Each story runs against each router in a lab of its own. The node is the folder `node/`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use interop::{
    Agent, Asns, Lab, Manifests, Route, Router, RouterKind, Routes, eventually, with_lab,
    with_lab_of,
};

/// Most waits end within five seconds; a busy machine or a router that holds down its dialling may
/// take more.
const BOUND: Duration = Duration::from_secs(60);

/// What `node/` stands for, IPv4 then IPv6: Service `web`, the node's Pods, the Egresses.
const CLUSTER_IPS: [&str; 2] = ["10.96.0.10/32", "fd96::10/128"];
const EXTERNAL_IPS: [&str; 2] = ["198.51.100.10/32", "2001:db8:100::10/128"];
const LOAD_BALANCER_IPS: [&str; 2] = ["203.0.113.10/32", "2001:db8:200::10/128"];
const POD_CIDRS: [&str; 2] = ["10.10.1.0/24", "fd10:10:1::/64"];
const EGRESS_IPS: [&str; 2] = ["192.0.2.77/32", "2001:db8:300::77/128"];
const EVERYTHING: [[&str; 2]; 5] = [
    CLUSTER_IPS,
    EXTERNAL_IPS,
    LOAD_BALANCER_IPS,
    POD_CIDRS,
    EGRESS_IPS,
];

macro_rules! against_each_router {
    ($($story:ident),+ $(,)?) => {
        against_each_router! { @ bird Bird $($story)+ }
        against_each_router! { @ frr Frr $($story)+ }
        against_each_router! { @ gobgp Gobgp $($story)+ }
        against_each_router! { @ openbgpd Openbgpd $($story)+ }
    };
    (@ $module:ident $kind:ident $($story:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $story() {
                    super::$story(interop::RouterKind::$kind);
                }
            )+
        }
    };
}

against_each_router! {
    has_service_pod_and_egress_routes,
    follows_a_changed_service_ip,
    loses_local_routes_with_the_last_local_endpoint,
    gets_its_routes_back_after_a_restart,
    keeps_its_routes_while_the_agent_restarts,
    keeps_its_routes_when_the_agent_crashes,
    has_routes_over_internal_sessions,
    has_routes_from_a_four_octet_as,
}

fn has_service_pod_and_egress_routes(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let (agent, _) = up_with_everything(lab)?;
        let peers = agent.get("bgppeers")?;
        let peers = peers.as_array().context("not a list of peers")?;
        ensure!(peers.len() == 2, "two peers, not {peers:?}");
        for peer in peers {
            ensure!(peer["state"] == "Established", "the agent sees {peer}");
        }
        Ok(())
    });
}

fn follows_a_changed_service_ip(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let (_agent, manifests) = up_with_everything(lab)?;
        manifests.replace("web.yaml", "203.0.113.10", "203.0.113.11")?;
        manifests.replace("web.yaml", "2001:db8:200::10", "2001:db8:200::11")?;

        let mut changed = EVERYTHING;
        changed[2] = ["203.0.113.11/32", "2001:db8:200::11/128"];
        has_exactly(lab, &changed)
    });
}

fn loses_local_routes_with_the_last_local_endpoint(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let (_agent, manifests) = up_with_everything(lab)?;
        manifests.replace("web.yaml", "ready: true", "ready: false")?;
        has_exactly(lab, &[CLUSTER_IPS, POD_CIDRS, EGRESS_IPS])?;

        manifests.replace("web.yaml", "ready: false", "ready: true")?;
        has_exactly(lab, &EVERYTHING)
    });
}

fn gets_its_routes_back_after_a_restart(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let (agent, _) = up_with_everything(lab)?;
        lab.routers[0].kill()?;
        eventually("the agent loses both sessions", BOUND, || {
            let peers = agent.get("bgppeers")?;
            let mut peers = peers.as_array().into_iter().flatten();
            Ok(peers.all(|peer| peer["state"] != "Established"))
        })?;

        lab.routers[0].start()?;
        has_exactly(lab, &EVERYTHING)
    });
}

fn keeps_its_routes_while_the_agent_restarts(kind: RouterKind) {
    keeps_its_routes(kind, |agent| agent.terminate().map(drop));
}

fn keeps_its_routes_when_the_agent_crashes(kind: RouterKind) {
    keeps_its_routes(kind, Agent::kill);
}

/// RFC 4724: the routes are stale for a while, but never gone.
fn keeps_its_routes(kind: RouterKind, end: fn(Agent) -> Result<()>) {
    with_lab(&[kind], |lab| {
        let (agent, manifests) = up_with_everything(lab)?;
        end(agent)?;
        for address in lab.links[0].ours.both() {
            let router = &lab.routers[0];
            eventually("the session is down, its routes stale", BOUND, || {
                let routes = router.routes(address)?;
                Ok(!router.session(address)?.is_established()
                    && routes.len() == EVERYTHING.len()
                    && routes.values().all(|route| route.stale))
            })?;
        }

        let _agent = Agent::start(lab, &manifests.folder)?;
        for (family, address) in lab.links[0].ours.both().into_iter().enumerate() {
            let router = &lab.routers[0];
            let expected = expected(lab, &EVERYTHING, family)?;
            let mut lost = None;
            eventually("the router has fresh routes", BOUND, || {
                let routes = router.routes(address)?;
                let mut prefixes = expected.keys();
                lost = prefixes.find(|prefix| !routes.contains_key(*prefix));
                Ok(lost.is_some() || routes == expected)
            })?;
            ensure!(lost.is_none(), "{kind} lost {lost:?} on the way");
        }
        Ok(())
    });
}

/// Nothing is prepended to the path, and the next hop is the node all the same.
fn has_routes_over_internal_sessions(kind: RouterKind) {
    let asns = Asns {
        ours: 64512,
        theirs: 64512,
    };
    with_lab_of(asns, &[kind], |lab| up_with_everything(lab).map(drop));
}

/// RFC 6793: both are beyond what the OPEN's own AS field holds.
fn has_routes_from_a_four_octet_as(kind: RouterKind) {
    let asns = Asns {
        ours: 4_200_000_001,
        theirs: 4_200_000_002,
    };
    with_lab_of(asns, &[kind], |lab| up_with_everything(lab).map(drop));
}

/// The agent and the router, with sessions up and every route there.
fn up_with_everything(lab: &mut Lab) -> Result<(Agent, Manifests)> {
    let manifests = Manifests::copy_to(&lab.folder().join("node"))?;
    let Asns { ours, theirs } = lab.asns;
    manifests.replace(
        "policy.yaml",
        "localASN: 64512",
        &format!("localASN: {ours}"),
    )?;
    manifests.replace("policy.yaml", "asn: 65001", &format!("asn: {theirs}"))?;
    let agent = Agent::start(lab, &manifests.folder)?;
    lab.routers[0].start()?;
    has_exactly(lab, &EVERYTHING)?;
    Ok((agent, manifests))
}

/// Waits until the router has these routes and no others, over both sessions.
fn has_exactly(lab: &Lab, prefixes: &[[&str; 2]]) -> Result<()> {
    let router: &Router = &lab.routers[0];
    for (family, address) in lab.links[0].ours.both().into_iter().enumerate() {
        eventually(&format!("Established with {address}"), BOUND, || {
            Ok(router.session(address)?.is_established())
        })?;
        let expected = expected(lab, prefixes, family)?;
        let mut seen = Routes::new();
        eventually("the expected routes", BOUND, || {
            seen = router.routes(address)?;
            Ok(seen == expected)
        })
        .with_context(|| format!("expected {expected:#?}\nlast seen {seen:#?}"))?;
    }
    Ok(())
}

/// The routes of one family: 0 is IPv4, 1 is IPv6.
fn expected(lab: &Lab, prefixes: &[[&str; 2]], family: usize) -> Result<Routes> {
    let Asns { ours, theirs } = lab.asns;
    let route = Route {
        next_hop: lab.links[0].ours.both()[family],
        as_path: if ours == theirs {
            String::new()
        } else {
            ours.to_string()
        },
        stale: false,
    };
    let prefixes = prefixes.iter().map(|both| both[family].parse());
    prefixes
        .map(|prefix| Ok((prefix?, route.clone())))
        .collect()
}
