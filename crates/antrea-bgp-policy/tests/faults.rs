//! Objects that cannot be decoded: what was known of them stays, and nothing else suffers.

mod support;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::Input;
use support::*;

const NOTHING: [&str; 0] = [];

fn undecodable(manifest: &Manifest) -> Input {
    manifest.clone().undecodable().applied()
}

#[test]
fn scenario_68_undecodable_objects_keep_their_last_good_form() {
    let a = service("a")
        .cluster_ips(&["10.96.0.1"])
        .internal_policy("Local");
    let here = slice("a-1", "a").ready_on(NODE);
    let e = egress("e", "198.51.100.1", NODE);
    let passwords = secret(&[("192.0.2.1-65001", "one")]);
    let p = policy("p")
        .advertising(&["ClusterIP"])
        .advertising_egresses();
    let mut cluster = Node::with(&[
        node().router_id("1.2.3.4"),
        p,
        a.clone(),
        here.clone(),
        e.clone(),
        passwords.clone(),
    ]);
    for manifest in [&a, &here, &e, &passwords, &node()] {
        let told = format!("error Undecodable {}", manifest.reference());
        assert_eq!(cluster.feed(undecodable(manifest)), [told]);
        assert_eq!(
            cluster.feed(undecodable(manifest)),
            NOTHING,
            "reported once"
        );
    }
    assert_eq!(cluster.table().len(), 2);
    assert_eq!(cluster.problems().len(), 5);

    assert_eq!(cluster.apply(&a), ["mended Undecodable Service/ns/a"]);
    assert_eq!(cluster.apply(&a), NOTHING, "told once");
    assert_eq!(cluster.delete(&here), ["-10.96.0.1/32"], "deleted");
    assert_eq!(cluster.problems().len(), 3);
}

#[test]
fn an_undecodable_object_in_a_list_is_not_gone() {
    let (a, b) = (
        egress("a", "198.51.100.1", NODE),
        egress("b", "198.51.100.2", NODE),
    );
    let p = policy("p").advertising_egresses();
    let mut cluster = Node::with(&[node(), p, a.clone(), b.clone()]);
    let both = relisted(Kind::Egress, &[a.undecodable(), b.clone()]);
    assert_eq!(cluster.feed(both), ["error Undecodable Egress/a"]);
    assert_eq!(
        cluster.feed(relisted(Kind::Egress, &[b])),
        ["-198.51.100.1/32"]
    );
    assert_eq!(cluster.problems(), NOTHING);
}

#[test]
fn an_undecodable_object_that_was_never_known_is_only_reported() {
    let mut cluster = Node::with(&[node(), policy("p").advertising(&["ClusterIP"])]);
    let a = service("a").cluster_ips(&["10.96.0.1"]);
    assert_eq!(
        cluster.feed(undecodable(&a)),
        ["error Undecodable Service/ns/a"]
    );
    let why = cluster.explain("service/ns/a");
    assert!(why.contains("the object cannot be decoded: "), "{why}");
    let told = ["mended Undecodable Service/ns/a", "+10.96.0.1/32"];
    assert_eq!(cluster.apply(&a), told);
    assert_eq!(cluster.problems(), NOTHING);
}

#[test]
fn other_nodes_and_secrets_may_be_undecodable() {
    let mut cluster = Node::with(&[node(), policy("p")]);
    let other_node = node().set("/metadata/name", "node-b");
    let other_secret = secret(&[]).set("/metadata/name", "other");
    assert_eq!(cluster.feed(undecodable(&other_node)), NOTHING);
    assert_eq!(cluster.feed(undecodable(&other_secret)), NOTHING);
}
