//! What is wrong is said wherever an operator looks.

mod common;

use common::running::{PORT, Peer, Running, address, eventually};
use common::{Folder, node, policy};

const WEB: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.10] }
";

/// A policy that advertises ClusterIPs, with these peers as a YAML list.
fn edge(peers: &str) -> String {
    policy(
        "edge",
        &format!(
            "  listenPort: {PORT}
  advertisements: {{ service: {{ ipTypes: [ClusterIP] }} }}
  bgpPeers: [{peers}]
"
        ),
    )
}

fn problems(agent: &Running, here: std::net::Ipv4Addr) -> Option<u32> {
    let (_, metrics) = agent.probe(here, "/metrics");
    let line = metrics
        .lines()
        .find(|l| l.starts_with("antrea_agent_bgp_problems "))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_broken_file_shows_in_every_answer_until_it_is_mended() {
    let here = address(20, 0);
    let folder = Folder::with(&(node("node-a", 1) + &edge("")));
    folder.write("web.yaml", WEB);
    let agent = Running::start(&folder, here, &[]);
    let wide = || agent.ask(&["get", "bgppolicy", "-o", "wide"]).out;
    eventually("the route is there", || agent.routes() == ["10.96.0.10/32"]);
    assert_eq!(problems(&agent, here), Some(0));

    folder.write("web.yaml", "kind: Service\nspec: {");
    eventually("the fault is reported", || wide().contains("web.yaml:2"));
    assert_eq!(agent.routes(), ["10.96.0.10/32"]);
    assert_eq!(problems(&agent, here), Some(1));

    folder.write("web.yaml", WEB);
    eventually("the fault is mended", || !wide().contains("web.yaml"));
    assert_eq!(problems(&agent, here), Some(0));
}

#[test]
fn a_log_line_about_a_policy_names_file_and_line() {
    let here = address(25, 0);
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge("{ address: fe80::1, asn: 65001 }"));
    let agent = Running::start(&folder, here, &[]);
    let expected = format!(
        "field=\"spec.bgpPeers[0].address\" place=\"{}/policy.yaml:9:25\"",
        folder.path().display()
    );
    eventually("the place is logged", || agent.log().contains(&expected));
}

#[test]
fn explain_names_what_is_wrong_with_the_policies() {
    let here = address(21, 0);
    let folder = Folder::with(&(node("node-a", 1) + WEB + "---\n"));
    folder.write("policy.yaml", &edge(""));
    let agent = Running::start(&folder, here, &[]);
    eventually("the policy is in effect", || {
        agent.ask(&["get", "bgppolicy"]).code == Some(0)
    });

    folder.write("policy.yaml", &edge("").replace("64512", "0"));
    let explained = || agent.ask(&["explain", "10.96.0.10"]).out;
    eventually("the mistake is named", || {
        explained().contains("spec.localASN")
    });
    assert!(
        explained().contains("effective policy: edge"),
        "{}",
        explained()
    );
}

#[test]
fn a_route_that_no_peer_can_be_told_of_is_not_advertised() {
    let (here, peer) = (address(22, 0), address(22, 1));
    let folder = Folder::with(&(node("node-a", 1) + WEB + "---\n"));
    folder.write("policy.yaml", &edge(""));
    let agent = Running::start(&folder, here, &[]);
    let explain = || agent.ask(&["explain", "10.96.0.10"]);
    eventually("the policy is in effect", || {
        agent.ask(&["get", "bgppolicy"]).code == Some(0)
    });
    assert_eq!(explain().code, Some(1));
    assert!(
        explain()
            .out
            .contains("BGPPolicy edge has no IPv4 peer to tell of it"),
        "{}",
        explain().out
    );

    folder.write(
        "policy.yaml",
        &edge(&format!(
            "{{ address: {peer}, asn: 65001, port: {PORT}, connectRetrySeconds: 2 }}"
        )),
    );
    eventually("why there is no session", || {
        explain().out.contains(&format!("to {peer}: no session ("))
    });
    let receiver = Peer::start(peer, here);
    receiver.expect_routes(&["10.96.0.10/32"]);
    eventually("the table counts what the peer holds", || {
        let peers = agent.ask(&["get", "bgppeers", "-o", "wide"]).out;
        peers.contains("Established") && peers.contains(" 1 ")
    });
    assert_eq!(explain().code, Some(0));
}

#[test]
fn the_log_level_changes_while_running() {
    let here = address(23, 0);
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge(""));
    let agent = Running::start(&folder, here, &[]);
    let before = agent.http("/loglevel").1;
    assert_eq!(
        agent
            .request("PUT", "/loglevel", "warn,bgp_speaker=debug")
            .0,
        200
    );
    assert!(agent.http("/loglevel").1.contains("bgp_speaker=debug"));
    for misspelt in ["agent=loud", "loud", "", "info,"] {
        let (code, why) = agent.request("PUT", "/loglevel", misspelt);
        assert_eq!(code, 400, "{misspelt}: {why}");
    }
    assert!(
        agent.http("/loglevel").1.contains("bgp_speaker=debug"),
        "a bad filter changes nothing"
    );
    let debug = |agent: &Running| agent.log().contains("DEBUG bgp_speaker");
    assert!(!debug(&agent), "nothing is written before it is wanted");
    let nobody = address(23, 1);
    let peer = format!("{{ address: {nobody}, asn: 65001, port: {PORT} }}");
    folder.write("policy.yaml", &edge(&peer));
    eventually("more is written", || debug(&agent));

    let shown = agent.ask(&["log-level"]);
    assert_eq!(shown.out.trim(), agent.http("/loglevel").1.trim());
    let misspelt = agent.ask(&["log-level", "loud"]);
    assert_eq!((misspelt.code, misspelt.out.as_str()), (Some(2), ""));
    assert!(misspelt.err.contains("loud"), "{}", misspelt.err);
    let one_of_two = agent.ask(&["log-level", "info,bgp_speaker=loud"]);
    assert!(
        one_of_two.err.contains("\"bgp_speaker=loud\""),
        "{}",
        one_of_two.err
    );
    let nothing_else = agent.ask(&["log-level", "bgp_speaker=info"]);
    assert!(
        nothing_else.err.contains("nothing else is logged"),
        "{}",
        nothing_else.err
    );
    let again = agent.ask(&["log-level", before.trim()]);
    assert_eq!(again.err, "");
    assert_eq!((again.code, again.out.trim()), (Some(0), before.trim()));
}

#[test]
fn readiness_names_each_condition() {
    let here = address(24, 0);
    let folder = Folder::with(&(node("node-a", 1) + &edge("")));
    let agent = Running::start(&folder, here, &[]);
    eventually("ready", || agent.probe(here, "/readyz").0 == 200);
    let (_, conditions) = agent.probe(here, "/readyz");
    for condition in [
        "synced/BGPPolicy",
        "synced/Node",
        "following/manifests",
        "listening/",
    ] {
        assert!(
            conditions.contains(&format!("[+] {condition}")),
            "{conditions}"
        );
    }
    assert_eq!(agent.probe(here, "/livez"), (200, "ok".to_owned()));
}

#[test]
fn a_folder_that_is_gone_makes_the_agent_unready_and_takes_nothing_back() {
    let here = address(2, 0);
    let folder = Folder::with(&[&node("node-a", 1), "---\n", WEB, "---\n", &edge("")].concat());
    let agent = Running::start(&folder, here, &[]);
    let routes = agent.routes();
    assert!(!routes.is_empty());
    let away = folder.path().with_extension("away");
    std::fs::rename(folder.path(), &away).expect("a folder");
    let readiness = || agent.probe(here, "/readyz");
    eventually("it is unready, and says why", || {
        let (code, body) = readiness();
        code == 503 && body.contains("following/manifests: the folder cannot be listed")
    });
    assert_eq!(agent.routes(), routes);
    std::fs::rename(&away, folder.path()).expect("a folder");
    eventually("it is ready again", || readiness().0 == 200);
}

#[test]
fn the_log_tells_which_policy_is_in_effect_and_an_empty_node_name_is_none() {
    let here = address(3, 0);
    let folder = Folder::with(&node("node-a", 1));
    folder.write("edge.yaml", &edge(""));
    let agent = Running::start(&folder, here, &["--node", ""]);
    eventually("the first is told", || {
        agent
            .log()
            .contains("BGPPolicy/edge is in effect local_asn=64512")
    });
    assert!(agent.log().contains("node=\"node-a\""), "{}", agent.log());
    let other = edge("").replace("name: edge", "name: other");
    folder.write("edge.yaml", &other);
    eventually("the next one, too", || {
        agent.log().contains("BGPPolicy/other is in effect")
    });
}
