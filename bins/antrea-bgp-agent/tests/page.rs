//! The status page: who gets it, and what a browser makes of it.

mod common;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use common::running::{PORT, Peer, Running, address, eventually};
use common::{Folder, node, policy, tool};

const SERVICES: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIPs: [10.96.0.10] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { clusterIPs: [10.96.0.12], internalTrafficPolicy: Local }
---
";

/// Pod CIDR and ClusterIPs to these peers.
fn folder(peers: &[Ipv4Addr]) -> Folder {
    let peers: String = peers
        .iter()
        .map(|it| format!("    - {{ address: {it}, asn: 65001, port: {PORT} }}\n"))
        .collect();
    let more = format!(
        "  listenPort: {PORT}
  advertisements: {{ pod: {{}}, service: {{ ipTypes: [ClusterIP] }} }}
  bgpPeers:
{peers}"
    );
    Folder::with(&[&node("node-a", 1), SERVICES, &policy("edge", &more)].concat())
}

/// One request under this name: head and body.
fn asked(here: Ipv4Addr, method: &str, path: &str, host: &str) -> (String, String) {
    let mut stream = std::net::TcpStream::connect((here, 9474)).expect("the agent listens");
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it takes a request");
    let answer = std::io::read_to_string(stream).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

fn status(here: Ipv4Addr, method: &str, path: &str, host: &str) -> u16 {
    let (head, _) = asked(here, method, path, host);
    let code = head.split(' ').nth(1).expect("a status");
    code.parse().expect("a number")
}

#[test]
fn the_page_is_there_only_where_it_is_wanted() {
    let (without, with) = (address(1, 0), address(2, 0));
    let folder = folder(&[]);
    let _agents = [
        Running::start(&folder, without, &[]),
        Running::start(&folder, with, &["--status-page"]),
    ];
    for path in ["/", "/api/agent", "/api/bgppeers"] {
        assert_eq!(status(without, "GET", path, "127.0.0.1"), 404, "{path}");
        assert_eq!(status(with, "GET", path, "127.0.0.1"), 200, "{path}");
    }
    // Nothing on TCP changes anything.
    assert_eq!(status(with, "GET", "/api/loglevel", "127.0.0.1"), 404);
    for method in ["PUT", "POST", "DELETE"] {
        assert_eq!(status(with, method, "/api/bgppeers", "127.0.0.1"), 405);
    }
}

#[test]
fn a_name_that_is_not_the_agents_gets_neither_the_page_nor_its_data() {
    let here = address(3, 0);
    let folder = folder(&[]);
    let _agent = Running::start(&folder, here, &["--status-page"]);
    for path in ["/", "/api/bgppolicy", "/api/bgproutes"] {
        for stranger in ["rebind.example", "rebind.example:9474", "node-b"] {
            let (head, body) = asked(here, "GET", path, stranger);
            assert!(
                head.starts_with("HTTP/1.1 421 "),
                "{path} {stranger}: {head}"
            );
            assert!(!body.contains("edge"), "{path} {stranger}: {body}");
        }
        for own in ["localhost:9474", "[::1]:9474", "node-a", "NODE-A:9474"] {
            assert_eq!(status(here, "GET", path, own), 200, "{path} {own}");
        }
    }
    // Probes and scrapers come by any name.
    assert_eq!(status(here, "GET", "/livez", "node-a.cluster.example"), 200);
    assert_eq!(
        status(here, "GET", "/metrics", "node-a.cluster.example"),
        200
    );
}

#[test]
fn a_browser_is_told_to_run_and_load_nothing_else() {
    let here = address(4, 0);
    let folder = folder(&[]);
    let _agent = Running::start(&folder, here, &["--status-page"]);
    for path in ["/", "/api/problems", "/api/agent"] {
        let (head, _) = asked(here, "GET", path, "localhost");
        let head = head.to_ascii_lowercase();
        for expected in [
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "; script-src 'sha256-",
            "; connect-src 'self'; ",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(head.contains(expected), "{path}: {expected}: {head}");
        }
        assert!(
            !head.contains("unsafe") && !head.contains("access-control"),
            "{head}"
        );
    }
}

/// What headless Chromium makes of a page after some seconds of its own time: the document, and what
/// it has to complain about. `None` where it is not installed.
fn browser(url: &str, arguments: &[&str]) -> Option<(String, String)> {
    let profile = tempfile::tempdir().expect("a folder");
    let mut chromium = Command::new("chromium");
    chromium
        // In a container nothing else may be allowed; the page is our own.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=4000", "--dump-dom"])
        .args(arguments)
        .arg(url);
    let output = tool::run(&mut chromium, "chromium", "")?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let complaints: Vec<_> = text(&output.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(str::to_owned)
        .collect();
    Some((text(&output.stdout), complaints.join("\n")))
}

/// The words of a document, without its tags and its script.
fn words(document: &str) -> String {
    let body = document.split("<body>").nth(1).unwrap_or_default();
    let body = body.split("<script>").next().unwrap_or_default();
    let texts = body.split('<').filter_map(|piece| piece.split_once('>'));
    texts
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_browser_shows_policy_peers_routes_and_answers() {
    let (here, up, down) = (address(5, 0), address(5, 1), address(5, 2));
    let folder = folder(&[up, down]);
    let receiver = Peer::start(up, here);
    let agent = Running::start(&folder, here, &["--status-page"]);
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    let name = format!("{down}:{PORT}");
    eventually("an attempt failed", || {
        let peer = agent.ask(&["get", "bgppeers", &name, "-o", "json"]).json();
        peer["history"][0]["event"] == "Failed"
    });
    let Some((document, complaints)) = browser(&format!("http://{here}:9474/#10.96.0.12"), &[])
    else {
        return;
    };
    assert_eq!(complaints, "");
    let words = words(&document);
    for expected in [
        "node-a",
        "live",
        "Policy edge Router ID 192.0.2.1 Local AS 64512",
        "Sessions up 1 of 2",
        &format!("{up}:{PORT} AS 65001 Established for"),
        &format!("{name} AS 65001 Active for"),
        "Connection refused",
        "10.244.1.0/24 NodeIPAMPodCIDR this node 1 of 1",
        "10.96.0.10/32 ServiceClusterIP shop/web 1 of 1",
        // The answer to what the address asks about.
        "10.96.0.12/32 ServiceClusterIP of shop/cart not advertised the traffic policy is Local",
        "synced/Service",
        "What is wrong nothing",
    ] {
        assert!(words.contains(expected), "{expected:?} in {words}");
    }
}

#[test]
fn a_link_that_is_not_encoded_right_does_not_stop_the_page() {
    let here = address(9, 0);
    let folder = folder(&[]);
    let _agent = Running::start(&folder, here, &["--status-page"]);
    let Some((document, complaints)) = browser(&format!("http://{here}:9474/#%"), &[]) else {
        return;
    };
    assert_eq!(complaints, "");
    let words = words(&document);
    assert!(words.contains("Policy edge Router ID"), "{words}");
}

#[test]
fn what_a_peer_says_is_text_and_not_markup() {
    let (here, peer) = (address(6, 0), address(6, 1));
    let folder = folder(&[peer]);
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &["--status-page"]);
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    receiver.leave("<img src=x onerror=document.title=1><b>bye</b>");
    let name = peer.to_string();
    eventually("the session is down", || {
        agent.ask(&["get", "bgppeers", &name]).out.contains("bye")
    });
    let Some((document, complaints)) = browser(&format!("http://{here}:9474/#{peer}"), &[]) else {
        return;
    };
    assert_eq!(complaints, "");
    // In the line of the peer and in its history, which its address in the search box opens.
    assert!(
        document.matches("&lt;img src=x onerror").count() >= 2,
        "{document}"
    );
    assert!(
        !document.contains("<img") && !document.contains("<b>bye"),
        "{document}"
    );
    assert!(words(&document).contains("Last NOTIFICATION received Cease"));
}

#[test]
fn a_node_without_a_policy_says_so() {
    let here = address(7, 0);
    let folder = Folder::with(&node("node-a", 1));
    let _agent = Running::start(&folder, here, &["--status-page"]);
    let Some((document, complaints)) = browser(&format!("http://{here}:9474/"), &[]) else {
        return;
    };
    // That three of its questions have no answer the browser itself notes.
    let others = complaints.lines().filter(|line| !line.contains("404"));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
    let words = words(&document);
    assert!(
        words.contains("No BGPPolicy is in effect on this node"),
        "{words}"
    );
    assert!(words.contains("Policy none"), "{words}");
}

/// The width and height that a PNG begins with.
fn size(png: &Path) -> (u32, u32) {
    let octets = std::fs::read(png).expect("the picture is there");
    assert_eq!(&octets[..8], b"\x89PNG\r\n\x1a\n");
    let number =
        |at: usize| u32::from_be_bytes(octets[at..at + 4].try_into().expect("four octets"));
    (number(16), number(20))
}

/// Pictures of the page in `target/tmp/status-page`, for people to look at: at the width of a desk and of
/// a phone, light and dark.
#[test]
fn the_page_can_be_looked_at() {
    let (here, peer) = (address(8, 0), address(8, 1));
    let folder = folder(&[peer]);
    let receiver = Peer::start(peer, here);
    let _agent = Running::start(&folder, here, &["--status-page"]);
    receiver.expect_routes(&["10.244.1.0/24", "10.96.0.10/32"]);
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    std::fs::create_dir_all(&pictures).expect("a folder");
    for (name, width, height, dark) in [
        ("desk-light", 1280, 1400, false),
        ("desk-dark", 1280, 1400, true),
        ("phone-light", 390, 1800, false),
        ("phone-dark", 390, 1800, true),
    ] {
        let picture = pictures.join(format!("{name}.png"));
        let screenshot = format!("--screenshot={}", picture.display());
        let window = format!("--window-size={width},{height}");
        let mut arguments = vec!["--hide-scrollbars", &screenshot, &window];
        arguments.extend(dark.then_some("--force-dark-mode"));
        let url = format!("http://{here}:9474/#10.96.0.10");
        if browser(&url, &arguments).is_none() {
            return;
        }
        assert_eq!(size(&picture), (width, height), "{name}");
    }
}
