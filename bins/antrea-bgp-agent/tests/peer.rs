//! One peer in full: what was agreed on, what was counted, what happened.

mod common;

use std::net::Ipv4Addr;

use common::running::{PORT, Peer, Running, address, eventually};
use common::{Folder, node, policy};
use serde_json::{Value, json};

/// Pod CIDR and one ClusterIP to these peers.
fn folder(peers: &[Ipv4Addr]) -> Folder {
    let peers: String = peers
        .iter()
        .map(|peer| {
            format!(
                "    - {{ address: {peer}, asn: 65001, port: {PORT}, connectRetrySeconds: 2, \
                 gracefulRestartTimeSeconds: 77, holdTimeSeconds: 30 }}\n"
            )
        })
        .collect();
    let more =
        format!("  listenPort: {PORT}\n  advertisements: {{ pod: {{}} }}\n  bgpPeers:\n{peers}");
    Folder::with(&(node("node-a", 1) + &policy("edge", &more)))
}

fn detail(agent: &Running, peer: Ipv4Addr) -> Value {
    let peer = peer.to_string();
    agent.ask(&["get", "bgppeers", &peer, "-o", "json"]).json()
}

#[test]
fn a_peer_in_full_tells_what_both_sides_advertised_and_what_was_agreed_on() {
    let (here, peer) = (address(1, 0), address(1, 1));
    let folder = folder(&[peer]);
    let receiver = Peer::start(peer, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    eventually("End-of-RIB has left", || {
        detail(&agent, peer)["endOfRIBSent"] == json!(true)
    });

    let detail = detail(&agent, peer);
    assert_eq!(detail["peer"], format!("{peer}:{PORT}"));
    assert_eq!(detail["state"], "Established");
    assert_eq!(detail["advertised"], 1);
    assert_eq!(detail["configured"]["holdTimeSeconds"], 30);
    assert_eq!(detail["configured"]["authenticated"], false);
    let session = &detail["session"];
    let expected = json!({
        "kind": "external", "localASN": 64512, "families": ["ipv4-unicast"],
        "holdTimeSeconds": 30, "localHoldTimeSeconds": 30, "peerHoldTimeSeconds": 90,
        "keepaliveSeconds": 10, "fourOctetAS": true, "maxMessageOctets": 65535,
        "routeRefresh": true, "enhancedRouteRefresh": true, "notificationRestart": false,
        "localRestartTimeSeconds": 77, "peerRestartTimeSeconds": 120,
        "peerRouterID": "10.0.0.2", "remoteAddress": format!("{peer}:{PORT}"),
        "nextHops": [{ "family": "ipv4-unicast", "nextHop": here }],
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&session[key], value, "{key}");
    }
    let restart = session["capabilities"]
        .as_array()
        .and_then(|all| all.iter().find(|it| it["code"] == 64))
        .expect("graceful restart");
    assert_eq!(restart["local"], "77 s, R bit, ipv4-unicast with F bit");
    let theirs = restart["peer"].as_str().unwrap_or_default();
    assert!(theirs.starts_with("120 s, "), "{theirs}");
    assert!(detail["timers"]["holdSeconds"].as_u64() <= Some(30));
    assert_eq!(detail["messages"]["sent"]["open"], 1);
    assert_eq!(detail["routes"][0]["advertised"], 1);

    // The same for people, and by the name that `get bgppeers` shows.
    let name = format!("{peer}:{PORT}");
    let page = agent.ask(&["get", "bgppeers", &name]).out;
    for line in [
        format!("Peer {name}, AS 65001\n"),
        "  hold time                30 s (ours 30 s, the peer's 90 s), ".to_owned(),
        "  graceful restart         yes: the peer keeps our routes for 77 s (its own".to_owned(),
        "  extended message       yes ".to_owned(),
        "  OPEN          1    1\n".to_owned(),
        format!(" to {name}\n"),
    ] {
        assert!(page.contains(&line), "{line:?} in {page}");
    }
    assert!(!page.contains('\u{1b}'), "colours in a pipe: {page}");
    let (status, body) = agent.http(&format!("/bgppeers/{peer}"));
    assert_eq!(status, 200);
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["session"]["peerRouterID"], "10.0.0.2");
    let yaml = agent.ask(&["get", "bgppeers", &name, "-o", "yaml"]).out;
    let yaml: Value = serde_saphyr::from_str(&yaml).expect("YAML");
    assert_eq!(yaml["session"]["peerRouterID"], "10.0.0.2");
}

#[test]
fn the_history_of_a_peer_names_reasons_and_notifications_both_ways() {
    let (here, peer) = (address(2, 0), address(2, 1));
    let folder = folder(&[peer]);
    let agent = Running::start(&folder, here, &[]);
    eventually("an attempt failed", || {
        detail(&agent, peer)["history"][0]["event"] == "Failed"
    });
    let receiver = Peer::start(peer, here);
    receiver.expect_routes(&["10.244.1.0/24"]);
    receiver.leave("rack 4 moves");
    eventually("the session is down", || {
        detail(&agent, peer)["history"]
            .as_array()
            .is_some_and(|all| all.iter().any(|it| it["event"] == "Down"))
    });
    let seen = detail(&agent, peer);
    let history = seen["history"].as_array().expect("a list");
    let told: Vec<_> = history[..3]
        .iter()
        .map(|it| (it["event"].as_str(), it["cause"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("Failed"), Some("connection-refused")),
            (Some("Established"), None),
            (Some("Down"), Some("notification-received")),
        ]
    );
    let received = &seen["lastNotificationReceived"];
    assert_eq!(
        (&received["code"], &received["subcode"]),
        (&json!(6), &json!(2))
    );
    assert!(seen.get("lastNotificationSent").is_none());
    let page = agent.ask(&["get", "bgppeers", &peer.to_string()]).out;
    assert!(page.contains("\"rack 4 moves\""), "{page}");

    // Now ours: another AS is expected of the peer, which ends the session and refuses its next OPEN (2/2).
    let receiver = Peer::start(peer, here);
    receiver.expect_routes(&["10.244.1.0/24"]);
    let with_peer = std::fs::read_to_string(folder.path().join("all.yaml")).expect("it is there");
    folder.write("all.yaml", &with_peer.replace("asn: 65001", "asn: 65002"));
    eventually("the peer is told", || {
        let sent = &detail(&agent, peer)["lastNotificationSent"];
        (&sent["code"], &sent["subcode"]) == (&json!(2), &json!(2))
    });
    let history = &detail(&agent, peer)["history"];
    let mut history = history.as_array().expect("a list").iter();
    assert!(history.any(|it| {
        it["event"] == "Down"
            && it["text"]
                .as_str()
                .is_some_and(|text| text.contains("AS changed"))
    }));
}

#[test]
fn a_peer_that_is_not_there_is_said_to_be_so() {
    let (here, peer) = (address(3, 0), address(3, 1));
    let folder = folder(&[peer]);
    let agent = Running::start(&folder, here, &[]);
    let why = format!("BGPPolicy edge has no peer 192.0.2.77; it has {peer}");
    for asked in ["/bgppeers/192.0.2.77", "/bgproutes?peer=192.0.2.77"] {
        assert_eq!(agent.http(asked), (404, why.clone()), "{asked}");
    }
    let answer = agent.ask(&["get", "bgppeers", "192.0.2.77"]);
    assert_eq!(
        (answer.code, answer.err.trim_end()),
        (Some(1), why.as_str())
    );
    let other_port = agent.ask(&["get", "bgppeers", &format!("{peer}:1")]);
    assert_eq!(
        (other_port.code, other_port.err.trim_end()),
        (
            Some(1),
            &*format!("BGPPolicy edge has no peer {peer}:1; it has {peer}:{PORT}")
        )
    );
    let with_port = agent.http(&format!("/bgproutes?peer={peer}:{PORT}"));
    assert_eq!(with_port.0, 200, "{}", with_port.1);
    assert_eq!(agent.http("/bgppeers/router-1").0, 400);
    assert_eq!(agent.http("/bgproutes?peer=router-1").0, 400);
    let nonsense = agent.ask(&["get", "bgppeers", "router-1"]);
    assert_eq!(nonsense.code, Some(2));
    assert!(
        nonsense.err.contains("expected an IP address"),
        "{}",
        nonsense.err
    );
}

#[test]
fn the_routes_of_one_peer_are_shown_with_their_delivery() {
    let (here, up, down) = (address(4, 0), address(4, 1), address(4, 2));
    let folder = folder(&[up, down]);
    let receiver = Peer::start(up, here);
    let agent = Running::start(&folder, here, &[]);
    receiver.expect_routes(&["10.244.1.0/24"]);
    let table = |peer: Ipv4Addr| {
        agent
            .ask(&["get", "bgproutes", "--peer", &peer.to_string()])
            .out
    };
    let sent = "\
ROUTE         TYPE            K8S-OBJ-REF DELIVERY
10.244.1.0/24 NodeIPAMPodCIDR <NONE>      sent
";
    eventually("the route is sent", || table(up) == sent);
    assert!(table(down).contains("no session ("), "{}", table(down));
    let (_, json) = agent.http(&format!("/bgproutes?peer={up}"));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["delivery"], "sent");
}
