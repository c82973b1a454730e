//! The harness itself, without any code of ours on the wire: BIRD announces, each router receives.
//!
//! When these fail, the machine or the harness is at fault, and what `routers.rs` says is worthless.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use interop::{
    Lab, Neighbor, Route, Router, RouterConfig, RouterKind, Routes, available, eventually, with_lab,
};

const BOUND: Duration = Duration::from_secs(30);
const PREFIXES: [&str; 2] = ["198.51.100.1/32", "2001:db8:1::1/128"];

/// BIRD at our end of the lab's only link.
fn bird_in_our_place(lab: &Lab) -> Result<Router> {
    let link = lab.links[0];
    let sessions = link.ours.both().into_iter().zip(link.theirs.both());
    let neighbors = sessions.map(|(local, address)| Neighbor::new(local, address, lab.asns.theirs));
    let config = RouterConfig {
        originate: PREFIXES
            .map(|prefix| prefix.parse().expect("a constant"))
            .into(),
        ..RouterConfig::new(lab.asns.ours, link.ours.v4, neighbors)
    };
    let folder = lab.folder().join("ours");
    Router::new(RouterKind::Bird, lab.ours.clone(), &folder, config)
}

fn receives_from_bird(kind: RouterKind) {
    if !available(&[RouterKind::Bird]) {
        return;
    }
    with_lab(&[kind], |lab| {
        let mut bird = bird_in_our_place(lab)?;
        bird.start()?;
        let (asns, ours) = (lab.asns, lab.links[0].ours);
        let router = &mut lab.routers[0];
        router.start()?;
        for (address, prefix) in ours.both().into_iter().zip(PREFIXES) {
            eventually(
                &format!("{kind} is Established with {address}"),
                BOUND,
                || Ok(router.session(address)?.is_established()),
            )?;
            let expected = Routes::from([(
                prefix.parse()?,
                Route {
                    next_hop: address,
                    as_path: asns.ours.to_string(),
                    stale: false,
                },
            )]);
            eventually(&format!("{kind} has {prefix}"), BOUND, || {
                Ok(router.routes(address)? == expected && router.session(address)?.prefixes == 1)
            })?;
        }

        bird.kill()?;
        eventually(&format!("{kind} loses the session"), BOUND, || {
            Ok(!router.session(ours.v4.into())?.is_established())
        })?;
        router.kill()
    });
}

#[test]
fn bird_receives_from_bird() {
    receives_from_bird(RouterKind::Bird);
}

#[test]
fn frr_receives_from_bird() {
    receives_from_bird(RouterKind::Frr);
}

#[test]
fn gobgp_receives_from_bird() {
    receives_from_bird(RouterKind::Gobgp);
}

#[test]
fn openbgpd_receives_from_bird() {
    receives_from_bird(RouterKind::Openbgpd);
}

#[test]
fn a_lab_leaves_no_namespace_behind() {
    let mut name = String::new();
    with_lab(&[], |lab| {
        name = lab.ours.name().to_owned();
        ensure!(namespace_exists(&name), "{name} was not made");
        Ok(())
    });
    assert!(
        name.is_empty() || !namespace_exists(&name),
        "{name} is still there"
    );
}

fn namespace_exists(name: &str) -> bool {
    Path::new("/run/netns").join(name).exists()
}
