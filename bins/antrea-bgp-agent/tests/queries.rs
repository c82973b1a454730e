//! What a running agent answers, on the command line and on its socket.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use bgp_wire::{Asn, Open};
use common::running::{PORT, Peer, Running, address, eventually};
use common::{Folder, node, policy};
use serde_json::json;
use socket2::{Domain, Socket, Type};

#[test]
fn scenario_49_a_policy_with_and_without_confederation_and_none() {
    let here = address(1, 0);
    let folder = Folder::with(&node("node-a", 1));
    folder.write("policy.yaml", &policy("edge", "  listenPort: 1790"));
    let agent = Running::start(&folder, here, &[]);
    let (status, body) = agent.http("/bgppolicy");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, 200);
    assert_eq!(body["name"], "edge");
    assert_eq!(body["routerID"], "192.0.2.1");
    assert_eq!(
        (&body["localASN"], &body["listenPort"]),
        (&json!(64512), &json!(1790))
    );
    assert!(body.get("confederationIdentifier").is_none() && body.get("memberASNs").is_none());

    let confederation = "  listenPort: 1790
  confederation: { identifier: 65000, memberASNs: [64515, 64513, 4200000000] }";
    folder.write("policy.yaml", &policy("edge", confederation));
    let table = || agent.ask(&["get", "bgppolicy"]).out;
    let expected = "\
NAME ROUTER-ID LOCAL-ASN LISTEN-PORT CONFEDERATION-IDENTIFIER MEMBER-ASNs
edge 192.0.2.1 64512     1790        65000                    64513,64515,4200000000
";
    eventually("the confederation shows", || table() == expected);
    let json = agent.ask(&["get", "bgppolicy", "-o", "json"]).json();
    assert_eq!(json["memberASNs"], json!([64513, 64515, 4_200_000_000_u32]));
    assert_eq!(json["confederationIdentifier"], json!(65000));
    let yaml = agent.ask(&["get", "bgppolicy", "-o", "yaml"]).out;
    let yaml: serde_json::Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(yaml["memberASNs"], json["memberASNs"]);

    std::fs::remove_file(folder.path().join("policy.yaml")).expect("it was there");
    eventually("the policy is gone", || agent.http("/bgppolicy").0 == 404);
    for path in ["/bgppolicy", "/bgppeers", "/bgproutes"] {
        let none = "there is no effective bgp policy applied to the Node".to_owned();
        assert_eq!(agent.http(path), (404, none), "{path}");
        let answer = agent.ask(&["get", &path[1..]]);
        assert_eq!((answer.code, answer.out.as_str()), (Some(1), ""), "{path}");
        assert!(
            answer.err.contains("no effective bgp policy"),
            "{}",
            answer.err
        );
    }
}

/// Routes and peers of both families; the peers are not there.
fn dual_stack(test: u8) -> Folder {
    let node = "apiVersion: v1
kind: Node
metadata: { name: node-a, labels: { bgp: enabled } }
spec: { podCIDRs: [10.244.1.0/24, \"fd00:10:244:1::/64\"] }
status:
  addresses:
    - { type: InternalIP, address: 192.0.2.1 }
    - { type: InternalIP, address: \"2001:db8::1\" }
---
";
    let services = "apiVersion: v1
kind: Service
metadata: { name: a, namespace: shop }
spec: { clusterIPs: [10.96.0.200, \"fd00::200\"], externalIPs: [198.51.100.1] }
---
apiVersion: v1
kind: Service
metadata: { name: b, namespace: shop }
spec: { clusterIPs: [10.96.0.3] }
---
apiVersion: crd.antrea.io/v1beta1
kind: Egress
metadata: { name: mail }
status: { egressIP: 203.0.113.9, egressNode: node-a }
---
";
    let policy = policy(
        "edge",
        &format!(
            "  listenPort: {PORT}
  advertisements: {{ pod: {{}}, egress: {{}}, service: {{ ipTypes: [ClusterIP, ExternalIP] }} }}
  bgpPeers:
    - {{ address: \"::1\", asn: 65003, port: 9 }}
    - {{ address: {}, asn: 65002, port: 20000 }}
    - {{ address: {}, asn: 65001, port: 3000 }}",
            address(test, 2),
            address(test, 1),
        ),
    );
    Folder::with(&[node, services, &policy].concat())
}

#[test]
fn scenario_50_families_and_types_filter_and_bad_queries_are_refused() {
    let folder = dual_stack(2);
    let agent = Running::start(&folder, address(2, 0), &[]);
    let routes = |flags: &[&str]| {
        let answer = agent
            .ask(&[&["get", "bgproutes", "-o", "json"], flags].concat())
            .json();
        let routes = answer.as_array().expect("a list").clone();
        routes
            .iter()
            .map(|r| r["route"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        routes(&["--ipv6-only"]),
        ["fd00:10:244:1::/64", "fd00::200/128"]
    );
    assert!(
        routes(&["--ipv4-only"])
            .iter()
            .all(|route| !route.contains(':'))
    );
    assert_eq!(routes(&["-T", "EgressIP"]), ["203.0.113.9/32"]);
    assert_eq!(
        routes(&["-T", "ServiceClusterIP", "--ipv6-only"]),
        ["fd00::200/128"]
    );
    let peers = agent
        .ask(&["get", "bgppeers", "--ipv6-only", "-o", "json"])
        .json();
    assert_eq!(peers.as_array().map(Vec::len), Some(1));

    for path in ["/bgppeers", "/bgproutes"] {
        for query in [
            "ipv4-only&ipv6-only",
            "ipv4-only=true",
            "ipv6-only=1",
            "ipv6-only=false",
        ] {
            let refused = (400, "invalid query".to_owned());
            assert_eq!(
                agent.http(&format!("{path}?{query}")),
                refused,
                "{path}?{query}"
            );
        }
        assert_eq!(agent.http(&format!("{path}?ipv4-only=")).0, 200, "{path}");
    }
}

#[test]
fn scenario_51_routes_and_peers_have_a_stable_order() {
    let folder = dual_stack(3);
    let agent = Running::start(&folder, address(3, 0), &[]);
    let expected = "\
ROUTE              TYPE              K8S-OBJ-REF
203.0.113.9/32     EgressIP          mail
10.244.1.0/24      NodeIPAMPodCIDR   <NONE>
10.96.0.3/32       ServiceClusterIP  shop/b
10.96.0.200/32     ServiceClusterIP  shop/a
198.51.100.1/32    ServiceExternalIP shop/a
fd00:10:244:1::/64 NodeIPAMPodCIDR   <NONE>
fd00::200/128      ServiceClusterIP  shop/a
";
    assert_eq!(agent.ask(&["get", "bgproutes"]).out, expected);
    let peers = agent.ask(&["get", "bgppeers", "-o", "json"]).json();
    let peers: Vec<_> = peers
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| &p["peer"])
        .collect();
    let first = format!("{}:3000", address(3, 1));
    let second = format!("{}:20000", address(3, 2));
    assert_eq!(peers, [&json!(first), &json!(second), &json!("[::1]:9")]);
}

#[test]
fn scenario_52_all_six_states_of_the_state_machine_are_shown_by_name() {
    let here = address(4, 0);
    let [idle, connect, active, open_sent, open_confirm, established] =
        [1, 2, 3, 4, 5, 6].map(|host| address(4, host));
    let peers: String = [idle, connect, active, open_sent, open_confirm, established]
        .iter()
        .map(|peer| {
            format!(
                "    - {{ address: {peer}, asn: 65001, port: {PORT}, connectRetrySeconds: 600, \
                 idleHoldTimeAfterResetSeconds: 3600 }}\n"
            )
        })
        .collect();
    let more = format!("  listenPort: {PORT}\n  bgpPeers:\n{peers}");
    let folder = Folder::with(&(node("node-a", 1) + &policy("edge", &more)));

    let _refuses = answering(idle, |mut stream| {
        // Not the marker of sixteen ones that every BGP message starts with.
        let _ = stream.write_all(&[0; 19]);
        read_to_end(&mut stream);
    });
    let _full = backlog_full(connect);
    // Nobody listens at `active`.
    let _silent = answering(open_sent, |mut stream| read_to_end(&mut stream));
    let _hesitates = answering(open_confirm, |mut stream| {
        let mut open = Vec::new();
        let written = Open::new(Asn(65001), 90, Ipv4Addr::new(10, 0, 0, 3)).encode(&mut open);
        written.expect("a short OPEN");
        let _ = stream.write_all(&open);
        read_to_end(&mut stream);
    });
    let _peer = Peer::start(established, here);

    let agent = Running::start(&folder, here, &[]);
    let expected = [
        (idle, "Idle"),
        (connect, "Connect"),
        (active, "Active"),
        (open_sent, "OpenSent"),
        (open_confirm, "OpenConfirm"),
        (established, "Established"),
    ];
    for (peer, state) in expected {
        let name = format!("{peer}:{PORT}");
        eventually(&format!("{name} is {state}"), || {
            agent.state(&name) == state
        });
    }
    let table = agent.ask(&["get", "bgppeers"]).out;
    for (peer, state) in expected {
        let shown = table.lines().any(|line| {
            line.starts_with(&format!("{peer}:{PORT} ")) && line.ends_with(&format!(" {state}"))
        });
        assert!(shown, "{peer} {state}: {table}");
    }
}

/// A listener that hands every connection to `talk`.
fn answering(address: Ipv4Addr, talk: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind((address, PORT)).expect("the address is ours");
    let local = listener.local_addr().expect("it is bound");
    // Ends with the test's process.
    thread::spawn(move || listener.incoming().flatten().for_each(talk));
    local
}

fn read_to_end(stream: &mut TcpStream) {
    let mut sink = Vec::new();
    let _ = stream.read_to_end(&mut sink);
}

/// A listener whose queue is full: the kernel drops further SYNs, so dialling neither succeeds nor
/// fails.
fn backlog_full(address: Ipv4Addr) -> (Socket, Vec<Socket>) {
    let to = SocketAddr::new(address.into(), PORT).into();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&to).expect("the address is ours");
    listener.listen(0).expect("it listens");
    let callers = (0..4).map(|_| {
        let caller = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        caller.set_nonblocking(true).expect("it can wait");
        // In progress, or already in the queue.
        let _ = caller.connect(&to);
        caller
    });
    let callers = callers.collect();
    (listener, callers)
}

#[test]
fn a_peer_of_a_family_that_the_node_lacks_is_shown_as_skipped() {
    let peers = "  listenPort: 1790\n  bgpPeers: [{ address: \"2001:db8::9\", asn: 65001 }]";
    let folder = Folder::with(&(node("node-a", 1) + &policy("edge", peers)));
    let agent = Running::start(&folder, address(5, 0), &[]);
    assert_eq!(agent.state("[2001:db8::9]:179"), "Skipped");
}

#[test]
fn what_cannot_be_explained_is_said_to_be_so() {
    let folder = Folder::with(&(node("node-a", 1) + &policy("edge", "  listenPort: 1790")));
    let agent = Running::start(&folder, address(6, 0), &[]);
    let nobody = agent.ask(&["explain", "203.0.113.200"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(
        nobody.out.contains("no Service, Egress or Pod CIDR"),
        "{}",
        nobody.out
    );
    let nonsense = agent.ask(&["explain", "service/shop"]);
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
    assert!(
        nonsense.err.contains("service/NAMESPACE/NAME"),
        "{}",
        nonsense.err
    );
}

#[test]
fn a_route_of_several_owners_is_found_by_the_type_of_each() {
    let here = address(8, 0);
    let services = "---
apiVersion: v1
kind: Service
metadata: { name: dns, namespace: default }
spec: { type: ClusterIP, clusterIP: 10.96.0.10, externalIPs: [192.0.2.80], ports: [{ port: 53 }] }
---
apiVersion: crd.antrea.io/v1beta1
kind: Egress
metadata: { name: mail }
status: { egressIP: 192.0.2.80, egressNode: node-a }
---
";
    let more = format!(
        "  listenPort: {PORT}
  advertisements: {{ egress: {{}}, service: {{ ipTypes: [ExternalIP] }} }}"
    );
    let folder = Folder::with(&[&node("node-a", 1), services, &policy("edge", &more)].concat());
    let agent = Running::start(&folder, here, &[]);
    for route_type in ["ServiceExternalIP", "EgressIP"] {
        let of_type = || agent.ask(&["get", "bgproutes", "-T", route_type, "-o", "json"]);
        eventually("both own it", || {
            let routes = of_type().json();
            routes[0]["owners"]
                .as_array()
                .is_some_and(|it| it.len() == 2)
        });
        let routes = of_type().json();
        assert_eq!(routes[0]["route"], "192.0.2.80/32");
        assert_eq!(routes[0]["type"], route_type);
    }
    let none = agent.ask(&["get", "bgproutes", "-T", "ServiceClusterIP", "-o", "json"]);
    assert_eq!(none.json(), json!([]));
}
