//! Egresses that come, move and go.

mod support;

use antrea_bgp_api::Kind;
use support::*;

const NOTHING: [&str; 0] = [];

/// Scenarios 37 to 41 are one story: returns what follows from the step of that number, after all
/// those before it.
fn story(until: u32) -> Vec<String> {
    let here = |ip| egress("e", ip, NODE);
    let steps = [
        (37, here("198.51.100.1").applied()),
        (38, here("198.51.100.2").applied()),
        (39, egress("e", "198.51.100.2", "node-b").applied()),
        (40, here("198.51.100.2").applied()),
        (41, here("198.51.100.2").deleted()),
    ];
    let mut node = Node::with(&[node(), policy("p").advertising_egresses()]);
    let mut effects = Vec::new();
    for (_, input) in steps.into_iter().take_while(|(step, _)| *step <= until) {
        effects = node.feed(input);
    }
    effects
}

#[test]
fn scenario_37_a_local_egress() {
    assert_eq!(story(37), ["+198.51.100.1/32"]);
}

#[test]
fn scenario_38_its_address_changes() {
    assert_eq!(story(38), ["+198.51.100.2/32", "-198.51.100.1/32"]);
}

#[test]
fn scenario_39_it_moves_away() {
    assert_eq!(story(39), ["-198.51.100.2/32"]);
}

#[test]
fn scenario_40_it_comes_back() {
    assert_eq!(story(40), ["+198.51.100.2/32"]);
}

#[test]
fn scenario_41_it_is_deleted() {
    assert_eq!(story(41), ["-198.51.100.2/32"]);
}

#[test]
fn scenario_54_egresses_deleted_while_the_watch_was_lost() {
    let egresses = [
        egress("a", "198.51.100.1", NODE),
        egress("b", "198.51.100.2", NODE),
    ];
    let mut node = Node::with(&[node(), policy("p").advertising_egresses()]);
    node.feed(relisted(Kind::Egress, &egresses));
    assert_eq!(
        node.feed(relisted(Kind::Egress, &egresses[..1])),
        ["-198.51.100.2/32"]
    );
}

#[test]
fn an_egress_and_a_service_share_an_address() {
    let e = egress("e", "198.51.100.1", NODE);
    let mut node = Node::with(&[
        node(),
        policy("p")
            .advertising(&["ExternalIP"])
            .advertising_egresses(),
        e.clone(),
    ]);
    assert_eq!(
        node.apply(&service("a").external_ips(&["198.51.100.1"])),
        NOTHING
    );
    assert_eq!(
        node.explain("198.51.100.1"),
        "198.51.100.1/32 (EgressIP of e) is advertised to 192.0.2.1\n\
         198.51.100.1/32 (ServiceExternalIP of ns/a) is advertised to 192.0.2.1"
    );
    assert_eq!(node.delete(&e), NOTHING);
    assert_eq!(node.table()[0], "198.51.100.1/32 ServiceExternalIP ns/a");
}
