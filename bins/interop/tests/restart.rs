//! Restart without loss: what a third party hears while the agent behind a graceful-restart helper (RFC 4724) restarts.
//!
//! A [`Recorder`] peers with the helper and writes down every UPDATE. The restart time is 300 s, longer than any bound
//! here, so nothing that these tests wait for is the work of its expiry.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use interop::{Agent, Event, Lab, Manifests, Recorder, RouterKind, eventually, with_lab};
use ipnet::IpNet;

const BOUND: Duration = Duration::from_secs(60);

/// Routes of each family that `node/` stands for.
const ROUTES: usize = 5;

const OLD: [&str; 2] = ["203.0.113.10/32", "2001:db8:200::10/128"];
const NEW: [&str; 2] = ["203.0.113.11/32", "2001:db8:200::11/128"];

macro_rules! against_each_helper {
    ($($test:ident),+ $(,)?) => {
        against_each_helper! { @ bird Bird $($test)+ }
        against_each_helper! { @ frr Frr $($test)+ }
        against_each_helper! { @ gobgp Gobgp $($test)+ }
        against_each_helper! { @ openbgpd Openbgpd $($test)+ }
    };
    (@ $module:ident $kind:ident $($test:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::$test(interop::RouterKind::$kind);
                }
            )+
        }
    };
}

against_each_helper! {
    scenario_63_nothing_is_withdrawn_when_the_agent_is_killed,
    scenario_63_nothing_is_withdrawn_when_the_agent_is_terminated,
    scenario_63_only_what_changed_while_down_changes,
}

fn scenario_63_nothing_is_withdrawn_when_the_agent_is_killed(kind: RouterKind) {
    restarts(kind, Agent::kill, Change::AfterRestart);
}

fn scenario_63_nothing_is_withdrawn_when_the_agent_is_terminated(kind: RouterKind) {
    restarts(
        kind,
        |agent| agent.terminate().map(drop),
        Change::AfterRestart,
    );
}

fn scenario_63_only_what_changed_while_down_changes(kind: RouterKind) {
    restarts(kind, |agent| agent.terminate().map(drop), Change::WhileDown);
}

/// When one Service address is replaced. Afterwards it serves as a fence: what the recorder should not hear would have
/// come before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    WhileDown,
    AfterRestart,
}

fn restarts(kind: RouterKind, end: fn(Agent) -> Result<()>, change: Change) {
    with_lab(&[kind], |lab| {
        let manifests = Manifests::copy_to(&lab.folder().join("node"))?;
        let restart_time = "connectRetrySeconds: 2\n      gracefulRestartTimeSeconds: 300";
        manifests.replace("policy.yaml", "connectRetrySeconds: 2", restart_time)?;
        let recorder = Recorder::start(lab)?;
        let agent = Agent::start(lab, &manifests.folder)?;
        lab.routers[0].start()?;
        eventually("the recorder has every route", BOUND, || {
            let events = recorder.events()?;
            Ok(events.iter().all(|it| Recorder::table(it).len() == ROUTES))
        })?;
        let before = recorder.events()?;

        end(agent)?;
        is_stale(lab)?;
        if change == Change::WhileDown {
            replace_load_balancer_ip(&manifests)?;
        }
        let _agent = Agent::start(lab, &manifests.folder)?;
        if change == Change::AfterRestart {
            is_fresh(lab)?;
            replace_load_balancer_ip(&manifests)?;
        }
        eventually("the recorder hears of the change", BOUND, || {
            let events = recorder.events()?;
            let tables = events.iter().map(|it| Recorder::table(it));
            let mut both = tables.zip(OLD.into_iter().zip(NEW));
            Ok(both.all(|(table, (old, new))| {
                let has = |text: &str| text.parse().is_ok_and(|it| table.contains_key(&it));
                has(new) && !has(old)
            }))
        })?;
        is_fresh(lab)?;

        let after = recorder.events()?;
        for (family, (before, after)) in before.iter().zip(&after).enumerate() {
            let changed = BTreeSet::from([OLD[family].parse()?, NEW[family].parse()?]);
            only_these_changed(before, &after[before.len()..], &changed)
                .with_context(|| format!("{kind} told the recorder"))?;
        }
        Ok(())
    });
}

/// No withdrawal and no other attributes for any prefix but `changed`, and the session stayed up.
fn only_these_changed(
    before: &[(Option<IpNet>, Event)],
    since: &[(Option<IpNet>, Event)],
    changed: &BTreeSet<IpNet>,
) -> Result<()> {
    let kept = Recorder::table(before);
    for (prefix, event) in since {
        let prefix = prefix.context("that the session ended")?;
        let same = match event {
            Event::Announced(attributes) => kept.get(&prefix) == Some(attributes),
            _ => false,
        };
        ensure!(same || changed.contains(&prefix), "{prefix}: {event:?}");
    }
    Ok(())
}

fn replace_load_balancer_ip(manifests: &Manifests) -> Result<()> {
    manifests.replace("web.yaml", "203.0.113.10", "203.0.113.11")?;
    manifests.replace("web.yaml", "2001:db8:200::10", "2001:db8:200::11")
}

fn is_stale(lab: &Lab) -> Result<()> {
    all_routes(lab, "the helper keeps every route, as stale", true)
}

fn is_fresh(lab: &Lab) -> Result<()> {
    all_routes(lab, "the helper has every route anew", false)
}

fn all_routes(lab: &Lab, what: &str, stale: bool) -> Result<()> {
    let router = &lab.routers[0];
    for address in lab.links[0].ours.both() {
        eventually(what, BOUND, || {
            let routes = router.routes(address)?;
            Ok(router.session(address)?.is_established() != stale
                && routes.len() == ROUTES
                && routes.values().all(|route| route.stale == stale))
        })?;
    }
    Ok(())
}
