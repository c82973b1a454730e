//! What an input costs, in records and route entries looked at. No clock is involved, so the
//! figures are the same on every machine.

mod support;

use antrea_bgp_policy::Engine;
use serde_json::json;
use support::*;

fn service_of(i: u32) -> Manifest {
    let ip = |net: u32| format!("{net}.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255);
    service(&format!("s{i}"))
        .cluster_ips(&[&ip(10)])
        .load_balancer_ips(&[&ip(20)])
        .external_policy("Local")
}

/// An engine that has seen this many Services, each with two slices: one ready endpoint on this
/// node, one elsewhere.
fn engine_with(services: u32) -> Engine {
    let mut engine = Engine::new(NODE);
    engine.handle(node().router_id("192.0.2.10").applied());
    engine.handle(
        policy("p")
            .advertising(&["ClusterIP", "LoadBalancerIP"])
            .applied(),
    );
    for i in 0..services {
        let name = format!("s{i}");
        engine.handle(service_of(i).applied());
        engine.handle(slice(&format!("s{i}-1"), &name).ready_on(NODE).applied());
        engine.handle(
            slice(&format!("s{i}-2"), &name)
                .ready_on("node-b")
                .applied(),
        );
    }
    while engine.poll_effect().is_some() {}
    engine
}

/// The cost of one input, and how many effects it had.
fn cost(engine: &mut Engine, manifest: &Manifest) -> (u64, usize) {
    let before = engine.touched();
    engine.handle(manifest.applied());
    (
        engine.touched() - before,
        std::iter::from_fn(|| engine.poll_effect()).count(),
    )
}

/// Costs of: an endpoint leaving this node, coming back, a Service changing its policy, an
/// unchanged slice, a change of an annotation that means nothing.
fn costs(services: u32) -> Vec<(u64, usize)> {
    let mut engine = engine_with(services);
    let away = slice("s50-1", "s50").ready_on("node-b");
    let here = slice("s50-1", "s50").ready_on(NODE);
    let other = service_of(50).external_policy("Cluster");
    let labelled = node()
        .set(
            "/metadata/labels",
            json!({ "bgp": "enabled", "new": "label" }),
        )
        .router_id("192.0.2.10");
    [&away, &here, &other, &here, &labelled]
        .map(|m| cost(&mut engine, m))
        .to_vec()
}

#[test]
fn one_event_costs_the_same_among_100_and_among_10_000_services() {
    let few = costs(100);
    assert_eq!(few[0].1, 1, "a flip withdraws one route");
    assert_eq!(few[1].1, 1, "and announces it again");
    assert!(few.iter().all(|(touched, _)| *touched <= 8), "{few:?}");
    assert_eq!(few, costs(10_000));
}

/// Costs of a deleted Service and of a label of the node, where something is wrong with every Service.
fn costs_amid_problems(services: u32) -> Vec<(u64, usize)> {
    let mut engine = engine_with(0);
    let odd = |i: u32| service_of(i).external_ips(&["no address"]);
    for i in 0..services {
        engine.handle(odd(i).applied());
    }
    while engine.poll_effect().is_some() {}
    assert_eq!(engine.problems().count(), services as usize);
    let before = engine.touched();
    engine.handle(odd(50).deleted());
    let deleted = engine.touched() - before;
    let effects = std::iter::from_fn(|| engine.poll_effect()).count();
    let labelled = node().label("bgp", "enabled").router_id("192.0.2.10");
    vec![(deleted, effects), cost(&mut engine, &labelled)]
}

#[test]
fn problems_of_others_cost_an_event_nothing() {
    let few = costs_amid_problems(100);
    assert!(few.iter().all(|(touched, _)| *touched <= 8), "{few:?}");
    assert_eq!(few, costs_amid_problems(5_000));
}

#[test]
fn an_unchanged_relist_has_no_effect() {
    let manifests: Vec<Manifest> = (0..100).map(service_of).collect();
    let mut engine = engine_with(100);
    engine.handle(relisted(antrea_bgp_api::Kind::Service, &manifests));
    assert_eq!(engine.poll_effect(), None);
}
