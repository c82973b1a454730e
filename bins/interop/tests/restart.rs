//! Restart without loss: what a third party hears while the agent behind a graceful-restart helper (RFC 4724) restarts.
//!
//! A [`Recorder`] peers with the helper and writes down every UPDATE. Where it does not say otherwise the restart
//! time is longer than any bound here, so nothing that these tests wait for is the work of its expiry.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use interop::{
    Agent, Event, Lab, Manifests, Process, Recorder, RouterKind, announce_binary, eventually,
    with_lab,
};
use ipnet::IpNet;

const BOUND: Duration = Duration::from_secs(60);

/// Longer than anything here is waited for.
const RESTART_TIME: Duration = Duration::from_secs(300);

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
    scenario_63_only_what_changed_after_a_crash_changes,
    routes_go_when_the_restart_time_is_over,
    routes_go_at_once_when_told_to_withdraw,
}

/// Of the helpers that have the N bit of RFC 8538.
mod graceful_notification {
    #[test]
    fn frr_loses_the_routes_at_once_all_the_same() {
        super::hard_reset(interop::RouterKind::Frr);
    }

    #[test]
    fn gobgp_loses_the_routes_at_once_all_the_same() {
        super::hard_reset(interop::RouterKind::Gobgp);
    }
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

fn scenario_63_only_what_changed_after_a_crash_changes(kind: RouterKind) {
    restarts(kind, Agent::kill, Change::WhileDown);
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
        let (manifests, recorder, agent) = up(lab, RESTART_TIME, &[])?;
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

/// The one test in which the restart time, a short one, ends.
fn routes_go_when_the_restart_time_is_over(kind: RouterKind) {
    const SHORT: Duration = Duration::from_secs(5);
    with_lab(&[kind], |lab| {
        let (_manifests, recorder, agent) = up(lab, SHORT, &[])?;
        let begin = Instant::now();
        agent.kill()?;
        is_stale(lab)?;
        recorder_loses_every_route(&recorder)?;
        let took = begin.elapsed();
        // Routers count from when they notice, and some of them in whole seconds.
        ensure!(
            took + Duration::from_secs(1) > SHORT,
            "gone after {took:?} already"
        );
        Ok(())
    });
}

/// By a NOTIFICATION with a reason, though the restart time is far away.
fn routes_go_at_once_when_told_to_withdraw(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let (_manifests, recorder, agent) = up(lab, RESTART_TIME, &["--shutdown", "withdraw"])?;
        agent.terminate()?;
        recorder_loses_every_route(&recorder)?;
        let router = &lab.routers[0];
        for address in lab.links[0].ours.both() {
            let said = router.last_received(address)?;
            ensure!(said.contains("the agent is being stopped"), "{said}");
            ensure!(router.routes(address)?.is_empty(), "routes are left");
        }
        Ok(())
    });
}

/// Both sides keep routes after a NOTIFICATION, unless it is a hard reset (RFC 8538 section 3). The agent never offers
/// that, so the example `announce` stands in for it.
fn hard_reset(kind: RouterKind) {
    with_lab(&[kind], |lab| {
        let recorder = Recorder::start(lab)?;
        let router = &mut lab.routers[0];
        router.reconfigure(|config| config.graceful_notification = true)?;
        router.start()?;
        let (ours, theirs) = (lab.links[0].ours.v4, lab.links[0].theirs.v4);
        let mut command = vec![announce_binary()?.into_os_string()];
        for (option, value) in [
            ("--asn", lab.asns.ours.to_string()),
            ("--router-id", ours.to_string()),
            ("--listen", format!("{ours}:179")),
            ("--peer", format!("{theirs}={}", lab.asns.theirs)),
            ("--first", "203.0.113.10".to_owned()),
        ] {
            command.extend([option.into(), value.into()]);
        }
        command.extend(["--dial".into(), "--graceful-notification".into()]);
        let log = lab.folder().join("announce.log");
        let announce = Process::start(&lab.ours, &log, command)?;
        eventually("the recorder has the route", BOUND, || {
            Ok(Recorder::table(&recorder.events()?[0]).len() == 1)
        })?;
        announce.terminate()?;
        recorder_loses_every_route(&recorder)?;
        let said = lab.routers[0].last_received(ours.into())?.to_lowercase();
        let is_hard_reset = said.contains("hard reset") || said.contains("\"subcode\":9");
        ensure!(is_hard_reset, "{kind} says {said}");
        Ok(())
    });
}

/// The folder `node/`, with this restart time.
fn node(lab: &Lab, restart_time: Duration) -> Result<Manifests> {
    let manifests = Manifests::copy_to(&lab.folder().join("node"))?;
    let retry = "connectRetrySeconds: 2";
    let seconds = restart_time.as_secs();
    let both = format!("{retry}\n      gracefulRestartTimeSeconds: {seconds}");
    manifests.replace("policy.yaml", retry, &both)?;
    Ok(manifests)
}

/// The node `node/` with its router and the recorder behind that, which has every route.
fn up(
    lab: &mut Lab,
    restart_time: Duration,
    arguments: &[&str],
) -> Result<(Manifests, Recorder, Agent)> {
    let manifests = node(lab, restart_time)?;
    let recorder = Recorder::start(lab)?;
    let agent = Agent::start_with(lab, &manifests.folder, arguments)?;
    lab.routers[0].start()?;
    eventually("the recorder has every route", BOUND, || {
        let events = recorder.events()?;
        Ok(events.iter().all(|it| Recorder::table(it).len() == ROUTES))
    })?;
    Ok((manifests, recorder, agent))
}

fn recorder_loses_every_route(recorder: &Recorder) -> Result<()> {
    eventually("every route is withdrawn from the recorder", BOUND, || {
        let events = recorder.events()?;
        Ok(events.iter().all(|it| Recorder::table(it).is_empty()))
    })?;
    let lost = |(_, event): &(Option<IpNet>, Event)| *event == Event::SessionLost;
    ensure!(
        !recorder.events()?.iter().flatten().any(lost),
        "the recorder lost its session"
    );
    Ok(())
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
