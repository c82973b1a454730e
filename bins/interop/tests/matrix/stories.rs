//! What each feature has to show.

use std::fs;
use std::net::IpAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use interop::{Agent, Asns, RouterKind, eventually};

use crate::cell::{BOUND, Cell, Guard, Setup};

/// What came out of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All of it was seen.
    Works,
    /// What the router can do was seen; this is what it cannot.
    Limited(&'static str),
}

use Verdict::{Limited, Works};

/// One column of the matrix, so to speak: it is a row in the document.
pub(crate) struct Feature {
    /// Its name in the document.
    pub(crate) name: &'static str,
    /// What was seen where it works, for the document.
    pub(crate) shows: &'static str,
    /// What both sides are told.
    pub(crate) setup: fn(RouterKind) -> Setup,
    pub(crate) story: fn(&mut Cell) -> Result<Verdict>,
}

/// All features, in the order of the document.
pub(crate) const FEATURES: [Feature; 14] = [
    Feature {
        name: "plain",
        shows: "The session comes up, every route arrives with the right next hop, and a change of one of them follows.",
        setup: |_| Setup::default(),
        story: plain,
    },
    Feature {
        name: "MD5",
        shows: "With the same password on both sides the session comes up (RFC 2385).",
        setup: |_| guarded(with_password("s3cret"), with_password("s3cret")),
        story: comes_up,
    },
    Feature {
        name: "wrong MD5 stays down",
        shows: "With different passwords the kernel drops segments and no session comes up, until the node's password is \
                put right while the agent runs.",
        setup: |_| guarded(with_password("s3cret"), with_password("another")),
        story: |cell| stays_down(cell, "TCPMD5Failure", with_password("another")),
    },
    Feature {
        name: "GTSM",
        shows: "With TTL security on both sides the session comes up (RFC 5082).",
        setup: |_| guarded(TTL_SECURITY, TTL_SECURITY),
        story: comes_up,
    },
    Feature {
        name: "wrong TTL stays down",
        shows: "With TTL security on our side alone the kernel drops the router's packets and no session comes up, until \
                it is switched off while the agent runs.",
        setup: |_| guarded(TTL_SECURITY, Guard::default()),
        story: |cell| stays_down(cell, "TCPMinTTLDrop", Guard::default()),
    },
    Feature {
        name: "eBGP",
        shows: "AS_PATH is our AS alone, the next hop is the node.",
        setup: |_| Setup::default(),
        story: comes_up,
    },
    Feature {
        name: "iBGP",
        shows: "AS_PATH is empty, the next hop is the node.",
        setup: |_| of_asns(64512, 64512),
        story: comes_up,
    },
    Feature {
        name: "4-octet ASN",
        shows: "Both sides have AS numbers beyond 65535, and AS_PATH has ours (RFC 6793).",
        setup: |_| of_asns(4_200_000_001, 4_200_000_002),
        story: comes_up,
    },
    Feature {
        name: "confederation",
        shows: "Both sides are members of one confederation: AS_PATH has our member AS in a confederation segment (RFC 5065).",
        setup: |kind| Setup {
            in_confederation: true,
            router_in_confederation: has_confederations(kind),
            ..Setup::default()
        },
        story: confederation,
    },
    Feature {
        name: "route refresh",
        shows: "The router asks for all routes again and has them, and the session stays up (RFC 2918).",
        setup: |_| Setup::default(),
        story: route_refresh,
    },
    Feature {
        name: "graceful restart",
        shows: "The agent is killed: the router keeps every route as stale; after the restart every route is fresh, and \
                none was missing on the way (RFC 4724).",
        setup: |_| Setup::default(),
        story: graceful_restart,
    },
    Feature {
        name: "notification shown",
        shows: "Each side ends the session once with a reason in its NOTIFICATION (RFC 9003), and the other side shows it \
                to its operator.",
        // ExaBGP sends none once graceful restart is agreed on.
        setup: |kind| Setup {
            without_graceful_restart: kind == RouterKind::Exabgp,
            ..Setup::default()
        },
        story: notification_shown,
    },
    Feature {
        name: "peer restarts",
        shows: "The router is killed and started again, and has every route.",
        setup: |_| Setup::default(),
        story: peer_restarts,
    },
    Feature {
        name: "link cut and healed",
        shows: "The link goes down until both sides have lost the session, comes up, and every route is back.",
        setup: |_| Setup::default(),
        story: link_is_cut,
    },
];

const TTL_SECURITY: Guard = Guard {
    password: None,
    ttl_security: true,
};

fn with_password(password: &'static str) -> Guard {
    Guard {
        password: Some(password),
        ttl_security: false,
    }
}

fn guarded(ours: Guard, theirs: Guard) -> Setup {
    Setup {
        ours,
        theirs,
        ..Setup::default()
    }
}

fn of_asns(ours: u32, theirs: u32) -> Setup {
    Setup {
        asns: Asns { ours, theirs },
        ..Setup::default()
    }
}

fn has_confederations(kind: RouterKind) -> bool {
    !matches!(kind, RouterKind::Openbgpd | RouterKind::Exabgp)
}

fn comes_up(cell: &mut Cell) -> Result<Verdict> {
    let agent = cell.up()?;
    let peer = cell.peer(&agent)?;
    ensure!(peer["state"] == "Established", "the agent says {peer}");
    Ok(Works)
}

fn plain(cell: &mut Cell) -> Result<Verdict> {
    let _agent = cell.up()?;
    let mut changed = cell.all_routes()?;
    for (old, new) in [
        ("203.0.113.10", "203.0.113.11"),
        ("2001:db8:200::10", "2001:db8:200::11"),
    ] {
        cell.manifests.replace("web.yaml", old, new)?;
        let host = |address: &str| address.parse::<IpAddr>().map(ipnet::IpNet::from);
        if let Some(route) = changed.remove(&host(old)?) {
            changed.insert(host(new)?, route);
        }
    }
    cell.has_exactly(&changed)?;
    Ok(Works)
}

/// The kernel counts what it drops, so the session had its chances.
fn stays_down(cell: &mut Cell, counter: &str, put_right: Guard) -> Result<Verdict> {
    let agent = cell.start()?;
    let mut dropped = 0;
    eventually("the kernel drops what it must not take", BOUND, || {
        dropped =
            cell.lab.ours.tcp_counter(counter)? + cell.router().namespace().tcp_counter(counter)?;
        Ok(dropped >= 3)
    })?;
    let peer = cell.peer(&agent)?;
    ensure!(
        peer["state"] != "Established" && peer["flaps"] == 0,
        "dropped {dropped} packets, and the agent says {peer}"
    );
    cell.guard(put_right)?;
    cell.has_all_routes()?;
    Ok(Works)
}

fn confederation(cell: &mut Cell) -> Result<Verdict> {
    comes_up(cell)?;
    Ok(match has_confederations(cell.kind) {
        true => Works,
        false => Limited(
            "It has no confederations, so it is a stranger here: it peers with the confederation's AS, and AS_PATH is \
             that AS alone.",
        ),
    })
}

fn route_refresh(cell: &mut Cell) -> Result<Verdict> {
    let agent = cell.up()?;
    if cell.kind == RouterKind::Gobgp {
        cell.router().refresh(cell.ours())?;
        cell.has_all_routes()?;
        return Ok(Limited(
            "Its soft reset works on what it keeps from us. It has no command that sends ROUTE-REFRESH.",
        ));
    }
    let before = agent.received(&cell.lab, "route-refresh")?;
    cell.router().refresh(cell.ours())?;
    eventually("ROUTE-REFRESH arrives", BOUND, || {
        Ok(agent.received(&cell.lab, "route-refresh")? > before)
    })?;
    cell.has_all_routes()?;
    let peer = cell.peer(&agent)?;
    ensure!(peer["flaps"] == 0, "the agent says {peer}");
    Ok(Works)
}

fn graceful_restart(cell: &mut Cell) -> Result<Verdict> {
    let agent = cell.up()?;
    agent.kill()?;
    let expected = cell.all_routes()?;
    let keeps_a_table = cell.kind != RouterKind::Exabgp;
    let (router, ours) = (cell.router(), cell.ours());
    eventually("the session is down, and every route stale", BOUND, || {
        let routes = router.routes(ours)?;
        let kept = routes.len() == expected.len() && routes.values().all(|route| route.stale);
        Ok(!router.session(ours)?.is_established() && (kept || !keeps_a_table))
    })?;
    let _agent = Agent::start(&cell.lab, &cell.manifests.folder)?;
    if !keeps_a_table {
        cell.has_all_routes()?;
        return Ok(Limited(
            "It keeps no table and so no stale routes: it agrees on the capability, and has every route after the restart.",
        ));
    }
    let deadline = Instant::now() + BOUND;
    loop {
        let routes = router.routes(ours)?;
        let lost = expected.keys().find(|prefix| !routes.contains_key(prefix));
        ensure!(lost.is_none(), "the router lost {lost:?} on the way");
        if routes == expected {
            return Ok(Works);
        }
        ensure!(
            Instant::now() < deadline,
            "no fresh routes, but {routes:#?}"
        );
    }
}

fn notification_shown(cell: &mut Cell) -> Result<Verdict> {
    const OUR_REASON: &str = "the agent is being stopped";
    const REASON: &str = "cable work tonight";
    let folder = cell.manifests.folder.clone();
    let agent = Agent::start_with(&cell.lab, &folder, &["--shutdown", "withdraw"])?;
    cell.lab.routers[0].start()?;
    cell.has_all_routes()?;
    agent.terminate()?;
    let (router, ours) = (cell.router(), cell.ours());
    let has_text = cell.kind != RouterKind::Exabgp;
    let expected = if has_text {
        OUR_REASON
    } else {
        "message of type \"3\""
    };
    let mut shown = String::new();
    eventually("the router shows our reason", BOUND, || {
        shown = router.last_received(ours)?;
        Ok(shown.contains(expected))
    })
    .with_context(|| format!("it shows {shown:?}"))?;
    ensure!(router.routes(ours)?.is_empty(), "routes are left");

    let agent = Agent::start(&cell.lab, &folder)?;
    cell.has_all_routes()?;
    cell.router().shut_down(cell.ours(), REASON)?;
    eventually("the agent shows the router's reason", BOUND, || {
        let peer = cell.peer(&agent)?;
        let error = peer["lastError"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        Ok(error.contains("administrative shutdown") && (!has_text || error.contains(REASON)))
    })?;
    Ok(match has_text {
        true => Works,
        false => Limited(
            "Its operator cannot give a reason, so it sends the code alone, and only where graceful restart is off. It \
             fails on the text in ours, and says that it cannot decode the message; the session ends as it should.",
        ),
    })
}

fn peer_restarts(cell: &mut Cell) -> Result<Verdict> {
    let agent = cell.up()?;
    cell.lab.routers[0].kill()?;
    eventually("the agent has lost the session", BOUND, || {
        Ok(cell.peer(&agent)?["state"] != "Established")
    })?;
    cell.lab.routers[0].start()?;
    cell.has_all_routes()?;
    Ok(Works)
}

fn link_is_cut(cell: &mut Cell) -> Result<Verdict> {
    // IPv6 addresses would go with the link.
    for namespace in [&*cell.lab.ours, cell.router().namespace()] {
        namespace.enter(|| {
            Ok(fs::write(
                "/proc/sys/net/ipv6/conf/all/keep_addr_on_down",
                "1",
            )?)
        })?;
    }
    let agent = cell.up()?;
    cell.lab.ours.ip(&["link", "set", "link0", "down"])?;
    cell.is_down(&agent)?;
    cell.lab.ours.ip(&["link", "set", "link0", "up"])?;
    cell.has_all_routes()?;
    Ok(Works)
}
