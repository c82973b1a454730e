//! The next hop of IPv6 routes on subnets of a network namespace of its own.
//!
//! The test runs itself again inside of that namespace, where it may make interfaces as it likes.

mod common;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use bgp_speaker::{Attributes, SpeakerConfig};
use common::*;

/// Set inside of the namespace.
const INSIDE: &str = "BGP_SPEAKER_TEST_NAMESPACE";

#[test]
fn a_link_local_next_hop_goes_to_peers_on_the_subnet_alone() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        return runtime.expect("a runtime").block_on(inside());
    }
    let unshare = |flags: &[&str], program: &OsStr| {
        let mut command = Command::new("unshare");
        command.args(flags).arg(program);
        command
    };
    // Root needs no user namespace, which containers often refuse.
    let ways = [&["--net"][..], &["--user", "--map-root-user", "--net"]];
    let mut possible = ways.into_iter().filter(|flags| {
        let tried = unshare(flags, "true".as_ref()).output();
        tried.is_ok_and(|output| output.status.success())
    });
    let Some(flags) = possible.next() else {
        assert!(std::env::var_os("CI").is_none(), "no network namespaces");
        eprintln!("skipped: no network namespaces here");
        return;
    };
    let itself = std::env::current_exe().expect("a running test");
    let name = "a_link_local_next_hop_goes_to_peers_on_the_subnet_alone";
    let output = unshare(flags, itself.as_os_str())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("just tried");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

async fn inside() {
    run("link set lo up");
    for interface in ["uplink", "other"] {
        run(&format!(
            "link add {interface} type veth peer name {interface}-far"
        ));
        // The kernel's own link-local addresses would take a second to be usable.
        run(&format!("link set {interface} addrgenmode none"));
        run(&format!("link set {interface}-far up"));
        run(&format!("link set {interface} up"));
    }
    for (address, interface) in [
        ("fd00:1::1/64", "uplink"),
        ("fd00:1::2/64", "uplink"),
        ("fd00:2::2/64", "other"),
        ("fe80::1234/64", "uplink"),
    ] {
        run(&format!("addr add {address} dev {interface} nodad"));
    }

    let config = SpeakerConfig::new(ASN, Ipv4Addr::new(10, 0, 0, 1));
    let (speaker, local) = speaker_with(config, "fd00:1::1").await;
    speaker.announce([net("fd00:a::1/128")], &Attributes::default());
    let neighbour = || next_hops_at("fd00:1::2", local, &speaker);
    assert_eq!(neighbour().await, "fd00:1::1 fe80::1234", "32 octets");
    assert_eq!(
        next_hops_at("fd00:2::2", local, &speaker).await,
        "fd00:1::1",
        "16 octets to a peer behind a router"
    );

    // The next session knows that the address has gone.
    run("addr del fe80::1234/64 dev uplink");
    assert_eq!(neighbour().await, "fd00:1::1");
}

/// The next hop that a peer at `address` is told, in a session of its own.
async fn next_hops_at(
    address: &str,
    speaker_at: SocketAddr,
    speaker: &bgp_speaker::Speaker,
) -> String {
    let (receiver, remote, recorder) = peer_speaker(address).await;
    receiver.set_peer(passive(&speaker_at.ip().to_string(), ASN));
    speaker.set_peer(active(remote, PEER_ASN));
    recorder
        .until_routes(speaker_at.ip(), [net("fd00:a::1/128")])
        .await;
    speaker.remove_peer(remote.ip());
    let hops = recorder.next_hops();
    assert_eq!(hops.len(), 1, "{hops:?}");
    hops.into_iter().next().expect("one")
}

fn run(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("iproute2");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {error}");
}
