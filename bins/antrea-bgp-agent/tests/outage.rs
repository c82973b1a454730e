//! `run` in a cluster whose API server does not do as wished: at the start, and later.

mod common;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use antrea_bgp_api::Kind;
use antrea_bgp_kube::test_server::{Fault, Verb};
use common::api::{Api, NAMESPACE, node_ref, policy_ref, slice, slice_ref, web};
use common::running::{PORT, Peer, Running, address, eventually};
use serde_json::json;

const POD: &str = "10.244.1.0/24";
const WEB: &str = "10.96.0.10/32";

/// What `policy` of these tests comes to, with its restart time of 4 s.
const SESSIONS_WAIT: Duration = Duration::from_secs(1);
const END_OF_RIB_WAITS: Duration = Duration::from_secs(2);

/// Waits until readiness is denied by this condition, for a reason that contains this.
fn until_unready(agent: &Running, here: Ipv4Addr, condition: &str, why: &str) {
    eventually(&format!("readiness names {condition}: {why}"), || {
        let (code, text) = agent.probe(here, "/readyz");
        let line = |line: &str| line.starts_with(&format!("[-] {condition}")) && line.contains(why);
        code == 503 && text.lines().any(line)
    });
}

fn until_ready(agent: &Running, here: Ipv4Addr) {
    eventually("readiness", || agent.probe(here, "/readyz").0 == 200);
}

fn state(agent: &Running, peer: Ipv4Addr) -> String {
    agent.state(&format!("{peer}:{PORT}"))
}

/// What `get bgppeers` says about the only peer.
fn last_error(agent: &Running) -> String {
    let peers = agent.ask(&["get", "bgppeers", "-o", "json"]).json();
    let error = &peers[0]["lastError"];
    error.as_str().unwrap_or_default().to_owned()
}

#[test]
fn scenario_73_one_source_denied_at_start_costs_only_its_own_routes() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let api = Api::with_web(peer);
    api.server.fail(Fault::status(403).on(Kind::EndpointSlice));
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    // The Service's traffic policy is Local: without slices nobody knows an endpoint of it.
    receiver.expect_routes(&[POD]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    let rule = "resource \"endpointslices\" in apiGroup \"discovery.k8s.io\"";
    until_unready(&agent, here, "synced/EndpointSlice", rule);
    api.expect_event("SourceDenied Node/node-a: EndpointSlice", rule);
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    assert!(wide.contains(rule), "{wide}");

    api.server.mend();
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn scenario_73_one_source_failing_at_start_is_waited_for_within_bounds() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let api = Api::with_web(peer);
    api.server.fail(Fault::status(500).on(Kind::EndpointSlice));
    let receiver = Peer::start(peer, here);
    let begin = Instant::now();
    let agent = api.run(here, &[]);
    eventually("it is said what the session waits for", || {
        last_error(&agent) == "waits for the first list of EndpointSlice"
    });
    until_unready(&agent, here, "synced/EndpointSlice", "HTTP 500");

    receiver.expect_routes(&[POD]);
    assert!(begin.elapsed() >= SESSIONS_WAIT, "{:?}", begin.elapsed());
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    assert!(begin.elapsed() >= END_OF_RIB_WAITS, "{:?}", begin.elapsed());
    until_unready(&agent, here, "synced/EndpointSlice", "HTTP 500");

    api.server.mend();
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
    assert_eq!((receiver.ends_of_rib(), receiver.downs().len()), (1, 0));
}

#[test]
fn sessions_wait_for_all_first_routes_where_these_come_in_time() {
    let (here, peer) = (address(3, 0), address(3, 1));
    let api = Api::with_web(peer);
    // A restart time that gives the sources 30 s.
    let patient = json!({ "spec": { "bgpPeers": [{ "address": peer, "asn": 65001, "port": PORT,
        "connectRetrySeconds": 2, "gracefulRestartTimeSeconds": 120 }] } });
    api.server.merge(&policy_ref("edge"), &patient);
    api.server.fail(Fault::status(503).on(Kind::EndpointSlice));
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    eventually("it is said what the session waits for", || {
        last_error(&agent) == "waits for the first list of EndpointSlice"
    });
    assert_eq!(receiver.routes(), [""; 0]);
    let mended = Instant::now();
    api.server.mend();
    receiver.expect_routes(&[POD, WEB]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    // Long before the bound, and with everything in the first pass.
    assert!(mended.elapsed() < Duration::from_secs(20));
}

/// Whoever watches sees that the peer is down, whoever asks why, and what is wrong is said once.
fn shows_the_peer_that_waits(agent: &Running, here: Ipv4Addr, peer: Ipv4Addr) {
    let (_, metrics) = agent.probe(here, "/metrics");
    for series in [
        format!("peer_up{{peer=\"{peer}\",asn=\"65001\"}} 0"),
        format!("peer_session_state{{peer=\"{peer}\",asn=\"65001\",state=\"Idle\"}} 1"),
        "problems 1".to_owned(),
    ] {
        let line = format!("antrea_agent_bgp_{series}");
        assert!(metrics.lines().any(|it| it == line), "{line} in {metrics}");
    }
    let why = "no session (Idle: waiting for the Secret of passwords)";
    eventually("the route is there, and what keeps it", || {
        let explained = agent.ask(&["explain", "10.244.1.7"]);
        explained.code == Some(0) && explained.out.contains(&format!("to {peer}: {why}"))
    });
    let routes = agent
        .ask(&["get", "bgproutes", "--peer", &peer.to_string()])
        .out;
    assert!(routes.contains(why), "{routes}");
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    let lines = wide.lines().filter(|line| line.contains("Secret"));
    assert_eq!(lines.count(), 1, "{wide}");
    let denied = wide.contains("denied");
    assert_eq!(
        wide.contains("peers wait, since their passwords may be there"),
        denied,
        "{wide}"
    );
}

#[test]
fn no_session_opens_without_a_password_that_may_exist() {
    for (test, code, why) in [(4, 500, "HTTP 500"), (5, 403, "in a Role in namespace")] {
        let (here, peer) = (address(test, 0), address(test, 1));
        let api = Api::with_web(peer);
        api.server.fail(Fault::status(code).on(Kind::Secret));
        let receiver = Peer::start(peer, here);
        let begin = Instant::now();
        let agent = api.run(here, &[]);
        until_unready(&agent, here, "synced/Secret", why);
        shows_the_peer_that_waits(&agent, here, peer);
        // Beyond the bounds of the other sources; what follows shows that nothing else is missing.
        while begin.elapsed() < 2 * END_OF_RIB_WAITS {
            assert_eq!(state(&agent, peer), "Idle");
            assert!(last_error(&agent).contains("Secret"));
            std::thread::sleep(Duration::from_millis(100));
        }
        if code == 403 {
            api.expect_event("SourceDenied Node/node-a: Secret", NAMESPACE);
        }
        api.server.mend();
        receiver.expect_routes(&[POD, WEB]);
        until_ready(&agent, here);
    }
}

#[test]
fn an_api_server_that_is_away_at_start_is_waited_for() {
    let (here, peer) = (address(6, 0), address(6, 1));
    let api = Api::with_web(peer);
    api.server.fail(Fault::hang_up());
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    until_unready(&agent, here, "synced/BGPPolicy", "failing");
    until_unready(&agent, here, "synced/Node", "failing");
    assert_eq!(agent.probe(here, "/livez").0, 200);
    let none = agent.ask(&["get", "bgppolicy"]);
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("BGPPolicy: failing"), "{}", none.err);
    api.server.mend();
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
}

/// Everything there is to see of an outage, and nothing of it on the wire.
#[test]
fn an_outage_changes_no_route_and_is_caught_up_with() {
    let (here, peer) = (address(7, 0), address(7, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
    let faults = [
        ("gone", Fault::hang_up()),
        ("429", Fault::status_with_retry_after(429, 1)),
        ("500", Fault::status(500)),
        ("an expired token", Fault::status(401)),
        ("half a JSON", Fault::cut(30)),
        ("no JSON", Fault::body("<html>this is a proxy</html>\n")),
    ];
    for (name, fault) in faults {
        api.server.put(slice(true));
        receiver.expect_routes(&[POD, WEB]);
        api.server.fail(fault);
        api.server.cut_watches();
        for kind in ["BGPPolicy", "Node", "Service", "EndpointSlice", "Secret"] {
            until_unready(&agent, here, &format!("synced/{kind}"), "failing");
        }
        let lag = "antrea_agent_bgp_source_lag_seconds{kind=\"Service\"} ";
        let lags = |agent: &Running| {
            let (_, metrics) = agent.probe(here, "/metrics");
            let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(lag));
            lines.next().is_some_and(|seconds| seconds != "0.0")
        };
        eventually("the watch lags", || lags(&agent));
        let metric = "antrea_agent_bgp_source_state{kind=\"Service\",state=\"failing\"} 1";
        assert!(agent.probe(here, "/metrics").1.contains(metric), "{name}");
        let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
        assert!(wide.contains("Service: failing: "), "{name}: {wide}");
        assert!(wide.contains("what was listed last counts"), "{name}");
        assert!(agent.log().contains("Service: failing: "), "{name}");
        // What happens meanwhile is missed, and not forgotten.
        api.server.put(slice(false));
        assert_eq!(receiver.routes(), [POD, WEB], "{name}");
        api.server.mend();
        receiver.expect_routes(&[POD]);
        until_ready(&agent, here);
    }
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn a_history_that_the_api_server_forgot_is_read_anew() {
    let (here, peer) = (address(8, 0), address(8, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
    // What the watch misses is not in any history any more: 410.
    api.server.fail(Fault::hang_up().verb(Verb::Watch));
    api.server.cut_watches();
    until_unready(&agent, here, "synced/EndpointSlice", "failing");
    api.server.remove(&slice_ref());
    api.server.compact();
    api.server.mend();
    receiver.expect_routes(&[POD]);
    until_ready(&agent, here);
    api.server.put(slice(true));
    receiver.expect_routes(&[POD, WEB]);
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn a_permission_that_is_lost_hurts_one_kind_and_is_named() {
    let (here, peer) = (address(9, 0), address(9, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    until_ready(&agent, here);
    api.server.fail(Fault::status(403).on(Kind::Service));
    api.server.cut_watches();
    let rule = "grant verbs [\"list\", \"watch\"] on resource \"services\" in apiGroup \"\"";
    until_unready(&agent, here, "synced/Service", rule);
    api.expect_event("SourceDenied Node/node-a: Service", rule);
    let wide = agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    let told = format!("{rule}, in a ClusterRole; what was listed last counts");
    assert!(wide.contains(&told), "{told:?} in {wide}");
    assert_eq!(wide.matches("error: ").count(), 1, "{wide}");
    // Services stay as they were; the other kinds are followed.
    api.server.put(slice(false));
    receiver.expect_routes(&[POD]);
    api.server.put(slice(true));
    receiver.expect_routes(&[POD, WEB]);
    let cidrs = json!({ "spec": { "podCIDRs": ["10.244.7.0/24"] } });
    api.server.merge(&node_ref(), &cidrs);
    receiver.expect_routes(&["10.244.7.0/24", WEB]);
    let mut other = web();
    other["spec"]["clusterIPs"] = json!(["10.96.0.11"]);
    api.server.put(other);
    let text = agent.probe(here, "/readyz").1;
    assert_eq!(text.matches("[-]").count(), 1, "{text}");

    api.server.mend();
    receiver.expect_routes(&["10.244.7.0/24", "10.96.0.11/32"]);
    until_ready(&agent, here);
    assert_eq!(receiver.downs(), [""; 0]);
}

#[test]
fn a_source_that_is_needed_later_holds_no_running_session() {
    let (here, peer) = (address(10, 0), address(10, 1));
    let api = Api::with_web(peer);
    let receiver = Peer::start(peer, here);
    let agent = api.run(here, &[]);
    receiver.expect_routes(&[POD, WEB]);
    eventually("End-of-RIB", || receiver.ends_of_rib() == 1);
    api.server.fail(Fault::status(500).on(Kind::Egress));
    let egress = json!({ "spec": { "advertisements": { "egress": {} } } });
    api.server.merge(&policy_ref("edge"), &egress);
    until_unready(&agent, here, "synced/Egress", "HTTP 500");
    api.server.put(slice(false));
    receiver.expect_routes(&[POD]);
    assert_eq!((receiver.downs().len(), receiver.ends_of_rib()), (0, 1));
}
