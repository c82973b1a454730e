//! A full table's worth of routes from `examples/announce.rs` into three routers at once.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::Result;
use interop::{Lab, Process, Route, RouterKind, announce_binary, eventually, with_lab};

const COUNT: u32 = 100_000;
const FIRST: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 0);

/// A debug build announces them in a second or two; the routers and their JSON take the rest.
const BOUND: Duration = Duration::from_secs(120);

#[test]
fn a_hundred_thousand_routes_reach_bird_frr_and_gobgp() {
    with_lab(
        &[RouterKind::Bird, RouterKind::Frr, RouterKind::Gobgp],
        |lab| {
            let _announce = announce(lab)?;
            for router in &mut lab.routers {
                router.start()?;
            }
            for (router, link) in lab.routers.iter().zip(&lab.links) {
                let ours = IpAddr::V4(link.ours.v4);
                let start = Instant::now();
                eventually(&format!("{} has them all", router.kind), BOUND, || {
                    Ok(router.session(ours)?.prefixes == u64::from(COUNT))
                })?;
                println!("{}: {:.1} s", router.kind, start.elapsed().as_secs_f32());
                let expected = Route {
                    next_hop: ours,
                    as_path: lab.asns.ours.to_string(),
                    stale: false,
                };
                let routes = router.routes(ours)?;
                for index in 0..COUNT {
                    let prefix = IpAddr::from(Ipv4Addr::from(u32::from(FIRST) + index)).into();
                    let route = routes.get(&prefix);
                    anyhow::ensure!(
                        route == Some(&expected),
                        "{} has {route:?} for {prefix}",
                        router.kind
                    );
                }
            }
            Ok(())
        },
    );
}

fn announce(lab: &Lab) -> Result<Process> {
    let mut command = vec![announce_binary()?.into_os_string()];
    let mut option = |name: &str, value: String| command.extend([name.into(), value.into()]);
    option("--asn", lab.asns.ours.to_string());
    option("--router-id", "1.1.1.1".to_owned());
    option("--count", COUNT.to_string());
    option("--first", FIRST.to_string());
    for link in &lab.links {
        option("--listen", format!("{}:179", link.ours.v4));
        option("--peer", format!("{}={}", link.theirs.v4, lab.asns.theirs));
    }
    Process::start(&lab.ours, &lab.folder().join("announce.log"), command)
}
