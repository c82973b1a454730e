//! `--watch`: what is there, and what changes.

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use common::running::{PORT, Peer, Running, address, eventually};
use common::{Folder, node, policy};
use serde_json::Value;

/// A command that goes on, and the lines that it prints.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(agent: &Running, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"))
            .args(arguments)
            .arg("--watch")
            .arg("--api-socket")
            .arg(agent.socket())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (sender, lines) = channel();
        for stream in [
            Box::new(child.stdout.take().expect("piped")) as Box<dyn std::io::Read + Send>,
            Box::new(child.stderr.take().expect("piped")),
        ] {
            let sender = sender.clone();
            // Ends with the stream.
            thread::spawn(move || {
                let lines = BufReader::new(stream).lines().map_while(Result::ok);
                lines.for_each(|line| drop(sender.send(line)));
            });
        }
        Self { child, lines }
    }

    /// The next line that contains this.
    fn expect(&self, contains: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) if line.contains(contains) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{contains:?}: {error} after {seen:#?}"),
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn edge(more: &str) -> String {
    policy(
        "edge",
        &format!("  listenPort: {PORT}\n  advertisements: {{ pod: {{}} }}\n{more}"),
    )
}

/// An agent whose policy has no peer, in a file of its own.
fn without_peers(here: Ipv4Addr) -> (Folder, Running) {
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge(""));
    let agent = Running::start(&folder, here, &[]);
    (folder, agent)
}

#[test]
fn peers_are_told_when_they_come_change_and_go() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let peers = format!(
        "  bgpPeers: [{{ address: {peer}, asn: 65001, port: {PORT}, connectRetrySeconds: 2 }}]"
    );
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &edge(&peers));
    let agent = Running::start(&folder, here, &[]);
    let table = Watching::start(&agent, &["get", "bgppeers"]);
    let json = Watching::start(&agent, &["get", "bgppeers", "-o", "json"]);
    assert!(table.expect("EVENT").starts_with("EVENT    PEER "));
    table.expect(&format!("ADDED    {peer}:{PORT}"));
    let added: Value = serde_json::from_str(&json.expect("ADDED")).expect("JSON");
    assert_eq!(added["object"]["peer"], format!("{peer}:{PORT}"));

    let _receiver = Peer::start(peer, here);
    assert!(table.expect("Established").starts_with("MODIFIED "));
    let modified: Value = serde_json::from_str(&json.expect("Established")).expect("JSON");
    assert_eq!(modified["type"], "MODIFIED");

    folder.write("policy.yaml", &edge(""));
    table.expect(&format!("DELETED  {peer}:{PORT}"));
    json.expect("DELETED");
}

#[test]
fn a_watch_outlives_the_policy_and_the_agent() {
    let here = address(2, 0);
    let (folder, mut agent) = without_peers(here);
    let watching = Watching::start(&agent, &["get", "bgproutes", "-o", "yaml"]);
    watching.expect("type: ADDED");
    watching.expect("route: 10.244.1.0/24");
    std::fs::remove_file(folder.path().join("policy.yaml")).expect("it was there");
    watching.expect("no effective bgp policy");
    watching.expect("type: DELETED");
    folder.write("policy.yaml", &edge(""));
    watching.expect("type: ADDED");

    let pages = Watching::start(&agent, &["get", "bgppolicy", "-o", "wide"]);
    pages.expect("ADDED    edge");
    assert_eq!(agent.terminate(), Some(0));
    watching.expect("waiting for it");
    let _agent = agent.start_again(&folder, here);
    folder.write("policy.yaml", &edge("").replace("64512", "64999"));
    assert!(pages.expect("64999").starts_with("MODIFIED "));
}

#[test]
fn what_is_wrong_with_a_policy_is_told_when_it_comes() {
    let here = address(3, 0);
    let (folder, agent) = without_peers(here);
    let wide = Watching::start(&agent, &["get", "bgppolicy", "-o", "wide"]);
    wide.expect("ADDED    edge");
    folder.write(
        "policy.yaml",
        &edge("  bgpPeers: [{ address: fe80::1, asn: 65001 }]\n"),
    );
    wide.expect("MODIFIED edge");
    assert!(wide.expect("spec.bgpPeers[0]").starts_with("error: "));
}

#[test]
fn a_watch_ends_with_its_reader() {
    let here = address(4, 0);
    let (folder, agent) = without_peers(here);
    let mut child = Command::new(env!("CARGO_BIN_EXE_antrea-bgp-agent"))
        .args(["get", "bgproutes", "--watch", "--api-socket"])
        .arg(agent.socket())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut heading = String::new();
    reader.read_line(&mut heading).expect("a heading");
    assert!(heading.starts_with("EVENT"), "{heading}");
    drop(reader);
    // What it has to say next is that the route is gone, since no policy is in effect.
    std::fs::remove_file(folder.path().join("policy.yaml")).expect("it was there");
    let mut end = None;
    eventually("it ends by itself", || {
        end = end.or(child.try_wait().expect("it can be waited for"));
        end.is_some()
    });
    assert_eq!(end.and_then(|status| status.code()), Some(0));
}

#[test]
fn a_watch_that_finds_no_agent_fails_at_once() {
    let answer = common::agent(&[
        "get",
        "bgppeers",
        "--watch",
        "--api-socket",
        "/nonexistent/api.sock",
    ]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.err.contains("no agent answers"), "{}", answer.err);
}
