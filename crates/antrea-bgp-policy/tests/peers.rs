//! Peers, and the passwords of their sessions.

mod support;

use antrea_bgp_api::Kind;
use antrea_bgp_policy::{Effect, Engine, Input, InvalidObject, PeerState, ReasonCode, SourceState};
use serde_json::json;
use support::*;

const NOTHING: [&str; 0] = [];

fn settled() -> Manifest {
    dual_stack_node().router_id("192.0.2.10")
}

/// Three peers, the last one IPv6.
fn three() -> Manifest {
    policy("p").peers(&[
        ("192.0.2.1", 65001),
        ("192.0.2.2", 65002),
        ("2001:db8::1", 65003),
    ])
}

/// A node on which the three peers run with these passwords.
fn running(passwords: &[(&str, &str)]) -> Node {
    Node::with(&[settled(), three(), secret(passwords)])
}

const KEYS: [&str; 3] = ["192.0.2.1-65001", "192.0.2.2-65002", "2001_db8__1-65003"];

fn passwords(values: [&str; 3]) -> Vec<(&'static str, &str)> {
    KEYS.into_iter().zip(values).collect()
}

#[test]
fn defaults_are_filled_in() {
    let node = running(&[]);
    let peer = &node.peers[&"192.0.2.1".parse().unwrap()].peer;
    assert_eq!(
        (peer.port, peer.multihop_ttl, peer.ttl_security),
        (179, 1, false)
    );
    assert_eq!(
        (peer.graceful_restart, peer.graceful_restart_time),
        (true, 120)
    );
    assert_eq!((peer.hold_time, peer.keepalive_interval), (90, None));
    assert_eq!(
        (peer.connect_retry, peer.idle_hold_time_after_reset),
        (None, None)
    );
}

#[test]
fn scenario_42_passwords_present_at_start() {
    let mut node = Node::with(&[settled(), secret(&passwords(["one", "two", "three"]))]);
    assert_eq!(
        node.apply(&three())[1..],
        [
            "peer 192.0.2.1 AS 65001 password one",
            "peer 192.0.2.2 AS 65002 password two",
            "peer 2001:db8::1 AS 65003 password three",
        ]
    );
    assert!(node.engine.peers().all(|peer| peer.authenticated));
}

#[test]
fn scenario_43_two_of_three_passwords_change() {
    let mut node = running(&passwords(["one", "two", "three"]));
    assert_eq!(
        node.apply(&secret(&passwords(["uno", "two", "tre"]))),
        [
            "peer 192.0.2.1 AS 65001 password uno",
            "peer 2001:db8::1 AS 65003 password tre"
        ]
    );
}

#[test]
fn scenario_44_secret_deleted() {
    let secret = secret(&passwords(["one", "two", ""]));
    let mut node = Node::with(&[settled(), three(), secret.clone()]);
    assert_eq!(
        node.delete(&secret),
        [
            "peer 192.0.2.1 AS 65001",
            "peer 192.0.2.2 AS 65002",
            "warning PasswordRemoved Secret/kube-system/antrea-bgp-passwords",
            "warning PasswordRemoved Secret/kube-system/antrea-bgp-passwords",
        ]
    );
    assert_eq!(node.problems(), NOTHING);
}

#[test]
fn scenario_44_one_key_disappears() {
    let mut node = running(&passwords(["one", "two", "three"]));
    assert_eq!(
        node.apply(&secret(&passwords(["one", "two", "three"])[1..])),
        [
            "peer 192.0.2.1 AS 65001",
            "info PasswordMissing Secret/kube-system/antrea-bgp-passwords",
            "warning PasswordRemoved Secret/kube-system/antrea-bgp-passwords",
        ]
    );
}

#[test]
fn scenario_45_ipv6_peer_with_a_legal_key() {
    for key in [
        "2001_db8__1-65003",
        "2001:db8::1-65003",
        "2001_0db8_0_0_0_0_0_1-65003",
    ] {
        let node = running(&[(key, "secret")]);
        let spec = &node.peers[&"2001:db8::1".parse().unwrap()];
        assert_eq!(
            spec.password.as_ref().unwrap().as_bytes(),
            b"secret",
            "{key}"
        );
    }
}

#[test]
fn of_two_keys_for_one_peer_the_canonical_one_wins() {
    let keys = [
        "2001:db8::1-65003",
        "2001_DB8__1-65003",
        "2001_db8__1-65003",
    ];
    let node = running(&keys.map(|key| (key, key)));
    let spec = &node.peers[&"2001:db8::1".parse().unwrap()];
    assert_eq!(
        spec.password.as_ref().unwrap().as_bytes(),
        b"2001_db8__1-65003"
    );
    let ambiguous: Vec<String> = node
        .problems()
        .into_iter()
        .filter(|p| p.starts_with("PasswordAmbiguous"))
        .collect();
    assert_eq!(
        ambiguous,
        [
            "PasswordAmbiguous Secret/kube-system/antrea-bgp-passwords 2001_DB8__1-65003",
            "PasswordAmbiguous Secret/kube-system/antrea-bgp-passwords 2001:db8::1-65003",
        ]
    );
}

#[test]
fn an_empty_password_is_none_and_a_trailing_newline_is_kept() {
    let node = running(&passwords(["", "two\n", "three"]));
    assert_eq!(node.peers[&"192.0.2.1".parse().unwrap()].password, None);
    let two = node.peers[&"192.0.2.2".parse().unwrap()]
        .password
        .clone()
        .unwrap();
    assert_eq!(two.as_bytes(), b"two\n");
    assert_eq!(
        node.problems(),
        [
            "PasswordOdd Secret/kube-system/antrea-bgp-passwords 192.0.2.1-65001",
            "PasswordOdd Secret/kube-system/antrea-bgp-passwords 192.0.2.2-65002",
        ]
    );
}

#[test]
fn unused_and_unreadable_keys_are_reported_without_their_values() {
    let mut keys = passwords(["one", "two", "three"]);
    keys.extend([("192.0.2.1-65009", "hidden"), ("router", "hidden")]);
    let node = running(&keys);
    assert_eq!(
        node.problems(),
        [
            "PasswordOdd Secret/kube-system/antrea-bgp-passwords router",
            "PasswordUnused Secret/kube-system/antrea-bgp-passwords 192.0.2.1-65009",
        ]
    );
    let shown: Vec<String> = node
        .engine
        .problems()
        .map(|r| format!("{r} {r:?}"))
        .collect();
    assert!(!shown.concat().contains("hidden"));
}

#[test]
fn passwords_never_show() {
    let mut engine = Engine::new(NODE);
    for manifest in [
        settled(),
        three(),
        secret(&passwords(["hunter2", "hunter2", "hunter2"])),
    ] {
        engine.handle(manifest.applied());
    }
    let effects: Vec<Effect> = std::iter::from_fn(|| engine.poll_effect()).collect();
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::SetPeer(s) if s.password.is_some()))
    );
    let peers: Vec<_> = engine.peers().collect();
    assert!(!format!("{engine:?} {effects:?} {peers:?}").contains("hunter2"));
}

#[test]
fn peers_wait_until_the_secret_is_listed_or_absent() {
    let source = |state| Input::Source {
        kind: Kind::Secret,
        state,
    };
    let start = || {
        let mut engine = Engine::new(NODE);
        engine.handle(settled().applied());
        engine.handle(three().applied());
        engine
    };
    let peers = |engine: &mut Engine| {
        std::iter::from_fn(|| engine.poll_effect())
            .filter(|effect| matches!(effect, Effect::SetPeer(_)))
            .count()
    };
    let mut engine = start();
    for state in [
        SourceState::Listing,
        SourceState::Failing,
        SourceState::Denied,
    ] {
        engine.handle(source(state));
        assert_eq!(peers(&mut engine), 0, "{state}");
    }
    assert!(
        engine
            .peers()
            .all(|peer| peer.state == PeerState::AwaitingSecret)
    );
    assert!(
        engine
            .problems()
            .any(|report| report.code.as_str() == "SourceDenied")
    );

    engine.handle(relisted(Kind::Secret, &[]));
    assert_eq!(peers(&mut engine), 3, "listed, and there is none");
    engine.handle(source(SourceState::Failing));
    assert!(
        engine
            .peers()
            .all(|peer| peer.state == PeerState::Configured),
        "running goes on"
    );

    let mut absent = start();
    absent.handle(source(SourceState::Absent));
    assert_eq!(peers(&mut absent), 3);

    let mut unreadable = start();
    unreadable.handle(Input::Relisted {
        kind: Kind::Secret,
        objects: vec![],
        invalid: vec![InvalidObject {
            object: secret(&[]).reference(),
            created: None,
            reason: "data: not base64".to_owned(),
        }],
    });
    unreadable.handle(source(SourceState::Synced));
    assert_eq!(peers(&mut unreadable), 0, "there may be passwords in it");
    unreadable.handle(secret(&[]).deleted());
    assert_eq!(peers(&mut unreadable), 3, "gone");
}

#[test]
fn a_secret_that_cannot_be_decoded_takes_no_running_peer_down() {
    let unreadable = secret(&[]).undecodable();
    let mut node = Node::with(&[settled(), three()]);
    assert_eq!(
        node.apply(&unreadable),
        ["error Undecodable Secret/kube-system/antrea-bgp-passwords"],
        "there was none before, and the peers go on without passwords"
    );
    assert!(
        node.engine
            .peers()
            .all(|peer| peer.state == PeerState::Configured)
    );

    let more = [
        ("192.0.2.1", 65001),
        ("192.0.2.2", 65009),
        ("192.0.2.4", 65004),
    ];
    assert_eq!(
        node.apply(&three().peers(&more)),
        ["no peer 192.0.2.2", "no peer 2001:db8::1"],
        "peers that are new, by address or AS number, wait"
    );
    assert_eq!(
        node.apply(&three().peers(&more).set("/spec/localASN", 64600)),
        [
            "stop LocalAsnChanged",
            "start AS 64600 port 179 id 192.0.2.10",
            "peer 192.0.2.1 AS 65001"
        ],
        "the process is new, the peer is not"
    );
    let keys = [("192.0.2.1-65001", "one"), ("192.0.2.4-65004", "four")];
    assert_eq!(
        node.apply(&secret(&keys))[..3],
        [
            "peer 192.0.2.1 AS 65001 password one",
            "peer 192.0.2.2 AS 65009",
            "peer 192.0.2.4 AS 65004 password four"
        ]
    );
}

#[test]
fn a_secret_replaced_by_an_undecodable_one_leaves_the_passwords_in_use() {
    let one = secret(&passwords(["one", "two", "three"]));
    let mut node = Node::with(&[settled(), three(), one.clone()]);
    let replaced = [one.deleted(), one.clone().undecodable().applied()];
    assert_eq!(
        node.feed_all(replaced),
        ["error Undecodable Secret/kube-system/antrea-bgp-passwords"]
    );
    assert!(node.engine.peers().all(|peer| peer.authenticated));
    let told = ["mended Undecodable Secret/kube-system/antrea-bgp-passwords"];
    assert_eq!(node.apply(&one), told);
}

#[test]
fn a_denied_secret_holds_only_peers_that_never_knew_it() {
    let denied = || Input::Source {
        kind: Kind::Secret,
        state: SourceState::Denied,
    };
    let message = |engine: &Engine| {
        let mut problems = engine.problems();
        let denied = problems.find(|report| report.code == ReasonCode::SourceDenied);
        denied.unwrap().message.clone()
    };
    let mut start = Engine::new(NODE);
    start.handle(settled().applied());
    start.handle(three().applied());
    start.handle(denied());
    assert!(message(&start).ends_with("; peers wait, since their passwords may be there"));

    let mut node = running(&passwords(["one", "two", "three"]));
    assert_eq!(node.feed(denied()), ["error SourceDenied Node/node-a"]);
    assert_eq!(node.peers.len(), 3);
    assert!(message(&node.engine).ends_with("; the passwords that were listed last stay in use"));
}

#[test]
fn of_secrets_in_two_namespaces_the_first_counts_and_the_other_is_reported() {
    let other = secret(&passwords(["uno", "due", "tre"])).set("/metadata/namespace", "other");
    let mut node = running(&passwords(["one", "two", "three"]));
    assert_eq!(
        node.apply(&other),
        ["warning SecretIgnored Secret/other/antrea-bgp-passwords"]
    );
    let problems: Vec<String> = node.engine.problems().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "warning: Secret/other/antrea-bgp-passwords: is ignored: the passwords are taken from \
             Secret/kube-system/antrea-bgp-passwords; remove one of the two"
        ]
    );
    assert_eq!(
        node.delete(&secret(&[])),
        [
            "peer 192.0.2.1 AS 65001 password uno",
            "peer 192.0.2.2 AS 65002 password due",
            "peer 2001:db8::1 AS 65003 password tre",
            "mended SecretIgnored Secret/other/antrea-bgp-passwords",
        ]
    );
    assert_eq!(node.problems(), NOTHING);
}

#[test]
fn other_secrets_mean_nothing() {
    let mut node = running(&passwords(["one", "two", "three"]));
    let other = secret(&[("192.0.2.1-65001", "other")]).set("/metadata/name", "other");
    assert_eq!(node.apply(&other), NOTHING);
    assert_eq!(node.delete(&other), NOTHING);
}

#[test]
fn scenario_53_a_peer_with_an_invalid_address_or_asn_0_is_refused_alone() {
    let peers = json!([
        { "address": "192.0.2.300", "asn": 65001 },
        { "address": "192.0.2.2", "asn": 0 },
        { "address": "fe80::1", "asn": 65001 },
        { "address": "192.0.2.3", "asn": 65003 },
    ]);
    let node = Node::with(&[settled(), policy("p").set("/spec/bgpPeers", peers)]);
    assert_eq!(
        node.peers
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["192.0.2.3"]
    );
    assert_eq!(
        node.problems(),
        [
            "InvalidElement BGPPolicy/p spec.bgpPeers[0].address",
            "InvalidElement BGPPolicy/p spec.bgpPeers[1].asn",
            "InvalidElement BGPPolicy/p spec.bgpPeers[2].address",
        ]
    );
}

#[test]
fn scenario_66_one_peer_in_several_spellings() {
    let spelt = |v4: &str, v6: &str| policy("p").peers(&[(v4, 65001), (v6, 65003)]);
    let mut node = Node::with(&[
        settled(),
        secret(&[("192.0.2.1-65001", "one"), ("2001_db8__1-65003", "three")]),
    ]);
    assert_eq!(
        node.apply(&spelt("::ffff:192.0.2.1", "2001:0DB8:0:0:0:0:0:1"))[1..],
        [
            "peer 192.0.2.1 AS 65001 password one",
            "peer 2001:db8::1 AS 65003 password three"
        ]
    );
    assert_eq!(node.apply(&spelt("192.0.2.1", "2001:db8::1")), NOTHING);
}

#[test]
fn scenario_68_of_two_peers_with_one_address_the_first_wins() {
    let twice = policy("p").peers(&[("192.0.2.1", 65001), ("192.0.2.1", 65002)]);
    let mut node = Node::with(&[settled()]);
    assert_eq!(
        node.apply(&twice)[1..],
        [
            "peer 192.0.2.1 AS 65001",
            "error InvalidElement BGPPolicy/p"
        ]
    );
}

#[test]
fn reserved_fields_are_reported_as_without_effect() {
    let reserved = policy("p").set("/spec/drainOnTaints", json!({ "enabled": true }));
    let mut node = Node::with(&[settled()]);
    let effects = node.apply(&reserved);
    assert_eq!(effects.last().unwrap(), "warning NoEffect BGPPolicy/p");
}

#[test]
fn scenario_51_peers_by_address() {
    let peers = [
        ("2001:db8::1", 65001),
        ("192.0.2.10", 65001),
        ("192.0.2.9", 65001),
    ];
    let node = Node::with(&[settled(), policy("p").peers(&peers)]);
    let order: Vec<String> = node
        .engine
        .peers()
        .map(|p| p.peer.address.to_string())
        .collect();
    assert_eq!(order, ["192.0.2.9", "192.0.2.10", "2001:db8::1"]);
}
