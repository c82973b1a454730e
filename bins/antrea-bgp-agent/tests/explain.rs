//! Why an address is not advertised: on the command line, on the socket, and where the status page asks.

mod common;

use std::net::Ipv4Addr;

use common::running::{PORT, Peer, Running, address};
use common::{Folder, node, policy};
use serde_json::Value;

/// A node that advertises Services of all types to one peer, and these objects.
fn folder(peer: Ipv4Addr, objects: &str) -> Folder {
    let all = format!(
        "  listenPort: {PORT}
  advertisements: {{ service: {{ ipTypes: [ClusterIP, ExternalIP, LoadBalancerIP] }} }}
  bgpPeers: [{{ address: {peer}, asn: 65001, port: {PORT} }}]"
    );
    Folder::with(&[&node("node-a", 1), objects, "---\n", &policy("edge", &all)].concat())
}

/// The three ways to ask, and that they say the same: the exit code, and what is printed.
fn explained(agent: &Running, here: Ipv4Addr, subject: &str) -> (i32, String) {
    let answer = agent.ask(&["explain", subject]);
    assert_eq!(answer.err, "", "{subject}");
    let json = |(status, body): (u16, String)| -> Value {
        assert_eq!(status, 200, "{subject}: {body}");
        serde_json::from_str(&body).expect("JSON")
    };
    let asked = format!("/explain?subject={subject}");
    let of_socket = json(agent.http(&asked));
    let of_page = json(agent.probe(here, &format!("/api{asked}")));
    assert_eq!(of_socket, of_page, "{subject}");
    let of_command = agent.ask(&["explain", subject, "-o", "json"]).json();
    assert_eq!(of_socket, of_command, "{subject}");
    (answer.code.expect("it ends by itself"), answer.out)
}

/// Routes and their number, on the command line and on the socket.
fn routes(agent: &Running) -> Vec<String> {
    let (status, body) = agent.http("/bgproutes");
    assert_eq!(status, 200, "{body}");
    let of_socket: Value = serde_json::from_str(&body).expect("JSON");
    let of_command = agent.ask(&["get", "bgproutes", "-o", "json"]).json();
    assert_eq!(of_socket, of_command);
    agent.routes()
}

#[test]
fn scenario_65_headless_external_name_and_hostname_only() {
    let (here, there) = (address(1, 0), address(1, 1));
    let services = "---
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: shop }
spec: { clusterIP: None, externalIPs: [198.51.100.1], ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: alias, namespace: shop }
spec: { type: ExternalName, externalName: shop.example.com, externalIPs: [198.51.100.2] }
---
apiVersion: v1
kind: Service
metadata: { name: hostname, namespace: shop }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ hostname: lb.example.com }] } }
";
    let folder = folder(there, services);
    let agent = Running::start(&folder, here, &["--status-page"]);
    assert_eq!(routes(&agent), [""; 0]);
    for (subject, why) in [
        ("service/shop/headless", "the Service is headless"),
        ("198.51.100.1", "the Service is headless"),
        ("service/shop/alias", "the Service is of type ExternalName"),
        ("198.51.100.2", "the Service is of type ExternalName"),
        (
            "service/shop/hostname",
            "the load balancer gave host names and no address",
        ),
    ] {
        let (code, text) = explained(&agent, here, subject);
        assert_eq!(code, 1, "{subject}: {text}");
        assert!(
            text.contains("is not advertised") && text.contains(why),
            "{subject}: {text}"
        );
    }
}

#[test]
fn scenario_70_an_address_that_the_load_balancer_proxies() {
    let (here, there) = (address(2, 0), address(2, 1));
    let service = "---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
status:
  loadBalancer:
    ingress: [{ ip: 198.51.100.1, ipMode: Proxy }, { ip: 198.51.100.2, ipMode: VIP }, { ip: 198.51.100.3 }]
";
    let folder = folder(there, service);
    let peer = Peer::start(there, here);
    let agent = Running::start(&folder, here, &["--status-page"]);
    peer.expect_routes(&["198.51.100.2/32", "198.51.100.3/32"]);
    assert_eq!(routes(&agent), ["198.51.100.2/32", "198.51.100.3/32"]);
    let proxied = "the load balancer proxies this address (ipMode: Proxy)";
    let (code, text) = explained(&agent, here, "198.51.100.1");
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(proxied), "{text}");
    let (code, text) = explained(&agent, here, "198.51.100.2");
    assert_eq!(code, 0, "{text}");
    let (_, text) = explained(&agent, here, "service/shop/web");
    assert!(text.contains(proxied), "{text}");
    assert!(text.contains("198.51.100.3/32"), "{text}");
}
