//! How answers look: colours for people only, and lines that fit.

mod common;

use std::process::Command;

use common::running::{PORT, Peer, Running, address};
use common::{Folder, agent_within, node, policy};

/// A policy with these lines, and the agent that runs with it.
fn agent(test: u8, more: &str) -> (Folder, Running) {
    let more = format!("  listenPort: {PORT}\n  advertisements: {{ pod: {{}} }}\n{more}");
    let folder = Folder::with(&(node("node-a", 1) + &policy("edge", &more)));
    let agent = Running::start(&folder, address(test, 0), &[]);
    (folder, agent)
}

#[test]
fn no_line_of_a_table_is_longer_than_a_hundred_columns() {
    let down = address(1, 1).to_string();
    // Long addresses, long AS numbers, a long reason.
    let more = format!(
        "  confederation: {{ identifier: 4200000000, memberASNs: [4200000001, 4200000002] }}
  bgpPeers:
    - {{ address: {down}, asn: 4200000002, port: {PORT} }}
    - {{ address: \"2001:db8:85a3:1234:5678:8a2e:370:7334\", asn: 4200000001 }}"
    );
    let (folder, agent) = agent(1, &more);
    let other = std::fs::read_to_string(folder.path().join("all.yaml")).expect("it is there");
    let changed =
        "port: 1790, holdTimeSeconds: 33, connectRetrySeconds: 7, gracefulRestartTimeSeconds: 77";
    let other = Folder::with(&other.replace(&format!("port: {PORT}"), changed));
    let socket = agent.socket();
    let socket = ["--api-socket", socket.to_str().expect("UTF-8")];
    for arguments in [
        &["get", "bgppolicy"] as &[&str],
        &["get", "bgppeers"],
        &["get", "bgppeers", "-o", "wide"],
        &["get", "bgppeers", &down],
        &["get", "bgproutes", "-o", "wide"],
        &["get", "bgproutes", "--peer", &down],
        &["get", "bgppolicy", "-o", "wide"],
        &["explain", "10.244.1.0/24"],
        &["explain", "2001:db8:85a3:1234:5678:8a2e:370:7334"],
        &[
            "plan",
            "--diff",
            "--manifests",
            other.path().to_str().expect("UTF-8"),
        ],
    ] {
        let answer = agent_within(Some("100"), &[arguments, &socket].concat());
        assert!(answer.code < Some(2), "{arguments:?}: {}", answer.err);
        assert!(!answer.out.is_empty(), "{arguments:?}");
        for line in answer.out.lines() {
            assert!(line.chars().count() <= 100, "{arguments:?}: {line}");
        }
    }
}

/// Runs a command on a terminal of its own, which `script` of Debian's essential package bsdutils
/// makes, and returns what it shows there.
fn on_a_terminal(agent: &Running, arguments: &str, no_color: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_antrea-bgp-agent");
    let socket = agent.socket();
    let command = format!("{binary} {arguments} --api-socket {}", socket.display());
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .env("NO_COLOR", no_color)
        .output()
        .expect("script runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let receiver = Peer::start(peer, here);
    let peers = format!("  bgpPeers: [{{ address: {peer}, asn: 65001, port: {PORT} }}]");
    let (_folder, agent) = agent(2, &peers);
    receiver.expect_routes(&["10.244.1.0/24"]);
    let green = "\u{1b}[32mEstablished\u{1b}[0m";
    let seen = on_a_terminal(&agent, "get bgppeers", "");
    assert!(seen.contains(green), "{seen:?}");
    let unwanted = on_a_terminal(&agent, "get bgppeers", "1");
    assert!(unwanted.contains("Established"), "{unwanted:?}");
    assert!(!unwanted.contains('\u{1b}'), "{unwanted:?}");
    let piped = agent.ask(&["get", "bgppeers"]).out;
    assert!(
        piped.contains("Established") && !piped.contains('\u{1b}'),
        "{piped:?}"
    );
}
