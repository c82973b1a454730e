//! What an input allocates in an engine that has seen few Services, and many: a guard against costs that creep in. Counts
//! are the same on every machine.

mod support;

use allocation_counter::measure;
use antrea_bgp_policy::Engine;
use support::*;

fn engine_with(services: u32) -> Engine {
    let mut engine = Engine::new(NODE);
    engine.handle(node().router_id("192.0.2.10").applied());
    engine.handle(policy("p").advertising(&["LoadBalancerIP"]).applied());
    for i in 0..services {
        let name = format!("s{i}");
        let address = format!("20.0.{}.{}", i >> 8, i & 255);
        let service = service(&name)
            .load_balancer_ips(&[&address])
            .external_policy("Local");
        engine.handle(service.applied());
        engine.handle(slice(&format!("{name}-1"), &name).ready_on(NODE).applied());
    }
    while engine.poll_effect().is_some() {}
    engine
}

/// Allocations of an endpoint that leaves this node and comes back, on average.
fn per_flip(services: u32) -> f64 {
    const FLIPS: usize = 500;
    let mut engine = engine_with(services);
    let away = slice("s5-1", "s5").ready_on("node-b").applied();
    let here = slice("s5-1", "s5").ready_on(NODE).applied();
    let mut effects = 0;
    let mut flip = |engine: &mut Engine| {
        for input in [&away, &here] {
            engine.handle(input.clone());
            effects += std::iter::from_fn(|| engine.poll_effect()).count();
        }
    };
    flip(&mut engine);
    let info = measure(|| (0..FLIPS).for_each(|_| flip(&mut engine)));
    assert!(
        effects >= 2 * FLIPS,
        "each flip is an announcement and a withdrawal"
    );
    info.count_total as f64 / (2 * FLIPS) as f64
}

#[test]
fn a_flip_allocates_little_and_no_more_in_a_large_cluster() {
    let (few, many) = (per_flip(10), per_flip(10_000));
    assert!(few <= FLIP_BOUND, "{few} allocations for a flip");
    assert!(
        many <= few + 0.5,
        "{many} with 10,000 Services, {few} with 10"
    );
}

/// Allocations for one change of a slice: four and a half when this was written.
const FLIP_BOUND: f64 = 5.0;

/// Octets that an engine takes at most while it takes in its first list of slices, for each of them.
fn per_slice_of_first_list(slices: u32) -> f64 {
    let mut engine = Engine::new(NODE);
    let slices: Vec<Manifest> = (0..slices)
        .map(|i| slice(&format!("a-slice-with-a-name-{i}"), "s").ready_on(NODE))
        .collect();
    let list = relisted(antrea_bgp_api::Kind::EndpointSlice, &slices);
    let info = measure(|| engine.handle(list));
    info.bytes_max as f64 / slices.len() as f64
}

#[test]
fn a_first_list_keeps_no_second_copy_of_names() {
    let octets = per_slice_of_first_list(10_000);
    assert!(octets <= LIST_BOUND, "{octets} octets for a slice");
}

/// Octets for a slice of a first list, while it is taken in: 160 when this was written.
const LIST_BOUND: f64 = 170.0;
