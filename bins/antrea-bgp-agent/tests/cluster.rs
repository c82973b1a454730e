//! `run` in a cluster: an API server in, BGP, annotation and Events out; and what happens when the
//! API server does not do as wished.

mod common;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use antrea_bgp_api::Kind;
use antrea_bgp_kube::test_server::{Fault, Verb};
use common::api::{self, Api, NAMESPACE, node_ref, policy_ref, slice, slice_ref};
use common::running::{Peer, Running, address, eventually};
use serde_json::json;

const POD: &str = "10.244.1.0/24";
const WEB: &str = "10.96.0.10/32";
const ANNOTATION: &str = "node.antrea.io/bgp-router-id";

fn is_ready(agent: &Running, here: Ipv4Addr) -> bool {
    agent.probe(here, "/readyz").0 == 200
}

/// Waits until readiness is denied with a line that begins and continues like this.
fn until_unready(agent: &Running, here: Ipv4Addr, condition: &str, why: &str) {
    eventually(&format!("readiness names {condition}: {why}"), || {
        let (code, text) = agent.probe(here, "/readyz");
        let line = |line: &str| line.starts_with(condition) && line.contains(why);
        code == 503 && text.lines().any(line)
    });
}

#[test]
fn routes_follow_the_cluster_and_the_router_id_is_written() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    eventually("readiness", || is_ready(&agent, here));

    let written = || {
        let node = api.server.object(&node_ref());
        node.is_some_and(|node| node["metadata"]["annotations"][ANNOTATION] == "192.0.2.1")
    };
    eventually("the router ID is written", written);

    api.server.put(slice(false));
    receiver.expect_routes(&[POD]);
    let why = agent.ask(&["explain", "service/shop/web"]);
    assert!(why.out.contains("no usable IPv4 endpoint"), "{}", why.out);
    api.server.put(slice(true));
    receiver.expect_routes(&[POD, WEB]);
    assert_eq!(receiver.downs(), [""; 0]);
}
