//! Acceptance scenarios that concern several routers at once, or one router and a large table.

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bgp_speaker::{Asn, Attributes, PeerConfig, Shutdown, Speaker, SpeakerConfig};
use interop::{Agent, Lab, Manifests, RouterConfig, RouterKind, eventually, with_lab};
use ipnet::IpNet;
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(60);

const THREE: [RouterKind; 3] = [RouterKind::Bird, RouterKind::Frr, RouterKind::Gobgp];

/// Routes of each family that `node/` stands for.
const ROUTES: usize = 5;

#[test]
fn scenario_42_and_45_passwords_are_used_from_the_start() {
    with_lab(&THREE, |lab| {
        let manifests = node(lab)?;
        let _agent = up_with_passwords(lab, &manifests)?;
        Ok(())
    });
}

#[test]
fn scenario_43_two_of_three_passwords_change() {
    with_lab(&THREE, |lab| {
        let manifests = node(lab)?;
        let agent = up_with_passwords(lab, &manifests)?;
        let passwords = ["changed-for-BIRD", "changed-for-FRR", FIRST[2]];
        set_passwords(lab, &manifests, &passwords)?;
        eventually("the sessions with the first two are lost", BOUND, || {
            Ok(flaps(lab, &agent)?[..2].iter().all(|flaps| *flaps > 0))
        })?;
        for (router, password) in passwords.into_iter().enumerate().take(2) {
            restart_with(lab, router, |config| guard(config, Some(password)))?;
        }
        everything_is_up(lab, &agent)?;
        let flaps = flaps(lab, &agent)?;
        ensure!(flaps[2] == 0, "the third is concerned too: {flaps:?}");
        Ok(())
    });
}

#[test]
fn scenario_44_the_secret_is_deleted() {
    with_lab(&THREE, |lab| {
        let manifests = node(lab)?;
        let agent = up_with_passwords(lab, &manifests)?;
        manifests.set_passwords(&[])?;
        eventually("every session is lost", BOUND, || {
            Ok(flaps(lab, &agent)?.iter().all(|flaps| *flaps > 0))
        })?;
        let log = fs::read_to_string(lab.folder().join("agent.log"))?;
        for link in &lab.links {
            let key = format!("{}-{}", link.theirs.v4, lab.asns.theirs);
            let mut warnings = log.lines().filter(|line| line.contains("WARN"));
            ensure!(
                warnings.any(|line| line.contains("PasswordRemoved") && line.contains(&key)),
                "no warning about {key} in\n{log}"
            );
        }
        for router in 0..THREE.len() {
            restart_with(lab, router, |config| guard(config, None))?;
        }
        everything_is_up(lab, &agent)
    });
}

#[test]
fn scenario_55_a_peer_changes_its_as() {
    with_lab(&[RouterKind::Bird, RouterKind::Frr], |lab| {
        let manifests = node(lab)?;
        let agent = up(lab, &manifests)?;
        let mut changed = peers(lab);
        let of_bird = changed.iter_mut().filter(|peer| is_at(peer, lab, 0));
        of_bird.for_each(|peer| peer["asn"] = json!(65002));
        manifests.set_policy(lab.asns.ours, &changed, &json!({}))?;
        restart_with(lab, 0, |config| config.asn = 65002)?;
        everything_is_up(lab, &agent)?;
        let flaps = flaps(lab, &agent)?;
        ensure!(flaps[0] > 0 || flaps[1] == 0, "{flaps:?}");
        ensure!(flaps[1] == 0, "the other peer is concerned too: {flaps:?}");
        Ok(())
    });
}

#[test]
fn scenario_58_a_learned_route_goes_to_nobody_and_nowhere() {
    const LEARNED: &str = "203.0.113.128/32";
    with_lab(&[RouterKind::Bird, RouterKind::Frr], |lab| {
        let manifests = node(lab)?;
        lab.routers[0].reconfigure(|config| config.originate = vec![prefix(LEARNED)])?;
        let agent = up(lab, &manifests)?;
        let bird = lab.links[0].theirs.v4.to_string();
        eventually("the agent has counted the route", BOUND, || {
            let peers = agent.get("bgppeers")?;
            let mut peers = peers.as_array().into_iter().flatten();
            let is_bird =
                |peer: &&Value| peer["peer"].as_str().is_some_and(|p| p.starts_with(&bird));
            Ok(peers
                .find(is_bird)
                .is_some_and(|peer| peer["received"] == 1))
        })?;
        // Had it been passed on, that had happened before this.
        manifests.replace("web.yaml", "203.0.113.10", "203.0.113.11")?;
        let (frr, ours) = (&lab.routers[1], lab.links[1].ours.v4.into());
        eventually("FRR has heard of a later change", BOUND, || {
            Ok(frr.routes(ours)?.contains_key(&prefix("203.0.113.11/32")))
        })?;
        let routes = frr.routes(ours)?;
        ensure!(routes.len() == ROUTES, "FRR has {routes:#?}");
        ensure!(!routes.contains_key(&prefix(LEARNED)), "it was passed on");
        let kernel = lab.ours.command("ip").args(["route", "show"]).output()?;
        let kernel = String::from_utf8_lossy(&kernel.stdout).into_owned();
        ensure!(!kernel.contains("203.0.113."), "installed: {kernel}");
        Ok(())
    });
}

#[test]
fn scenario_66_one_peer_in_several_spellings() {
    with_lab(&[RouterKind::Bird], |lab| {
        let manifests = node(lab)?;
        let mut spellings = peers(lab);
        spellings[0]["address"] = json!("::ffff:10.77.1.2");
        spellings[1]["address"] = json!("FD77:0001:0000::0002");
        spellings.extend(peers(lab));
        manifests.set_policy(lab.asns.ours, &spellings, &json!({}))?;
        let agent = Agent::start(lab, &manifests.folder)?;
        lab.routers[0].start()?;
        everything_is_up(lab, &agent)?;
        let listed = agent.get("bgppeers")?;
        let listed: Vec<_> = listed.as_array().into_iter().flatten().collect();
        ensure!(listed.len() == 2, "not one for each family: {listed:?}");
        Ok(())
    });
}

mod scenario_72_withdrawn_during_the_first_pass_and_a_refresh {
    use interop::RouterKind;

    #[test]
    fn bird_ends_without_it() {
        super::withdrawn_meanwhile(RouterKind::Bird);
    }

    #[test]
    fn frr_ends_without_it() {
        super::withdrawn_meanwhile(RouterKind::Frr);
    }

    #[test]
    fn openbgpd_ends_without_it() {
        super::withdrawn_meanwhile(RouterKind::Openbgpd);
    }
}

/// Half of a table goes while the router still reads its first pass, half of the rest while it reads a refresh.
fn withdrawn_meanwhile(kind: RouterKind) {
    const COUNT: u32 = 200_000;
    /// Octets, which hold a small part of the table: a pass lasts as long as the router takes to read it.
    const BUFFERS: &str = "4096 16384 16384";
    const REFRESHES: u64 = 10;
    with_lab(&[kind], |lab| {
        let (ours, theirs) = (lab.links[0].ours.v4, lab.links[0].theirs.v4);
        let asns = lab.asns;
        let every = |step: u32, from: u32| (from..COUNT).step_by(step as usize).map(host_route);
        lab.ours
            .enter(|| Ok(fs::write("/proc/sys/net/ipv4/tcp_wmem", BUFFERS)?))?;
        let namespace = lab.routers[0].namespace();
        namespace.enter(|| Ok(fs::write("/proc/sys/net/ipv4/tcp_rmem", BUFFERS)?))?;
        lab.routers[0].start()?;
        let router = &lab.routers[0];
        lab.ours.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut config = SpeakerConfig::new(Asn(asns.ours), ours);
                config.listen = vec![(ours, 179).into()];
                let speaker = Speaker::start(config);
                speaker.announce(every(1, 0), &Attributes::default());
                let mut peer = PeerConfig::new(theirs.into(), Asn(asns.theirs));
                peer.connect_retry = Some(2);
                speaker.set_peer(peer);

                let busy = |refreshes: u64| {
                    let status = speaker.status();
                    let peer = status.peer(theirs.into())?;
                    let asked = peer.messages.received.route_refresh >= refreshes;
                    (asked && peer.uptime.is_some())
                        .then_some(peer.pending_changes + peer.queue_octets as u64)
                };
                let left = busy_within(|| busy(0)).await?;
                speaker.withdraw(every(2, 1));
                ensure!(left > 0, "the first pass was over before the withdrawals");
                has_exactly(router, ours.into(), every(2, 0).count()).await?;

                // One that is over too soon has changed nothing, and another may be asked for.
                let mut refreshes = 0;
                let mut left = 0;
                while left == 0 {
                    ensure!(
                        refreshes < REFRESHES,
                        "each of {refreshes} refreshes was over before the withdrawals"
                    );
                    refreshes += 1;
                    router.refresh(ours.into())?;
                    left = busy_within(|| busy(refreshes)).await?;
                }
                speaker.withdraw(every(4, 2));
                has_exactly(router, ours.into(), every(4, 0).count()).await?;
                let routes = router.routes(ours.into())?;
                let wanted = every(4, 0).all(|prefix| routes.contains_key(&prefix));
                ensure!(wanted, "{kind} has other routes than those that are left");
                speaker.shutdown(Shutdown::Silent).await;
                Ok(())
            })
        })
    });
}

/// Asks without a pause that would let a pass end, for as long as [`BOUND`].
async fn busy_within(mut ask: impl FnMut() -> Option<u64>) -> Result<u64> {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(left) = ask() {
            return Ok(left);
        }
        ensure!(
            Instant::now() < deadline,
            "no session, or nobody asked for a refresh"
        );
        tokio::task::yield_now().await;
    }
}

async fn has_exactly(router: &interop::Router, ours: IpAddr, count: usize) -> Result<()> {
    let deadline = Instant::now() + BOUND;
    let mut last = 0;
    while last != count as u64 {
        ensure!(
            Instant::now() < deadline,
            "{} has {last} routes, not {count}",
            router.kind
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        last = router.session(ours)?.prefixes;
    }
    Ok(())
}

fn host_route(index: u32) -> IpNet {
    let first = u32::from_be_bytes([100, 64, 0, 0]);
    IpNet::from(IpAddr::from((first + index).to_be_bytes()))
}

const FIRST: [&str; 3] = ["first-of-BIRD", "first-of-FRR", "first-of-GoBGP"];

/// The folder `node/` with every router of the lab as a peer, over both families.
fn node(lab: &Lab) -> Result<Manifests> {
    let manifests = Manifests::copy_to(&lab.folder().join("node"))?;
    manifests.set_policy(lab.asns.ours, &peers(lab), &json!({}))?;
    Ok(manifests)
}

fn peers(lab: &Lab) -> Vec<Value> {
    let addresses = lab.links.iter().flat_map(|link| link.theirs.both());
    let peers = addresses.map(|address| {
        json!({
            "address": address, "asn": lab.asns.theirs,
            "holdTimeSeconds": 9, "connectRetrySeconds": 2,
        })
    });
    peers.collect()
}

/// Whether a peer of the policy is this router.
fn is_at(peer: &Value, lab: &Lab, router: usize) -> bool {
    let addresses = lab.links[router].theirs.both();
    addresses
        .iter()
        .any(|address| peer["address"] == address.to_string())
}

fn up(lab: &mut Lab, manifests: &Manifests) -> Result<Agent> {
    let agent = Agent::start(lab, &manifests.folder)?;
    for router in &mut lab.routers {
        router.start()?;
    }
    everything_is_up(lab, &agent)?;
    Ok(agent)
}

fn up_with_passwords(lab: &mut Lab, manifests: &Manifests) -> Result<Agent> {
    set_passwords(lab, manifests, &FIRST)?;
    for (router, password) in lab.routers.iter_mut().zip(FIRST) {
        router.reconfigure(|config| guard(config, Some(password)))?;
    }
    up(lab, manifests)
}

/// The passwords that the node has for its routers.
fn set_passwords(lab: &Lab, manifests: &Manifests, passwords: &[&str; 3]) -> Result<()> {
    let both = lab.links.iter().zip(passwords);
    let entries = both.flat_map(|(link, password)| {
        link.theirs
            .both()
            .map(|address| (address, lab.asns.theirs, *password))
    });
    manifests.set_passwords(&entries.collect::<Vec<_>>())
}

fn guard(config: &mut RouterConfig, password: Option<&str>) {
    for neighbor in &mut config.neighbors {
        neighbor.password = password.map(str::to_owned);
    }
}

fn restart_with(
    lab: &mut Lab,
    router: usize,
    change: impl FnOnce(&mut RouterConfig),
) -> Result<()> {
    let router = &mut lab.routers[router];
    router.kill()?;
    router.reconfigure(change)?;
    router.start()
}

/// Every router has every route, and the agent every session.
fn everything_is_up(lab: &Lab, agent: &Agent) -> Result<()> {
    for (router, link) in lab.routers.iter().zip(&lab.links) {
        for address in link.ours.both() {
            eventually("all routes are there, and fresh", BOUND, || {
                let routes = router.routes(address)?;
                Ok(routes.len() == ROUTES && routes.values().all(|route| !route.stale))
            })
            .with_context(|| format!("{} for {address}", router.kind))?;
        }
    }
    eventually("the agent has every session", BOUND, || {
        let peers = agent.get("bgppeers")?;
        let mut peers = peers.as_array().into_iter().flatten();
        Ok(peers.all(|peer| peer["state"] == "Established"))
    })
}

/// How often the sessions with each router were lost, IPv4 and IPv6 together.
fn flaps(lab: &Lab, agent: &Agent) -> Result<Vec<u64>> {
    let peers = agent.get("bgppeers")?;
    let of = |address: IpAddr| -> Result<u64> {
        let mut peers = peers.as_array().into_iter().flatten();
        let name = std::net::SocketAddr::new(address, 179).to_string();
        let peer = peers.find(|peer| peer["peer"] == name.as_str());
        let flaps = peer.and_then(|peer| peer["flaps"].as_u64());
        flaps.with_context(|| format!("no flaps of {name} in {peers:?}"))
    };
    lab.links
        .iter()
        .map(|link| link.theirs.both().into_iter().map(of).sum())
        .collect()
}

fn prefix(text: &str) -> IpNet {
    text.parse().expect("a constant")
}
