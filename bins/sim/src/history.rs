//! One history: a storm with mishaps, the calm after it, restarts in the calm, and the end.

use std::time::Duration;

use bgp_fsm::{Command, Session, Shutdown, State};
use bgp_wire::Family;

use crate::net::Crash;
use crate::setup::{self, Routes, STALL, pick};
use crate::world::{Task, World};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long the network is bad at most.
const STORM: Duration = secs(300);
/// What may pass after the storm before all is well: the hold time until a silent connection is
/// noticed, a restart time with routes that nobody renews, a wait for an OPEN, one for a retry and
/// one in Idle, each of the last three a quarter of the restart time at most.
fn recovery(restart_time: u16) -> Duration {
    secs(90 + u64::from(restart_time) * 7 / 4 + 30)
}
/// The longest that a process is away in the calm.
const AWAY: Duration = secs(10);

/// Lives through it; panics where something is wrong.
pub(crate) fn live(world: &mut World) {
    let routes = Routes::new(&mut world.net.rng);
    setup::populate(world, &routes);
    for speaker in 0..world.speakers.len() {
        boot_within(world, speaker, secs(10));
    }
    storm(world, &routes);
    calm_down(world);
    for _ in 0..world.net.rng.u8(..3) {
        restart(world, &routes);
    }
    steady(world, &routes);
    end(world);
    world.report.seeds = 1;
    world.report.time = world.time();
}

fn boot_within(world: &mut World, speaker: usize, time: Duration) {
    let after = time.mul_f64(world.net.rng.f64());
    world.schedule(after, Task::Boot(speaker));
}

fn run_for(world: &mut World, time: Duration) {
    world.run_until(world.net.now + time);
}

fn storm(world: &mut World, routes: &Routes) {
    let time = STORM.mul_f64(world.net.rng.f64());
    while world.time() < time {
        let longest = pick(&mut world.net.rng, &[0.05, 1.0, 10.0, 30.0]);
        let pause = secs(1).mul_f64(longest * world.net.rng.f64());
        run_for(world, pause);
        mishap(world, routes);
    }
}

fn mishap(world: &mut World, routes: &Routes) {
    let speaker = world.net.rng.usize(..world.speakers.len());
    let end = world.net.rng.usize(..world.ends.len());
    let text = String::new();
    match world.net.rng.u8(..48) {
        0 => kill(world, speaker, secs(60)),
        1 => sleep(world, speaker, STALL),
        // The clock jumps for all of them.
        2 => (0..world.speakers.len()).for_each(|speaker| sleep(world, speaker, secs(5))),
        3 => reconfigure(world, end),
        4 if world.ends[end].configured => world.remove(end),
        4 | 5 if !world.ends[end].configured => world.add(end),
        6 => reset(world, end, Shutdown::Reset { text }),
        7 => reset(world, end, Shutdown::Administrative { text }),
        8 => world.net.weather = setup::storm(&mut world.net.rng),
        9..18 => refresh(world, end),
        _ => change(world, speaker, routes),
    }
}

fn reset(world: &mut World, end: usize, how: Shutdown) {
    world.command(end, Command::Stop(how));
    world.command(end, Command::Start);
}

fn kill(world: &mut World, speaker: usize, away: Duration) {
    if world.speakers[speaker].process.is_some() {
        let how = pick(
            &mut world.net.rng,
            &[Crash::Fin, Crash::Reset, Crash::Silent],
        );
        world.kill(speaker, how);
        boot_within(world, speaker, away);
    }
}

fn sleep(world: &mut World, speaker: usize, longest: Duration) {
    if world.speakers[speaker].runs() {
        let time = longest.mul_f64(world.net.rng.f64());
        world.speakers[speaker].asleep = Some(world.net.now + time);
        world.note(|| format!("speaker {speaker} sleeps for {time:?}"));
    }
}

fn reconfigure(world: &mut World, end: usize) {
    let config = world.ends[end].config.clone();
    let peer = world.ends[world.ends[end].peer].config.graceful_restart;
    let restart_time = config.graceful_restart.or(peer).map_or(120, |gr| gr.time);
    world.ends[end].config = setup::vary(&mut world.net.rng, config, restart_time);
    world.reconfigure(end);
}

fn refresh(world: &mut World, end: usize) {
    let family = match world.net.rng.bool() {
        true => Family::IPV4_UNICAST,
        false => Family::IPV6_UNICAST,
    };
    world.command(end, Command::Refresh(family));
}

/// What a speaker wants changes, unless its process is not there to hear of it or sleeps.
fn change(world: &mut World, speaker: usize, routes: &Routes) {
    if world.speakers[speaker].asleep.is_none() {
        let changes = routes.changes(&mut world.net.rng);
        world.want(speaker, &changes);
    }
}

/// The weather gets better, and every neighbourship is one of both sides, or of none.
fn calm_down(world: &mut World) {
    world.net.weather = setup::calm();
    world.note(|| "calm");
    for end in 0..world.ends.len() {
        let peer = world.ends[end].peer;
        if !world.ends[end].configured && world.ends[peer].configured {
            match world.net.rng.bool() {
                true => world.add(end),
                false => world.remove(peer),
            }
        }
    }
    run_for(world, STALL);
    let times = world
        .ends
        .iter()
        .filter_map(|end| end.config.graceful_restart);
    let longest = times.map(|gr| gr.time).max().unwrap_or(120).max(120);
    settle(world, recovery(longest));
}

/// All is well within the time given.
fn settle(world: &mut World, within: Duration) {
    let deadline = world.net.now + within;
    while let Some(what) = world.unsettled() {
        assert!(
            world.net.now < deadline,
            "not settled after {within:?}: {what}"
        );
        run_for(world, secs(5));
    }
}

/// A process ends without a word and comes back, or a session does, in calm weather. What is
/// wanted all along has to stay wherever both sides have graceful restart.
fn restart(world: &mut World, routes: &Routes) {
    world.guard = Some(world.changes);
    let speaker = world.net.rng.usize(..world.speakers.len());
    let end = world.net.rng.usize(..world.ends.len());
    match world.net.rng.u8(..4) {
        0 => world.reconfigure(end),
        1 => {
            sigterm(world, speaker);
        }
        2 => {
            world.kill(speaker, Crash::Fin);
            boot_within(world, speaker, AWAY);
        }
        _ => {
            world.kill(speaker, Crash::Reset);
            boot_within(world, speaker, AWAY);
        }
    }
    for _ in 0..world.net.rng.u8(..8) {
        let pause = secs(3).mul_f64(world.net.rng.f64());
        run_for(world, pause);
        change(world, speaker, routes);
    }
    settle(world, RESTART);
    world.guard = None;
}

/// What may pass until all is as before: the process is away, and each side waits for a retry.
const RESTART: Duration = secs(180);

/// An orderly end that looks like a kill to the neighbours.
fn sigterm(world: &mut World, speaker: usize) {
    for end in world.speakers[speaker].ends.clone() {
        world.command(end, Command::Stop(Shutdown::Silent));
    }
    world.kill(speaker, Crash::Fin);
    boot_within(world, speaker, AWAY);
}

/// Nothing breaks by itself, whatever is changed and asked for again.
fn steady(world: &mut World, routes: &Routes) {
    let before = world.report.sessions;
    let end = world.net.now + STEADY;
    while world.net.now < end {
        let pause = secs(30).mul_f64(world.net.rng.f64());
        run_for(world, pause);
        let speaker = world.net.rng.usize(..world.speakers.len());
        let end = world.net.rng.usize(..world.ends.len());
        match world.net.rng.bool() {
            true => change(world, speaker, routes),
            false => refresh(world, end),
        }
    }
    settle(world, secs(10));
    assert_eq!(
        world.report.sessions, before,
        "a session was reset in calm weather"
    );
}

/// Longer than every hold time and send hold time.
const STEADY: Duration = secs(150);

/// Everybody stops, and nothing is left.
fn end(world: &mut World) {
    world.note(|| "the end");
    for end in 0..world.ends.len() {
        let text = "end of the world".to_owned();
        world.command(end, Command::Stop(Shutdown::Administrative { text }));
        let timeout = world.ends[end].session.as_ref();
        let timeout = timeout.and_then(Session::poll_timeout);
        assert_eq!(timeout, None, "end {end} is stopped and has a timer");
    }
    run_for(world, secs(60));
    for (number, end) in world.ends.iter().enumerate() {
        let state = end.session.as_ref().map_or(State::Idle, Session::state);
        assert_eq!(state, State::Idle, "end {number} is stopped");
        assert!(end.sockets.is_empty(), "end {number} keeps a connection");
        assert!(end.received.routes.is_empty(), "end {number} keeps routes");
    }
}
